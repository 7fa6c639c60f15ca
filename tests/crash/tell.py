"""One try at a message in a process of its own, killed at a named point: `python -m tests.crash.tell DSN DELIVERY`."""

import asyncio
import sys
from uuid import UUID

from crm.actions import webhook_deliveries
from crm.clock import SystemClock
from crm.context import Context
from crm.database import Database, open_pool
from crm.settings import Settings
from tests.receiver import PATIENT


async def alone(dsn: str, delivery: UUID) -> None:
    pool = await open_pool(dsn, 2)
    context = Context(Database(pool), SystemClock(), Settings(development=True))
    await webhook_deliveries.send(context, delivery, PATIENT)
    await pool.close()


if __name__ == "__main__":
    asyncio.run(alone(sys.argv[1], UUID(sys.argv[2])))
