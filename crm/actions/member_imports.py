"""Import members by file: upload, say what is what, see what every row would do, store all of it, take it back.

A file is stored whole or not at all: one transaction, which decides every row anew with the families locked. As long as
a row is refused nothing can be confirmed. Nothing is billed and nobody is written to: the past is only told.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from datetime import date, timedelta
from itertools import chain, islice
from typing import Any
from uuid import UUID

import msgspec

from cluster_rules.errors import RuleViolation
from crm import catalogue, faults, garbage, import_columns, import_rows
from crm.actor import Actor
from crm.catalogue import Catalogue, NetworkRow
from crm.context import Context
from crm.database import Connection
from crm.errors import Refused
from crm.gateways import table_files
from crm.gateways.table_files import Row, Table
from crm.import_columns import ColumnMapping, Found
from crm.import_counts import Counts
from crm.import_rows import Member, Terms
from crm.import_verdicts import Seen, judge
from crm.store import (
    audit,
    families,
    import_known,
    import_links,
    import_members,
    import_plans,
    import_undo,
    member_imports,
)
from crm.store.import_known import Names
from crm.store.import_plans import Plan, Work
from crm.store.member_imports import CHECK_TASK, LOAD_TASK, UNDO_TASK, Import

NAME_MAX = 200
LARGEST_FILE_BYTES = table_files.FILE_MAX
ROWS_AT_A_TIME = 1_000
STORED_AT_A_TIME = 1_000
KEPT_WAITING = timedelta(days=30)
STATEMENT_SECONDS = 600  # one COMMIT tells the directory of everybody who came
Tell = Callable[[int, int], None]


def _silent(_done: int, _of: int) -> None:
    """Nobody is told."""


async def upload(context: Context, actor: Actor, slug: str, name: str, content: bytes, sheet: str = "") -> UUID:
    """Take a file and say what its columns seem to be. Refused `file_*`, `headings_*` when it cannot be read."""
    async with context.db.tx() as connection:
        network = (await catalogue.load(connection)).network(slug)
        actor.must_manage(network.id)
    table, found = await asyncio.to_thread(_look, content, sheet)
    async with context.db.tx() as connection:
        saved = await member_imports.saved_mapping(connection, network.id, found.source)
        found = msgspec.structs.replace(
            found, columns=import_columns.again(found.columns, saved.columns if saved else {})
        )
        mapping = _mapping(found, saved)
        new = await member_imports.add(
            connection, network.id, name[:NAME_MAX] or "?", table.format, content, found, mapping, actor.name
        )
        detail = {"import": str(new), "file": name[:NAME_MAX], "bytes": len(content)}
        await audit.append(connection, actor, "import_uploaded", detail, network.id, None, new)
        return new


def _mapping(found: Found, saved: ColumnMapping | None) -> ColumnMapping:
    columns = {column.field: column.heading for column in found.columns if column.field}
    if saved:
        return msgspec.structs.replace(saved, columns=columns, sheet=found.sheet)
    return ColumnMapping(found.source, columns, sheet=found.sheet)


async def map_columns(context: Context, actor: Actor, wanted: UUID, mapping: ColumnMapping | None) -> None:
    """What is what (None: as it seems): kept for the network's next file, and a job looks at every row.

    Refused `import_status`, `column_not_there`, `column_missing`, `column_twice`, `field_unknown`, `level_unknown`.
    """
    async with context.db.tx() as connection:
        found = await member_imports.lock(connection, wanted)
        actor.must_manage(found.network_id)
        if found.status not in ("mapping", "checked", "failed"):
            raise Refused("import_status", "status", given=found.status)
        looked, mapping = found.found, mapping or found.mapping
        if mapping.sheet and mapping.sheet != looked.sheet:
            content = await member_imports.content(connection, wanted)
            looked = (await asyncio.to_thread(_look, content, mapping.sheet))[1]
            mapping = msgspec.structs.replace(mapping, columns=_mapping(looked, None).columns)
            await member_imports.map_columns(connection, wanted, mapping, looked, actor.name, found.network_id)
            return
        kept = await catalogue.load(connection)
        _check_mapping(mapping, looked, kept, kept.by_id[found.network_id].slug)
        await member_imports.map_columns(connection, wanted, mapping, looked, actor.name, found.network_id)
        await member_imports.go_on(connection, wanted, "checking", CHECK_TASK)


def _check_mapping(mapping: ColumnMapping, found: Found, kept: Catalogue, slug: str) -> None:
    headings = {column.heading for column in found.columns}
    for field, heading in mapping.columns.items():
        if field not in import_columns.FIELDS:
            raise Refused("field_unknown", f"columns.{field[:40]}")
        if heading not in headings:
            raise Refused("column_not_there", f"columns.{field}", given=heading[:80])
    listed = list(mapping.columns.values())
    if len(set(listed)) < len(listed):
        twice = next(heading for heading in listed if listed.count(heading) > 1)
        raise Refused("column_twice", "columns", given=twice[:80])
    if "name" not in mapping.columns:
        raise Refused("column_missing", "columns.name")
    if "level" not in mapping.columns and not mapping.level:
        raise Refused("column_missing", "columns.level")
    known = {tier.code for book in kept.rulebooks.of(slug) for tier in book.tiers}
    for level in (*mapping.levels.values(), mapping.level):
        if level and level not in known:
            raise Refused("level_unknown", "levels", given=level[:80])


async def check(context: Context, wanted: UUID, tell: Tell = _silent) -> None:
    """The job of an import whose columns are mapped: a verdict on every row. Begins again when it was killed."""
    try:
        async with context.db.tx() as connection:
            found = await _turn(connection, wanted, "checking")
            if found:
                content = await member_imports.content(connection, wanted)
                table = await asyncio.to_thread(table_files.opened, content, found.mapping.sheet)
                with garbage.many_objects():
                    await _check(context, connection, found, table, tell)
    except RuleViolation as refused:
        async with context.db.tx() as connection:
            await member_imports.failed(connection, wanted, _told(refused))


async def _turn(connection: Connection, wanted: UUID, status: str) -> Import | None:
    """The import, when it still waits for this; nobody else works on one of its network meanwhile."""
    await connection.execute(f"set local statement_timeout = '{STATEMENT_SECONDS}s'")
    await member_imports.work_on(connection, (await member_imports.get(connection, wanted)).network_id)
    found = await member_imports.get(connection, wanted)
    return found if found.status == status else None


async def _check(context: Context, connection: Connection, found: Import, table: Table, tell: Tell) -> None:
    kept = await catalogue.load(connection)
    network = kept.by_id[found.network_id]
    today = context.clock.today(network.zone)
    terms = _terms(kept, network, found, today)
    named = await import_known.names(connection, _of_host(kept, network), network.id)
    counts, seen, done = Counts(kept.book(network.slug, today).currency), Seen(), 0
    await member_imports.begin_rows(connection, found.id)
    work = Work(kept, network, found.id, today, context.clock.now(), Actor(found.created_by, "job"))
    for some in _batches(_data(table, found.found), ROWS_AT_A_TIME):
        read = await asyncio.to_thread(_read_all, some, found.found, terms)
        directory = await import_known.directory(connection, network.id, [m for m, _ in read], today, named)
        judged = [judge(member, problems, directory, seen) for member, problems in read]
        judged = [import_plans.by_book(each, kept, network.slug) for each in judged]
        links = await import_links.preview(connection, work, judged)
        counts.add(judged, links)
        await member_imports.add_rows(connection, found.id, judged, links)
        done += len(some)
        await _progress(context, found.id, done, 0)
        tell(done, 0)
    if not done:
        raise Refused("file_no_rows", "file")
    await member_imports.checked(connection, found.id, counts.told(), done)


async def confirm(context: Context, actor: Actor, wanted: UUID) -> None:
    """Store it: a job does. Refused `import_refused_rows` as long as a row is, `import_status`, `import_nothing`."""
    async with context.db.tx() as connection:
        found = await member_imports.lock(connection, wanted)
        actor.must_manage(found.network_id)
        if found.status in ("loading", "done"):
            return
        if found.status != "checked":
            raise Refused("import_status", "status", given=found.status)
        verdicts = found.counts.get("verdicts", {})
        if verdicts.get("refused"):
            raise Refused("import_refused_rows", "status", count=verdicts["refused"])
        if not verdicts.get("new") and not verdicts.get("change"):
            raise Refused("import_nothing", "status")
        await member_imports.confirm(connection, wanted, actor.name)
        await member_imports.go_on(connection, wanted, "loading", LOAD_TASK)


async def load(context: Context, wanted: UUID, tell: Tell = _silent) -> None:
    """The job of an import that was confirmed: all of it, in one transaction. Killed, it begins again from nothing."""
    try:
        async with context.db.tx() as connection:
            if found := await _turn(connection, wanted, "loading"):
                with garbage.many_objects():
                    await _load(context, connection, found, tell)
    except RuleViolation as refused:
        async with context.db.tx() as connection:
            await member_imports.failed(connection, wanted, _told(refused))


async def _load(context: Context, connection: Connection, found: Import, tell: Tell) -> None:
    kept = await catalogue.load(connection)
    network, actor = kept.by_id[found.network_id], Actor(found.confirmed_by, "import")
    today = context.clock.today(network.zone)
    work = Work(kept, network, found.id, today, context.clock.now(), actor)
    verdicts = found.counts["verdicts"]
    total, done = verdicts.get("new", 0) + verdicts.get("change", 0), 0
    named = await import_known.names(connection, _of_host(kept, network), network.id)
    await families.lock_many(connection, await member_imports.families_of(connection, found.id))
    async with aclosing(_plans(connection, work, named)) as plans:
        async for plan in plans:
            written = await import_members.write(connection, work, plan)
            await member_imports.made(connection, found.id, [(w.row, w.organisation, w.made) for w in written])
            done += plan.rows
            faults.point("import_rows_stored")
            await _progress(context, found.id, done, total)
            tell(done, total)
    booked = await import_members.booked(connection, found.id)
    counts = found.counts | {"stored": done} | booked
    await member_imports.done(connection, found.id, counts)
    await import_members.settle(connection)
    await member_imports.audit_rows(connection, actor, found.id, network.id, "member_imported")
    detail = {"import": str(found.id), "file": found.name, "rows": done} | booked
    await audit.append(connection, actor, "members_imported", detail, network.id, None, found.id)
    faults.point("import_before_commit")


async def _plans(connection: Connection, work: Work, named: tuple[Names, Names]) -> AsyncGenerator[Plan, None]:
    """What is to be written, so many rows at a time. Refused `import_stale` when one does not fit any more.

    While some are written the next are judged and thought through, in a thread. What is stored about them is read
    before: no two rows of a file are about the same organisation, so what is written meanwhile does not change it.
    """
    seen, ahead = Seen(), None
    try:
        async for told in member_imports.to_store(connection, work.source, STORED_AT_A_TIME):
            members = await asyncio.to_thread(member_imports.members, told)
            directory = await import_known.directory(connection, work.network.id, members, work.today, named)
            thinking = asyncio.to_thread(import_plans.planned, work, members, directory, seen)
            ready, ahead = ahead, asyncio.create_task(thinking)
            if ready:
                yield await ready
        if ahead:
            yield await ahead
    finally:
        if ahead:
            await asyncio.gather(ahead, return_exceptions=True)


async def drop(context: Context, actor: Actor, wanted: UUID) -> None:
    """It is not to be stored; its file and rows are not kept. Repeating is harmless. Refused `import_status`."""
    async with context.db.tx() as connection:
        found = await member_imports.lock(connection, wanted)
        actor.must_manage(found.network_id)
        if found.status == "dropped":
            return
        if found.status not in ("mapping", "checked", "failed"):
            raise Refused("import_status", "status", given=found.status)
        await member_imports.drop(connection, wanted)
        await audit.append(connection, actor, "import_dropped", {"file": found.name}, found.network_id, None, wanted)


async def drop_old(context: Context) -> int:
    """Files that have waited for a word so long are dropped: they are full of people's names. How many."""
    async with context.db.tx() as connection:
        old = await member_imports.waiting_since(connection, context.clock.now() - KEPT_WAITING)
        for wanted in old:
            await member_imports.drop(connection, wanted)
        return len(old)


