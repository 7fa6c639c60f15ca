"""Decisions of people about memberships: the facts everything is derived from."""

from collections.abc import Sequence
from uuid import UUID

from cluster_rules.memberships import Decision
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.database import Connection
from crm.errors import NotFound
from crm.store import ids

_DECISIONS = """
insert into membership_decision (id, membership_id, kind, effective_on, until_on, tier, event, reason, actor, channel,
    recorded_at)
select d.id, membership_id, kind, effective_on, until_on, tier, event, reason, $1, $2, recorded_at
from unnest($3::uuid[], $4::uuid[], $5::text[], $6::date[], $7::date[], $8::text[], $9::text[], $10::text[],
    $11::timestamptz[]) as d (id, membership_id, kind, effective_on, until_on, tier, event, reason, recorded_at)
"""


async def record(
    connection: Connection,
    membership: UUID,
    decision: Decision,
    actor: Actor,
    application: UUID | None = None,
) -> bool:
    """Store one decision. False when this application has opened its membership already."""
    stored = await connection.fetchval(
        "insert into membership_decision (id, membership_id, kind, effective_on, until_on, tier, event, reason,"
        " application_id, actor, channel, recorded_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
        " on conflict (application_id) where application_id is not null and withdrawn_at is null do nothing"
        " returning id",
        decision.id,
        membership,
        decision.kind,
        decision.effective_on,
        decision.until,
        decision.tier,
        decision.event,
        decision.reason,
        application,
        actor.name,
        actor.channel,
        decision.recorded_at,
    )
    return stored is not None


async def record_many(
    connection: Connection, network: UUID, rows: Sequence[Decision], actor: Actor
) -> dict[UUID, UUID]:
    """Store decisions about memberships in one network, those that are new among them: {organisation: membership}."""
    if not rows:
        return {}
    organisations = list({d.organisation for d in rows})
    await connection.execute(
        "insert into membership (id, organisation_id, network_id, created_at)"
        " select id, o, $1, now() from unnest($2::uuid[], $3::uuid[]) as w (id, o)"
        " on conflict (organisation_id, network_id) do nothing",
        network,
        ids.together(len(organisations)),
        organisations,
    )
    found = await connection.fetch(
        "select id, organisation_id from membership where network_id = $1 and organisation_id = any($2)",
        network,
        organisations,
    )
    memberships = {row["organisation_id"]: row["id"] for row in found}
    told = [
        (d.id, memberships[d.organisation], d.kind, d.effective_on, d.until, d.tier, d.event, d.reason, d.recorded_at)
        for d in rows
    ]
    await connection.execute(_DECISIONS, actor.name, actor.channel, *(list(c) for c in zip(*told, strict=True)))
    return memberships


async def withdraw(connection: Connection, decision: UUID, actor: Actor) -> None:
    """Mark one decision as withdrawn; it stays in the history."""
    await connection.execute(
        "update membership_decision set withdrawn_at = now(), withdrawn_by = $2 where id = $1 and withdrawn_at is null",
        decision,
        actor.name,
    )


async def channel(connection: Connection, decision: UUID) -> str:
    """By which way it was decided: "member" is the organisation itself; "" when there is no such decision."""
    return await connection.fetchval("select channel from membership_decision where id = $1", decision) or ""


async def membership(connection: Connection, catalogue: Catalogue, wanted: UUID) -> tuple[UUID, str]:
    """(organisation, network slug) of a membership; NotFound."""
    row = await connection.fetchrow("select organisation_id, network_id from membership where id = $1", wanted)
    if row is None:
        raise NotFound("membership", wanted)
    return row["organisation_id"], catalogue.by_id[row["network_id"]].slug
