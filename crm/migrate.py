"""Bring a database to the newest schema: Piccolo's migrations and the job queue's, one at a time.

Piccolo takes no lock, so two processes on an empty database would trip over each other
(stack.md 2): an advisory lock makes the second wait and find everything done.
"""

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import asyncpg
from pgqueuer.db import AsyncpgDriver
from pgqueuer.queries import Queries
from piccolo.apps.migrations.commands.forwards import run_forwards

from crm.store import feed
from piccolo_conf import DB

MIGRATION_LOCK = 727_001
OLDEST_SERVER = 150_000


class MigrationError(RuntimeError):
    """The database could not be brought to the newest schema; the message says why."""


async def migrate(dsn: str) -> None:
    """Run what is missing; harmless to repeat and to run from several processes at once."""
    connection = await asyncpg.connect(dsn)
    try:
        if int(await connection.fetchval("show server_version_num")) < OLDEST_SERVER:
            raise MigrationError("Klynge needs PostgreSQL 15 or newer")
        await connection.execute("select pg_advisory_lock($1)", MIGRATION_LOCK)
        DB.config["dsn"] = dsn
        told = StringIO()
        with redirect_stdout(told):  # Piccolo prints its progress; only a failure is of interest
            result = await run_forwards("crm")
        if not result.success:
            raise MigrationError(f"{result.message}\n{told.getvalue()}")
        await _install_queue(connection)
        async with connection.transaction():
            await feed.renew_epoch(connection)
    finally:
        await connection.close()


async def _install_queue(connection: asyncpg.Connection) -> None:
    """The job queue's own tables, as its library makes and upgrades them."""
    queries = Queries(AsyncpgDriver(connection))
    if await queries.has_table("pgqueuer"):
        await queries.upgrade()
    else:
        await queries.install()


async def is_migrated(connection: asyncpg.Connection) -> bool:
    """Is the newest migration in? False on an empty or older database."""
    if await connection.fetchval("select to_regclass('migration')") is None:
        return False
    done = await connection.fetchval("select count(*) from migration where app_name = 'crm'")
    return bool(done >= len(known()))


def known() -> frozenset[str]:
    """The migrations of this version, as Piccolo writes them down: crm_2026_11_22t06_26_41_041049.py is
    2026-11-22T06:26:41:041049."""
    files = (Path(__file__).parent / "migrations").glob("crm_*.py")
    parts = (file.stem.removeprefix("crm_").upper().replace("T", "_").split("_") for file in files)
    return frozenset(f"{'-'.join(part[:3])}T{':'.join(part[3:])}" for part in parts)
