"""What stands on an invoice, and what reports on money read in one pass (raw SQL, ADR 0045)."""

from pathlib import Path

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from piccolo_conf import DB

ID = "2026-11-22T18:10:00:000001"
VERSION = "1.38.0"
DESCRIPTION = "what stands on an invoice, and what reports on money read in one pass (raw SQL)"

SQL = Path(__file__).parent / "sql"


async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="crm", description=DESCRIPTION)

    async def run():
        connection = DB.current_transaction.get().connection
        for name in ("money_speed.sql", "invoice_standing.sql"):
            await connection.execute((SQL / name).read_text())

    manager.add_raw(run)
    return manager
