"""Rates of VAT with decimals (raw SQL runs before Piccolo's own)."""

from pathlib import Path

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from piccolo_conf import DB

ID = "2026-11-22T12:14:00:000001"
VERSION = "1.38.0"
DESCRIPTION = "rates of VAT: constraint"

SQL = Path(__file__).parent / "sql"


async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="crm", description=DESCRIPTION)

    async def run():
        connection = DB.current_transaction.get().connection
        await connection.execute((SQL / "vat_decimals.sql").read_text())

    manager.add_raw(run)
    return manager
