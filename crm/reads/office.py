"""What the back office shows of one network on a day: figures, what waits, members, linked memberships."""

from collections.abc import AsyncGenerator, Sequence
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec

from crm.database import Connection
from crm.reads.known import believed

PAGE = 50
MEMBERS_AT_A_TIME = 500  # of all of them, for a file
NEWEST = 6
AHEAD = timedelta(days=120)
State = Literal["active", "ending", "suspended", "pending", "ended"]
STATES: tuple[State, ...] = ("active", "ending", "suspended", "pending", "ended")
CURRENT = STATES[:4]  # what the list shows today unless it is asked for the ended, too
THEN = STATES[:3]  # on another day: not those who were to join later
SORTS = {
    "name": "s.sort_name, s.id",
    "since": "s.since desc, s.sort_name, s.id",
    "tier": "s.place, s.sort_name, s.id",
}

# One row per membership: the stretch that covers the day; else the next one; else the last one.
# $1 network, $2 day, $3 tiers from the highest down; `{stands}` says which rows are believed
_SHOWN = """
select distinct on (p.membership_id)
    p.membership_id as id, p.organisation_id, p.tier, p.origin,
    min(p.starts_on) over whole as since,
    case when bool_or(p.ends_on is null) over whole then null else max(p.ends_on) over whole end as ends_on,
    coalesce(array_position($3::text[], p.tier::text), 99) as place,
    case when p.starts_on > $2 then 'pending'
         when p.ends_on <= $2 then 'ended'
         when p.status = 'suspended' then 'suspended'
         when bool_and(p.ends_on is not null) over whole then 'ending'
         else 'active' end as state
from membership_period p
where p.network_id = $1 and {stands}
window whole as (partition by p.membership_id)
order by p.membership_id, (p.starts_on <= $2 and (p.ends_on is null or p.ends_on > $2)) desc,
         (p.starts_on > $2) desc, case when p.starts_on > $2 then p.starts_on end, p.starts_on desc
"""


# $4 and $5 a text to look for, as patterns for names and for identifiers
_FOUND = """
with s as ({shown}),
f as (
    select s.*, o.name, o.sort_name from s join organisation o on o.id = s.organisation_id
    where $4 = '%%' or o.name ilike $4
       or exists (select 1 from known_name k where k.organisation_id = o.id and k.withdrawn_at is null
            and k.names ->> 'nb' ilike $4)
       or exists (select 1 from identifier i where i.organisation_id = o.id and i.value ilike $5)
)
"""
_PROFILE = """
select county, kind from organisation_profile p
where p.organisation_id = s.organisation_id and {stands}
order by (p.starts_on <= $2 and (p.ends_on is null or p.ends_on > $2)) desc, p.starts_on desc limit 1
"""
_FILTER = (
    "(cardinality($6::text[]) = 0 or s.tier = any($6)) and (cardinality($7::text[]) = 0 or s.origin = any($7))"
    " and s.state = any($8::text[])"
)


class Counts(msgspec.Struct, frozen=True):
    """The figures beside the menu: active members, applications, reviews, linked ones, who waits for a place, what
    partners have written that waits for an answer."""

    members: int
    applications: int
    reviews: int
    places: int
    links: int
    partners: int = 0
    tasks: int = 0


class Member(msgspec.Struct, frozen=True):
    """One row of the member list; `ends_on` is half-open and None while no end is known."""

    id: UUID
    organisation_id: UUID
    name: str
    tier: str
    origin: str
    state: str
    since: date
    ends_on: date | None
    county: str
    kind: str


class Filters(msgspec.Struct, frozen=True):
    """What the address of the list asks for; empty = everything, of the states in `standing`."""

    text: str = ""
    tiers: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    sort: str = "name"
    page: int = 1
    standing: tuple[str, ...] = CURRENT


class LinkedRow(msgspec.Struct, frozen=True):
    """One linked membership: who, by which rule, from where to where."""

    membership_id: UUID
    organisation_id: UUID
    name: str
    network_id: UUID
    source_network_id: UUID
    tier: str
    cause_tier: str
    rule: str
    version: int
    agreement: str
    starts_on: date
    ends_on: date | None
    grant_id: UUID


class Ahead(msgspec.Struct, frozen=True):
    """A change that is decided and still to come: a membership's stretch that ends, or begins, on a day."""

    organisation_id: UUID
    name: str
    on: date
    tier: str
    next_tier: str | None
    next_status: str | None


