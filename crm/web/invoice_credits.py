"""Credit an invoice: whole, some lines or an amount; looked at as the document it would be before it is issued."""

from collections.abc import Mapping
from typing import Any, Literal
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from cluster_rules.documents import Document
from cluster_rules.errors import RuleViolation
from crm.actions import invoices as actions
from crm.actions.invoices import Credit
from crm.errors import Invalid, NotFound, status_of
from crm.i18n import N_
from crm.reads import invoice_money
from crm.web import amounts, invoice_paper
from crm.web import invoice_views as views
from crm.web.fields import fields_of, id_of
from crm.web.office import Office, money, show
from crm.web.office_consequences import problems
from crm.web.session import NOT_KEPT

PATH = "/invoices/{invoice:str}/credit-note"
WHATS = ("whole", "lines", "amount")


@get(PATH, include_in_schema=False)
async def ask(request: Request, office: NamedDependency[Office], invoice: FromPath[str]) -> Response[str]:
    return await _page(request, office, await _billed(office, invoice), {})


@post(PATH, include_in_schema=False)
async def credit(request: Request, office: NamedDependency[Office], invoice: FromPath[str]) -> Response:
    """Show the credit note as it would be; issue it when the button below it was pressed."""
    form = await fields_of(request)
    found = await _billed(office, invoice)
    wanted, errors = _wanted(form, found)
    if errors:
        told = [{"field": field, "text": office.t.gettext(text)} for field, text in errors]
        return await _page(request, office, found, form, told, 422)
    try:
        if form.get("do") == "issue":
            made = await actions.credit(office.context, office.actor, found.invoice.id, wanted)
            where = f"{office.base}/invoices/{made.id}?done=credited"
            return Redirect(where, status_code=303, headers=NOT_KEPT)
        seen = await actions.preview_credit(office.context, office.actor, found.invoice.id, wanted)
    except (RuleViolation, Invalid) as refused:
        fields = {"reason": "reason", "amount": "amount", "again": "again", "lines": "what"}
        fields |= {f"lines.{n}.amount": f"amount-{charge}" for n, (charge, _) in enumerate(wanted.lines)}
        return await _page(request, office, found, form, problems(office, refused, fields), status_of(refused))
    return await _page(request, office, found, form, seen=seen)


handlers = [money(ask, credit)]


async def _billed(office: Office, invoice: str) -> views.Found:
    """An issued invoice the reader may credit. NotFound for anything else."""
    found = await views.find(office, id_of("invoice", invoice))
    if found.document is None or found.invoice.status != "issued" or found.invoice.kind != "invoice":
        raise NotFound("invoice", invoice)
    return found


def _wanted(form: Mapping[str, str], found: views.Found) -> tuple[Credit, list[tuple[str, str]]]:
    """What was asked for, and what cannot be read of it."""
    errors: list[tuple[str, str]] = []
    what: Literal["whole", "lines", "amount"] = "whole"
    if form.get("what") in ("lines", "amount"):
        what = "lines" if form["what"] == "lines" else "amount"
    lines: list[tuple[UUID, int | None]] = []
    currency = found.invoice.currency
    for line in found.invoice.lines:
        if what == "lines" and form.get(f"take-{line.charge_id}"):
            typed = form.get(f"amount-{line.charge_id}", "").strip()
            amount = _signed(typed, currency) if typed else None
            if typed and amount is None:
                errors.append((f"amount-{line.charge_id}", N_("Write the amount like 1500 or 1 500,50.")))
            lines.append((line.charge_id, amount))
    if what == "lines" and not lines:
        errors.append(("what", N_("Choose at least one line.")))
    amount = amounts.read(form.get("amount", ""), currency) if what == "amount" else 0
    if amount is None:
        errors.append(("amount", N_("Write the amount like 1500 or 1 500,50.")))
    if not form.get("reason", "").strip():
        errors.append(("reason", N_("Say why: it stands on the credit note.")))
    again = what == "whole" and bool(form.get("again"))
    return Credit(form.get("reason", ""), what, tuple(lines), amount or 0, again), errors


def _signed(text: str, currency: str) -> int | None:
    """An amount that may be below zero: a line that was itself a deduction."""
    bare = text.replace("\N{MINUS SIGN}", "-")
    amount = amounts.read(bare.removeprefix("-").strip(), currency)
    return -amount if amount is not None and bare.startswith("-") else amount


async def _page(
    request: Request,
    office: Office,
    found: views.Found,
    typed: Mapping[str, str],
    errors: list[dict[str, str]] | None = None,
    status: int = 200,
    seen: Document | None = None,
) -> Response[str]:
    here = f"{office.base}/invoices/{found.invoice.id}"
    async with office.context.db.reading(office.actor.sees) as connection:
        left = await invoice_money.left(connection, found.invoice.id)
    values: dict[str, Any] = {
        "found": found,
        "here": here,
        "left": left,
        "lines": [line for line in found.invoice.lines if left.get(line.charge_id)],
        "untouched": all(left.get(line.charge_id) == line.net for line in found.invoice.lines),
        "typed": dict(typed),
        "errors": errors or [],
        "wrong": {each["field"]: each["text"] for each in errors or []},
        "seen": invoice_paper.of_document(office, seen, issued=False) if seen else None,
    }
    at = f"{here}/credit-note"
    return await show(request, office, "office/invoice_credit.html", "invoices", at, status_code=status, **values)