async def undo(context: Context, actor: Actor, wanted: UUID) -> None:
    """Take it back: a job does, row by row what nothing later rests on. Refused `import_status`."""
    async with context.db.tx() as connection:
        found = await member_imports.lock(connection, wanted)
        actor.must_manage(found.network_id)
        if found.status in ("undoing", "undone"):
            return
        if found.status != "done":
            raise Refused("import_status", "status", given=found.status)
        await member_imports.undo(connection, wanted, actor.name)
        await member_imports.go_on(connection, wanted, "undoing", UNDO_TASK)


async def take_back(context: Context, wanted: UUID, tell: Tell = _silent) -> None:
    """The job of an import that is taken back: in one transaction, with what stays and why beside each row."""
    async with context.db.tx() as connection:
        found = await _turn(connection, wanted, "undoing")
        if found is None:
            return
        kept = await catalogue.load(connection)
        network = kept.by_id[found.network_id]
        by = await import_undo.by(connection, wanted)
        actor, today = Actor(by, "import"), context.clock.today(network.zone)
        work = Work(kept, network, wanted, today, context.clock.now(), actor)
        total, done, stays = await member_imports.count_made(connection, wanted), 0, 0
        async for rows in member_imports.rows_made(connection, wanted, STORED_AT_A_TIME):
            stays += await import_undo.take_back(connection, work, rows)
            done += len(rows)
            await _progress(context, wanted, done, total)
            tell(done, total)
        await member_imports.undone(connection, wanted, found.counts | {"taken_back": done - stays, "stay": stays})
        await import_members.settle(connection)
        await member_imports.audit_rows(connection, actor, wanted, network.id, "member_import_undone")
        detail = {"import": str(wanted), "file": found.name, "taken_back": done - stays, "stay": stays}
        await audit.append(connection, actor, "import_undone", detail, network.id, None, wanted)


