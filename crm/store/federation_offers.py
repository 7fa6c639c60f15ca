"""The granting side: what our link rules give in a network on another system, kept as offers in the same transaction.

Called by `apply` for every decision about a family, so an offer can never lag behind the membership it follows from.
"""

from collections.abc import Collection, Iterable
from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from cluster_rules import federation, mirrors
from cluster_rules.federation import Offered, Register
from cluster_rules.links import derive
from cluster_rules.memberships import Facts, Grant
from cluster_rules.networks import Agreement as Local
from crm.catalogue import Catalogue
from crm.database import Connection
from crm.store import families
from crm.store import federation as agreements
from crm.store import federation_registers as registers
from crm.store.federation import Agreement

_PROFILES = """
select o.id, o.name, o.website, p.kind, p.country, p.parent_id is not null as unit,
    coalesce((select jsonb_agg(jsonb_build_object('scheme', i.scheme, 'value', i.value) order by i.scheme, i.value)
              from identifier i where i.organisation_id = o.id), '[]') as identifiers
from organisation o join lateral (
    select kind, country, parent_id from organisation_profile where organisation_id = o.id and superseded_at is null
    order by starts_on <= current_date desc, abs(starts_on - current_date) limit 1
) p on true where o.id = any($1)
"""


def reached(kept: Catalogue, networks: Collection[str]) -> list[Local]:
    """The agreements by which one of these networks gives memberships in a network on another system."""
    return [
        each
        for each in kept.rulebooks.agreements
        if kept.by_slug[each.target].instance and networks & {each.source, each.target}
    ]


async def settle(connection: Connection, kept: Catalogue, family: UUID, networks: Collection[str]) -> None:
    """After grants in these networks have changed, or an answer on their rules: every offer says what rules give now.

    What changes neither (another name, facts that only a rule looks at that waits for the other side) follows with
    the turn of the day.
    """
    for local in reached(kept, networks):
        agreement = await agreements.find(connection, local.code)
        if agreement and agreement.terms:
            facts = await families.load(connection, kept, family)
            await _settle(connection, kept, agreement, local, facts)


async def sweep(connection: Connection, kept: Catalogue, agreement: Agreement, listed: list[UUID], today: date) -> int:
    """The same for many families, as of a day: what is over is withdrawn, other names go out; how many changed."""
    local = kept.rulebooks.agreement(agreement.code)
    changed = 0
    if local and agreement.terms:
        for facts in await families.load_many(connection, kept, listed):
            changed += await _settle(connection, kept, agreement, local, facts, today)
    return changed


async def _settle(
    connection: Connection, kept: Catalogue, agreement: Agreement, local: Local, facts: Facts, today: date | None = None
) -> int:
    given = derive(mirrors.as_if_accepted(facts, agreement.code, local.source)).grants
    ours = [g for g in given if g.agreement == agreement.code and g.network == local.target]
    direct = {g.id: g for g in given}
    keys = [str(o.id) for o in facts.organisations]
    have = await registers.of(connection, agreement.id, agreement.code, keys)
    known = {name[1] for name in have}
    wanted = [o.id for o in facts.organisations if str(o.id) in known or any(g.organisation == o.id for g in ours)]
    if not wanted:
        return 0
    profiles = {row["id"]: row for row in await connection.fetch(_PROFILES, wanted)}
    system, changed = await agreements.instance(connection), 0
    for organisation in wanted:
        if profiles[organisation]["kind"] == "person":
            continue  # a person's data leaves on a basis of its own only, and an agreement of networks is none
        own = await registers.locked(connection, agreement.id, agreement.code, ("offer", str(organisation)))
        days = _stretches(kept, ours, direct, organisation)
        state, body = _said(agreement, own, profiles[organisation], days, today)
        new = federation.offer(own, agreement.code, str(organisation), system, state, body)
        if new and new != own:
            await registers.write(connection, agreement.id, new, today or await _today(connection))
            changed += 1
    return changed


def _stretches(
    kept: Catalogue, ours: Iterable[Grant], causes: dict[UUID, Grant], organisation: UUID
) -> tuple[Offered, ...]:
    mine = [g for g in ours if g.organisation == organisation]

    def level(grant: Grant) -> str:
        cause = causes.get(grant.cause) if grant.cause else None
        return cause.tier if cause else ""

    return mirrors.offered_by(mine, level, lambda tier: kept.rulebooks.rank(mine[0].network, tier))


def _said(
    agreement: Agreement, own: Register | None, profile: Any, stretches: tuple[Offered, ...], today: date | None
) -> tuple[str, dict[str, Any]]:
    """The offer's state and body. Without a day, what was withdrawn as over stays so until its days change."""
    days = [msgspec.to_builtins(each) for each in stretches]
    over = not stretches or (today is not None and all(s.ends_on and s.ends_on <= today for s in stretches))
    if today is None and own is not None and own.state == "withdrawn" and own.body.get("periods") == days:
        over = True
    if over:
        return "withdrawn", {"reason": "ended", "periods": days}
    told = {name: profile[name] for name in ("name", "country", "kind", "website", "identifiers")}
    body = {"periods": days, "profile": federation.allowed(told, agreement.agreed.fields)}
    return "offered", body | ({"unit": True} if profile["unit"] else {})


async def _today(connection: Connection) -> date:
    return await connection.fetchval("select current_date")
