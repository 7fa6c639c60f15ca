"""A network's members on a day, a page at a time, in one statement.

Rows come as columns and become structs here: for 50 members that costs a third of letting PostgreSQL write
the JSON (bench/members_list.py).
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from cluster_rules.periods import Period
from crm.database import Connection
from crm.reads.known import believed
from crm.reads.memberships import stretch

FIRST = UUID(int=0)

# $1 network, $2 day (null: today in the network's time zone), $3 now, $4 origin (null: any), $5 after, $6 limit.
# What else belongs on the page is fetched for all its members at once (materialized, or the planner, who expects one
# member, would fetch it once for each). `starts` and
# `ends` are all stretches of those members whose timeline has more than one.
_PAGE = """
with n as (
    select id, coalesce($2::date, ($3::timestamptz at time zone time_zone)::date) as day
    from network where slug = $1
),
page as materialized (
    select p.membership_id, p.organisation_id, p.tier, p.status, p.origin, p.starts_on, p.ends_on
    from n join membership_period p on p.network_id = n.id and {period}
        and p.starts_on <= n.day and (p.ends_on is null or p.ends_on > n.day)
        and ($4::text is null or p.origin = $4) and p.organisation_id > $5
    order by p.organisation_id limit $6 + 1
),
members as (select array_agg(organisation_id) as ids from page),
profile as materialized (
    select distinct on (f.organisation_id) f.organisation_id, f.kind, f.country
    from organisation_profile f, n
    where f.organisation_id = any ((select ids from members)::uuid[]) and {profile}
    order by f.organisation_id, (f.starts_on <= n.day and (f.ends_on is null or f.ends_on > n.day)) desc, f.starts_on
),
strong as materialized (
    select i.organisation_id, array_agg(i.scheme || ':' || i.value order by i.scheme) as identifiers
    from identifier i where i.organisation_id = any ((select ids from members)::uuid[]) group by 1
),
timeline as materialized (
    select s.organisation_id, array_agg(s.starts_on order by s.starts_on) as starts,
        array_agg(s.ends_on order by s.starts_on) as ends
    from membership_period s where s.network_id = (select id from n) and {stretch}
        and s.organisation_id = any ((select ids from members)::uuid[])
    group by 1 having count(*) > 1
)
select n.day, page.membership_id, page.organisation_id, o.name, profile.kind, profile.country, o.website,
    strong.identifiers, page.tier, page.status, page.origin, page.starts_on, page.ends_on, timeline.starts,
    timeline.ends
from n left join page on true
left join organisation o on o.id = page.organisation_id
left join profile on profile.organisation_id = page.organisation_id
left join strong on strong.organisation_id = page.organisation_id
left join timeline on timeline.organisation_id = page.organisation_id
order by page.organisation_id
"""


def _page(ever: bool) -> str:
    """The statement for what is known now (what nearly everybody asks), or for a moment, $7."""
    period, profile, stretch = (believed(alias, "$7", ever) for alias in "pfs")
    return _PAGE.format(period=period, profile=profile, stretch=stretch)


_NOW, _AS_KNOWN = _page(False), _page(True)


class Identifier(msgspec.Struct, frozen=True, gc=False):
    """A strong identifier."""

    scheme: str
    value: str


class Organisation(msgspec.Struct, frozen=True):
    """Who the member is."""

    id: UUID
    name: str
    kind: str
    country: str
    website: str
    identifiers: list[Identifier]


class Member(msgspec.Struct, frozen=True):
    """One line of the list; the days are of the unbroken time the membership stands."""

    id: UUID
    organisation: Organisation
    network: str
    tier: str
    status: str
    origin: str
    starts_on: date
    ends_on: date | None
    version: int | None = None


class Page(msgspec.Struct, frozen=True):
    """One page: the day it is of (None: there is no such network), its members, and whether there are more."""

    day: date | None
    members: list[Member]
    more: bool


async def page(
    connection: Connection,
    network: str,
    as_of: date | None,
    now: datetime,
    origin: str | None,
    after: UUID = FIRST,
    limit: int = 50,
    known_at: datetime | None = None,
) -> Page:
    """The members after organisation `after`, in the order of ids, as known at a moment (None: now)."""
    if known_at is None:
        rows = await connection.fetch(_NOW, network, as_of, now, origin, after, limit)
    else:
        rows = await connection.fetch(_AS_KNOWN, network, as_of, now, origin, after, limit, known_at)
    if not rows:
        return Page(None, [], False)
    members = [_member(network, row) for row in rows[:limit] if row["membership_id"] is not None]
    return Page(rows[0]["day"], members, len(rows) > limit)


def _member(network: str, row: Any) -> Member:
    _, id_, organisation, name, kind, country, website, identifiers, tier, status, origin, *days = row
    first, last, starts, ends = days
    if starts:
        whole = stretch([Period(*each) for each in zip(starts, ends, strict=True)], starts.index(first))
        first, last = whole.start, whole.end
    strong = [Identifier(*each.split(":", 1)) for each in identifiers or ()]
    who = Organisation(organisation, name, kind, country, website, strong)
    return Member(id_, who, network, tier, status, origin, first, last)
