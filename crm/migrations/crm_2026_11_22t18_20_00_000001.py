"""Who has which tags in the directory, read in one go (raw SQL)."""

from pathlib import Path

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from piccolo_conf import DB

ID = "2026-11-22T18:20:00:000001"
VERSION = "1.38.0"
DESCRIPTION = "who has which tags in the directory, read in one go"

SQL = Path(__file__).parent / "sql"


async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="crm", description=DESCRIPTION)

    async def run():
        connection = DB.current_transaction.get().connection
        await connection.execute((SQL / "directory_tagged.sql").read_text())

    manager.add_raw(run)
    return manager
