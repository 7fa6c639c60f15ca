"""Payments to place: a bank's file, the suspense it leaves, mistakes undone, write-offs and their second word.

Everything is a form that works without a script; what was done is said on the page that follows.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from crm.actions import bank, payments
from crm.actions.payments import Share
from crm.errors import Invalid, NotFound, status_of
from crm.reads import ledger as reads
from crm.web import amounts
from crm.web.fields import fields_of, id_of
from crm.web.office import Office, money, show
from crm.web.office_consequences import problems
from crm.web.session import NOT_KEPT

PATH = "/invoices/suspense"
BODY_MAX_BYTES = bank.LARGEST_FILE_BYTES + 64 * 1024
DONE = ("imported", "placed", "noted", "refunded", "returned", "undone", "approved", "declined")
Errors = list[dict[str, str]]


@get(PATH, include_in_schema=False)
async def show_suspense(request: Request, office: NamedDependency[Office]) -> Response[str]:
    return await _page(request, office)


@post(f"{PATH}/files", include_in_schema=False, request_max_body_size=BODY_MAX_BYTES)
async def import_file(request: Request, office: NamedDependency[Office]) -> Response:
    form = await request.form()
    file = form.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        return await _wrong(request, office, [{"field": "file", "text": office.t.gettext("Choose a file.")}])
    content = await file.read()
    name = file.filename[: bank.NAME_MAX]

    async def deed() -> str:
        done = await bank.import_file(office.context, office.actor, office.network.host_id, name, content)
        return f"imported&file={done.file}"

    return await _do(request, office, deed)


@post(PATH + "/{payment:str}/placements", include_in_schema=False)
async def place(request: Request, office: NamedDependency[Office], payment: FromPath[str]) -> Response:
    """`amount-ID` for each invoice; `credit` for what the organisation of the first of them keeps as credit."""
    typed, wanted = await _typed(request), id_of("payment", payment)
    shares, errors = await _shares(office, wanted, typed)
    if errors or not shares:
        nothing = {"field": f"place-{payment}", "text": office.t.gettext("Enter an amount for at least one invoice.")}
        return await _wrong(request, office, errors or [nothing])

    async def deed() -> str:
        done = await payments.place(office.context, office.actor, wanted, shares, typed.get("note", "").strip())
        return f"placed&booking={done.transactions[-1]}" if len(done.transactions) == 1 else "placed"

    return await _do(request, office, deed)


@post(PATH + "/{payment:str}/notes", include_in_schema=False)
async def note(request: Request, office: NamedDependency[Office], payment: FromPath[str]) -> Response:
    typed, wanted = await _typed(request), id_of("payment", payment)

    async def deed() -> str:
        await payments.note(office.context, office.actor, wanted, typed.get("note", ""))
        return "noted"

    return await _do(request, office, deed)


@post(PATH + "/{payment:str}/refunds", include_in_schema=False)
async def refund(request: Request, office: NamedDependency[Office], payment: FromPath[str]) -> Response:
    typed, wanted = await _typed(request), id_of("payment", payment)
    amount = amounts.read(typed.get("refund", ""), await _currency(office, wanted))
    if amount is None:
        return await _wrong(request, office, [_no_amount(office, f"refund-{payment}")])

    async def deed() -> str:
        reason = typed.get("why", "")
        await payments.refund(office.context, office.actor, wanted, amount, office.today, reason)
        return "refunded"

    return await _do(request, office, deed)


@post(PATH + "/returns/{line:str}", include_in_schema=False)
async def settle_return(request: Request, office: NamedDependency[Office], line: FromPath[str]) -> Response:
    typed, wanted = await fields_of(request), id_of("bank_line", line)
    payment = id_of("payment", typed.get("payment", ""))

    async def deed() -> str:
        await bank.returned(office.context, office.actor, wanted, payment)
        return "returned"

    return await _do(request, office, deed)


@post(PATH + "/bookings/{booking:str}/take-back", include_in_schema=False)
async def take_back(request: Request, office: NamedDependency[Office], booking: FromPath[str]) -> Response:
    wanted = id_of("transaction", booking)

    async def deed() -> str:
        await payments.take_back(office.context, office.actor, wanted)
        return "undone"

    return await _do(request, office, deed)


@post(PATH + "/write-offs/{write_off:str}/{word:str}", include_in_schema=False)
async def decide(
    request: Request, office: NamedDependency[Office], write_off: FromPath[str], word: FromPath[str]
) -> Response:
    wanted = id_of("write_off", write_off)
    if word not in ("approve", "decline"):
        raise NotFound("page", word)

    async def deed() -> str:
        await payments.decide_write_off(office.context, office.actor, wanted, word == "approve")
        return "approved" if word == "approve" else "declined"

    return await _do(request, office, deed)


handlers = [money(show_suspense, import_file, place, note, refund, settle_return, take_back, decide)]


async def _typed(request: Request) -> dict[str, str]:
    """The fields by what they are; behind the dot stands the payment a field is about."""
    return {name.partition(".")[0]: text for name, text in (await fields_of(request)).items()}


async def _currency(office: Office, payment: UUID) -> str:
    """What a payment is in; "" where there is none such, which whoever places it is told."""
    async with office.context.db.reading(office.actor.sees) as connection:
        return await reads.currency_of(connection, payment)


async def _shares(office: Office, payment: UUID, typed: dict[str, str]) -> tuple[list[Share], Errors]:
    """The parts that were typed: known invoices by id, another one by its number, a credit for its buyer."""
    parts: list[Share] = []
    errors: Errors = []
    currency = await _currency(office, payment)
    for name, text in typed.items():
        if not name.startswith("amount-") or not text.strip():
            continue
        amount = amounts.read(text, currency)
        if amount is None:
            errors.append(_no_amount(office, name))
        elif amount:
            parts.append(Share(amount, id_of("invoice_id", name.removeprefix("amount-"))))
    other, number = typed.get("other", ""), typed.get("number", "").strip()
    if number or other.strip():
        async with office.context.db.reading(office.actor.sees) as connection:
            found = await reads.by_number(connection, office.network.host_id, number)
        amount = amounts.read(other, currency)
        if found is None:
            text = office.t.gettext("No issued invoice has the number %(number)s.") % {"number": number[:30]}
            errors.append({"field": "number", "text": text})
        elif amount is None:
            errors.append(_no_amount(office, "other"))
        else:
            invoice, organisation = found
            parts.append(Share(amount, None, organisation) if typed.get("credit") else Share(amount, invoice))
    return parts, errors


def _no_amount(office: Office, field: str) -> dict[str, str]:
    return {"field": field, "text": office.t.gettext("Write the amount like 1500 or 1 500,50.")}


async def _do(request: Request, office: Office, deed: Callable[[], Awaitable[str]]) -> Response:
    try:
        said = await deed()
    except (RuleViolation, Invalid) as refused:
        return await _wrong(request, office, problems(office, refused, {}), status_of(refused))
    return Redirect(f"{office.base}{PATH}?done={said}", status_code=303, headers=NOT_KEPT)


async def _wrong(request: Request, office: Office, errors: Errors, status: int = 422) -> Response[str]:
    return await _page(request, office, errors=errors, status_code=status, at=f"{office.base}{PATH}")


async def _page(request: Request, office: Office, errors: Errors | None = None, **values: Any) -> Response[str]:
    host = office.network.host_id
    async with office.context.db.reading(office.actor.sees) as connection:
        found = {
            "loose": await reads.suspense(connection, host),
            "returns": await reads.returns(connection, host),
            "write_offs": await reads.write_offs(connection, host),
            "placed": await reads.placed(connection, host),
            "files": await reads.files(connection, host),
        }
    done = request.query_params.get("done", "")
    booking = _id(request.query_params.get("booking", ""))
    file = next((f for f in found["files"] if f.id == _id(request.query_params.get("file", ""))), None)
    shown: dict[str, Any] = {"done": done if done in DONE else "", "booking": booking, "file": file, "me": office.actor}
    shown["amount_typed"] = partial(amounts.write, office.t.language)
    return await show(
        request, office, "office/suspense.html", "payments", errors=errors or [], **found, **shown, **values
    )


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
