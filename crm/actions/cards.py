"""Pay an invoice by card, and give card payments back. Calls to the provider happen outside transactions.

Before each call its idempotency key is stored (the row's id, M13); when no answer comes, the same key is asked
again: by the payer's next click, or by a job. The money itself is booked by the provider's word (`card_events`).
"""

from datetime import timedelta
from uuid import UUID

import structlog

from cluster_rules.cards import PROVIDER
from cluster_rules.errors import RuleViolation
from cluster_rules.ledger import positive
from cluster_rules.money_facts import Refunded
from crm import catalogue, faults
from crm.actor import Actor
from crm.context import Context
from crm.database import Connection
from crm.desk import at as desk_at
from crm.errors import Refused
from crm.gateways.stripe import Accounts, Order, Rejected, Session, StripeCards, Unknown
from crm.i18n import TIME_ZONE
from crm.store import audit, card_money, cards, ledger, payments
from crm.store.cards import Form
from crm.store.payments import Billed

FORMS = "https://checkout.stripe.com"  # where the provider's forms are
FORM_LASTS = timedelta(hours=23)  # a day is the most the provider allows
ASK_AGAIN = timedelta(minutes=2)

log = structlog.get_logger("klynge")


async def offered(context: Context, accounts: Accounts, invoice: UUID) -> bool:
    """Can this be paid by card? A draft or a credit note cannot, nor can what a host without an account issued."""
    async with context.db.tx() as connection:
        host = await cards.host_of_invoice(connection, invoice)
    return host is not None and accounts.name_of(host) is not None


async def open_form(context: Context, accounts: Accounts, invoice: UUID, back: str, title: str, email: str = "") -> str:
    """The address of a card form for what is still owed; `back` is where the payer comes back to.

    Clicking again gives the same form. Refused `invoice_paid`, `card_not_offered`, `card_busy` (no answer from
    the provider: the next click asks again) or `card_refused`.
    """
    form, account = await _form(context, accounts, invoice)
    taker = accounts.named(account)
    if form.object_id:
        return await _standing(context, taker, form, back)
    paid, left = f"{back}?card=paid", f"{back}?card=left"
    order = Order(str(invoice), title, form.amount, form.currency, paid, left, email, form.expires_at)
    faults.point("card_form_asked")
    try:
        opened = await taker.open_session(order, str(form.id))
    except Unknown as error:
        log.warning("card_form_unknown", form=str(form.id), error=str(error))
        raise Refused("card_busy", "invoice") from error
    except Rejected as error:
        async with context.db.tx() as connection:
            await cards.note_form(connection, form.id, "refused", error=str(error))
        log.error("card_form_refused", form=str(form.id), error=str(error))
        raise Refused("card_refused", "invoice") from error
    faults.point("card_form_opened")
    async with context.db.tx() as connection:
        await cards.note_form(connection, form.id, "open", opened.id, opened.url)
    return opened.url


async def _form(context: Context, accounts: Accounts, invoice: UUID) -> tuple[Form, str]:
    """The form to ask for: the one that is open, if it is for what is owed now; else a new one."""
    async with context.db.tx() as connection:
        billed = await payments.billed(connection, invoice)
        account = accounts.name_of(await cards.host_code(connection, billed.host))
        if account is None:
            raise Refused("card_not_offered", "invoice")
        form, owed = await _needed(connection, billed)
    if form and form.amount != owed:
        await _withdraw(context, accounts.named(account), form)
        form = None
    if form is None:
        async with context.db.tx() as connection:
            now = context.clock.now()
            _, owed = await _needed(connection, billed)
            form = await cards.ask_form(
                connection, billed.host, invoice, owed, billed.currency, now, now + FORM_LASTS
            ) or await cards.open_form(connection, invoice)
        if form is None:
            raise Refused("card_busy", "invoice")
    return form, account


async def _needed(connection: Connection, billed: Billed) -> tuple[Form | None, int]:
    owed = (await ledger.owed(connection, [billed.id])).get(billed.id, 0)
    if owed <= 0:
        raise Refused("invoice_paid", "invoice")
    return await cards.open_form(connection, billed.id), owed


async def _standing(context: Context, taker: StripeCards, form: Form, back: str) -> str:
    """A form opened before: its address if it can still be used; where the payer came from, once it is paid."""
    try:
        found = await taker.session(form.object_id)
    except (Unknown, Rejected) as error:
        raise Refused("card_busy", "invoice") from error
    if found.status == "open":
        return found.url
    if found.status == "complete":  # it stays the only one until its money is booked: nobody shall pay twice
        return f"{back}?card=paid"
    async with context.db.tx() as connection:
        await cards.close_form(connection, form.object_id, found.status)
    raise Refused("card_busy", "invoice")  # it has expired; the next click opens another one


