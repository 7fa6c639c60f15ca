"""Carry out what was decided about many families at once, at a price that does not grow with each.

The rows are those `apply` writes, by the statement instead of by the family. What is more than grants, timelines and
news of them (fees, mails, places, offers to other systems) is left to `apply`, one family after the other.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from uuid import UUID

import msgspec

from cluster_rules.claims import claims
from cluster_rules.intents import EndGrant, Intent, Publish, RetractGrant, ReviseGrant, SetTimeline, StartGrant
from cluster_rules.memberships import Facts
from crm.catalogue import Catalogue, decide
from crm.database import Connection
from crm.store import federation_offers, feed
from crm.store.apply import Key, apply, open_memberships

PUBLISHED_AT_A_TIME = 500  # members of one look: the more, the longer each takes
_PLAIN = (StartGrant, EndGrant, ReviseGrant, RetractGrant, SetTimeline, Publish)
_GRANTS = """
insert into membership_grant (id, membership_id, network_id, organisation_id, kind, tier, starts_on, ends_on,
    source_network_id, rule, rulebook_version, agreement, cause_id, reason, recorded_at)
select g.id, g.membership_id, g.network_id, g.organisation_id, g.kind, g.tier, g.starts_on, g.ends_on,
    g.source_network_id, g.rule, g.rulebook_version, g.agreement, g.cause_id, g.reason::jsonb, now()
from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::date[], $8::date[],
    $9::uuid[], $10::text[], $11::int[], $12::text[], $13::uuid[], $14::text[]) as g (id, membership_id, network_id,
    organisation_id, kind, tier, starts_on, ends_on, source_network_id, rule, rulebook_version, agreement, cause_id,
    reason)
"""
_PERIODS = """
insert into membership_period (membership_id, network_id, organisation_id, tier, status, origin, starts_on, ends_on,
    recorded_at)
select p.*, now() from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::date[],
    $8::date[]) as p
"""
Decided = tuple[UUID, Facts, Sequence[Intent]]  # a family, what it was decided from, and what follows


def plain(kept: Catalogue, facts: Facts, intents: Iterable[Intent], today: date) -> bool:
    """Can this be written with many others? Not when places are limited or another system is told."""
    if any(not isinstance(each, _PLAIN) for each in intents) or claims(facts, today):
        return False
    return not federation_offers.reached(kept, {slug for _, slug in _memberships_of(intents)})


async def apply_many(connection: Connection, kept: Catalogue, decided: Sequence[Decided]) -> dict[Key, UUID]:
    """Write it all; every family is locked, or new in this transaction. Membership ids by (organisation, network)."""
    await decide(connection, kept)
    intents = [each for _, _, some in decided for each in some]
    held = await _open(connection, kept, {key for _, _, some in decided for key in _memberships_of(some)})
    gone = [i.before.id for i in intents if isinstance(i, EndGrant | ReviseGrant | RetractGrant)]
    if gone:
        await connection.execute(
            "update membership_grant set superseded_at = now() where id = any($1) and superseded_at is null", gone
        )
    await _grants(connection, kept, held, intents)
    for _, facts, some in decided:
        await _past_periods(connection, held, facts, some)
    await _periods(connection, kept, held, decided)
    told = [(held[i.organisation, i.network], i.on) for i in intents if isinstance(i, Publish)]
    for at in range(0, len(told), PUBLISHED_AT_A_TIME):
        await feed.publish(connection, told[at : at + PUBLISHED_AT_A_TIME])
    return held


async def apply_one_by_one(connection: Connection, kept: Catalogue, decided: Sequence[Decided]) -> dict[Key, UUID]:
    """The same for families that are not `plain`."""
    out: dict[Key, UUID] = {}
    for family, facts, intents in decided:
        out |= (await apply(connection, kept, facts, intents, family)).memberships
    return out


def _memberships_of(intents: Iterable[Intent]) -> set[Key]:
    out: set[Key] = set()
    for each in intents:
        if isinstance(each, StartGrant | EndGrant | ReviseGrant):
            out.add((each.grant.organisation, each.grant.network))
        elif isinstance(each, RetractGrant):
            out.add((each.before.organisation, each.before.network))
        elif isinstance(each, SetTimeline | Publish):
            out.add((each.organisation, each.network))
    return out


async def _open(connection: Connection, kept: Catalogue, keys: set[Key]) -> dict[Key, UUID]:
    return await open_memberships(connection, kept, sorted(keys))


async def _grants(connection: Connection, kept: Catalogue, held: dict[Key, UUID], intents: Sequence[Intent]) -> None:
    encode = msgspec.json.Encoder().encode
    rows = [
        (
            g.id,
            held[g.organisation, g.network],
            kept.network(g.network).id,
            g.organisation,
            g.kind,
            g.tier,
            g.period.start,
            g.period.end,
            kept.network(g.source).id if g.source else None,
            g.rule,
            g.version,
            g.agreement,
            g.cause,
            encode(i.reason).decode(),
        )
        for i in intents
        if isinstance(i, StartGrant | EndGrant | ReviseGrant)
        for g in (i.grant,)
    ]
    if rows:
        await connection.execute(_GRANTS, *(list(column) for column in zip(*rows, strict=True)))


async def _past_periods(connection: Connection, held: dict[Key, UUID], facts: Facts, intents: Sequence[Intent]) -> None:
    """What stood and does not stand so any more; nothing of what is new."""
    gone = [
        (held[i.organisation, i.network], before.period.start)
        for i in intents
        if isinstance(i, SetTimeline)
        for before in facts.timelines.get((i.organisation, i.network), ())
        if before not in i.segments
    ]
    if gone:
        await connection.executemany(
            "update membership_period set superseded_at = now()"
            " where membership_id = $1 and starts_on = $2 and superseded_at is null",
            gone,
        )


async def _periods(connection: Connection, kept: Catalogue, held: dict[Key, UUID], decided: Sequence[Decided]) -> None:
    rows = [
        (
            held[i.organisation, i.network],
            kept.network(i.network).id,
            i.organisation,
            s.tier,
            s.status,
            s.origin,
            s.period.start,
            s.period.end,
        )
        for _, facts, intents in decided
        for i in intents
        if isinstance(i, SetTimeline)
        for s in i.segments
        if s not in facts.timelines.get((i.organisation, i.network), ())
    ]
    if rows:
        await connection.execute(_PERIODS, *(list(column) for column in zip(*rows, strict=True)))
