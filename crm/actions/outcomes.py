"""Why, and why not: what each link rule does for an organisation on a day (AC-2b)."""

from datetime import date
from uuid import UUID

from cluster_rules import outcomes
from cluster_rules.outcomes import RuleOutcome
from crm import catalogue
from crm.actor import Actor
from crm.context import Context
from crm.store import families


async def of_day(
    context: Context, actor: Actor, organisation: UUID, on: date, target: str = ""
) -> tuple[RuleOutcome, ...]:
    """The outcome of every rule of a network that the actor may see; NotFound when there is no such organisation.

    The facts are read as the rules need them, all networks' together; what is told of another network's
    members stays with those who may see that network.
    """
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        family = await families.of(connection, organisation)
        facts = await families.load(connection, kept, family)
    seen = {kept.by_id[network].slug for network in actor.sees}
    return tuple(o for o in outcomes.of_day(facts, organisation, on, target) if o.network in seen)
