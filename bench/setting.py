"""A database for a benchmark: a throwaway embedded server with the demo data, or BENCH_DATABASE_URL."""

import statistics
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from crm.clock import FixedClock
from crm.context import Context
from crm.database import open_database
from crm.settings import Settings
from tests.postgres import throwaway_server
from tests.seed import Keys, seed

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SETTINGS = Settings(base_url="http://klynge.test")


@asynccontextmanager
async def seeded(size: int = 8) -> AsyncIterator[tuple[Context, Keys]]:
    """The demo data on a server of its own, and a context to work on it."""
    with throwaway_server() as server:
        dsn = server.create_database("bench")
        keys = await seed(dsn, SETTINGS, FixedClock(NOW))
        async with open_database(dsn, size) as db:
            yield Context(db, FixedClock(NOW), SETTINGS), keys


def report(name: str, seconds: Sequence[float], unit: float = 1000.0) -> str:
    """Median and 95th percentile in milliseconds."""
    ordered = sorted(seconds)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return f"{name:44} p50 {statistics.median(ordered) * unit:8.2f} ms   p95 {p95 * unit:8.2f} ms   n {len(ordered)}"
