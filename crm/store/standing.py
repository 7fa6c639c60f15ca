"""A membership put on hold because an invoice is unpaid: the same decision a person makes, and paying lifts it (AC-2f).

The caller holds the family (`settlement.lock`). Nothing here looks at money: whether to suspend is a person's or the
rulebook's word, never the event's (M9).
"""

from datetime import date, datetime
from uuid import UUID, uuid4

import msgspec

from cluster_rules.cascades import allowed, decide
from cluster_rules.intents import Notify
from cluster_rules.memberships import Decision
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.database import Connection
from crm.store import audit, decisions, families, places, reviews, settlement
from crm.store.apply import apply

# The memberships that an invoice billed, of these networks; a linked one follows its cause by its rule.
_BILLED = """
select distinct m.id, m.organisation_id, m.network_id from charge c join membership m on m.id = c.membership_id
where c.invoice_id = $1 and c.net > 0 and m.network_id = any($2) order by m.id
"""


class Billed(msgspec.Struct, frozen=True):
    """A membership on an invoice."""

    id: UUID
    organisation: UUID
    network: UUID


async def billed(connection: Connection, invoice: UUID, networks: list[UUID]) -> list[Billed]:
    """The memberships that an invoice billed, in these networks."""
    return [Billed(*row) for row in await connection.fetch(_BILLED, invoice, networks)]


async def suspend(
    connection: Connection,
    kept: Catalogue,
    about: Billed,
    invoice: UUID,
    reason: str,
    actor: Actor,
    now: datetime,
    today: date,
) -> UUID:
    """Decide the suspension from today on, with all that follows. RuleViolation as in `cascades.allowed`.

    The member's own mail is the caller's: it says which invoice, how much, and how to pay.
    """
    slug = kept.by_id[about.network].slug
    family = await families.of(connection, about.organisation)
    facts = await families.load(connection, kept, family)
    decision = Decision(
        id=uuid4(),
        organisation=about.organisation,
        network=slug,
        kind="suspension",
        effective_on=today,
        recorded_at=families.moment(facts, now),
        reason=reason,
    )
    allowed(facts, decision)
    facts = await places.ask(connection, kept, facts, today, decision)
    consequences = decide(facts, decision, today)
    await decisions.record(connection, about.id, decision, actor)
    await settlement.suspended_for(connection, decision.id, invoice)
    intents = tuple(i for i in consequences.intents if not _own_mail(i, decision))
    await apply(connection, kept, facts, intents, family)
    await reviews.decided(connection, about.id, actor)
    detail = {"on": today.isoformat(), "reason": reason, "invoice": str(invoice)}
    await audit.append(connection, actor, "suspension", detail, about.network, about.organisation, decision.id)
    return decision.id


def _own_mail(intent: object, decision: Decision) -> bool:
    return (
        isinstance(intent, Notify)
        and intent.kind == "membership_suspended"
        and intent.to == "member"
        and (intent.organisation, intent.network) == (decision.organisation, decision.network)
    )
