"""What a whole network would look like with a draft of its rules; nothing is stored, and nobody else has to wait."""

import asyncio
from collections.abc import Callable
from datetime import date

from cluster_rules.networks import Rulebook
from cluster_rules.rulebooks import check_links
from crm import catalogue
from crm.actor import Actor
from crm.context import Context
from crm.rulebook_words import with_draft
from crm.simulation import Affected, Simulating, Simulation
from crm.store import families
from crm.store.family_batches import batches

FAMILIES_AT_A_TIME = 100
FAMILIES_IN_A_ROW = 8  # then the process attends to others: half a millisecond


def _silent(_done: int, _of: int) -> None:
    """Nobody is told."""


def _not_named(_affected: Affected) -> None:
    """Nobody wants them all."""


async def simulate(
    context: Context,
    actor: Actor,
    book: Rulebook,
    on: date | None = None,
    tell: Callable[[int, int], None] = _silent,
    name: Callable[[Affected], None] = _not_named,
) -> Simulation:
    """What the network would look like with `book` published; nothing is stored.

    On `on`, or else the day from which the book holds for those who are members (for new ones when it
    never does), today when that is past. `tell` hears how many families are done, `name` each membership
    that changes. The whole network is seen at one moment. RulebookError when the book cannot be published
    beside the others.
    """
    async with context.db.tx(isolation="repeatable_read", readonly=True) as connection:
        kept = await catalogue.load(connection)
        network = kept.network(book.network)
        actor.must_manage(network.id)
        draft = with_draft(kept, book)
        check_links(draft.rulebooks.versions)
        today = context.clock.today(network.zone)
        day = on or max(today, book.effective_from_existing or book.effective_from)
        counting = Simulating(network.slug, day, kept.rulebooks, book)
        paid = bool(draft.rulebooks.with_payment)
        async with batches(connection, network.id, FAMILIES_AT_A_TIME, paid) as following:
            while batch := await following():
                for at, facts in enumerate(families.read(draft, batch.families, batch.rows)):
                    if at % FAMILIES_IN_A_ROW == 0:
                        await asyncio.sleep(0)
                    for affected in counting.add(facts):
                        name(affected)
                tell(counting.found.families, batch.of_all)
        return counting.done()
