"""Carry out intents: the only writer of grants, timelines, charges and feed entries.

All in the caller's transaction, with the family locked: either every consequence of a decision is
stored or none. The order matters once: old grant rows are superseded before new ones are inserted,
so that the exclusion constraint sees what will stand.
"""

from collections.abc import Iterable, Sequence
from typing import TypeVar
from uuid import UUID, uuid4

import msgspec

from cluster_rules.intents import (
    CancelNotices,
    Charge,
    EndGrant,
    Intent,
    Notify,
    Publish,
    RetractGrant,
    ReviseGrant,
    SetTimeline,
    StartGrant,
    WaiveFee,
)
from cluster_rules.memberships import Facts, Segment, legal_entity
from cluster_rules.organisations import Organisation
from crm import faults
from crm.catalogue import Catalogue, decide
from crm.database import Connection
from crm.store import charges, federation_offers, feed, ids, mail

OPEN_MEMBERSHIPS = """
with wanted as (select * from unnest($1::uuid[], $2::uuid[], $3::uuid[]) as w (id, organisation_id, network_id)),
made as (
    insert into membership (id, organisation_id, network_id, created_at)
    select id, organisation_id, network_id, now() from wanted
    on conflict (organisation_id, network_id) do nothing returning id, organisation_id, network_id
)
select * from made
union all
select m.id, m.organisation_id, m.network_id from wanted w cross join lateral (select id, organisation_id, network_id
    from membership m where m.organisation_id = w.organisation_id and m.network_id = w.network_id offset 0) m
"""
T = TypeVar("T")
Key = tuple[UUID, str]


class Applied(msgspec.Struct, frozen=True):
    """What came of it: membership ids by (organisation, network slug), draft invoices, mails queued."""

    memberships: dict[Key, UUID]
    invoices: tuple[UUID, ...]
    mails: tuple[UUID, ...]


async def apply(
    connection: Connection, catalogue: Catalogue, facts: Facts, intents: Sequence[Intent], family: UUID
) -> Applied:
    """Write every intent; `facts` are those the decision was made from (what stood before).

    Unavailable when the rules are no longer those of `catalogue`.
    """
    await decide(connection, catalogue)
    memberships, payer = await _memberships(connection, catalogue, intents), _payer(facts, intents, family)
    await _grants(connection, catalogue, memberships, intents)
    faults.point("apply_grants")
    await _timelines(connection, catalogue, memberships, facts, _only(intents, SetTimeline))
    invoices = await charges.gather(connection, catalogue, memberships, _only(intents, Charge), payer)
    faults.point("apply_charges")
    await _waivers(connection, memberships, _only(intents, WaiveFee))
    told = [(memberships[i.organisation, i.network], i.on) for i in _only(intents, Publish)]
    await feed.publish(connection, told)
    faults.point("apply_feed")
    await mail.cancel(connection, catalogue, _only(intents, CancelNotices))
    mails = await mail.queue_notices(connection, catalogue, _only(intents, Notify), family)
    await federation_offers.settle(connection, catalogue, family, _granting(intents))
    return Applied(memberships, tuple(invoices), tuple(mails))


def _granting(intents: Iterable[Intent]) -> set[str]:
    """The networks in which grants change."""
    changed = [i for i in intents if isinstance(i, StartGrant | EndGrant | ReviseGrant | RetractGrant)]
    return {(i.before if isinstance(i, RetractGrant) else i.grant).network for i in changed}


def _payer(facts: Facts, intents: Iterable[Intent], family: UUID) -> UUID:
    """Who pays: the family's root; after a merger, the legal entity that the charged member was part of by then."""
    charge = next((i for i in intents if isinstance(i, Charge)), None)
    if charge is None or not (facts.transfers or any(o.id != family and _alone(o) for o in facts.organisations)):
        return family
    return legal_entity(facts, charge.organisation, charge.line.period.start)


def _alone(organisation: Organisation) -> bool:
    return any(not profile.is_unit for profile in organisation.profiles)


def _only(intents: Iterable[Intent], kind: type[T]) -> list[T]:
    return [i for i in intents if isinstance(i, kind)]


