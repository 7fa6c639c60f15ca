"""A database for a benchmark: an embedded server on disk with its ordinary, durable settings, and the demo data."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
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


@contextmanager
def own_server() -> Iterator[EmbeddedPostgres]:
    """A server of its own, with its ordinary settings, outside the checkout; nothing of it stays."""
    place = Path(tempfile.mkdtemp(prefix="klynge-bench-"))
    try:
        with EmbeddedPostgres(place) as server:
            yield server
    finally:
        home = (place / "postgres").resolve()
        gone = home.with_name(f"{home.name}-{place.name}-gone")
        home.rename(gone)  # at once: the server's watchdog looks in every second, and would lay its locks there again
        shutil.rmtree(gone, ignore_errors=True)
        shutil.rmtree(place, ignore_errors=True)


@asynccontextmanager
async def seeded(size: int = 8) -> AsyncIterator[tuple[Context, Keys]]:
    """The demo data on a server of its own, and a context to work on it."""
    with own_server() as server:
        keys = await seed(server.dsn(), SETTINGS, FixedClock(NOW))
        async with open_database(server.dsn(), size) as db:
            yield Context(db, FixedClock(NOW), SETTINGS), keys
