"""Members told of a renewal in a process of its own, killed at a named point: `python -m tests.crash.ahead DSN`."""

import asyncio
import sys

from crm.actions import renewal_notices
from crm.clock import FixedClock
from crm.context import Context
from crm.database import Database, open_pool
from crm.settings import Settings
from tests.commits.support import manager
from tests.conftest import NOW
from tests.crm.billing import NETWORK


async def alone(dsn: str) -> None:
    """Tell everybody, ten at a time."""
    renewal_notices.MEMBERS_AT_A_TIME = 10
    pool = await open_pool(dsn, 2)
    context = Context(Database(pool), FixedClock(NOW), Settings(development=True))
    await renewal_notices.run(context, await manager(context), NETWORK)
    await pool.close()


if __name__ == "__main__":
    asyncio.run(alone(sys.argv[1]))
