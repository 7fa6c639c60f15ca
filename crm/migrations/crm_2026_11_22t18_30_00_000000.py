"""Telling of many new ones, what rows point to, and many entries of the audit trail, by the statement (raw SQL)."""

from pathlib import Path

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from piccolo_conf import DB

ID = "2026-11-22T18:30:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "feed, shares, directory and audit of many at once (raw SQL)"

SQL = Path(__file__).parent / "sql"


async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="crm", description=DESCRIPTION)

    async def run():
        connection = DB.current_transaction.get().connection
        await connection.execute((SQL / "bulk_telling.sql").read_text())

    manager.add_raw(run)
    return manager
