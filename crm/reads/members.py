"""A network's members on a day, a page at a time; PostgreSQL writes the JSON, so a page costs one statement."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from crm.database import Connection

FIRST = UUID(int=0)

# $1 network, $2 day (null: today in the network's time zone), $3 now, $4 origin (null: any), $5 after, $6 limit
_PAGE = """
with n as (
    select id, slug, coalesce($2::date, ($3::timestamptz at time zone time_zone)::date) as day
    from network where slug = $1
),
page as materialized (
    select p.membership_id, p.organisation_id, p.network_id, p.tier, p.status, p.origin, p.starts_on, p.ends_on,
        n.day, n.slug
    from n join membership_period p on p.network_id = n.id and p.superseded_at is null
        and p.starts_on <= n.day and (p.ends_on is null or p.ends_on > n.day)
        and ($4::text is null or p.origin = $4) and p.organisation_id > $5
    order by p.organisation_id limit $6 + 1
),
-- What else belongs on the page is fetched for all its members at once, not for one after the other.
members as (select array_agg(organisation_id) as ids from page),
profile as (
    select distinct on (f.organisation_id) f.organisation_id, f.kind, f.country
    from organisation_profile f, n
    where f.organisation_id = any ((select ids from members)::uuid[]) and f.superseded_at is null
    order by f.organisation_id, (f.starts_on <= n.day and (f.ends_on is null or f.ends_on > n.day)) desc, f.starts_on
),
strong as (
    select i.organisation_id,
        json_agg(json_build_object('scheme', i.scheme, 'value', i.value) order by i.scheme) as identifiers
    from identifier i where i.organisation_id = any ((select ids from members)::uuid[]) group by i.organisation_id
),
item as (
    select row_number() over (order by page.organisation_id) as place, page.organisation_id, json_build_object(
        'id', page.membership_id,
        'organisation', json_build_object(
            'id', o.id, 'name', o.name, 'kind', profile.kind, 'country', profile.country, 'website', o.website,
            'identifiers', coalesce(strong.identifiers, '[]'::json)),
        'network', page.slug, 'tier', page.tier, 'status', page.status, 'origin', page.origin,
        'starts_on', case when not exists (
            select 1 from membership_period b where b.network_id = page.network_id
                and b.organisation_id = page.organisation_id and b.superseded_at is null and b.ends_on = page.starts_on
        ) then page.starts_on else {first_day} end,
        'ends_on', case when page.ends_on is null then null else {last_day} end) as json
    from page join organisation o on o.id = page.organisation_id
    left join profile on profile.organisation_id = o.id
    left join strong on strong.organisation_id = o.id
)
select (select day from n) as day,
    coalesce(json_agg(json order by place) filter (where place <= $6), '[]')::text as items,
    count(*) > $6 as more,
    (array_agg(organisation_id order by place) filter (where place <= $6))[$6] as last
from item
"""
# Where a stretch of touching periods begins and ends; asked only for those that changed within it.
_FIRST_DAY = """(
    select max(s.starts_on) from membership_period s where s.network_id = page.network_id
        and s.organisation_id = page.organisation_id and s.superseded_at is null and s.starts_on <= page.starts_on
        and not exists (select 1 from membership_period b where b.network_id = s.network_id
            and b.organisation_id = s.organisation_id and b.superseded_at is null and b.ends_on = s.starts_on))"""
_LAST_DAY = """(
    select s.ends_on from membership_period s where s.network_id = page.network_id
        and s.organisation_id = page.organisation_id and s.superseded_at is null and s.starts_on >= page.starts_on
        and not exists (select 1 from membership_period b where b.network_id = s.network_id
            and b.organisation_id = s.organisation_id and b.superseded_at is null and b.starts_on = s.ends_on)
    order by s.starts_on limit 1)"""
_STATEMENT = _PAGE.format(first_day=_FIRST_DAY, last_day=_LAST_DAY)


class Page(msgspec.Struct, frozen=True):
    """One page: the day it is of, the items as JSON text, and the last organisation on it."""

    day: date | None
    items: str
    more: bool
    last: UUID | None


async def page(
    connection: Connection,
    network: str,
    as_of: date | None,
    now: datetime,
    origin: str | None,
    after: UUID = FIRST,
    limit: int = 50,
) -> Page:
    """The members after organisation `after`, in the order of ids; `day` is None for an unknown network."""
    return Page(**dict(await connection.fetchrow(_STATEMENT, network, as_of, now, origin, after, limit)))
