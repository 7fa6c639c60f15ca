"""Money of a payment that goes back: by bank it is recorded, by card the provider is asked for it."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from crm import desk, forms
from crm.actions import cards
from crm.actions import payments as actions
from crm.api import shapes
from crm.api.operations import Call, Operation
from crm.api.payments import TAG
from crm.api.problems import EdgeError
from crm.errors import Refused
from crm.i18n import N_
from crm.reads import invoice_money
from crm.store import payments


class RefundForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Money of a payment that goes back. `paid_on` is the day the bank paid it; by card the provider says when."""

    amount: Annotated[int, Meta(ge=1, le=desk.MOST_AMOUNT, description="Minor units.")]
    paid_on: date | None = None
    reason: Annotated[str, Meta(max_length=forms.NOTE_MAX)] = ""


class Refund(shapes.Answer, frozen=True):
    """What was booked and which invoices are owed again by it.

    `status` is asked while the card provider has not answered: it is asked again until it does, once in all.
    """

    payment_id: UUID
    refund_id: UUID | None
    status: Literal["booked", "asked"]
    transactions: list[UUID]
    reopened: list[UUID]
    memberships: list[UUID]


async def refund(call: Call[msgspec.Struct, RefundForm]) -> Refund:
    """One transaction: a bank's refund is booked, a card's is stored to be asked for."""
    given, payment = call.body, call.id("payment_id")
    context, actor = call.context, call.actor
    async with context.db.tx() as connection:
        host, *_, rail, _ = await payments.payment(connection, payment)
        await desk.at(connection, context, actor, host)
    if rail == "card":
        accounts = call.request.app.state.cards
        made = await cards.want_refund(context, accounts, actor, payment, given.amount, given.reason)
        if given.paid_on is not None:
            raise Refused("card_paid_on", "paid_on")
        return Refund(payment, made, "asked", [], [], [])
    if given.paid_on is None:
        raise EdgeError(422, "paid_on", "field_missing")
    done = await actions.refund(context, actor, payment, given.amount, given.paid_on, given.reason)
    settled = done.settled
    booked = list(done.transactions)
    return Refund(payment, None, "booked", booked, list(settled.reopened), list(settled.memberships))


async def ask(call: Call[msgspec.Struct, RefundForm], stored: Refund) -> Refund:
    """Ask the card provider, outside any transaction. Refused `card_refused`."""
    if stored.refund_id is None:
        return stored
    await cards.ask_refund(call.context, call.request.app.state.cards, stored.refund_id)
    async with call.reading() as connection:
        found = await invoice_money.asked(connection, stored.refund_id)
    if found.transaction is None:
        return stored
    return msgspec.structs.replace(
        stored, status="booked", transactions=[found.transaction], reopened=list(found.reopened)
    )


operations = (
    Operation(
        id="refund_payment",
        method="POST",
        path="/payments/{payment_id}/refunds",
        tag=TAG,
        summary=N_("Pay money of a payment back"),
        description=N_(
            "A payment by bank: records that it was paid back on `paid_on`. A card payment: asks the card provider to "
            "pay it back (with a `reason`, without `paid_on`). Credit goes first, then the invoices it had paid are "
            "owed again."
        ),
        body=RefundForm,
        answer=Refund,
        status=201,
        renames={"received_on": "paid_on"},
        after=ask,
        example={"amount": 50000, "paid_on": "2026-11-20", "reason": "Paid twice"},
        run=refund,
    ),
)
