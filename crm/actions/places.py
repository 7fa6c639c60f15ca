"""Places that have become free go to the next in the queue; a manager may take somebody off it."""

from datetime import date
from uuid import UUID

import msgspec

from cluster_rules.cascades import decide, on_place
from cluster_rules.claims import claims, place
from cluster_rules.errors import RuleViolation
from cluster_rules.intents import Intent
from cluster_rules.memberships import Facts
from crm import catalogue
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.context import Context
from crm.store import audit, families, places
from crm.store.apply import apply
from crm.store.places import Row

GIVER = Actor("Klynge", "job")
MOST = 1000  # in one turn, in case something goes round


async def turn(context: Context) -> int:
    """Free the places of those who left, and give them in the order of the queues; how many were given.

    One transaction for each place given: the family is locked first, then the pool. As good twice as once.
    """
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        today = {network.id: context.clock.today(network.zone) for network in kept.networks}
        await places.free(connection, today)
    for done in range(MOST):
        async with context.db.tx() as connection:
            kept = await catalogue.load(connection)
            first = await places.next_in_line(connection, kept, today)
        if not first:
            return done
        for row in first:
            await _give(context, row)
    return MOST


async def remove(context: Context, actor: Actor, wanted: UUID) -> bool:
    """Take a claim off the queue: its place goes to others. False when it does not wait any more. NotFound."""
    async with context.db.tx() as connection:
        row = await places.one(connection, wanted)
        actor.must_manage(row.network_id)
        done = await places.remove(connection, wanted, actor.name)
        if done:
            detail = {"rule": row.rule, "tier": row.tier}
            await audit.append(connection, actor, "place_removed", detail, row.network_id, row.organisation_id, wanted)
        return done


async def _give(context: Context, row: Row) -> None:
    """Give one place with everything that follows; a claim that does not hold any more is taken off the queue."""
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        family = await families.lock(connection, row.organisation_id)
        today = context.clock.today(kept.by_id[row.network_id].zone)
        facts = await families.load(connection, kept, family)
        intents = _what_follows(kept, facts, row, today)
        if intents is None:
            await places.remove(connection, row.id, places.RULES)
            return
        if not await places.give(connection, kept, row, today):
            return
        await apply(connection, kept, facts, intents, family)
        detail = {"rule": row.rule, "tier": row.tier, "on": today.isoformat()}
        await audit.append(connection, GIVER, "place_given", detail, row.network_id, row.organisation_id, row.id)


def _what_follows(kept: Catalogue, facts: Facts, row: Row, today: date) -> tuple[Intent, ...] | None:
    """Everything the place leads to; None when nothing asks for it any more, or a rule now refuses what did."""
    pool = (kept.by_id[row.network_id].slug, row.rule, row.tier)
    claim = next((c for c in claims(facts, today) if (c.pool, c.organisation) == (pool, row.organisation_id)), None)
    if claim is None:
        return None
    given = (*facts.places, place(claim, today))
    if row.rule:
        return on_place(msgspec.structs.replace(facts, places=given), today)
    asked = next(d for d in facts.decisions if d.id == claim.cause)
    others = tuple(d for d in facts.decisions if d.id != asked.id)
    try:
        return decide(msgspec.structs.replace(facts, decisions=others, places=given), asked, today).intents
    except RuleViolation:
        return None
