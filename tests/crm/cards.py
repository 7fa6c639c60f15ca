"""Card payments in tests: the fake provider on loopback, the accounts that speak to it, and events brought over."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from crm.actions import card_events
from crm.context import Context
from crm.gateways.stripe import Accounts
from tests.fakes.serving import served
from tests.fakes.stripe import SECRET, Fake
from tests.fakes.stripe_state import Object

KEY = "sk_test_fake"
HOST = "nora"


@asynccontextmanager
async def provider(context: Context) -> AsyncIterator[tuple[Fake, Accounts, Context]]:
    """The fake, holding its events back, and a context whose host NORA takes cards by it."""
    fake = Fake(key=KEY)
    fake.faults.hold = True
    async with served(fake) as address:
        fake.base = address
        settings = msgspec.structs.replace(
            context.settings, stripe_keys={HOST: KEY}, stripe_secrets={HOST: (SECRET,)}, stripe_url=address
        )
        accounts = Accounts(settings)
        try:
            yield fake, accounts, msgspec.structs.replace(context, settings=settings)
        finally:
            await accounts.close()


async def bring(context: Context, accounts: Accounts, fake: Fake, events: list[Object]) -> list[str]:
    """Deliver events as they come, and let the worker handle each; what the web answered."""
    said = []
    for event in events:
        said.append(await card_events.receive(context, accounts, *fake.signed(event)))
        await card_events.handle(context, accounts, event["id"])
    return said
