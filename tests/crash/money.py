"""Money that comes in, in a process of its own which may be killed: `python -m tests.crash.money ...`."""

import asyncio
import sys
from datetime import UTC, datetime
from uuid import UUID

from crm.actions import bank, payments
from crm.actor import Actor
from crm.clock import FixedClock
from crm.context import Context
from crm.database import Database, open_pool
from crm.settings import Settings
from tests.crm.billing import entry, kroner, notification

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


async def work(context: Context, what: str, invoice: str, host: str, kid: str, gross: str) -> None:
    """Record the payment of an invoice by hand, or read a bank file that tells of it."""
    ids = frozenset(row["id"] for row in await context.db.pool.fetch("select id from network"))
    actor = Actor("Test Manager", "web", manages=ids, reads=ids)
    if what == "payment":
        await payments.record(context, actor, UUID(invoice), int(gross), "NOK", NOW.date(), "Bank")
    else:
        content = notification(entry("REF-1", kroner(int(gross)), kid))
        await bank.import_file(context, actor, UUID(host), "camt.xml", content)


async def alone(dsn: str, *what: str) -> None:
    """The same, in this process."""
    pool = await open_pool(dsn, 2)
    await work(Context(Database(pool), FixedClock(NOW), Settings(development=True)), *what)
    await pool.close()


if __name__ == "__main__":
    asyncio.run(alone(*sys.argv[1:7]))
