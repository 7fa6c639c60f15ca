"""The turn of the day: what becomes true by itself when a day begins."""

from crm import catalogue
from crm.context import Context
from crm.store import feed, known_names, reviews


async def turn(context: Context) -> int:
    """Tell the feed of memberships whose last day has passed; how many. Twice a day is as good as once."""
    async with context.db.tx() as connection:
        await known_names.turn(connection, context.clock.now())
        ended = await feed.publish_ended(connection, context.clock.now())
    await review(context)
    return ended


async def review(context: Context) -> int:
    """Put members that do not fit their level any more on the work lists, take off who fits again; how many are new."""
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        today = {network.id: context.clock.today(network.zone) for network in kept.networks}
        return await reviews.turn(connection, kept, today, context.clock.now())
