"""What money and credit notes set going, in the same transaction: events, suspensions lifted, links started, shares.

Called by whoever has just posted facts (`store.ledger`), with the families of the organisations locked before the
posting (`lock`). Standing follows policy: a paid invoice starts and lifts; one that is credited whole, or given up
without any money in it, lifts and starts nothing; money that goes back later owes the money again and decides nothing
about a membership (M9). Amounts are minor units.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from uuid import UUID, uuid4

import msgspec

from cluster_rules import cascades
from cluster_rules.memberships import Decision, Facts
from cluster_rules.money_facts import is_claim
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.database import Connection
from crm.store import credit_notes, decisions, families, fee_shares, ledger, pay_first, places
from crm.store.apply import apply
from crm.store.invoices import Issued
from crm.store.ledger import Booked


class Settled(msgspec.Struct, frozen=True):
    """What came of it: invoices paid now or owed again, memberships touched, suspensions lifted, new draft invoices."""

    paid: tuple[UUID, ...] = ()
    reopened: tuple[UUID, ...] = ()
    memberships: tuple[UUID, ...] = ()
    lifted: tuple[UUID, ...] = ()
    invoices: tuple[UUID, ...] = ()


async def lock(connection: Connection, organisations: Iterable[UUID]) -> None:
    """Lock the families of these organisations, before any invoice or payment of theirs is locked."""
    found = await connection.fetch(
        "select distinct family_id from organisation where id = any($1)", list(set(organisations))
    )
    await families.lock_many(connection, [row["family_id"] for row in found])


async def settle(
    connection: Connection, kept: Catalogue, booked: Booked, actor: Actor, now: datetime, today: date
) -> Settled:
    """Carry out what follows from postings that were made just now; nothing when they touched no invoice."""
    touched = booked.invoices
    if not touched:
        return Settled()
    closed, reopened = await _turned(connection, booked, touched)
    void = set(await credit_notes.whole(connection, closed))
    paid = await ledger.with_money(connection, [invoice for invoice in closed if invoice not in void])
    if any(posting.kind != "writtenoff" for posting in booked.postings):  # what is given up is told as that
        await tell(connection, paid, "paid", actor)
    await tell(connection, reopened, "reopened", actor)
    memberships: list[UUID] = []
    lifted: list[UUID] = []
    drafts: list[UUID] = []
    memberships += await pay_first.start(connection, kept, paid, actor, now, today)
    await pay_first.release(connection, list(void), actor)
    rows = await connection.fetch(
        "select distinct o.family_id from invoice i join organisation o on o.id = i.organisation_id"
        " where i.id = any($1) order by 1",
        touched,
    )
    for family in [row["family_id"] for row in rows]:
        for decision, membership in await _suspended(connection, family, closed):
            applied = await _lift(connection, kept, family, decision, membership, actor, now, today)
            if applied:
                lifted.append(decision)
                memberships += [membership, *applied]
        facts = await families.load(connection, kept, family)
        facts = await places.ask(connection, kept, facts, today)
        intents = cascades.on_payment(facts, today)
        if intents:
            done = await apply(connection, kept, facts, intents, family)
            memberships += done.memberships.values()
            drafts += done.invoices
    await fee_shares.share(connection, kept, booked, actor.name)
    return Settled(tuple(paid), tuple(reopened), tuple(dict.fromkeys(memberships)), tuple(lifted), tuple(drafts))


async def settle_credits(
    connection: Connection, kept: Catalogue, issued: Iterable[Issued], actor: Actor, now: datetime, today: date
) -> Settled:
    """The same for credit notes that were issued just now: what they close is closed."""
    postings = tuple(posting for each in issued if each.booked for posting in each.booked.postings)
    return await settle(connection, kept, Booked("booked", postings), actor, now, today)


async def suspended_for(connection: Connection, decision: UUID, invoice: UUID) -> None:
    """Note that a suspension was decided because this invoice is unpaid: paying it lifts the suspension (AC-2f)."""
    await connection.execute(
        "insert into unpaid_suspension (decision_id, invoice_id) values ($1, $2) on conflict do nothing",
        decision,
        invoice,
    )


async def _turned(connection: Connection, booked: Booked, touched: Sequence[UUID]) -> tuple[list[UUID], list[UUID]]:
    """The invoices that are settled now and were not before, and the other way round.

    What was billed counts: a fee or interest of dunning that is still owed keeps nobody on hold (ADR 0016).
    """
    after = await ledger.principal(connection, touched)
    changed: dict[UUID, int] = {}
    fresh = set()
    for posting in booked.postings:
        for entry in () if is_claim(posting) else posting.entries:
            if entry.invoice and ledger.item_of(entry):
                changed[entry.invoice] = changed.get(entry.invoice, 0) + entry.amount
                if posting.kind == "issued":
                    fresh.add(entry.invoice)
    old = [i for i in touched if i not in fresh]
    paid = [i for i in old if after.get(i, 0) <= 0 < after.get(i, 0) - changed.get(i, 0)]
    reopened = [i for i in old if after.get(i, 0) > 0 >= after.get(i, 0) - changed.get(i, 0)]
    return paid, reopened


async def tell(connection: Connection, invoices: Sequence[UUID], kind: str, actor: Actor) -> None:
    """Note what happened to these invoices."""
    await connection.executemany(
        "insert into invoice_event (invoice_id, kind, actor, detail, recorded_at) values ($1, $2, $3, '{}', now())",
        [(invoice, kind, actor.name) for invoice in invoices],
    )


# Standing


async def _suspended(connection: Connection, family: UUID, closed: Sequence[UUID]) -> list[tuple[UUID, UUID]]:
    """(decision, membership) of the family's suspensions for want of payment that none of its invoices keeps up."""
    rows = await connection.fetch(
        "select d.id, d.membership_id from unpaid_suspension u join membership_decision d on d.id = u.decision_id"
        " join membership m on m.id = d.membership_id join organisation o on o.id = m.organisation_id"
        " where u.invoice_id = any($2) and o.family_id = $1 and d.withdrawn_at is null order by d.recorded_at",
        family,
        list(closed),
    )
    return [(row["id"], row["membership_id"]) for row in rows]


async def _lift(
    connection: Connection,
    kept: Catalogue,
    family: UUID,
    decision: UUID,
    membership: UUID,
    actor: Actor,
    now: datetime,
    today: date,
) -> list[UUID]:
    """End a suspension today (the days it lasted stay); the memberships it touched, none when it was over."""
    facts = await families.load(connection, kept, family)
    stored = next((d for d in facts.decisions if d.id == decision), None)
    if stored is None or (stored.until is not None and stored.until <= today):
        return []
    instead = _ending_today(facts, stored, now, today)
    consequences = cascades.withdraw(facts, decision, today, instead)
    await decisions.withdraw(connection, decision, actor)
    if instead:
        await decisions.record(connection, membership, instead, actor)
    applied = await apply(connection, kept, facts, consequences.intents, family)
    return list(applied.memberships.values())


def _ending_today(facts: Facts, stored: Decision, now: datetime, today: date) -> Decision | None:
    """The suspension as it was, ending today; None when it had not begun."""
    if stored.effective_on >= today:
        return None
    return msgspec.structs.replace(stored, id=uuid4(), until=today, recorded_at=families.moment(facts, now))
