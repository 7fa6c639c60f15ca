"""A network's activities as its pages show them, behind the wall."""

from datetime import date
from uuid import UUID

import msgspec

from crm.database import Connection

PAGE = 50


class Activity(msgspec.Struct, frozen=True):
    """One, with how many members and people took part."""

    id: UUID
    row_id: int
    kind: str
    title: str
    on_day: date
    international: bool
    partner_countries: str
    others: int
    members: int
    people: int


class Participant(msgspec.Struct, frozen=True):
    """A member that took part; `number` is empty where none is known."""

    organisation_id: UUID
    name: str
    number: str
    people: int


_ACTIVITIES = """
select a.id, a.row_id, a.kind, a.title, a.on_day, a.international, a.partner_countries, a.others,
    coalesce(p.members, 0) as members, coalesce(p.people, 0) + a.others as people
from activity a left join lateral (
    select count(*)::int as members, sum(people)::int as people from activity_participant
    where activity_row_id = a.row_id) p on true
where a.network_id = $1 and a.superseded_at is null
"""


async def of_network(connection: Connection, network: UUID, page: int) -> tuple[list[Activity], int]:
    """A page of them (from 1), the newest first, and how many there are."""
    total = await connection.fetchval(
        "select count(*) from activity where network_id = $1 and superseded_at is null", network
    )
    rows = await connection.fetch(
        f"{_ACTIVITIES} order by a.on_day desc, a.row_id desc limit $2 offset $3", network, PAGE, (page - 1) * PAGE
    )
    return [Activity(**dict(row)) for row in rows], total


class Wanted(msgspec.Struct, frozen=True):
    """Which ones: of a kind, on days (half-open), in which this member took part; None for any."""

    kind: str | None = None
    first: date | None = None
    before: date | None = None
    organisation: UUID | None = None


async def after(connection: Connection, network: UUID, wanted: Wanted, row: int, limit: int) -> list[Activity]:
    """Those told after the row, in that order."""
    rows = await connection.fetch(
        f"{_ACTIVITIES} and a.row_id > $2 and ($3::text is null or a.kind = $3)"
        " and ($4::date is null or a.on_day >= $4) and ($5::date is null or a.on_day < $5)"
        " and ($6::uuid is null or exists (select from activity_participant t"
        " where t.activity_row_id = a.row_id and t.organisation_id = $6)) order by a.row_id limit $7",
        network,
        row,
        wanted.kind,
        wanted.first,
        wanted.before,
        wanted.organisation,
        limit,
    )
    return [Activity(**dict(each)) for each in rows]


async def one(connection: Connection, network: UUID, activity: UUID) -> tuple[Activity, list[Participant]] | None:
    """One with who took part, by name; None for what the network has not (any more)."""
    row = await connection.fetchrow(f"{_ACTIVITIES} and a.id = $2", network, activity)
    if row is None:
        return None
    came = await connection.fetch(
        "select o.id as organisation_id, o.name,"
        " coalesce((select min(i.value) from identifier i where i.organisation_id = o.id"
        " and i.scheme = 'no-orgnr'), '') as number, p.people from activity_participant p"
        " join activity a on a.row_id = p.activity_row_id join organisation o on o.id = p.organisation_id"
        " where a.id = $1 and a.superseded_at is null order by o.sort_name, o.id",
        activity,
    )
    return Activity(**dict(row)), [Participant(**dict(each)) for each in came]


async def withdrawn(connection: Connection, network: UUID, activity: UUID) -> str:
    """The title of one that was withdrawn and can come back; empty for any other."""
    return (
        await connection.fetchval(
            "select title from activity a where network_id = $1 and id = $2 and not exists (select from activity n"
            " where n.id = a.id and n.superseded_at is null) order by row_id desc limit 1",
            network,
            activity,
        )
        or ""
    )
