"""What hot tables point to is looked up by the statement (ADR 0021, 0047), and long chains of the audit trail hold."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from crm.context import Context
from crm.database import Connection
from crm.store import audit

pytestmark = pytest.mark.anyio

COLUMNS = "select column_name from information_schema.columns where table_name = $1 and is_generated = 'NEVER'"
# Somebody who is not a member of that network yet.
STRANGER = """
select o.id as organisation_id, n.id as network_id from organisation o, network n
where not exists (select from membership m where m.organisation_id = o.id and m.network_id = n.id) limit 1
"""
POINTING = {
    "membership": ("organisation_id", "network_id"),
    "membership_grant": ("membership_id", "organisation_id", "network_id", "source_network_id"),
    "membership_period": ("membership_id", "organisation_id", "network_id"),
    "feed_member": ("organisation_id", "network_id"),
    "feed": ("organisation_id", "network_id"),
    "share": ("organisation_id", "disclosure_id"),
    "share_version": ("organisation_id", "disclosure_id"),
}


async def other(connection: Connection, table: str) -> dict[str, Any]:
    """What makes a copied row of the table one that could be there."""
    if table == "membership":
        return {"id": uuid4(), **dict(await connection.fetchrow(STRANGER))}
    if table in ("feed_member", "share", "share_version"):
        return {"membership_id": uuid4()} | ({} if table == "feed_member" else {"row_id": -1})
    return {"seq": -1} if table == "feed" else {"row_id": -1, "superseded_at": "2026-11-22T09:00:00Z"}


async def copied(connection: Connection, table: str, values: Mapping[str, Any]) -> None:
    columns = ", ".join(row[0] for row in await connection.fetch(COLUMNS, table))
    where = "where kind = 'linked'" if table == "membership_grant" else ""
    await connection.execute(
        f"insert into {table} ({columns}) select {columns} from (select (jsonb_populate_record(t, $1)).* from {table} t"
        f" {where} limit 1) made",
        {name: str(value) for name, value in values.items()},
    )


@pytest.mark.parametrize(("table", "column"), [(table, each) for table, some in POINTING.items() for each in some])
async def test_who_points_to_nothing_is_refused(context: Context, table: str, column: str) -> None:
    async with context.db.tx() as connection:
        whole = await other(connection, table)
        with pytest.raises(asyncpg.ForeignKeyViolationError, match=r"points to a missing|violates foreign key"):
            async with connection.transaction():
                await copied(connection, table, whole | {column: uuid4()})
        await copied(connection, table, whole)  # the control: but for that it could be there


async def test_what_is_pointed_to_stays(context: Context) -> None:
    for statement in ("delete from disclosure", "update disclosure set id = gen_random_uuid()"):
        async with context.db.tx() as connection:
            with pytest.raises(asyncpg.RestrictViolationError):
                async with connection.transaction():
                    await connection.execute(statement)


async def test_a_chain_of_many_entries_holds(context: Context) -> None:
    """More than one slice of them; the control: another text in one of them breaks it there and nowhere else."""
    async with context.db.tx() as connection:
        before, _ = await audit.head(connection)
        last = await connection.fetchval(
            "select audit_append_rows('Kari', 'web', 'member_imported', null, null, array_agg(gen_random_uuid()),"
            " array_agg(jsonb_build_object('row', n))) from generate_series(1, 1002) n"
        )
        assert last == before + 1002
        assert await audit.broken_links(connection) == []
        async with connection.transaction():
            await connection.execute("alter table audit disable trigger only_forgotten")
            await connection.execute("update audit set detail = '{\"row\": 0}' where seq = $1", before + 1001)
        assert await audit.broken_links(connection) == [before + 1001]
