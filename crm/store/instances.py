"""All of an instance's rows as plain CSV, table by table, and back into an empty one (`crm export`, `crm import`).

What comes back is what was: ids, history, money, audit chain. CSV as PostgreSQL writes it: UTF-8, a header, an empty
text is "" and nothing at all is NULL, arrays in braces, JSON as text, moments with their offset. Left out is what lives
for minutes only or belongs to one server: sessions, jobs, positions of feeds, the migrations themselves.
"""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from crm.database import Connection
from crm.folder import FolderError

LEFT_OUT = frozenset(
    {
        "migration", "session", "sign_in_step", "idempotency_key", "rate_limit", "feed", "feed_epoch",
        "directory_state", "touched", "member_moved", "pgqueuer", "pgqueuer_log", "pgqueuer_schedules",
        "pgqueuer_statistics",
    }
)  # fmt: skip
_COLUMNS = """
select c.table_name, array_agg(c.column_name::text order by c.ordinal_position) as columns
from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
where c.table_schema = 'public' and t.table_type = 'BASE TABLE' and c.is_generated = 'NEVER'
group by c.table_name order by c.table_name
"""
_FOREIGN = """
select conrelid::regclass::text as place, conname as name, pg_get_constraintdef(oid) as definition from pg_constraint
where contype = 'f' and connamespace = 'public'::regnamespace order by 1, 2
"""
_COUNTERS = """
select table_name as place, column_name as name, column_default as counted from information_schema.columns
where table_schema = 'public' and column_default like 'nextval(%'
"""
_SEQUENCE = re.compile(r"nextval\('([^']+)'")


async def tables(connection: Connection) -> dict[str, list[str]]:
    """Every table that is exported, with its columns; those that the database computes are not among them."""
    rows = await connection.fetch(_COLUMNS)
    return {row["table_name"]: row["columns"] for row in rows if row["table_name"] not in LEFT_OUT}


async def is_empty(connection: Connection) -> bool:
    """Has nobody worked with this instance yet?"""
    return not await connection.fetchval(
        "select exists (select from host) or exists (select from organisation) or exists (select from account)"
    )


async def take_time(connection: Connection) -> None:
    """A table may be large: until the transaction ends, statements may take as long as they need."""
    await connection.execute("set local statement_timeout = 0")


async def copy_out(connection: Connection, table: str, columns: Sequence[str], place: Path) -> int:
    """A table's rows into the file `place`, in the order of their text, so equal rows are equal files; how many."""
    named = ", ".join(f'"{name}"' for name in columns)
    said = await connection.copy_from_query(
        f'select {named} from "{table}" t order by t::text', output=place, format="csv", header=True
    )
    return int(said.split()[-1])


async def copy_in(connection: Connection, table: str, columns: Sequence[str], place: Path) -> int:
    """The rows of the file `place` into a table, instead of what is there; how many. FolderError names the line."""
    await connection.execute(f'delete from "{table}"')
    try:
        said = await connection.copy_to_table(table, source=place, columns=columns, format="csv", header=True)
    except asyncpg.PostgresError as error:
        context = str(getattr(error, "context", "") or "").split(":")[0]
        raise FolderError(f"{table}.csv", 0, "rows", f"{error} ({context})") from error
    return int(said.split()[-1])


@asynccontextmanager
async def unguarded(connection: Connection, named: Sequence[str]) -> AsyncIterator[None]:
    """Rows come in any order and as they are: no trigger acts on them, and references are looked at when all are in.

    At the end everything stands as before. FolderError names a reference that leads nowhere.
    """
    foreign = await connection.fetch(_FOREIGN)
    for row in foreign:
        await connection.execute(f'alter table {row["place"]} drop constraint "{row["name"]}"')
    for table in named:
        await connection.execute(f'alter table "{table}" disable trigger user')
    yield
    for row in await connection.fetch(_COUNTERS):
        found = _SEQUENCE.match(row["counted"])
        if found and row["place"] in named:
            newest = f'(select max("{row["name"]}") from "{row["place"]}")'
            await connection.execute(f"select setval('{found[1]}', greatest({newest}, 1), {newest} is not null)")
    for row in foreign:
        try:
            await connection.execute(f'alter table {row["place"]} add constraint "{row["name"]}" {row["definition"]}')
        except asyncpg.ForeignKeyViolationError as error:
            raise FolderError(f"{row['place']}.csv", 0, row["name"], str(error.detail)) from error
    for table in named:
        await connection.execute(f'alter table "{table}" enable trigger user')
