"""An organisation's memberships with every grant they stand on, on a day, as known at a moment, and why.

Without a day: all there are, the ended and the planned ones too, each as it stands today (or next, or last).
The timeline's ends are half-open: `ends_on` is the first day that is not a day of membership.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from uuid import UUID

import msgspec

from cluster_rules.memberships import Grant
from cluster_rules.periods import Period
from cluster_rules.why import Link, chain
from crm.catalogue import Catalogue
from crm.clock import Clock
from crm.database import Connection
from crm.reads.known import believed
from crm.words import UNKNOWN_START

_PERIODS = f"""
select p.membership_id, p.organisation_id, o.name, p.network_id, p.tier, p.status, p.origin, p.starts_on, p.ends_on,
    m.carried_since, m.carried_on
from membership_period p join organisation o on o.id = p.organisation_id join membership m on m.id = p.membership_id
where p.organisation_id = any($1) and {believed("p", "$2")}
order by p.organisation_id, p.membership_id, p.starts_on
"""
_GRANTS = (
    f"select * from membership_grant g where organisation_id = any($1) and {believed('g', '$2')} order by starts_on, id"
)


class Membership(msgspec.Struct, frozen=True):
    """One membership. `starts_on` and `ends_on` are of the unbroken stretch that is shown, `member_since` of the
    seniority that mergers brought as well.

    `status` is active, suspended, pending or ended. `grants` are all that stand on the asked day (or all,
    when none was asked); `whys` has, for each grant that counts, its chain from the root.
    """

    id: UUID
    organisation_id: UUID
    organisation: str
    network: str
    tier: str
    status: str
    origin: str
    starts_on: date
    ends_on: date | None
    member_since: date
    grants: tuple[Grant, ...]
    whys: tuple[tuple[Link, ...], ...]


class Asked(msgspec.Struct, frozen=True):
    """When: on which day (None = whenever), known at which moment (None = now)."""

    as_of: date | None = None
    known_at: datetime | None = None


NOW = Asked()


async def of_organisation(
    connection: Connection, kept: Catalogue, clock: Clock, organisation: UUID, asked: Asked = NOW
) -> list[Membership]:
    """All memberships of one organisation that the reader may see, by network."""
    return await _read(connection, kept, clock, [organisation], asked)


async def some(connection: Connection, kept: Catalogue, clock: Clock, wanted: Sequence[UUID]) -> list[Membership]:
    """These memberships, in this order; those the reader may not see are left out."""
    rows = await connection.fetch("select id, organisation_id from membership where id = any($1)", list(wanted))
    found = await _read(connection, kept, clock, sorted({r["organisation_id"] for r in rows}), NOW)
    by_id = {m.id: m for m in found}
    return [by_id[each] for each in wanted if each in by_id]


async def decision_kind(connection: Connection, membership: UUID, decision: UUID) -> str | None:
    """What kind of decision about this membership it is; None when it is none."""
    return await connection.fetchval(
        "select kind from membership_decision where id = $1 and membership_id = $2", decision, membership
    )


async def open_suspension(connection: Connection, membership: UUID, today: date) -> UUID | None:
    """The decision that suspends the membership now, else the next one that will."""
    return await connection.fetchval(
        "select id from membership_decision where membership_id = $1 and kind = 'suspension' and withdrawn_at is null"
        " and (until_on is null or until_on > $2) order by effective_on, recorded_at limit 1",
        membership,
        today,
    )


async def _read(
    connection: Connection, kept: Catalogue, clock: Clock, organisations: list[UUID], asked: Asked
) -> list[Membership]:
    periods = await connection.fetch(_PERIODS, organisations, asked.known_at)
    grants = [_grant(r, kept) for r in await connection.fetch(_GRANTS, organisations, asked.known_at)]
    shown = [
        found
        for _, rows in groupby(periods, key=lambda r: r["membership_id"])
        if (found := _membership(list(rows), grants, kept, clock, asked.as_of))
    ]
    return sorted(shown, key=lambda m: (m.organisation_id, m.network))


def _grant(row: dict, kept: Catalogue) -> Grant:
    return Grant(
        id=row["id"],
        organisation=row["organisation_id"],
        network=kept.by_id[row["network_id"]].slug,
        kind=row["kind"],
        tier=row["tier"],
        period=Period(row["starts_on"], row["ends_on"]),
        source=kept.by_id[row["source_network_id"]].slug if row["source_network_id"] else "",
        rule=row["rule"],
        version=row["rulebook_version"],
        agreement=row["agreement"],
        cause=row["cause_id"],
    )


def _membership(
    rows: list[dict], grants: list[Grant], kept: Catalogue, clock: Clock, as_of: date | None
) -> Membership | None:
    network = kept.by_id[rows[0]["network_id"]]
    today = clock.today(network.zone)
    periods = [Period(r["starts_on"], r["ends_on"]) for r in rows]
    place = _place(periods, as_of or today)
    if place is None or (as_of and not periods[place].covers(as_of)):
        return None
    row, period = rows[place], periods[place]
    day = _day_within(period, as_of or today)
    own = [g for g in grants if (g.organisation, g.network) == (row["organisation_id"], network.slug)]
    whole = stretch(periods, place)
    return Membership(
        id=row["membership_id"],
        organisation_id=row["organisation_id"],
        organisation=row["name"],
        network=network.slug,
        tier=row["tier"],
        status=row["status"] if day == (as_of or today) else "pending" if period.start > today else "ended",
        origin=row["origin"],
        starts_on=whole.start,
        ends_on=whole.end,
        member_since=_since(row, whole),
        grants=tuple(g for g in own if as_of is None or g.period.covers(as_of)),
        whys=tuple(_why(g, grants, kept) for g in own if g.period.covers(day)),
    )


def _since(row: dict, whole: Period) -> date:
    """Since when it counts as held: a merger may have brought older seniority (AC-14b)."""
    carried = row["carried_on"] and whole.covers(row["carried_on"])
    return min(row["carried_since"], whole.start) if carried else whole.start


def _place(periods: list[Period], day: date) -> int | None:
    """Which stretch to show: the one of the day, else the next one, else the last one."""
    for place, period in enumerate(periods):
        if period.end_or_far > day:
            return place
    return len(periods) - 1 if periods else None


def _day_within(period: Period, day: date) -> date:
    if period.covers(day):
        return day
    return period.start if period.start > day else period.end_or_far - timedelta(days=1)


def stretch(periods: list[Period], place: int) -> Period:
    """The period with everything that touches it before and after: since when, until when without a break."""
    start, end = periods[place].start, periods[place].end
    for before in reversed(periods[:place]):
        if before.end != start:
            break
        start = before.start
    for after in periods[place + 1 :]:
        if after.start != end:
            break
        end = after.end
    return Period(start, end)


def _why(grant: Grant, grants: list[Grant], kept: Catalogue) -> tuple[Link, ...]:
    """The grant's chain. A cause in a network the reader may not see is named by the rule alone: its
    network, and its level when the rule asks for just one; since when is not the reader's to know."""
    by_id = {g.id: g for g in grants}
    root = grant
    while root.cause in by_id:
        root = by_id[root.cause]
    if root.cause is None:
        return chain(grant, grants, kept.rulebooks)
    books = [b for b in kept.rulebooks.of(root.source) if b.version == root.version]
    rule = books[0].link_rule(root.rule) if books else None
    tiers = rule.when.tiers if rule else ()
    hidden = Grant(
        root.cause, root.organisation, root.source, "direct", tiers[0] if len(tiers) == 1 else "", Period(UNKNOWN_START)
    )
    return chain(grant, [*grants, hidden], kept.rulebooks)