async def _withdraw(context: Context, taker: StripeCards, form: Form) -> None:
    """Close a form that is for another amount than what is owed now, so that nobody pays by it."""
    found: Session | None = None
    try:
        if form.object_id:
            found = await taker.expire_session(form.object_id, f"{form.id}/expire")
    except Rejected:
        found = await taker.session(form.object_id)
    except Unknown as error:
        raise Refused("card_busy", "invoice") from error
    if found is None:  # asked for, and nobody knows whether it came to be: it ends by itself
        if context.clock.now() < form.expires_at:
            raise Refused("card_busy", "invoice")
    elif found.status == "complete":
        raise Refused("card_busy", "invoice")  # paid a moment ago; the provider's word is on its way
    async with context.db.tx() as connection:
        await cards.note_form(connection, form.id, "expired")


# Refunds


async def refund(context: Context, accounts: Accounts, actor: Actor, payment: UUID, amount: int, reason: str) -> UUID:
    """Give money of a card payment back; the refund's id. What the payment had paid is owed again (M7).

    Refused as `want_refund`, or `card_refused`. When the provider does not answer, a job goes on asking.
    """
    made = await want_refund(context, accounts, actor, payment, amount, reason)
    faults.point("card_refund_asked")
    await ask_refund(context, accounts, made)
    return made


async def want_refund(
    context: Context, accounts: Accounts, actor: Actor, payment: UUID, amount: int, reason: str
) -> UUID:
    """Store that money of a card payment is to go back, with a job that asks for it; the refund's id.

    Refused `not_a_card_payment`, `card_not_offered`; RuleViolation `refund_exceeds`. Asking is `ask_refund`.
    """
    async with context.db.tx() as connection:
        host, currency, provider, _, _ = await payments.payment(connection, payment)
        desk = await desk_at(connection, context, actor, host)
        desk.check(amount, desk.today, reason, required=True)
        if provider != PROVIDER:
            raise Refused("not_a_card_payment", "payment")
        if accounts.name_of(await cards.host_code(connection, host)) is None:
            raise Refused("card_not_offered", "payment")
        await ledger.lock_payment(connection, payment)
        left = sum(held for _, held in await ledger.held(connection, payment) if held > 0)
        left -= await cards.refunds_under_way(connection, payment)
        if positive(amount) > left:
            raise RuleViolation("refund_exceeds", "amount", amount=amount, left=left)
        now = context.clock.now()
        made = await cards.ask_refund(connection, host, payment, amount, currency, reason, actor.name, now + ASK_AGAIN)
        detail = {"payment": str(payment), "amount": amount, "currency": currency, "reason": reason}
        await audit.append(connection, actor, "card_refund_asked", detail, desk.networks[0], None, made)
        return made


async def ask_refund(context: Context, accounts: Accounts, wanted: UUID) -> timedelta | None:
    """Ask the provider for a refund, with its own key; when to ask again, None when there is an answer."""
    async with context.db.tx() as connection:
        asked = await cards.refund(connection, wanted)
        account = accounts.name_of(await cards.host_code(connection, asked.host_id))
    if asked.status != "asked" or account is None:
        return None
    try:
        name = str(asked.id)
        done = await accounts.named(account).refund(asked.charge, asked.amount, asked.currency, name, name)
    except Unknown as error:
        log.warning("card_refund_unknown", refund=str(asked.id), error=str(error))
        return ASK_AGAIN
    except Rejected as error:
        async with context.db.tx() as connection:
            await cards.note_refund(connection, asked.id, "refused", error=str(error))
        raise Refused("card_refused", "payment") from error
    faults.point("card_refund_done")
    async with context.db.tx() as connection:
        await cards.note_refund(connection, asked.id, "done", done.id)
        if done.status == "succeeded":  # its event will say so too; whoever is first books it (M3)
            fact = Refunded(
                host=asked.host_id,
                currency=asked.currency,
                on=done.at.astimezone(TIME_ZONE).date(),
                provider=PROVIDER,
                object=done.id,
                rail="card",
                payment=asked.payment_id,
                amount=asked.amount,
            )
            await card_money.book(connection, await catalogue.load(connection), fact, asked.actor, context.clock.now())
    return None