def _look(content: bytes, sheet: str) -> tuple[Table, Found]:
    """The table and its columns, as far as the file says itself."""
    table = table_files.opened(content, sheet)
    rows = table.rows()
    first = list(islice((row for row in rows if any(_text(cell) for cell in row.cells)), table_files.HEADINGS_WITHIN))
    if not first:
        raise Refused("file_empty", "file")
    heads = [[_text(cell) for cell in row.cells] for row in first]
    source = import_columns.source_of(chain.from_iterable(heads))
    at = max(range(len(heads)), key=lambda place: (import_columns.known(heads[place], source), -place))
    headings = import_columns.headings(heads[at], first[at].number)
    after = chain(first[at + 1 :], islice(rows, import_columns.LOOKED_AT))
    below = list(islice(after, import_columns.LOOKED_AT))
    if not below:
        raise Refused("file_no_rows", "file")
    samples = [[_text(row.cells[n]) for row in below if n < len(row.cells)] for n in range(len(headings))]
    columns = import_columns.guess(headings, samples, source)
    levels = [samples[n] for n, column in enumerate(columns) if column.field == "level"]
    words = tuple(dict.fromkeys(word for word in chain.from_iterable(levels) if word))[: import_columns.LEVELS_MAX]
    told = (first[at].number, table.sheet, table.sheets, table.encoding, table.separator)
    return table, Found(source, columns, *told, words)


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()


