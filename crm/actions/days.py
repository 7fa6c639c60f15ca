"""The turn of the day: what becomes true by itself when a day begins."""

from crm.context import Context
from crm.store import feed


async def turn(context: Context) -> int:
    """Tell the feed of memberships whose last day has passed; how many. Twice a day is as good as once."""
    async with context.db.tx() as connection:
        return await feed.publish_ended(connection, context.clock.now())
