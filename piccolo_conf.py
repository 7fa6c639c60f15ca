"""Where Piccolo finds the database engine and the tables. Nothing else belongs here."""

from piccolo.conf.apps import AppRegistry
from piccolo.engine.postgres import PostgresEngine

from crm import settings


class Engine(PostgresEngine):
    """Piccolo's engine, without the connection it would open just to be imported."""

    async def check_version(self) -> None:
        """`crm.migrate` refuses an old server; an import must not need one."""


# `extensions=()`: Piccolo would otherwise ask for uuid-ossp, which the embedded server has not.
DB = Engine(config={"dsn": settings.from_environment().database_url}, extensions=())
APP_REGISTRY = AppRegistry(apps=["crm.piccolo_app"])
