"""From nothing to the newest schema: repeatable, from several processes at once, and what `crm/tables` says."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from piccolo.apps.migrations.commands.new import AutoMigrationManager

from crm import migrate
from crm.migrate import MigrationError, is_migrated
from crm.piccolo_app import APP_CONFIG
from tests.postgres import Server

pytestmark = pytest.mark.anyio

AT_ONCE = 4
ROOT = Path(__file__).parents[2]
# Columns that Piccolo has no words for; crm/migrations/sql adds them.
RAW_COLUMNS = {("organisation", "sort_name"), ("membership_grant", "source_key"), ("feed", "xid")}
RAW_COLUMNS |= {("charge", "yearly")}
RAW_COLUMNS |= {("feed_member", "moved_xid"), ("feed_head", "pruned_xid"), ("share", "moved_xid")}
RAW_COLUMNS |= {("directory_entry", name) for name in ("tags", "doc", "moved_xid")}


@pytest.fixture
def empty(server: Server) -> Iterator[str]:
    yield server.create_database("klynge_empty")
    server.drop_database("klynge_empty")


async def test_twice_and_from_several_processes_at_once(empty: str) -> None:
    connection = await asyncpg.connect(empty)
    try:
        assert not await is_migrated(connection)
        environment = {**os.environ, "DATABASE_URL": empty, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "crm", "migrate"]
        running = [
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # noqa: ASYNC220
            for _ in range(AT_ONCE)
        ]
        told = [each.communicate(timeout=300)[0].decode() for each in running]
        assert [each.returncode for each in running] == [0] * AT_ONCE, told
        assert await is_migrated(connection)
        done = await connection.fetch("select name from migration order by name")
        await migrate.migrate(empty)
        assert await connection.fetch("select name from migration order by name") == done
        assert len(done) == len(list((ROOT / "crm" / "migrations").glob("crm_*.py")))
        await connection.execute("delete from migration where name = $1", done[-1]["name"])
        assert not await is_migrated(connection)
    finally:
        await connection.close()


async def test_what_is_in_the_database_is_what_the_tables_say(seeded: object, own_database: str) -> None:
    connection = await asyncpg.connect(own_database)
    try:
        rows = await connection.fetch(
            "select table_name, column_name, is_nullable from information_schema.columns where table_schema = 'public'"
        )
    finally:
        await connection.close()
    stored = {(r["table_name"], r["column_name"]): r["is_nullable"] == "YES" for r in rows}
    said = {
        (table._meta.tablename, column._meta.db_column_name): column._meta.null
        for table in APP_CONFIG.table_classes
        for column in table._meta.columns
    }
    tables = {table for table, _ in said}
    assert {key for key in stored if key[0] in tables} == {*said, *RAW_COLUMNS}
    assert {key: stored[key] for key in said} == said


async def test_no_migration_is_missing() -> None:
    found = await AutoMigrationManager(auto_input="y").get_alter_statements(APP_CONFIG)
    assert [statement for each in found for statement in each.statements] == []
    # (one that no other table refers to: Piccolo finds the others by their references)
    unreferred = [table for table in APP_CONFIG.table_classes if table.__name__ != "FeedEpoch"]
    fewer = replace(APP_CONFIG, table_classes=unreferred)
    control = await AutoMigrationManager(auto_input="y").get_alter_statements(fewer)
    assert [statement for each in control for statement in each.statements]


async def test_an_old_server_is_refused(empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "OLDEST_SERVER", 990_000)
    with pytest.raises(MigrationError, match="newer"):
        await migrate.migrate(empty)
