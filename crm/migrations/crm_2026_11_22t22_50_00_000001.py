"""Opening credits: what holds of them, and who sees them (raw SQL)."""

from pathlib import Path

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from piccolo_conf import DB

ID = "2026-11-22T22:50:00:000001"
VERSION = "1.38.0"
DESCRIPTION = "opening credits: constraints, append-only, the wall; a way of payment"

SQL = Path(__file__).parent / "sql"


async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="crm", description=DESCRIPTION)

    async def run():
        connection = DB.current_transaction.get().connection
        await connection.execute((SQL / "opening_credits.sql").read_text())

    manager.add_raw(run)
    return manager
