"""Money that came in: recorded by hand, put where it belongs, paid back, taken back, written off by two people.

Each action is one transaction: families are locked, then payments and invoices; the fact is booked once, and what a
paid invoice sets going (`store.settlement`) happens with it or not at all. Amounts are minor units.
"""

from collections.abc import Sequence
from datetime import date
from uuid import UUID, uuid4

import msgspec

from cluster_rules import money_facts
from cluster_rules.errors import RuleViolation
from cluster_rules.ledger import Part, Place, positive
from cluster_rules.money_facts import MoneyFact, Moved, Received, Refunded, WrittenOff
from crm import faults, forms
from crm.actor import Actor
from crm.context import Context
from crm.database import Connection
from crm.desk import Desk
from crm.desk import at as desk_at
from crm.errors import Invalid, NotFound, Refused
from crm.store import audit, ledger, payments, settlement
from crm.store.ledger import Booked
from crm.store.payments import Billed, Told
from crm.store.settlement import Settled

HAND = "hand"  # the provider of payments that a person records
MOST_PARTS = 50


class Done(msgspec.Struct, frozen=True):
    """What was booked (transaction ids, to take back with) and what followed; `payment` when it is about one."""

    transactions: tuple[UUID, ...]
    settled: Settled
    payment: UUID | None = None


class Share(msgspec.Struct, frozen=True):
    """So much of a payment to one invoice; without an invoice, to the credit of an organisation."""

    amount: int
    invoice: UUID | None = None
    organisation: UUID | None = None


async def record(
    context: Context, actor: Actor, invoice: UUID, amount: int, currency: str, on: date, reference: str = ""
) -> Done:
    """Somebody saw the money of one invoice arrive. More than is owed becomes the member's credit (M8)."""
    async with context.db.tx() as connection:
        billed = await payments.billed(connection, invoice)
        desk = await desk_at(connection, context, actor, billed.host)
        desk.check(amount, on, reference)
        await settlement.lock(connection, [billed.organisation])
        fact = Received(
            host=billed.host,
            currency=currency,
            on=on,
            provider=HAND,
            object=str(uuid4()),
            rail="bank",
            amount=amount,
            parts=(Part(amount, Place(billed.organisation, invoice)),),
        )
        booked = await payments.receive(connection, fact, Told(reference=reference), actor.name)
        payment = money_facts.payment_id(HAND, fact.object)
        detail = {"invoice": str(invoice), "amount": amount, "currency": currency, "payment": str(payment)}
        return await _finish(connection, desk, booked, "payment_recorded", detail, billed.organisation, payment)


async def place(
    context: Context, actor: Actor, payment: UUID, shares: Sequence[Share], note: str = "", on: date | None = None
) -> Done:
    """Put money that stands in suspense, or as credit, where it belongs: one invoice, several, or a member's credit."""
    if not 0 < len(shares) <= MOST_PARTS:
        raise RuleViolation("parts_number", "shares", limit=MOST_PARTS)
    async with context.db.tx() as connection:
        host, currency, *_ = await payments.payment(connection, payment)
        desk = await desk_at(connection, context, actor, host)
        targets = [await _target(connection, desk, share, currency) for share in shares]
        await settlement.lock(connection, [t.organisation for t in targets if t.organisation])
        await ledger.lock_payment(connection, payment)
        made: list[Booked] = []
        for share, target in zip(shares, targets, strict=True):
            made += await _move(connection, desk, payment, currency, positive(share.amount), target, on or desk.today)
        if note:
            await payments.note(connection, payment, note, actor)
        detail = {"payment": str(payment), "shares": msgspec.to_builtins(list(shares))}
        about = next((t.organisation for t in targets if t.organisation), None)
        return await _finish(connection, desk, _joined(made), "payment_placed", detail, about, payment)


