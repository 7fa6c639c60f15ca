"""Periods are kept apart by the hash of ids; who was forgotten is looked for by the statement (raw SQL)."""

from pathlib import Path

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from piccolo_conf import DB

ID = "2026-11-22T18:30:00:000001"
VERSION = "1.38.0"
DESCRIPTION = "ids made together lie apart in the indexes that keep periods apart (raw SQL)"

SQL = Path(__file__).parent / "sql"


async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="crm", description=DESCRIPTION)

    async def run():
        connection = DB.current_transaction.get().connection
        await connection.execute((SQL / "bulk_indexes.sql").read_text())

    manager.add_raw(run)
    return manager
