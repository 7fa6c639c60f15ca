"""A run of dunning in a process of its own, killed at a named point: `python -m tests.crash.dun DSN DAYS`."""

import asyncio
import sys

from crm.actions import dunning
from crm.clock import FixedClock
from crm.context import Context
from crm.database import Database, open_pool
from crm.settings import Settings
from tests.commits.support import manager
from tests.conftest import NOW
from tests.crm.billing import NETWORK
from tests.crm.dunning import at


async def alone(dsn: str, days: int) -> None:
    """Take what is due, in batches of two."""
    dunning.BATCH = 2
    pool = await open_pool(dsn, 2)
    context = Context(Database(pool), FixedClock(NOW), Settings(development=True))
    await dunning.run(at(context, days), await manager(context), NETWORK)
    await pool.close()


if __name__ == "__main__":
    asyncio.run(alone(sys.argv[1], int(sys.argv[2])))