async def use_credit(context: Context, actor: Actor, invoice: UUID, amount: int) -> Done:
    """Pay an invoice with what the organisation has too much, the oldest money first (M8)."""
    async with context.db.tx() as connection:
        billed = await payments.billed(connection, invoice)
        desk = await desk_at(connection, context, actor, billed.host)
        await settlement.lock(connection, [billed.organisation])
        owed = (await ledger.owed(connection, [invoice])).get(invoice, 0)
        if positive(amount) > owed:
            raise RuleViolation("more_than_owed", "amount", amount=amount, owed=owed)
        made, left = [], amount
        for payment, source, there in await payments.credits(connection, billed):
            part = min(left, there)
            if part:
                fact = _moved(desk, billed.host, payment, billed.currency, source, billed, part)
                made.append(await ledger.post(connection, fact, actor.name))
                left -= part
        if left:
            raise RuleViolation("credit_short", "amount", amount=amount, credit=amount - left)
        detail = {"invoice": str(invoice), "amount": amount, "currency": billed.currency}
        return await _finish(connection, desk, _joined(made), "credit_used", detail, billed.organisation)


async def refund(context: Context, actor: Actor, payment: UUID, amount: int, on: date, reason: str) -> Done:
    """Somebody paid money of a payment back by bank. What it had paid is owed again, credit goes first (M7)."""
    async with context.db.tx() as connection:
        host, currency, _, rail, _ = await payments.payment(connection, payment)
        desk = await desk_at(connection, context, actor, host)
        desk.check(amount, on, reason)
        if rail == "card":
            raise Refused("card_refund", "payment")  # the card provider pays it back; its word is booked
        there = await ledger.held(connection, payment)
        await settlement.lock(connection, [item.organisation for item, _ in there if item.organisation])
        await ledger.lock_payment(connection, payment)
        left = sum(held for _, held in await ledger.held(connection, payment) if held > 0)
        if amount > left:
            raise RuleViolation("refund_exceeds", "amount", amount=amount, left=left)
        fact = Refunded(
            host=host,
            currency=currency,
            on=on,
            provider=HAND,
            object=str(uuid4()),
            rail="bank",
            payment=payment,
            amount=amount,
        )
        booked = await ledger.post(connection, fact, actor.name)
        detail = {"payment": str(payment), "amount": amount, "currency": currency, "reason": reason}
        about = next((item.organisation for item, _ in there if item.organisation), None)
        return await _finish(connection, desk, booked, "payment_refunded", detail, about, payment)


async def take_back(context: Context, actor: Actor, transaction: UUID) -> Done:
    """Undo something a person booked: a reversal that names it (M2). What a paid invoice had started is taken back."""
    async with context.db.tx() as connection:
        host, kind, organisations = await ledger.about(connection, transaction)
        desk = await desk_at(connection, context, actor, host)
        await settlement.lock(connection, organisations)
        booked = await ledger.reverse(connection, transaction, desk.today, actor.name)
        detail = {"transaction": str(transaction), "kind": kind}
        about = organisations[0] if organisations else None
        return await _finish(connection, desk, booked, "booking_reversed", detail, about)


async def propose_write_off(context: Context, actor: Actor, invoice: UUID, amount: int, reason: str) -> UUID:
    """Propose to give up what is left of an invoice, or a part; nothing is booked before another person agrees."""
    async with context.db.tx() as connection:
        billed = await payments.billed(connection, invoice)
        desk = await desk_at(connection, context, actor, billed.host)
        desk.check(amount, desk.today, reason, required=True)
        await settlement.lock(connection, [billed.organisation])
        if await payments.open_write_off(connection, invoice):
            raise Refused("write_off_open", "invoice_id")
        owed = (await ledger.owed(connection, [invoice])).get(invoice, 0)
        if amount > owed:
            raise RuleViolation("write_off_exceeds", "amount", amount=amount, owed=owed)
        made = await payments.propose_write_off(connection, billed, amount, reason.strip(), actor)
        detail = {"invoice": str(invoice), "amount": amount, "currency": billed.currency, "reason": reason.strip()}
        network = billed.network or desk.networks[0]
        await audit.append(connection, actor, "write_off_proposed", detail, network, billed.organisation, made)
        return made


