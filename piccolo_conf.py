"""Where Piccolo finds the database engine and the tables. Nothing else belongs here."""

import os

from piccolo.conf.apps import AppRegistry
from piccolo.engine.postgres import PostgresEngine


class Engine(PostgresEngine):
    """Piccolo's engine, without the connection it would open just to be imported."""

    async def check_version(self) -> None:
        """`crm.migrate` refuses an old server; an import must not need one."""


# Straight from the environment: a wrong setting is told by the command line, an import must not fail on it.
# `extensions=()`: Piccolo would otherwise ask for uuid-ossp, which the embedded server has not.
DB = Engine(config={"dsn": os.environ.get("DATABASE_URL", "")}, extensions=())
APP_REGISTRY = AppRegistry(apps=["crm.piccolo_app"])
