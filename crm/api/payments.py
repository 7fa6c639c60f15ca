"""Payments of invoices, where they belong, refunds, bookings taken back; an organisation's account."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from crm import desk, forms
from crm.actions import payments as actions
from crm.actions.payments import Done, Share
from crm.api import edge, shapes
from crm.api.operations import PREFIX, Call, Nothing, Operation
from crm.api.problems import EdgeError
from crm.errors import NotFound
from crm.i18n import N_
from crm.reads import ledger, organisations

TAG = N_("Payments")
SEQ_DIGITS = 18
Kind = Literal[
    "issued",
    "opened",
    "credited",
    "received",
    "refunded",
    "dispute_opened",
    "dispute_won",
    "dispute_lost",
    "moved",
    "writtenoff",
    "claimed",
    "reversal",
]
Note = Annotated[str, Meta(max_length=forms.NOTE_MAX)]
Amount = Annotated[int, Meta(ge=1, le=desk.MOST_AMOUNT, description="Minor units.")]


class MoneyForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An amount of money."""

    amount: Amount
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")]


class PaymentForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Money of one invoice that somebody saw arrive; `reference` is for you to find it again."""

    amount: MoneyForm
    received_on: date
    reference: Note = ""


class ShareForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """So much of a payment to an invoice; without one, to the credit of an organisation."""

    amount: Amount
    invoice: UUID | None = None
    organisation: UUID | None = None


class PlacementForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where money of a payment belongs."""

    shares: Annotated[list[ShareForm], Meta(min_length=1, max_length=actions.MOST_PARTS)]
    note: Note = ""


class Booked(shapes.Answer, frozen=True):
    """What was booked (`transactions` can be taken back) and what followed: invoices paid or owed again and so on."""

    payment_id: UUID | None
    transactions: list[UUID]
    paid: list[UUID]
    reopened: list[UUID]
    memberships: list[UUID]
    suspensions_lifted: list[UUID]


class Booking(shapes.Answer, frozen=True):
    """A change of an account: above zero more is owed. `balance` is the account at this host after it."""

    id: UUID
    kind: Kind
    on: date
    host: str
    amount: shapes.Money
    balance: shapes.Money
    invoice_id: UUID | None
    number: str
    payment_id: UUID | None
    reverses: UUID | None
    reversed: bool


class Balance(shapes.Answer, frozen=True):
    """What an organisation owes a host, and what it has too much there."""

    host: str
    owed: shapes.Money
    credit: shapes.Money


class Account(shapes.Answer, frozen=True):
    """An organisation's account, oldest booking first, a page at a time; `balances` are those of now."""

    balances: list[Balance]
    items: list[Booking]
    next_cursor: str | None
    has_more: bool


class AccountQuery(msgspec.Struct, frozen=True):
    """Which part of the account."""

    limit: shapes.Limit = 100
    cursor: Annotated[str, Meta(max_length=SEQ_DIGITS, description="From `next_cursor`; opaque.")] | None = None


def _booked(done: Done) -> Booked:
    settled = done.settled
    lists = (done.transactions, settled.paid, settled.reopened, settled.memberships, settled.lifted)
    return Booked(done.payment, *(list(each) for each in lists))


async def record(call: Call[Nothing, PaymentForm]) -> Booked:
    given, money = call.body, call.body.amount
    invoice = call.id("invoice_id")
    return _booked(
        await actions.record(
            call.context, call.actor, invoice, money.amount, money.currency, given.received_on, given.reference
        )
    )


async def place(call: Call[Nothing, PlacementForm]) -> Booked:
    shares = [Share(each.amount, each.invoice, each.organisation) for each in call.body.shares]
    return _booked(await actions.place(call.context, call.actor, call.id("payment_id"), shares, call.body.note))


async def take_back(call: Call[Nothing, None]) -> Booked:
    return _booked(await actions.take_back(call.context, call.actor, call.id("transaction_id")))


async def account(call: Call[AccountQuery, None]) -> Account:
    wanted, query = call.id("organisation_id"), call.query
    if query.cursor is not None and not query.cursor.isdecimal():
        raise EdgeError(422, "cursor", "cursor_invalid")
    async with call.reading() as connection:
        if not await organisations.names(connection, [wanted]):
            raise NotFound("organisation_id", wanted)
        rows = await ledger.account(connection, wanted, int(query.cursor or 0), query.limit + 1)
        balances = await ledger.balances(connection, wanted)
    rows = _whole(rows, query.limit)
    more = len(rows[1]) > 0
    cursor = str(rows[0][-1].seq) if more else None
    if cursor:
        asked = {"limit": query.limit, "cursor": cursor}
        call.headers["link"] = edge.next_link(f"{PREFIX}/organisations/{wanted}/ledger", asked)
    found = [Balance(b.host, shapes.Money(b.owed, b.currency), shapes.Money(b.credit, b.currency)) for b in balances]
    return Account(found, [_booking(row) for row in rows[0]], cursor, more)


def _whole(rows: list[ledger.Booking], limit: int) -> tuple[list[ledger.Booking], list[ledger.Booking]]:
    """This page and what is left for the next: a booking on two invoices is never torn apart."""
    if len(rows) <= limit:
        return rows, []
    last = rows[limit].seq
    page = [row for row in rows if row.seq < last] or rows
    return page, rows[len(page) :] or rows[limit:]


def _booking(row: ledger.Booking) -> Booking:
    return Booking(
        row.id,
        row.kind,
        row.on,
        row.host,
        shapes.Money(row.amount, row.currency),
        shapes.Money(row.balance, row.currency),
        row.invoice_id,
        row.number,
        row.payment_id,
        row.reverses,
        row.reversed,
    )


operations = (
    Operation(
        id="record_payment",
        method="POST",
        path="/invoices/{invoice_id}/payments",
        tag=TAG,
        summary=N_("Record a payment"),
        description=N_(
            "Money of an issued invoice that arrived. More than is owed becomes the organisation's credit. What waits "
            "for the payment (linked memberships, a suspension because of it) follows at once."
        ),
        body=PaymentForm,
        answer=Booked,
        status=201,
        renames={"reason": "reference"},
        example={"amount": {"amount": 15000000, "currency": "NOK"}, "received_on": "2026-11-20"},
        run=record,
    ),
    Operation(
        id="place_payment",
        method="POST",
        path="/payments/{payment_id}/placements",
        tag=TAG,
        summary=N_("Say where a payment belongs"),
        description=N_("Moves money from suspense, or from an organisation's credit, to invoices or to a credit."),
        body=PlacementForm,
        answer=Booked,
        status=201,
        example={"shares": [{"amount": 50000, "organisation": "0b6f4f6e-0f57-4a53-9bfa-5d2f8a4a2a10"}]},
        run=place,
    ),
    Operation(
        id="reverse_booking",
        method="POST",
        path="/bookings/{transaction_id}/reversals",
        tag=TAG,
        summary=N_("Take a booking back"),
        description=N_(
            "A payment recorded by hand, a placement or a write-off that was a mistake: booked again the other way "
            "round, once. What the payment had started is taken back."
        ),
        answer=Booked,
        status=201,
        run=take_back,
    ),
    Operation(
        id="show_account",
        method="GET",
        path="/organisations/{organisation_id}/ledger",
        tag=TAG,
        summary=N_("An organisation's account"),
        description=N_("What was billed, paid, credited and given up, at the hosts of the networks a key sees."),
        query=AccountQuery,
        answer=Account,
        run=account,
    ),
)
