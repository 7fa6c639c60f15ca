"""The turn of the day: what becomes true by itself when a day begins."""

from uuid import UUID

from crm import catalogue
from crm.context import Context
from crm.store import feed, known_names, reviews, shares


async def turn(context: Context) -> int:
    """Tell the feed of members whom the day has changed; how many are gone. Twice a day is as good as once."""
    async with context.db.tx() as connection:
        await known_names.turn(connection, context.clock.now())
        await feed.renew_epoch(connection)
        ended = await feed.turn(connection, context.clock.now())
        await shares.turn(connection, context.clock.now())
    await review(context)
    return ended


async def turn_feed(context: Context, network: UUID) -> None:
    """The same for one network's feed and shares, when somebody reads them before the hourly turn of a new day."""
    async with context.db.tx() as connection:
        await feed.turn(connection, context.clock.now(), network)
        await shares.turn(connection, context.clock.now(), [network])


async def prune_feed(context: Context) -> int:
    """Drop feed entries past their retention; how many."""
    async with context.db.tx() as connection:
        return await feed.prune(connection, context.clock.now())


async def review(context: Context) -> int:
    """Put members that do not fit their level any more on the work lists, take off who fits again; how many are new."""
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        today = {network.id: context.clock.today(network.zone) for network in kept.networks}
        return await reviews.turn(connection, kept, today, context.clock.now())
