"""What becomes of members on hold when their year begins, where their level ends them then: the turn of the day."""

from uuid import UUID

from crm import catalogue
from crm.actor import Actor
from crm.context import Context
from crm.store import renewal_lapses


async def turn(context: Context, actor: Actor) -> list[UUID]:
    """End memberships that are on hold and whose year began so; the decisions. Twice a day is as good as once."""
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
    made: list[UUID] = []
    for network in kept.networks:
        tiers = [tier for book in kept.rulebooks.of(network.slug) for tier in book.tiers]
        if not any(tier.suspended_renewal == "end" for tier in tiers):
            continue
        today = context.clock.today(network.zone)
        async with context.db.tx() as connection:
            waiting = await renewal_lapses.on_hold(connection, network.id, today)
        for each in waiting:
            async with context.db.tx() as connection:
                ended = await renewal_lapses.lapse(connection, kept, each, actor, context.clock.now(), today)
            made += [ended] if ended else []
    return made