async def open_memberships(connection: Connection, catalogue: Catalogue, keys: Sequence[Key]) -> dict[Key, UUID]:
    """The memberships of these organisations in these networks; made where it is the first time."""
    networks = [catalogue.network(slug).id for _, slug in keys]
    organisations = [organisation for organisation, _ in keys]
    rows = await connection.fetch(OPEN_MEMBERSHIPS, ids.together(len(keys)), organisations, networks)
    return {(r["organisation_id"], catalogue.by_id[r["network_id"]].slug): r["id"] for r in rows}


async def open_membership(connection: Connection, organisation: UUID, network: UUID) -> UUID:
    """The membership of this organisation in this network; made when it is the first time."""
    row = await connection.fetchrow(OPEN_MEMBERSHIPS, ids.together(1), [organisation], [network])
    return row["id"]


async def _memberships(connection: Connection, catalogue: Catalogue, intents: Sequence[Intent]) -> dict[Key, UUID]:
    keys: set[Key] = set()
    for intent in intents:
        if isinstance(intent, StartGrant | EndGrant | ReviseGrant):
            keys.add((intent.grant.organisation, intent.grant.network))
        elif isinstance(intent, RetractGrant):
            keys.add((intent.before.organisation, intent.before.network))
        elif isinstance(intent, SetTimeline | Charge | WaiveFee | Publish):
            keys.add((intent.organisation, intent.network))
    ordered = sorted(keys, key=str)
    return await open_memberships(connection, catalogue, ordered)


async def _grants(
    connection: Connection, catalogue: Catalogue, memberships: dict[Key, UUID], intents: Sequence[Intent]
) -> None:
    replaced = [i.before.id for i in intents if isinstance(i, EndGrant | ReviseGrant | RetractGrant)]
    if replaced:
        await connection.execute(
            "update membership_grant set superseded_at = now() where id = any($1) and superseded_at is null",
            replaced,
        )
    rows = [
        (
            g.id,
            memberships[g.organisation, g.network],
            catalogue.network(g.network).id,
            g.organisation,
            g.kind,
            g.tier,
            g.period.start,
            g.period.end,
            catalogue.network(g.source).id if g.source else None,
            g.rule,
            g.version,
            g.agreement,
            g.cause,
            msgspec.to_builtins(i.reason),
        )
        for i in intents
        if isinstance(i, StartGrant | EndGrant | ReviseGrant)
        for g in (i.grant,)
    ]
    if rows:
        await connection.executemany(
            "insert into membership_grant (id, membership_id, network_id, organisation_id, kind, tier, starts_on,"
            " ends_on, source_network_id, rule, rulebook_version, agreement, cause_id, reason, recorded_at)"
            " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, now())",
            rows,
        )


async def _timelines(
    connection: Connection,
    catalogue: Catalogue,
    memberships: dict[Key, UUID],
    facts: Facts,
    timelines: Iterable[SetTimeline],
) -> None:
    """Supersede and insert only the segments that differ: unchanged history keeps its rows."""
    gone: list[tuple[UUID, object]] = []
    new: list[tuple[object, ...]] = []
    for t in timelines:
        membership = memberships[t.organisation, t.network]
        before = facts.timelines.get((t.organisation, t.network), ())
        gone += [(membership, s.period.start) for s in before if s not in t.segments]
        network = catalogue.network(t.network).id
        new += [_period_row(membership, network, t.organisation, s) for s in t.segments if s not in before]
    if gone:
        await connection.executemany(
            "update membership_period set superseded_at = now()"
            " where membership_id = $1 and starts_on = $2 and superseded_at is null",
            gone,
        )
    if new:
        await connection.executemany(
            "insert into membership_period (membership_id, network_id, organisation_id, tier, status, origin,"
            " starts_on, ends_on, recorded_at) values ($1, $2, $3, $4, $5, $6, $7, $8, now())",
            new,
        )


def _period_row(membership: UUID, network: UUID, organisation: UUID, s: Segment) -> tuple[object, ...]:
    return membership, network, organisation, s.tier, s.status, s.origin, s.period.start, s.period.end


async def _waivers(connection: Connection, memberships: dict[Key, UUID], waivers: Iterable[WaiveFee]) -> None:
    await connection.executemany(
        "insert into fee_waiver (id, membership_id, grant_id, starts_on, ends_on, recorded_at)"
        " values ($1, $2, $3, $4, $5, now())",
        [(uuid4(), memberships[w.organisation, w.network], w.because, w.period.start, w.period.end) for w in waivers],
    )
