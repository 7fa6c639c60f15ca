"""Member lists are told when the register says another industry (raw SQL)."""

from pathlib import Path

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from piccolo_conf import DB

ID = "2026-11-22T22:40:00:000002"
VERSION = "1.38.0"
DESCRIPTION = "member lists hear of industries"

SQL = Path(__file__).parent / "sql"


async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="crm", description=DESCRIPTION)

    async def run():
        connection = DB.current_transaction.get().connection
        await connection.execute((SQL / "industry_moves.sql").read_text())

    manager.add_raw(run)
    return manager
