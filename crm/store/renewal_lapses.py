"""Memberships that end because they are on hold when their year begins, where their level says so.

Recorded like a person's decision, with everything that follows; who pays or is let go on before that day is renewed.
The family is locked here, and the rules are asked again under the lock.
"""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID, uuid4

import msgspec

from cluster_rules import renewals
from cluster_rules.cascades import allowed, decide
from cluster_rules.errors import RuleViolation
from cluster_rules.memberships import Decision
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.database import Connection
from crm.i18n import N_, translator
from crm.store import audit, decisions, families, mail, places, reviews
from crm.store.apply import apply

_SUSPENDED = """
select m.id, m.organisation_id, m.network_id from membership_period p join membership m on m.id = p.membership_id
where p.network_id = $1 and p.superseded_at is null and p.status = 'suspended' and p.starts_on <= $2
and (p.ends_on is null or p.ends_on > $2)
order by m.id
"""
_REASON = N_("The membership was on hold when the new year began; it then ends by the rules of the network.")


class OnHold(msgspec.Struct, frozen=True):
    """A membership that is suspended."""

    id: UUID
    organisation: UUID
    network: UUID


async def on_hold(connection: Connection, network: UUID, day: date) -> Sequence[OnHold]:
    """A network's memberships that are suspended on a day."""
    return [OnHold(*row) for row in await connection.fetch(_SUSPENDED, network, day)]


async def lapse(
    connection: Connection, kept: Catalogue, about: OnHold, actor: Actor, now: datetime, today: date
) -> UUID | None:
    """End the membership with the year before, if its level says so; the decision.

    None when it does not, or when the member is locked in: that is for a person.
    """
    slug = kept.by_id[about.network].slug
    family = await families.of(connection, about.organisation)
    await families.lock_many(connection, [family])
    facts = await families.load(connection, kept, family)
    found = renewals.due(facts, slug, today, today)
    mine = next((each for each in found if each.organisation == about.organisation), None)
    if mine is None or mine.state != "lapsing":
        return None
    contacts = await mail.contacts_of(connection, [about.organisation, family])
    contact = contacts.get(about.organisation) or contacts.get(family)
    decision = Decision(
        id=uuid4(),
        organisation=about.organisation,
        network=slug,
        kind="ending",
        effective_on=mine.year.start,
        recorded_at=families.moment(facts, now),
        reason=translator(contact.language if contact else "nb").gettext(_REASON),
    )
    try:
        allowed(facts, decision)
    except RuleViolation:
        return None
    facts = await places.ask(connection, kept, facts, today, decision)
    consequences = decide(facts, decision, today)
    await decisions.record(connection, about.id, decision, actor)
    await apply(connection, kept, facts, consequences.intents, family)
    await reviews.decided(connection, about.id, actor)
    detail = {"on": decision.effective_on.isoformat(), "tier": mine.tier}
    await audit.append(connection, actor, "membership_lapsed", detail, about.network, about.organisation, decision.id)
    return decision.id
