"""One step of a card payment in a process of its own, killed at a named point: `python -m tests.crash.pay ...`."""

import asyncio
import sys
from datetime import UTC, datetime
from uuid import UUID

from crm.actions import card_events, cards
from crm.actor import Actor
from crm.clock import FixedClock
from crm.context import Context
from crm.database import Database, open_pool
from crm.gateways.stripe import Accounts
from crm.settings import Settings
from tests.crm.cards import HOST, KEY
from tests.fakes.stripe import SECRET

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
BACK = "https://klynge.example/en/pay/token"


async def work(context: Context, accounts: Accounts, what: str, subject: str) -> None:
    """Open the card form of an invoice, ask for a refund of a payment, or handle an event."""
    if what == "open":
        await cards.open_form(context, accounts, UUID(subject), BACK, "Invoice")
    elif what == "refund":
        ids = frozenset(row["id"] for row in await context.db.pool.fetch("select id from network"))
        actor = Actor("Test Manager", "web", manages=ids, reads=ids)
        await cards.refund(context, accounts, actor, UUID(subject), 100_00, "Too much")
    else:
        await card_events.handle(context, accounts, subject)


async def alone(dsn: str, provider: str, what: str, subject: str) -> None:
    """The same, in this process."""
    pool = await open_pool(dsn, 2)
    settings = Settings(
        development=True, stripe_keys={HOST: KEY}, stripe_secrets={HOST: (SECRET,)}, stripe_url=provider
    )
    accounts = Accounts(settings)
    await work(Context(Database(pool), FixedClock(NOW), settings), accounts, what, subject)
    await accounts.close()
    await pool.close()


if __name__ == "__main__":
    asyncio.run(alone(*sys.argv[1:5]))
