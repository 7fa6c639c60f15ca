import decimal

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.columns.column_types import Integer, Numeric

ID = "2026-11-22T12:14:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "rates of VAT with decimals"


async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="crm", description=DESCRIPTION)

    manager.alter_column(
        table_class_name="Charge",
        tablename="charge",
        column_name="vat_percent",
        db_column_name="vat_percent",
        params={"default": decimal.Decimal("0"), "digits": None},
        old_params={"default": 0, "digits": None},
        column_class=Numeric,
        old_column_class=Integer,
        schema=None,
    )

    return manager
