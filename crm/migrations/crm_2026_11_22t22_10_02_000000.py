"""An index of drafts (raw SQL)."""

from pathlib import Path

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from piccolo_conf import DB

ID = "2026-11-22T22:10:02:000000"
VERSION = "1.38.0"
DESCRIPTION = "an index of drafts (raw SQL)"

SQL = Path(__file__).parent / "sql"


async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="crm", description=DESCRIPTION)

    async def run():
        connection = DB.current_transaction.get().connection
        await connection.execute((SQL / "invoice_drafts.sql").read_text())

    manager.add_raw(run)
    return manager
