"""The page of one invoice and what is done on it: issue, send, pay, credit, give back, write off, take back."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import Literal
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from crm import forms
from crm.actions import cards as card_actions
from crm.actions import invoice_deliveries, payments
from crm.actions import invoices as actions
from crm.actions.cards import Accounts
from crm.actions.payments import Done
from crm.actor import Actor
from crm.context import Context
from crm.errors import Invalid, NotFound, status_of
from crm.i18n import N_
from crm.web import amounts
from crm.web import invoice_views as views
from crm.web.fields import day_of, fields_of, id_of
from crm.web.office import Office, money, reading_money
from crm.web.office_consequences import problems
from crm.web.session import NOT_KEPT

ONE = "/invoices/{invoice:str}"
MEDIA = {"pdf": "application/pdf", "xml": "application/xml"}
Fields = Mapping[str, str]


@get(ONE, include_in_schema=False)
async def show_invoice(request: Request, office: NamedDependency[Office], invoice: FromPath[str]) -> Response[str]:
    return await views.answer(request, office, id_of("invoice", invoice))


@get(f"{ONE}/pdf", include_in_schema=False)
async def show_pdf(office: NamedDependency[Office], invoice: FromPath[str]) -> Response[bytes]:
    return await _file(office, invoice, "pdf")


@get(f"{ONE}/xml", include_in_schema=False)
async def show_xml(office: NamedDependency[Office], invoice: FromPath[str]) -> Response[bytes]:
    return await _file(office, invoice, "xml")


@post(f"{ONE}/issue", include_in_schema=False)
async def issue(request: Request, office: NamedDependency[Office], invoice: FromPath[str]) -> Response:
    async def deed(_: Fields, wanted: UUID) -> str:
        await actions.issue(office.context, office.actor, wanted)
        return "issued"

    return await _do(request, office, invoice, deed)


@post(f"{ONE}/reference", include_in_schema=False)
async def refer(request: Request, office: NamedDependency[Office], invoice: FromPath[str]) -> Response:
    async def deed(form: Fields, wanted: UUID) -> str:
        await actions.refer(office.context, office.actor, wanted, form.get("buyer_reference", ""))
        return "referred"

    return await _do(request, office, invoice, deed)


@post(f"{ONE}/exchange-rate", include_in_schema=False)
async def exchange(request: Request, office: NamedDependency[Office], invoice: FromPath[str]) -> Response:
    async def deed(form: Fields, wanted: UUID) -> str:
        rate = actions.ten_thousandths(form.get("rate", ""))
        said = actions.Exchange(rate, form.get("rate_source", ""), _day(form, "rate_on"))
        await actions.exchange(office.context, office.actor, wanted, said)
        return "rated"

    return await _do(request, office, invoice, deed)


@post(f"{ONE}/deliveries", include_in_schema=False)
async def send_again(request: Request, office: NamedDependency[Office], invoice: FromPath[str]) -> Response:
    async def deed(form: Fields, wanted: UUID) -> str:
        email = form.get("email", "").strip()
        _check_email(email)
        await invoice_deliveries.again(office.context, office.actor, wanted, email)
        return "sent"

    return await _do(request, office, invoice, deed)


@post(f"{ONE}/payments", include_in_schema=False)
async def record(request: Request, office: NamedDependency[Office], invoice: FromPath[str]) -> Response:
    async def deed(form: Fields, wanted: UUID) -> str:
        found = await views.find(office, wanted)
        day, currency = _day(form, "received_on"), found.invoice.currency
        amount = _amount(form, "amount", currency)
        note = form.get("reference", "").strip()
        return _booked("recorded", await payments.record(*_who(office), wanted, amount, currency, day, note))

    return await _do(request, office, invoice, deed, {"reason": "reference"})


@post(f"{ONE}/credit-use", include_in_schema=False)
async def use_credit(request: Request, office: NamedDependency[Office], invoice: FromPath[str]) -> Response:
    async def deed(form: Fields, wanted: UUID) -> str:
        amount = _amount(form, "credit_amount", (await views.find(office, wanted)).invoice.currency)
        return _booked("credit-used", await payments.use_credit(*_who(office), wanted, amount))

    return await _do(request, office, invoice, deed, {"amount": "credit_amount"})


@post(ONE + "/payments/{payment:str}/refunds", include_in_schema=False)
async def refund(
    request: Request,
    office: NamedDependency[Office],
    cards: NamedDependency[Accounts],
    invoice: FromPath[str],
    payment: FromPath[str],
) -> Response:
    """By bank: record that it was paid back. By card: ask the provider to."""
    there = id_of("payment", payment)

    async def deed(form: Fields, wanted: UUID) -> str:
        found = await views.find(office, wanted)
        paid = next((each for each in found.money.payments if each.id == there), None)
        if paid is None:
            raise NotFound("payment", there)
        amount = _amount(form, f"refund-{there}", found.invoice.currency)
        why = form.get(f"why-{there}", "").strip()
        if paid.rail == "card":
            await card_actions.refund(office.context, cards, office.actor, there, amount, why)
            return "refund-asked"
        await payments.refund(*_who(office), there, amount, _day(form, f"paid_on-{there}"), why)
        return "refunded"

    names = {"amount": f"refund-{there}", "reason": f"why-{there}", "received_on": f"paid_on-{there}"}
    return await _do(request, office, invoice, deed, names | {"payment": f"refund-{there}"})


@post(f"{ONE}/write-offs", include_in_schema=False)
async def propose(request: Request, office: NamedDependency[Office], invoice: FromPath[str]) -> Response:
    async def deed(form: Fields, wanted: UUID) -> str:
        amount = _amount(form, "write_off_amount", (await views.find(office, wanted)).invoice.currency)
        why = form.get("write_off_reason", "")
        await payments.propose_write_off(*_who(office), wanted, amount, why)
        return "proposed"

    return await _do(request, office, invoice, deed, {"amount": "write_off_amount", "reason": "write_off_reason"})


@post(ONE + "/write-offs/{write_off:str}/{word:str}", include_in_schema=False)
async def decide(
    request: Request,
    office: NamedDependency[Office],
    invoice: FromPath[str],
    write_off: FromPath[str],
    word: FromPath[str],
) -> Response:
    there = id_of("write_off", write_off)
    if word not in ("approve", "decline"):
        raise NotFound("page", word)

    async def deed(_: Fields, wanted: UUID) -> str:
        found = await views.find(office, wanted)
        if there not in {each.id for each in found.money.write_offs}:
            raise NotFound("write_off", there)
        done = await payments.decide_write_off(*_who(office), there, word == "approve")
        return _booked("approved", done) if word == "approve" else "declined"

    return await _do(request, office, invoice, deed)


@post(ONE + "/bookings/{booking:str}/take-back", include_in_schema=False)
async def take_back(
    request: Request, office: NamedDependency[Office], invoice: FromPath[str], booking: FromPath[str]
) -> Response:
    there = id_of("transaction", booking)

    async def deed(_: Fields, wanted: UUID) -> str:
        found = await views.find(office, wanted)
        if there not in {each.id for each in found.money.postings}:
            raise NotFound("transaction", there)
        await payments.take_back(*_who(office), there)
        return "undone"

    return await _do(request, office, invoice, deed)


handlers = [
    reading_money(show_invoice, show_pdf, show_xml),
    money(
        issue,
        refer,
        exchange,
        send_again,
        record,
        use_credit,
        refund,
        propose,
        decide,
        take_back,
    ),
]


async def _do(
    request: Request,
    office: Office,
    invoice: str,
    deed: Callable[[Fields, UUID], Awaitable[str]],
    fields: Mapping[str, str] | None = None,
) -> Response:
    """Carry it out and go back to the page; refused, the page says why at the field, and keeps what was typed."""
    wanted = id_of("invoice", invoice)
    form = await fields_of(request)
    await views.find(office, wanted)
    try:
        said = await deed(form, wanted)
    except _Typed as wrong:
        errors = [{"field": wrong.field, "text": office.t.gettext(wrong.text)}]
        return await views.answer(request, office, wanted, errors, form, 422)
    except (RuleViolation, Invalid) as refused:
        names = {name: name for name in form} | dict(fields or {})
        errors = problems(office, refused, names)
        return await views.answer(request, office, wanted, errors, form, status_of(refused))
    return Redirect(f"{office.base}/invoices/{wanted}?done={said}", status_code=303, headers=NOT_KEPT)


class _Typed(Exception):
    """What was typed cannot be read as what the field asks for."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(field)
        self.field, self.text = field, text


