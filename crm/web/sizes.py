"""A member's sizes and the fees agreed with it: what is told, what a new figure would change, its recording."""

from collections.abc import Mapping
from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from cluster_rules.money import digits
from cluster_rules.organisations import BASES, MONEY_BASES, AgreedFee
from cluster_rules.periods import Period
from crm import names
from crm.actions import sizes
from crm.errors import Invalid, status_of
from crm.forms import SizeForm
from crm.reads import relations as reads
from crm.web import figures
from crm.web import office_member as member_page
from crm.web.fields import day_of, fields_of, id_of
from crm.web.office import Office, routes, show
from crm.web.office_consequences import problems
from crm.web.office_member import Found
from crm.web.profiles import fee_rows
from crm.web.session import NOT_KEPT

Typed = Mapping[str, str]
_DECIMALS = dict.fromkeys(("fte", *MONEY_BASES), 2)
_PLACES = {
    f"sizes.0.{name}": place
    for name, place in {
        "basis": "basis",
        "value": "value",
        "currency": "currency",
        "as_of": "as_of",
        "source": "source",
    }.items()
} | {"component": "component", "amount": "amount", "source": "agreed_source", "starts_on": "starts_on"}
_PLACES |= {"agreed_as_of": "starts_on", "value": "value", "as_of": "as_of"}


@get("/members/{member:str}/sizes", include_in_schema=False)
async def show_sizes(request: Request, office: NamedDependency[Office], member: FromPath[str]) -> Response[str]:
    found = await member_page.find(office, id_of("member", member))
    return await _page(request, office, found, dict(request.query_params))


@post("/members/{member:str}/sizes", include_in_schema=False)
async def record_size(request: Request, office: NamedDependency[Office], member: FromPath[str]) -> Response:
    found = await member_page.find(office, id_of("member", member))
    typed = await fields_of(request)
    try:
        await sizes.record(office.context, office.actor, found.organisation.id, [_size(office, typed)])
    except (RuleViolation, Invalid) as error:
        return await _page(request, office, found, typed, error)
    return _back(office, found)


@post("/members/{member:str}/agreed-fees", include_in_schema=False)
async def agree(request: Request, office: NamedDependency[Office], member: FromPath[str]) -> Response:
    found = await member_page.find(office, id_of("member", member))
    typed = await fields_of(request)
    try:
        await sizes.agree(office.context, office.actor, found.organisation.id, _agreed(office, typed))
    except (RuleViolation, Invalid) as error:
        return await _page(request, office, found, typed, error)
    return _back(office, found)


handlers = [routes(show_sizes, record_size, agree)]


def _back(office: Office, found: Found) -> Redirect:
    here = f"{office.base}/members/{found.organisation.id}/sizes"
    return Redirect(here, status_code=303, headers=NOT_KEPT)


def _size(office: Office, typed: Typed) -> SizeForm:
    """What was typed as a figure; Invalid names what cannot be read."""
    basis = typed.get("basis", "")
    if basis not in BASES:
        raise Invalid([("sizes.0.basis", "value_unknown", {"message": basis[:30]})])
    value = figures.read(office.t.language, typed.get("value", ""), _DECIMALS.get(basis, 0))
    as_of = day_of(typed.get("as_of", ""))
    wrong: list[tuple[str, str, dict[str, Any]]] = []
    if value is None:
        wrong.append(("value", "type_wrong", {"message": typed.get("value", "")[:30]}))
    if as_of is None:
        wrong.append(("as_of", "date_format", {"message": typed.get("as_of", "")[:30]}))
    if wrong or value is None:
        raise Invalid(wrong)
    currency = typed.get("currency", "").strip().upper() if basis in MONEY_BASES else ""
    scope = "group" if typed.get("scope") == "group" else "own"
    return SizeForm(basis, value, scope, currency, as_of, typed.get("source", ""))


def _agreed(office: Office, typed: Typed) -> AgreedFee:
    slug, component = office.network.slug, typed.get("component", "")
    book = office.kept.rulebooks.of(slug)[-1]
    amount = figures.read(office.t.language, typed.get("amount", ""), digits(book.currency))
    starts_on, ends_on = day_of(typed.get("starts_on", "")), day_of(typed.get("ends_on", ""))
    wrong: list[tuple[str, str, dict[str, Any]]] = []
    if amount is None:
        wrong.append(("amount", "type_wrong", {"message": typed.get("amount", "")[:30]}))
    if starts_on is None:
        wrong.append(("starts_on", "date_format", {"message": typed.get("starts_on", "")[:30]}))
    if wrong or amount is None or starts_on is None:
        raise Invalid(wrong)
    if ends_on is not None and ends_on <= starts_on:
        raise RuleViolation("period_empty", "starts_on", starts_on=starts_on, ends_on=ends_on)
    period = Period(starts_on, ends_on)
    return AgreedFee(slug, component, amount, book.currency, period, typed.get("agreed_source", ""))


def components(office: Office) -> list[dict[str, str]]:
    """The fees of this network that are agreed with each member."""
    found = {
        fee.code: office.t.text(fee.names)
        for book in office.kept.rulebooks.of(office.network.slug)
        for tier in book.tiers
        for fee in tier.fees
        if fee.basis == "agreed"
    }
    return [{"value": code, "label": name} for code, name in found.items()]


def _figure(office: Office, each: reads.Figure) -> dict[str, Any]:
    t = office.t
    basis = names.size_name(t, each.basis if each.scope == "own" else f"{each.basis}_group")
    value = figures.write(t.language, each.value, _DECIMALS.get(each.basis, 0))
    shown = t.money(each.value, each.currency) if each.currency else value
    return {"what": basis[:1].upper() + basis[1:], "value": shown, "as_of": each.as_of, "source": each.source}


async def _page(
    request: Request, office: Office, found: Found, typed: Typed, error: RuleViolation | Invalid | None = None
) -> Response[str]:
    o, t, fees, looked = found.organisation, office.t, [], False
    async with office.context.db.reading(office.actor.sees) as connection:
        told = [f for f in await reads.figures(connection, o.id) if f.basis != "owner"]
        agreed = [a for a in await reads.agreed(connection, o.id) if a.network == office.network.slug]
    if not error and typed.get("look"):
        try:
            form = [_size(office, typed)]
            changes = await sizes.preview(office.context, office.actor, o.id, form)
            fees, looked = fee_rows(office, [c for c in changes if c.before != c.after]), True
        except (RuleViolation, Invalid) as refused:
            error = refused
    today = office.today.isoformat()
    blank = {"basis": "turnover", "value": "", "scope": "own", "currency": "NOK", "as_of": today, "source": ""}
    blank |= {"component": "", "amount": "", "starts_on": today, "ends_on": "", "agreed_source": ""}
    offered = components(office)
    labels = {each["value"]: each["label"] for each in offered}
    bases = [(basis, names.size_name(t, basis)) for basis in BASES]
    values: dict[str, Any] = {
        "found": found,
        "typed": blank | dict(typed),
        "figures": [_figure(office, each) for each in told],
        "agreed": [{"row": each, "name": labels.get(each.component, each.component)} for each in agreed],
        "bases": [{"value": code, "label": name[:1].upper() + name[1:]} for code, name in bases],
        "components": offered,
        "currency": office.kept.rulebooks.of(office.network.slug)[-1].currency,
        "fees": fees,
        "looked": looked,
        "errors": problems(office, error, _PLACES) if error else [],
        "status_code": status_of(error) if error else 200,
    }
    at = f"{office.base}/members/{o.id}/sizes" if request.method == "POST" else ""
    return await show(request, office, "office/sizes.html", "members", at, **values)
