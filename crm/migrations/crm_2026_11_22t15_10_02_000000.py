"""Names and addresses are taken out of what is told about something else (raw SQL)."""

from pathlib import Path

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from piccolo_conf import DB

ID = "2026-11-22T15:10:02:000000"
VERSION = "1.38.0"
DESCRIPTION = "names and addresses are taken out of details (raw SQL)"

SQL = Path(__file__).parent / "sql"


async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="crm", description=DESCRIPTION)

    async def run():
        connection = DB.current_transaction.get().connection
        await connection.execute((SQL / "forgetting.sql").read_text())

    manager.add_raw(run)
    return manager
