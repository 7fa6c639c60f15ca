"""A renewal run's job in a process of its own, killed at a named point: `python -m tests.crash.renew dsn job run`."""

import asyncio
import sys
from datetime import UTC, datetime
from uuid import UUID

from crm.actions import renewals
from crm.clock import FixedClock
from crm.context import Context
from crm.database import Database, open_pool
from crm.settings import Settings

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
AT_A_TIME = 7  # members of one transaction: the demo's networks are small


async def work(dsn: str, job: str, run: UUID) -> None:
    """Preview the run, or bill it."""
    renewals.MEMBERS_AT_A_TIME = AT_A_TIME
    pool = await open_pool(dsn, 2)
    context = Context(Database(pool), FixedClock(NOW), Settings(development=True))
    await (renewals.preview if job == "preview" else renewals.bill)(context, run)
    await pool.close()


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], sys.argv[2], UUID(sys.argv[3])))
