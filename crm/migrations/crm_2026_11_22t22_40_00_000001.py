"""What managers were told of ahead: once, and who sees it (raw SQL)."""

from pathlib import Path

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from piccolo_conf import DB

ID = "2026-11-22T22:40:00:000001"
VERSION = "1.38.0"
DESCRIPTION = "what managers were told of ahead: once, and the wall"

SQL = Path(__file__).parent / "sql"


async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="crm", description=DESCRIPTION)

    async def run():
        connection = DB.current_transaction.get().connection
        await connection.execute((SQL / "ending_notices.sql").read_text())

    manager.add_raw(run)
    return manager