def _who(office: Office) -> tuple[Context, Actor]:
    return office.context, office.actor


def _amount(form: Fields, name: str, currency: str) -> int:
    amount = amounts.read(form.get(name, ""), currency)
    if amount is None:
        raise _Typed(name, N_("Write the amount like 1500 or 1 500,50."))
    return amount


def _day(form: Fields, name: str) -> date:
    day = day_of(form.get(name, ""))
    if day is None:
        raise _Typed(name, N_("Write the day as YYYY-MM-DD."))
    return day


def _check_email(email: str) -> None:
    problems: forms.Problems = []
    if email:
        forms.email(problems, "email", email)
    if problems:
        raise Invalid(problems)


def _booked(said: str, done: Done) -> str:
    """What was done, with the booking it can be undone by where it is one."""
    return f"{said}&booking={done.transactions[0]}" if len(done.transactions) == 1 else said


async def _file(office: Office, invoice: str, kind: Literal["pdf", "xml"]) -> Response[bytes]:
    wanted = id_of("invoice", invoice)
    await views.find(office, wanted)
    number, content = await actions.file(office.context, office.actor, wanted, kind)
    headers = {**NOT_KEPT, "content-disposition": f'inline; filename="{number}.{kind}"'}
    return Response(content, media_type=MEDIA[kind], headers=headers)
