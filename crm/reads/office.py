"""What the back office shows of one network on a day: figures, what waits, members, linked memberships."""

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

import msgspec

from crm.database import Connection
from crm.reads import member_query

PAGE = 50
NEWEST = 6
AHEAD = timedelta(days=120)


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
    """Who joined last; `ends_on` is half-open and None while no end is known."""

    id: UUID
    organisation_id: UUID
    name: str
    tier: str
    origin: str
    state: str
    since: date
    ends_on: date | None


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
        " (select count(*) from membership_review r where r.network_id = $1 and r.closed_at is null"
        "   and r.reason <> 'register_headcount') as reviews,"
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


async def newest(connection: Connection, network: UUID, day: date, tiers: Sequence[str]) -> list[Member]:
    """Who joined last, on or before the day."""
    q = member_query.Query()
    stretches = member_query.stretches(q, member_query.Search(network, network, "", day, tiers))
    rows = await connection.fetch(
        f"{stretches} select s.id, s.organisation_id, o.name, s.tier, s.origin, s.state, s.since, s.ends_on"
        " from s join organisation o on o.id = s.organisation_id"
        f" where s.state in ('active', 'ending') order by s.since desc, o.sort_name limit {NEWEST}",
        *q.values,
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
