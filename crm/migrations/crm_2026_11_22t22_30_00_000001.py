"""Files of the register on their way, differences answered together: what holds of the rows, who sees them."""

from pathlib import Path

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from piccolo_conf import DB

ID = "2026-11-22T22:30:00:000001"
VERSION = "1.38.0"
DESCRIPTION = "files of the register on their way: constraints and the wall"

SQL = Path(__file__).parent / "sql"


async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="crm", description=DESCRIPTION)

    async def run():
        connection = DB.current_transaction.get().connection
        await connection.execute((SQL / "register_work.sql").read_text())

    manager.add_raw(run)
    return manager
