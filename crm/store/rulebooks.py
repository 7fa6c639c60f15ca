"""Other rules: published one at a time for a network, and every family they touch brought in line with them."""

from collections.abc import Callable, Sequence
from datetime import date
from uuid import UUID

from cluster_rules import cascades
from cluster_rules.fees import Step
from cluster_rules.intents import SetTimeline
from crm.catalogue import Catalogue
from crm.database import Connection
from crm.store import families, federation_offers, places
from crm.store.apply import apply

FAMILIES_AT_A_TIME = 200


async def lock(connection: Connection, network: UUID) -> None:
    """Hold back everybody else who publishes rules of this network until the transaction ends."""
    await connection.execute("select from network where id = $1 for no key update", network)


async def derive(
    connection: Connection,
    kept: Catalogue,
    listed: Sequence[UUID],
    today: date,
    reason: Step,
    tell: Callable[[int, int], None],
) -> set[tuple[UUID, str]]:
    """Bring grants and timelines in line with the facts, family by family; which memberships that changed."""
    changed: set[tuple[UUID, str]] = set()
    for at in range(0, len(listed), FAMILIES_AT_A_TIME):
        some = listed[at : at + FAMILIES_AT_A_TIME]
        await families.lock_many(connection, some)
        for family, facts in zip(some, await families.load_many(connection, kept, some), strict=True):
            facts = await places.ask(connection, kept, facts, today, at_once=False)
            intents = cascades.repair(facts, today, reason)
            await apply(connection, kept, facts, intents, family)
            # Other rules may offer something in a network on another system that gives no grant before it is accepted.
            await federation_offers.settle(connection, kept, family, {slug for _, slug in facts.timelines})
            changed |= {(i.organisation, i.network) for i in intents if isinstance(i, SetTimeline)}
        tell(at + len(some), len(listed))
    return changed