async def decide_write_off(context: Context, actor: Actor, write_off: UUID, approve: bool) -> Done:
    """The second person's word. Refused `second_person` for whoever proposed it; `already_decided`."""
    async with context.db.tx() as connection:
        proposed = await payments.lock_write_off(connection, write_off)
        desk = await desk_at(connection, context, actor, proposed.host)
        if proposed.decision:
            raise Refused("write_off_decided", "id")
        same = actor.id == proposed.proposed_by_id or actor.name == proposed.proposed_by
        if approve and (actor.channel != "web" or actor.id is None or same):
            raise Refused("second_person", "id", proposed_by=proposed.proposed_by)
        await settlement.lock(connection, [proposed.organisation])
        await payments.decide_write_off(connection, write_off, "approved" if approve else "declined", actor)
        booked = Booked("nothing")
        if approve:
            fact = WrittenOff(
                host=proposed.host,
                currency=proposed.currency,
                on=desk.today,
                write_off=write_off,
                organisation=proposed.organisation,
                invoice=proposed.invoice,
                amount=proposed.amount,
            )
            booked = await ledger.post(connection, fact, actor.name)
            await settlement.tell(connection, [proposed.invoice], "written_off", actor)
        detail = {"invoice": str(proposed.invoice), "amount": proposed.amount, "proposed_by": proposed.proposed_by}
        action = "write_off_approved" if approve else "write_off_declined"
        return await _finish(connection, desk, booked, action, detail, proposed.organisation)


async def note(context: Context, actor: Actor, payment: UUID, text: str) -> None:
    """Leave a note on a payment."""
    problems: forms.Problems = []
    forms.text(problems, "note", text, forms.NOTE_MAX)
    if problems:
        raise Invalid(problems)
    async with context.db.tx() as connection:
        host, *_ = await payments.payment(connection, payment)
        await desk_at(connection, context, actor, host)
        await payments.note(connection, payment, text.strip(), actor)


# Shared by all


async def _target(connection: Connection, desk: Desk, share: Share, currency: str) -> Place:
    if share.invoice is None:
        if share.organisation is None:
            raise RuleViolation("target_missing", "shares")
        return Place(share.organisation)
    billed = await payments.billed(connection, share.invoice)
    if billed.host != desk.host:
        raise NotFound("invoice_id", share.invoice)
    if billed.currency != currency:
        raise RuleViolation("currency_mixed", "shares", left=billed.currency, right=currency)
    return Place(billed.organisation, share.invoice)


async def _move(
    connection: Connection, desk: Desk, payment: UUID, currency: str, amount: int, target: Place, on: date
) -> list[Booked]:
    """Move so much of a payment to `target`: from suspense first, then from the credit of its organisation."""
    made, left = [], amount
    loose = [(item, there) for item, there in await ledger.held(connection, payment) if item.invoice is None]
    for item, there in sorted(loose, key=lambda each: each[0].organisation is not None):
        part = min(left, there)
        if part > 0:
            fact = Moved(
                host=desk.host,
                currency=currency,
                on=on,
                move=uuid4(),
                payment=payment,
                source=Place(item.organisation),
                target=target,
                amount=part,
            )
            made.append(await ledger.post(connection, fact, desk.actor.name))
            left -= part
    if left:
        raise RuleViolation("not_held", "shares", amount=amount, held=amount - left)
    return made


def _moved(
    desk: Desk, host: UUID, payment: UUID, currency: str, source: Place, billed: Billed, amount: int
) -> MoneyFact:
    return Moved(
        host=host,
        currency=currency,
        on=desk.today,
        move=uuid4(),
        payment=payment,
        source=source,
        target=Place(billed.organisation, billed.id),
        amount=amount,
    )


def _joined(made: Sequence[Booked]) -> Booked:
    return Booked("booked", tuple(posting for each in made for posting in each.postings))


async def _finish(
    connection: Connection,
    desk: Desk,
    booked: Booked,
    action: str,
    detail: dict[str, object],
    organisation: UUID | None,
    payment: UUID | None = None,
) -> Done:
    """What follows from what was booked, and one line in the audit trail."""
    faults.point("payment_posted")
    now = desk.context.clock.now()
    settled = await settlement.settle(connection, desk.kept, booked, desk.actor, now, desk.today)
    detail |= {"paid": [str(i) for i in settled.paid], "reopened": [str(i) for i in settled.reopened]}
    await audit.append(connection, desk.actor, action, detail, desk.networks[0], organisation, payment)
    return Done(tuple(posting.id for posting in booked.postings), settled, payment)
