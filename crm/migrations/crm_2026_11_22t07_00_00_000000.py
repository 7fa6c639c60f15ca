"""Constraints, append-only triggers, audit chain, tenant wall and the job queue's own tables."""

from pathlib import Path

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo_conf import DB

ID = "2026-11-22T07:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "constraints, history, tenant wall"

SQL = Path(__file__).parent / "sql"


async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="crm", description=DESCRIPTION)

    async def run():
        connection = DB.current_transaction.get().connection
        for name in ("constraints", "append_only", "tenant_wall"):
            await connection.execute((SQL / f"{name}.sql").read_text())

    manager.add_raw(run)
    return manager
