"""Members' own pages and erasures: what crm_member reads, and history that can forget a name (raw SQL)."""

from pathlib import Path

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from piccolo_conf import DB

ID = "2026-11-22T13:40:00:000001"
VERSION = "1.38.0"
DESCRIPTION = "members' own pages and erasures: the wall, and whom history names (raw SQL)"

SQL = Path(__file__).parent / "sql"


async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="crm", description=DESCRIPTION)

    async def run():
        connection = DB.current_transaction.get().connection
        await connection.execute((SQL / "my_pages.sql").read_text())

    manager.add_raw(run)
    return manager
