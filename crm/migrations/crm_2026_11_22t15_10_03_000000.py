"""Logos stand in the rows of the directory (raw SQL)."""

from pathlib import Path

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from piccolo_conf import DB

ID = "2026-11-22T15:10:03:000000"
VERSION = "1.38.0"
DESCRIPTION = "logos stand in the rows of the directory (raw SQL)"

SQL = Path(__file__).parent / "sql"


async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="crm", description=DESCRIPTION)

    async def run():
        connection = DB.current_transaction.get().connection
        await connection.execute((SQL / "logos.sql").read_text())

    manager.add_raw(run)
    return manager
