"""What was issued day by day, and indexes of the list of invoices (raw SQL, ADR 0051)."""

from pathlib import Path

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from piccolo_conf import DB

ID = "2026-11-22T22:10:01:000001"
VERSION = "1.38.0"
DESCRIPTION = "what was issued day by day, and indexes of the list of invoices (raw SQL)"

SQL = Path(__file__).parent / "sql"


async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="crm", description=DESCRIPTION)

    async def run():
        connection = DB.current_transaction.get().connection
        await connection.execute((SQL / "invoice_day.sql").read_text())

    manager.add_raw(run)
    return manager
