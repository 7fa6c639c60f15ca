"""Invoices and credit notes: lists, one with its lines, its document as a file, issuing, crediting, where they go."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from crm import forms
from crm.actions import billing
from crm.actions import invoices as actions
from crm.actions.invoices import Credit, Exchange, ten_thousandths
from crm.api import answers, edge, shapes
from crm.api.operations import PREFIX, Call, File, Nothing, Operation
from crm.errors import Forbidden, NotFound
from crm.i18n import N_, TIME_ZONE
from crm.reads import invoices
from crm.reads.invoices import Filter, State

TAG = N_("Invoices")
ONE = "/invoices/{invoice_id}"
CURSOR_MAX = 40
LINES_MAX = 200
AMOUNT_MAX = 10**12
FILES: dict[str, Literal["pdf", "xml"]] = {".pdf": "pdf", ".xml": "xml"}
MEDIA = {"pdf": "application/pdf", "xml": "application/xml"}


class InvoiceQuery(msgspec.Struct, frozen=True):
    """Which invoices."""

    status: State | None = None
    kind: Literal["invoice", "credit_note"] | None = None
    organisation: UUID | None = None
    network: Annotated[str, Meta(max_length=60, description="With a line for this network.")] | None = None
    undelivered: Annotated[bool, Meta(description="Those that did not reach the buyer.")] = False
    limit: shapes.Limit = 50
    cursor: Annotated[str, Meta(max_length=CURSOR_MAX, description="From `next_cursor`; opaque.")] | None = None


class InvoiceRow(shapes.Answer, frozen=True):
    """An invoice or credit note in a list. `status` is as of today; `owed` is what is left to pay."""

    id: UUID
    kind: Literal["invoice", "credit_note"]
    status: State
    number: str
    host: str
    organisation_id: UUID
    organisation: str
    issued_on: date | None
    due_on: date | None
    net: shapes.Money
    total: shapes.Money
    owed: shapes.Money
    delivery: str | None


class CreditLineForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line to take back: `amount` without VAT in minor units, or all that is left of it."""

    id: UUID
    amount: Annotated[int, Meta(ge=-AMOUNT_MAX, le=AMOUNT_MAX)] | None = None


class CreditForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to take back: some `lines`, an `amount` without VAT spread over the lines, or (neither) all that is left.

    `again`: an invoice that is credited whole is billed anew on the payer's draft.
    """

    reason: Annotated[str, Meta(min_length=1, max_length=forms.NOTE_MAX)]
    lines: Annotated[list[CreditLineForm], Meta(max_length=LINES_MAX)] = []
    amount: Annotated[int, Meta(ge=1, le=AMOUNT_MAX)] | None = None
    again: bool = False


class ExchangeForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one unit of the invoice's currency is in the seller's own: `rate` as text, at most four decimals."""

    rate: Annotated[str, Meta(pattern=r"^[0-9]{1,7}([.][0-9]{1,4})?$", max_length=12)]
    source: Annotated[str, Meta(min_length=1, max_length=forms.SHORT_MAX)]
    on: date


class BillingForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where an organisation's invoices go, and what it wants on them. `peppol_id` empty: it takes no e-invoices."""

    email: Annotated[str, Meta(max_length=forms.EMAIL_MAX)] = ""
    name: Annotated[str, Meta(max_length=forms.NAME_MAX)] = ""
    language: Literal["", "nb", "en"] = ""
    buyer_reference: Annotated[str, Meta(max_length=forms.SHORT_MAX)] = ""
    peppol_id: Annotated[str, Meta(max_length=60)] = ""
    street: Annotated[str, Meta(max_length=forms.NAME_MAX)] = ""
    postal_code: Annotated[str, Meta(max_length=20)] = ""
    city: Annotated[str, Meta(max_length=forms.SHORT_MAX)] = ""


class Billing(shapes.Answer, frozen=True):
    """Where an organisation's invoices go."""

    organisation_id: UUID
    email: str
    name: str
    language: str
    buyer_reference: str
    peppol_id: str
    street: str
    postal_code: str
    city: str


async def page(call: Call[InvoiceQuery, None]) -> shapes.Page[InvoiceRow]:
    query = call.query
    after = edge.cursor_id(query.cursor) or invoices.FIRST
    today = call.context.clock.now().astimezone(TIME_ZONE).date()
    async with call.context.db.reading(call.actor.manages) as connection:
        kept = await call.kept(connection)
        network = kept.network(query.network).id if query.network else None
        wanted = Filter(today, query.status, query.kind, query.organisation, network, query.undelivered)
        found = await invoices.page(connection, wanted, after, query.limit)
    cursor = str(found.rows[-1].id) if found.more else None
    if cursor:
        call.headers["link"] = edge.next_link(f"{PREFIX}/invoices", msgspec.to_builtins(query) | {"cursor": cursor})
    return shapes.Page([_row(row) for row in found.rows], cursor, found.more)


def _row(row: invoices.Row) -> InvoiceRow:
    return InvoiceRow(
        row.id,
        row.kind,
        row.state,
        row.number,
        row.host,
        row.organisation_id,
        row.organisation,
        row.issued_on,
        row.due_on,
        shapes.Money(row.net, row.currency),
        shapes.Money(row.gross, row.currency),
        shapes.Money(row.owed, row.currency),
        row.delivery,
    )


