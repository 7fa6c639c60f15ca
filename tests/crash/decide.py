"""One decision in a process of its own, which may be killed at a named point: `python -m tests.crash.decide ...`."""

import asyncio
import sys
from datetime import UTC, date, datetime
from uuid import UUID

from crm.actions import applications, invoices, memberships
from crm.actions.memberships import Change
from crm.actor import Actor
from crm.clock import FixedClock
from crm.context import Context
from crm.database import Database, open_pool
from crm.settings import Settings

STARTS = date(2026, 12, 1)
CHANGES = date(2027, 3, 1)
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


async def decide(dsn: str, what: str, subject: UUID) -> None:
    """Approve the application, issue the draft invoice, or end the membership."""
    pool = await open_pool(dsn, 2)
    ids = frozenset(row["id"] for row in await pool.fetch("select id from network"))
    context = Context(Database(pool), FixedClock(NOW), Settings(development=True))
    actor = Actor("Test Manager", "web", manages=ids, reads=ids)
    if what == "approve":
        await applications.approve(context, actor, subject, STARTS)
    elif what == "issue":
        await invoices.issue(context, actor, subject)
    else:
        await memberships.make(context, actor, subject, Change("ending", CHANGES, reason="moved on"))
    await pool.close()


if __name__ == "__main__":
    asyncio.run(decide(sys.argv[1], sys.argv[2], UUID(sys.argv[3])))