async def counts(connection: Connection, network: UUID, today: date, reader: UUID | None = None) -> Counts:
    """The figures beside the menu; of tasks those of the reader's account that are overdue."""
    row = await connection.fetchrow(
        "select (select count(*) from membership_period p where p.network_id = $1 and p.superseded_at is null"
        "   and p.status = 'active' and p.starts_on <= $2 and (p.ends_on is null or p.ends_on > $2)) as members,"
        " (select count(*) from application a where a.network_id = $1 and a.status in ('sent', 'info_needed'))"
        "   as applications,"
        " (select count(*) from membership_review r where r.network_id = $1 and r.closed_at is null) as reviews,"
        " (select count(*) from place p where p.network_id = $1 and p.status = 'waiting') as places,"
        " (select count(distinct g.membership_id) from membership_grant g where g.kind = 'linked'"
        "   and (g.network_id = $1 or g.source_network_id = $1) and g.superseded_at is null"
        "   and (g.ends_on is null or g.ends_on > $2)) as links,"
        " (select count(*) from link_receipt r where r.network_id = $1 and r.word = 'objected' and r.outcome = '')"
        " + (select count(*) from profile_suggestion s where s.owner_network_id = $1 and s.status = 'open')"
        " + (select count(*) from held_row h where h.network_id = $1 and h.closed_at is null) as partners,"
        " (select count(*) from todo t where t.network_id = $1 and t.assignee_id = $3 and t.due_on < $2"
        "   and t.done_at is null and t.deleted_at is null) as tasks",
        network,
        today,
        reader,
    )
    return Counts(**dict(row))


async def busiest(connection: Connection, networks: Sequence[UUID]) -> UUID | None:
    """The network in which most applications wait."""
    return await connection.fetchval(
        "select network_id from application where network_id = any($1) and status in ('sent', 'info_needed')"
        " group by 1 order by count(*) desc, 1 limit 1",
        list(networks),
    )


async def cube(
    connection: Connection,
    network: UUID,
    day: date,
    tiers: Sequence[str],
    text: str = "",
    known_at: datetime | None = None,
) -> dict[tuple[str, str, str], int]:
    """How many members there are of each (tier, origin, state) as of a day, of those the text finds."""
    rows = await connection.fetch(
        _found(_stands("p", "$6", known_at)) + " select tier, origin, state, count(*) as n from f group by 1, 2, 3",
        network,
        day,
        list(tiers),
        *_patterns(text),
        *_moment(known_at),
    )
    return {(r["tier"], r["origin"], r["state"]): r["n"] for r in rows}


async def members(
    connection: Connection,
    network: UUID,
    day: date,
    tiers: Sequence[str],
    wanted: Filters,
    known_at: datetime | None = None,
) -> tuple[Member, ...]:
    """One page of the member list as of a day, as known at a moment (None: now), in one statement."""
    sql, values = _members(network, day, tiers, wanted, known_at)
    rows = await connection.fetch(sql, *values, PAGE, (wanted.page - 1) * PAGE, *_moment(known_at))
    return tuple(Member(**dict(r)) for r in rows)


async def every_member(
    connection: Connection,
    network: UUID,
    day: date,
    tiers: Sequence[str],
    wanted: Filters,
    known_at: datetime | None = None,
) -> AsyncGenerator[list[Member], None]:
    """All pages of that list, some hundreds at a time, of one moment; never all of them in memory."""
    sql, values = _members(network, day, tiers, wanted, known_at)
    async with connection.transaction():
        cursor = await connection.cursor(sql, *values, None, 0, *_moment(known_at))
        while rows := await cursor.fetch(MEMBERS_AT_A_TIME):
            yield [Member(**dict(r)) for r in rows]


def _members(
    network: UUID, day: date, tiers: Sequence[str], wanted: Filters, known_at: datetime | None
) -> tuple[str, list[object]]:
    """The statement and its first eight values; limit, offset and the moment follow."""
    order = SORTS[wanted.sort]
    stands = _stands("p", "$11", known_at)
    sql = (
        _found(stands) + " select s.id, s.organisation_id, s.name, s.tier, s.origin, s.state, s.since, s.ends_on,"
        " coalesce(profile.county, '') as county, coalesce(profile.kind, '') as kind"
        f" from (select s.* from f s where {_FILTER} order by {order} limit $9 offset $10) s"
        f" left join lateral ({_PROFILE.format(stands=stands)}) profile on true order by {order}"
    )
    picked = (list(wanted.tiers), list(wanted.origins), list(wanted.states or wanted.standing))
    return sql, [network, day, list(tiers), *_patterns(wanted.text), *picked]


