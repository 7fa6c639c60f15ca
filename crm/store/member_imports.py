"""Imports of members and their rows as they are stored: from the upload over its verdicts to its undo."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid4

import msgspec

from crm.actor import Actor
from crm.database import Connection
from crm.errors import NotFound
from crm.import_columns import ColumnMapping, Found
from crm.import_rows import Member
from crm.import_verdicts import Judged
from crm.store import jobs

CHECK_TASK = "check_member_import"
LOAD_TASK = "load_member_import"
UNDO_TASK = "undo_member_import"
LOCK = 727_039  # with an import's network: one at a time is stored or taken back
Status = Literal["mapping", "checking", "checked", "loading", "done", "failed", "undoing", "undone", "dropped"]
_ROWS = """
insert into member_import_row (import_id, number, verdict, name, identifier, organisation_id, detail, member)
select $1, number, verdict, name, identifier, organisation_id, detail::jsonb, member::jsonb
from unnest($2::int[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::text[], $8::text[])
    as r (number, verdict, name, identifier, organisation_id, detail, member)
"""
_MADE = """
update member_import_row r set organisation_id = w.organisation_id, made = w.made::jsonb, member = null
from unnest($2::int[], $3::uuid[], $4::text[]) as w (number, organisation_id, made)
where r.import_id = $1 and r.number = w.number
"""
_MEMBERS = msgspec.json.Decoder(Member)


class Import(msgspec.Struct, frozen=True):
    """One import as its work needs it; without its file."""

    id: UUID
    network_id: UUID
    name: str
    status: Status
    found: Found
    mapping: ColumnMapping
    counts: dict[str, Any]
    total: int
    created_by: str
    confirmed_by: str


_COLUMNS = "id, network_id, name, status, found, mapping, counts, total, created_by, confirmed_by"


async def add(
    connection: Connection,
    network: UUID,
    name: str,
    format: str,
    content: bytes,
    found: Found,
    mapping: ColumnMapping,
    by: str,
) -> UUID:
    """A file that was uploaded."""
    new = uuid4()
    await connection.execute(
        "insert into member_import (id, network_id, name, format, size, file, found, mapping, created_by, created_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, now())",
        new,
        network,
        name,
        format,
        len(content),
        content,
        msgspec.to_builtins(found),
        msgspec.to_builtins(mapping),
        by,
    )
    return new


async def lock(connection: Connection, wanted: UUID) -> Import:
    """The import, locked until the transaction ends. NotFound."""
    row = await connection.fetchrow(f"select {_COLUMNS} from member_import where id = $1 for update", wanted)
    return _import(row, wanted)


async def get(connection: Connection, wanted: UUID) -> Import:
    """The import as it is. NotFound."""
    return _import(await connection.fetchrow(f"select {_COLUMNS} from member_import where id = $1", wanted), wanted)


def _import(row: Any, wanted: UUID) -> Import:
    if row is None:
        raise NotFound("import_id", wanted)
    return msgspec.convert(dict(row), Import)


async def work_on(connection: Connection, network: UUID) -> None:
    """Until the transaction ends, no other import of this network is stored or taken back."""
    await connection.execute("select pg_advisory_xact_lock($1, hashtext($2))", LOCK, str(network))


async def content(connection: Connection, wanted: UUID) -> bytes:
    """The file."""
    found = await connection.fetchval("select file from member_import where id = $1", wanted)
    if found is None:
        raise NotFound("import_id", wanted)
    return bytes(found)


async def map_columns(
    connection: Connection, wanted: UUID, mapping: ColumnMapping, found: Found, by: str, network: UUID
) -> None:
    """What is what in the file; the next file of this network and kind is read the same way."""
    told = msgspec.to_builtins(mapping)
    await connection.execute(
        "update member_import set mapping = $2, found = $3 where id = $1", wanted, told, msgspec.to_builtins(found)
    )
    await connection.execute(
        "insert into import_mapping (id, network_id, source, mapping, saved_by, saved_at)"
        " values (gen_random_uuid(), $1, $2, $3, $4, now())"
        " on conflict (network_id, source) do update set mapping = excluded.mapping, saved_by = excluded.saved_by,"
        " saved_at = excluded.saved_at",
        network,
        mapping.source,
        told,
        by,
    )


async def saved_mapping(connection: Connection, network: UUID, source: str) -> ColumnMapping | None:
    """How the network's last file of this kind was read."""
    found = await connection.fetchval(
        "select mapping from import_mapping where network_id = $1 and source = $2", network, source
    )
    return msgspec.convert(found, ColumnMapping) if found else None


async def go_on(connection: Connection, wanted: UUID, status: Status, task: str) -> None:
    """From now on a job is at work on it."""
    now = await connection.fetchval(
        "update member_import set status = $2, done = 0, problem = null where id = $1 returning now()", wanted, status
    )
    await jobs.enqueue(connection, task, [({"import": str(wanted)}, None)], now)


async def confirm(connection: Connection, wanted: UUID, by: str) -> None:
    """A person's word that it is to be stored."""
    await connection.execute(
        "update member_import set confirmed_by = $2, confirmed_at = now() where id = $1", wanted, by
    )


async def undo(connection: Connection, wanted: UUID, by: str) -> None:
    """A person's word that it is to be taken back."""
    await connection.execute("update member_import set undone_by = $2, undone_at = now() where id = $1", wanted, by)


async def drop(connection: Connection, wanted: UUID) -> None:
    """It is not to be stored: nothing of the file is kept."""
    await connection.execute("delete from member_import_row where import_id = $1", wanted)
    await connection.execute(
        "update member_import set status = 'dropped', file = null, found = '{}', finished_at = now() where id = $1",
        wanted,
    )


async def waiting_since(connection: Connection, before: datetime) -> list[UUID]:
    """Imports that were uploaded before and not stored, locked."""
    rows = await connection.fetch(
        "select id from member_import where status in ('mapping', 'checked', 'failed') and created_at < $1"
        " order by id for update",
        before,
    )
    return [row["id"] for row in rows]


async def begin_rows(connection: Connection, wanted: UUID) -> None:
    """Rows are looked at anew."""
    await connection.execute("delete from member_import_row where import_id = $1", wanted)


async def add_rows(connection: Connection, wanted: UUID, judged: Sequence[Judged], links: dict[int, Any]) -> None:
    """Rows with their verdicts; what is to be stored of them stands beside, until it is stored."""
    encode = msgspec.json.Encoder().encode
    rows = [
        (
            each.member.row,
            each.verdict,
            each.member.name,
            next(iter(each.member.identifiers.values()), "") or each.member.external_id,
            each.known.id if each.known else None,
            encode(_detail(each, links.get(each.member.row, []))).decode(),
            encode(each.member).decode() if each.verdict in ("new", "change") else None,
        )
        for each in judged
    ]
    if rows:
        await connection.execute(_ROWS, wanted, *(list(column) for column in zip(*rows, strict=True)))


def _detail(judged: Judged, links: list[Any]) -> dict[str, Any]:
    m = judged.member
    told: dict[str, Any] = {"problems": judged.problems, "differences": judged.differences, "hints": judged.hints}
    told |= {"links": links, "level": m.level, "joined": m.joined, "opening": m.opening, "left_out": m.left_out}
    told["status"] = m.status
    return {name: value for name, value in told.items() if value not in ((), [], "", None, 0)}


async def checked(connection: Connection, wanted: UUID, counts: dict[str, Any], total: int) -> None:
    """Every row has its verdict."""
    await connection.execute(
        "update member_import set status = 'checked', counts = $2, total = $3, done = $3 where id = $1",
        wanted,
        counts,
        total,
    )


async def failed(connection: Connection, wanted: UUID, problem: dict[str, Any]) -> None:
    """It came to nothing; why. The file is still there, to be looked at again."""
    await connection.execute(
        "update member_import set status = 'failed', problem = $2, confirmed_by = '', confirmed_at = null"
        " where id = $1",
        wanted,
        problem,
    )


async def told(connection: Connection, wanted: UUID, done: int, total: int) -> None:
    """How far it is."""
    await connection.execute("update member_import set done = $2, total = $3 where id = $1", wanted, done, total)


async def to_store(connection: Connection, wanted: UUID, at_a_time: int) -> AsyncIterator[list[str]]:
    """The rows that are to be stored, in the order of the file, so many at a time; `members` reads them.

    By a cursor: they are put in order once, not once for each step.
    """
    cursor = await connection.cursor(
        "select member::text as member from member_import_row where import_id = $1 and verdict in ('new', 'change')"
        " order by number",
        wanted,
    )
    while rows := await cursor.fetch(at_a_time):
        yield [row["member"] for row in rows]


def members(told: Sequence[str]) -> list[Member]:
    """Rows as they were understood when they were checked."""
    return [_MEMBERS.decode(each) for each in told]


async def families_of(connection: Connection, wanted: UUID) -> list[UUID]:
    """The families of the known organisations that rows are about."""
    rows = await connection.fetch(
        "select distinct o.family_id from member_import_row r join organisation o on o.id = r.organisation_id"
        " where r.import_id = $1 and r.verdict in ('new', 'change') order by 1",
        wanted,
    )
    return [row["family_id"] for row in rows]


async def made(connection: Connection, wanted: UUID, written: Sequence[tuple[int, UUID, dict[str, Any]]]) -> None:
    """What came of rows; who they were about stands where it belongs from now on, and here no more."""
    encode = msgspec.json.encode
    await connection.execute(
        _MADE, wanted, [w[0] for w in written], [w[1] for w in written], [encode(w[2]).decode() for w in written]
    )


async def done(connection: Connection, wanted: UUID, counts: dict[str, Any]) -> datetime:
    """All of it is stored."""
    return await connection.fetchval(
        "update member_import set status = 'done', counts = $2, done = total, file = null, finished_at = now()"
        " where id = $1 returning finished_at",
        wanted,
        counts,
    )


async def undone(connection: Connection, wanted: UUID, counts: dict[str, Any]) -> None:
    """What could be taken back is."""
    await connection.execute(
        "update member_import set status = 'undone', counts = $2, done = total where id = $1", wanted, counts
    )


async def rows_made(connection: Connection, wanted: UUID, at_a_time: int) -> AsyncIterator[list[tuple[int, UUID, Any]]]:
    """Rows with what came of them, in the order of the file, so many at a time."""
    cursor = await connection.cursor(
        "select number, organisation_id, made from member_import_row where import_id = $1 and made is not null"
        " order by number",
        wanted,
    )
    while rows := await cursor.fetch(at_a_time):
        yield [(row["number"], row["organisation_id"], row["made"]) for row in rows]


async def count_made(connection: Connection, wanted: UUID) -> int:
    """How many rows something came of."""
    return await connection.fetchval(
        "select count(*) from member_import_row where import_id = $1 and made is not null", wanted
    )


async def audit_rows(connection: Connection, actor: Actor, wanted: UUID, network: UUID, action: str) -> None:
    """One entry for each organisation something was stored of or taken back from. Call it last."""
    await connection.execute(
        "select audit_append_rows($1, $2, $3, $4, $5, array_agg(r.organisation_id order by r.number),"
        " array_agg(jsonb_build_object('import', $5::uuid::text, 'row', r.number) order by r.number))"
        " from member_import_row r where r.import_id = $5 and r.made is not null",
        actor.name,
        actor.channel,
        action,
        network,
        wanted,
    )
