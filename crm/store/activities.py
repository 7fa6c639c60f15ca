"""Activities and who took part, as they are stored: a change adds a row with its participants."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from uuid import UUID

import msgspec

from crm.database import Connection
from crm.errors import NotFound


class Words(msgspec.Struct, frozen=True):
    """What was done; `people` by member, `others` from elsewhere."""

    kind: str
    title: str
    on_day: date
    international: bool
    partner_countries: str
    others: int
    people: dict[UUID, int]


class Stored(msgspec.Struct, frozen=True):
    """The newest row of one, the network held until the transaction ends; `gone`: withdrawn."""

    row_id: int
    words: Words
    gone: bool


class Member(msgspec.Struct, frozen=True):
    """Who is or was a member of the network, by one of their names or numbers."""

    id: UUID
    name: str
    number: str


async def members(
    connection: Connection, network: UUID, names: Collection[str], numbers: Collection[str]
) -> list[Member]:
    """Those of these names (in small letters) or organisation numbers; a row for each number."""
    rows = await connection.fetch(
        "select distinct o.id, o.name, coalesce(i.value, '') as number"
        " from membership m join organisation o on o.id = m.organisation_id"
        " left join identifier i on i.organisation_id = o.id and i.scheme = 'no-orgnr'"
        " where m.network_id = $1 and (lower(o.name) = any($2) or i.value = any($3))",
        network,
        list(names),
        list(numbers),
    )
    return [Member(**dict(row)) for row in rows]


async def lock(connection: Connection, network: UUID, activity: UUID) -> Stored:
    """What is known of it last. NotFound where the network never had one by this id."""
    # one at a time: a row that somebody else adds meanwhile could not be seen
    await connection.execute("select from network where id = $1 for no key update", network)
    row = await connection.fetchrow(
        "select row_id, superseded_at is not null as gone, kind, title, on_day, international, partner_countries,"
        " others from activity where network_id = $1 and id = $2 order by row_id desc limit 1",
        network,
        activity,
    )
    if row is None:
        raise NotFound("activity", activity)
    came = await connection.fetch(
        "select organisation_id, people from activity_participant where activity_row_id = $1", row["row_id"]
    )
    told = {name: row[name] for name in Words.__struct_fields__ if name != "people"}
    words = Words(**told, people={each["organisation_id"]: each["people"] for each in came})
    return Stored(row["row_id"], words, row["gone"])


async def add(connection: Connection, network: UUID, activity: UUID, words: Words, by: str, now: datetime) -> None:
    """The next row of it, with its participants."""
    row_id = await connection.fetchval(
        "insert into activity (id, network_id, recorded_by, recorded_at, kind, title, on_day, international,"
        " partner_countries, others) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning row_id",
        *(activity, network, by, now, words.kind, words.title, words.on_day, words.international),
        *(words.partner_countries, words.others),
    )
    await _add_people(connection, network, row_id, words.people)


async def supersede(connection: Connection, row_id: int, now: datetime) -> None:
    """This row is not what is believed any more."""
    await connection.execute("update activity set superseded_at = $2 where row_id = $1", row_id, now)


async def _add_people(connection: Connection, network: UUID, row_id: int, people: Mapping[UUID, int]) -> None:
    await connection.execute(
        "insert into activity_participant (activity_row_id, network_id, organisation_id, people)"
        " select $1, $2, o, n from unnest($3::uuid[], $4::int[]) as p (o, n)",
        row_id,
        network,
        list(people),
        list(people.values()),
    )
