"""A database for a benchmark: an embedded server on disk with its ordinary, durable settings, and the demo data."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from crm.clock import FixedClock
from crm.context import Context
from crm.database import open_database
from crm.gateways.postgres import EmbeddedPostgres
from crm.settings import Settings
from tests.seed import Keys, seed

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SETTINGS = Settings(base_url="http://klynge.test")


@asynccontextmanager
async def seeded(size: int = 8) -> AsyncIterator[tuple[Context, Keys]]:
    """The demo data on a server of its own, and a context to work on it."""
    with (
        tempfile.TemporaryDirectory(prefix="klynge-bench-", ignore_cleanup_errors=True) as place,
        EmbeddedPostgres(Path(place)) as server,
    ):
        dsn = server.dsn()
        keys = await seed(dsn, SETTINGS, FixedClock(NOW))
        async with open_database(dsn, size) as db:
            yield Context(db, FixedClock(NOW), SETTINGS), keys