async def show(call: Call[Nothing, None]) -> Any:
    """An invoice; with .pdf or .xml behind the id its document as a file."""
    text = call.text("invoice_id")
    if text[-4:] in FILES:
        return await _file(call, edge.identity(text[:-4], "invoice_id"), FILES[text[-4:]])
    return await _shown(call, edge.identity(text, "invoice_id"))


async def _file(call: Call[Nothing, None], wanted: UUID, kind: Literal["pdf", "xml"]) -> File:
    number, content = await actions.file(call.context, call.actor, wanted, kind)
    return File(content, MEDIA[kind], f"{number}.{kind}")


async def _shown(call: Call[Any, Any], wanted: UUID) -> shapes.Invoice:
    async with call.context.db.reading(call.actor.manages) as connection:
        kept = await call.kept(connection)
        found = await invoices.some(connection, kept, [wanted])
    if found:
        return answers.invoice(call.t, found[0])
    async with call.reading() as connection:
        if await invoices.some(connection, kept, [wanted]):
            raise Forbidden
    raise NotFound("invoice_id", wanted)


async def issue(call: Call[Nothing, None]) -> shapes.Invoice:
    wanted = call.id("invoice_id")
    return await _shown(call, await actions.issue(call.context, call.actor, wanted))


async def exchange(call: Call[Nothing, ExchangeForm]) -> shapes.Invoice:
    wanted, form = call.id("invoice_id"), call.body
    rate = Exchange(ten_thousandths(form.rate), form.source, form.on)
    await actions.exchange(call.context, call.actor, wanted, rate)
    return await _shown(call, wanted)


async def credit(call: Call[Nothing, CreditForm]) -> shapes.Invoice:
    form = call.body
    what: Literal["whole", "lines", "amount"] = "lines" if form.lines else "whole" if form.amount is None else "amount"
    wanted = Credit(
        form.reason, what, tuple((line.id, line.amount) for line in form.lines), form.amount or 0, form.again
    )
    made = await actions.credit(call.context, call.actor, call.id("invoice_id"), wanted)
    return await _shown(call, made.id)


async def set_billing(call: Call[Nothing, BillingForm]) -> Billing:
    wanted = call.id("organisation_id")
    given = msgspec.structs.asdict(call.body)
    stored = await billing.change(call.context, call.actor, wanted, billing.Details(**given))
    return Billing(wanted, **msgspec.structs.asdict(stored))


operations = (
    Operation(
        id="list_invoices",
        method="GET",
        path="/invoices",
        tag=TAG,
        summary=N_("Invoices and credit notes"),
        description=N_("Of the hosts whose networks a key manages, in the order of ids, a page at a time."),
        query=InvoiceQuery,
        answer=shapes.Page[InvoiceRow],
        listing=True,
        run=page,
    ),
    Operation(
        id="show_invoice",
        method="GET",
        path=ONE,
        tag=TAG,
        summary=N_("One invoice with its lines"),
        description=N_(
            "A draft gathers charges until it is issued. A key sees the lines of the networks it manages. With .pdf or "
            ".xml behind the id: the issued document on paper or as EHF, for those who manage all of its networks."
        ),
        answer=shapes.Invoice,
        etag=True,
        run=show,
    ),
    Operation(
        id="issue_invoice",
        method="POST",
        path=f"{ONE}/issue",
        tag=TAG,
        summary=N_("Issue a draft"),
        description=N_(
            "It gets the next number of its host's series and never changes again; it is booked and sent to the buyer. "
            "Repeating is harmless."
        ),
        answer=shapes.Invoice,
        run=issue,
    ),
    Operation(
        id="set_exchange_rate",
        method="POST",
        path=f"{ONE}/exchange-rate",
        tag=TAG,
        summary=N_("Enter a draft's exchange rate"),
        description=N_(
            "VAT must be told in the seller's own currency, whatever the invoice is in. Without a rate such a draft "
            "cannot be issued. Nothing is fetched: say the rate, whose it is and for which day."
        ),
        body=ExchangeForm,
        answer=shapes.Invoice,
        example={"rate": "11.7345", "source": "Norges Bank", "on": "2026-11-20"},
        run=exchange,
    ),
    Operation(
        id="credit_invoice",
        method="POST",
        path=f"{ONE}/credit-notes",
        tag=TAG,
        summary=N_("Credit an issued invoice"),
        description=N_("Issues a credit note for all that is left, some lines or an amount, never for more than that."),
        body=CreditForm,
        answer=shapes.Invoice,
        status=201,
        location="/invoices/{id}",
        example={"reason": "Wrong level", "amount": 50000},
        run=credit,
    ),
    Operation(
        id="set_billing",
        method="POST",
        path="/organisations/{organisation_id}/billing",
        tag=TAG,
        summary=N_("Say where an organisation's invoices go"),
        description=N_("Replaces what was there. For a member of a network the key manages."),
        body=BillingForm,
        answer=Billing,
        example={"email": "invoice@example.com", "buyer_reference": "4711", "peppol_id": "0192:310004715"},
        run=set_billing,
    ),
)
