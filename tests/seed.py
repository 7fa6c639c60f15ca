"""The demo data in a database, with the keys and logins tests use."""

import msgspec

from crm import demo
from crm.clock import Clock
from crm.context import Context
from crm.database import Database, close_pool, open_pool
from crm.migrate import migrate
from crm.settings import Settings


class Keys(msgspec.Struct, frozen=True):
    """What the demo made, in clear text."""

    manager_key: str
    partner_keys: dict[str, str]
    logins: list[dict[str, str]]


async def seed(dsn: str, settings: Settings, clock: Clock) -> Keys:
    """Migrate and load the demo."""
    await migrate(dsn)
    pool = await open_pool(dsn)
    try:
        made = await demo.load(Context(Database(pool), clock, settings))
        return Keys(made.manager_key, made.partner_keys, made.logins)
    finally:
        await close_pool(pool)