def asked(key: tuple[str, str, str], wanted: Filters) -> bool:
    """Do the filters let this (tier, origin, state) through? The same question the list's SQL asks."""
    tier, origin, state = key
    return (
        (not wanted.tiers or tier in wanted.tiers)
        and (not wanted.origins or origin in wanted.origins)
        and state in (wanted.states or wanted.standing)
    )


def _stands(alias: str, parameter: str, known_at: datetime | None) -> str:
    return believed(alias, parameter, ever=known_at is not None)


def _moment(known_at: datetime | None) -> list[datetime]:
    return [known_at] if known_at else []


def _found(stands: str) -> str:
    return _FOUND.format(shown=_SHOWN.format(stands=stands))


def _patterns(text: str) -> tuple[str, str]:
    plain = text.strip().replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{plain}%", f"%{plain.replace(' ', '')}%"


async def newest(connection: Connection, network: UUID, day: date, tiers: Sequence[str]) -> list[Member]:
    """Who joined last, on or before the day."""
    shown = _SHOWN.format(stands=believed("p", "", ever=False))
    rows = await connection.fetch(
        f"with s as ({shown}) select s.id, s.organisation_id, o.name, s.tier, s.origin, s.state, s.since, s.ends_on,"
        " '' as county, '' as kind from s join organisation o on o.id = s.organisation_id"
        " where s.state in ('active', 'ending') order by s.since desc, o.sort_name limit $4",
        network,
        day,
        list(tiers),
        NEWEST,
    )
    return [Member(**dict(r)) for r in rows]


async def ahead(connection: Connection, network: UUID, day: date) -> list[Ahead]:
    """What is decided already and changes a membership within the coming months, the next first."""
    rows = await connection.fetch(
        "select p.organisation_id, o.name, p.ends_on as on, p.tier, n.tier as next_tier, n.status as next_status"
        " from membership_period p join organisation o on o.id = p.organisation_id"
        " left join membership_period n on n.membership_id = p.membership_id and n.starts_on = p.ends_on"
        "  and n.superseded_at is null"
        " where p.network_id = $1 and p.superseded_at is null and p.ends_on > $2 and p.ends_on <= $3"
        " order by p.ends_on, o.sort_name",
        network,
        day,
        day + AHEAD,
    )
    return [Ahead(**dict(r)) for r in rows]


async def linked(connection: Connection, network: UUID, day: date) -> list[LinkedRow]:
    """Every linked membership that stands or is to start, given by this network's rules or to this network."""
    rows = await connection.fetch(
        "select g.membership_id, g.organisation_id, o.name, g.network_id, g.source_network_id, g.tier,"
        " coalesce(c.tier, '') as cause_tier, g.rule, g.rulebook_version as version, g.agreement,"
        " g.starts_on, g.ends_on, g.id as grant_id"
        " from membership_grant g join organisation o on o.id = g.organisation_id"
        " left join membership_grant c on c.id = g.cause_id and c.superseded_at is null"
        " where g.kind = 'linked' and g.superseded_at is null and (g.network_id = $1 or g.source_network_id = $1)"
        " and (g.ends_on is null or g.ends_on > $2) order by g.source_network_id, g.rule, o.sort_name, g.starts_on",
        network,
        day,
    )
    return [LinkedRow(**dict(r)) for r in rows]


class Contact(msgspec.Struct, frozen=True):
    """A person who speaks for an organisation."""

    name: str
    email: str
    role: str
    language: str
    main: bool


async def contacts(connection: Connection, organisation: UUID) -> list[Contact]:
    """Who speaks for it, the main contact first."""
    rows = await connection.fetch(
        "select name, email, role, language, main from contact where organisation_id = $1"
        " order by main desc, created_at desc, id",
        organisation,
    )
    return [Contact(**dict(r)) for r in rows]


async def invoices_of(connection: Connection, organisation: UUID) -> list[UUID]:
    """The invoices with a line for one of its memberships, the newest first; a unit's are its parent's to pay."""
    rows = await connection.fetch(
        "select i.id from invoice i where exists (select 1 from charge c join membership m on m.id = c.membership_id"
        " where c.invoice_id = i.id and m.organisation_id = $1) order by i.created_at desc, i.id",
        organisation,
    )
    return [r["id"] for r in rows]
