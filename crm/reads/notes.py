"""Notes on members as pages and programs show them, behind the wall: a network's people alone read its notes."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec

from crm.database import Connection

FIRST = UUID(int=0)


class Person(msgspec.Struct, frozen=True):
    """A contact person a note was with."""

    id: UUID
    name: str


class Note(msgspec.Struct, frozen=True):
    """One note; `versions`: how often it said something else before."""

    id: UUID
    network_id: UUID
    organisation_id: UUID
    kind: str
    text: str
    on_date: date
    people: tuple[Person, ...]
    pinned: bool
    actor: str
    channel: str
    created_at: datetime
    edited_at: datetime | None
    edited_by: str
    deleted_at: datetime | None
    versions: int


class Version(msgspec.Struct, frozen=True):
    """What a note said before, and who had written that when."""

    kind: str
    text: str
    on_date: date
    actor: str
    recorded_at: datetime


_NOTE = """
select n.id, n.network_id, n.organisation_id, n.kind, n.text, n.on_date, n.contact_ids, n.pinned, n.actor, n.channel,
    n.created_at, n.edited_at, n.edited_by, n.deleted_at,
    (select count(*) from note_version v where v.note_id = n.id) as versions
from note n
"""


async def of_member(connection: Connection, network: UUID, organisation: UUID) -> list[Note]:
    """All that are not deleted: pinned ones first, then by the day they are about, the newest first."""
    rows = await connection.fetch(
        _NOTE + " where n.network_id = $1 and n.organisation_id = $2 and n.deleted_at is null"
        " order by n.pinned desc, n.on_date desc, n.created_at desc, n.id",
        network,
        organisation,
    )
    return await _with_people(connection, rows)


async def of_network(
    connection: Connection, network: UUID, organisation: UUID | None, after: UUID, limit: int
) -> list[Note]:
    """Notes of a network, or on one member of it, in the order of their ids."""
    rows = await connection.fetch(
        _NOTE + " where n.network_id = $1 and ($2::uuid is null or n.organisation_id = $2) and n.deleted_at is null"
        " and n.id > $3 order by n.id limit $4",
        network,
        organisation,
        after,
        limit,
    )
    return await _with_people(connection, rows)


async def one(connection: Connection, wanted: UUID) -> Note | None:
    """One note, also a deleted one."""
    found = await _with_people(connection, await connection.fetch(_NOTE + " where n.id = $1", wanted))
    return found[0] if found else None


async def versions(connection: Connection, wanted: UUID) -> list[Version]:
    """What it said before, the newest first."""
    rows = await connection.fetch(
        "select kind, text, on_date, actor, recorded_at from note_version where note_id = $1 order by row_id desc",
        wanted,
    )
    return [Version(**dict(row)) for row in rows]


async def last_contact(connection: Connection, network: UUID, organisation: UUID) -> Note | None:
    """The newest call, meeting or mail that was written down."""
    rows = await connection.fetch(
        _NOTE + " where n.network_id = $1 and n.organisation_id = $2 and n.deleted_at is null and n.kind <> 'note'"
        " order by n.on_date desc, n.created_at desc, n.id limit 1",
        network,
        organisation,
    )
    found = await _with_people(connection, rows)
    return found[0] if found else None


async def _with_people(connection: Connection, rows: Sequence[object]) -> list[Note]:
    """Names of contacts that are still there; who was forgotten is no name any more."""
    listed = [dict(row) for row in rows]  # type: ignore[call-overload]
    wanted = {contact for row in listed for contact in row["contact_ids"]}
    names = dict(await connection.fetch("select id, name from contact where id = any($1)", list(wanted)))
    return [
        Note(people=tuple(Person(c, names[c]) for c in ids if c in names), **row)
        for row in listed
        for ids in (row.pop("contact_ids"),)
    ]