def _data(table: Table, found: Found) -> Iterator[Row]:
    """The rows under the headings that say anything."""
    for row in table.rows():
        if row.number > found.heading_row and any(_text(cell) for cell in row.cells):
            yield row


def _batches(rows: Iterator[Row], size: int) -> Iterator[list[Row]]:
    while some := list(islice(rows, size)):
        yield some


def _read_all(rows: list[Row], found: Found, terms: Terms) -> list[tuple[Member, list[import_rows.Problem]]]:
    headings = [import_columns.key_of(column.heading) for column in found.columns]
    return [
        import_rows.read(
            row.number, row.cells, row.wrong, terms, import_rows.shape(row.cells, headings, found.separator)
        )
        for row in rows
    ]


def _terms(kept: Catalogue, network: NetworkRow, found: Import, today: date) -> Terms:
    """What rows are read by; a level may be written as its code or as its name in either language."""
    mapping, places = found.mapping, {column.heading: n for n, column in enumerate(found.found.columns)}
    levels: dict[str, str] = {}
    for book in kept.rulebooks.of(network.slug):
        for tier in book.tiers:
            levels |= {import_columns.key_of(each): tier.code for each in (tier.code, *tier.names.values())}
    levels |= {import_columns.key_of(text): code for text, code in mapping.levels.items()}
    where = {field: places[heading] for field, heading in mapping.columns.items() if heading in places}
    return Terms(mapping, where, levels, today, kept.book(network.slug, today).currency)


def _of_host(kept: Catalogue, network: NetworkRow) -> list[UUID]:
    """The networks among whose members somebody may be known by name."""
    return [each.id for each in kept.networks if each.host_id == network.host_id]


async def _progress(context: Context, wanted: UUID, done: int, total: int) -> None:
    """How far it is, told outside of the work's own transaction, so that somebody can see it."""
    if context.db.pool.get_max_size() > 1:
        async with context.db.aside() as connection:
            await member_imports.told(connection, wanted, done, total)


def _told(refused: RuleViolation) -> dict[str, Any]:
    params = {name: value if isinstance(value, int) else str(value) for name, value in refused.params.items()}
    return {"code": refused.code, "field": refused.field, "params": params}
