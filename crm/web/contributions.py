"""What members give in kind: the list with its form and file, taking back with a reason, and what an hour counts as."""

from collections import defaultdict
from datetime import timedelta
from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from cluster_rules.errors import RuleViolation
from cluster_rules.periods import Period
from crm import fact_checks, names
from crm.actions import contributions as actions
from crm.actions.contributions import COLUMNS, ContributionForm
from crm.errors import Invalid, status_of
from crm.reads import contributions as reads
from crm.reads.contributions import Contribution
from crm.web import amounts, csv_files, told
from crm.web.fields import fields_of, id_of
from crm.web.office import Office, money, reading_money, show
from crm.web.told import HUNDREDTHS, Reader, Refusal, Typed

PATH = "/contributions"


@get(PATH, include_in_schema=False)
async def show_contributions(request: Request, office: NamedDependency[Office]) -> Response[str]:
    return await _page(request, office, {}, None)


@get(f"{PATH}/export.csv", include_in_schema=False)
async def export(office: NamedDependency[Office]) -> Response[bytes]:
    """All that stand, in the columns a file of them has."""
    async with office.context.db.reading(office.actor.sees) as connection:
        listed = await reads.after(connection, office.network.id, 0, None)
    head = [office.t.gettext(each[0]) for each in COLUMNS.values()]
    rows = [
        (
            each.number or each.member,
            each.what,
            each.starts_on,
            each.ends_on - timedelta(days=1),
            None if each.hours is None else amounts.decimal(each.hours, HUNDREDTHS),
            None if each.rate is None else amounts.decimal(each.rate, each.currency),
            amounts.decimal(each.amount, each.currency) if each.hours is None else None,
            each.currency,
            each.reference,
        )
        for each in listed
    ]
    return csv_files.answer(office.t, f"{office.network.slug}-in-kind", head, rows)


@post(f"{PATH}/rates", include_in_schema=False)
async def add_rate(request: Request, office: NamedDependency[Office]) -> Response:
    typed = await fields_of(request)
    given = Reader({"starts_on": typed.get("rate_from", ""), "amount": typed.get("rate_amount", "")})
    currency = office.kept.book(office.network.slug, office.today).currency
    day, amount = given.day("starts_on"), given.number("amount", currency)
    try:
        given.checked()
        await actions.add_rate(office.context, office.actor, office.network.id, day, amount)
    except (Invalid, RuleViolation) as error:
        return await _page(request, office, typed, error, {"starts_on": "rate_from", "amount": "rate_amount"})
    return told.back(office, PATH)


@post(PATH + "/rates/{wanted:str}/withdraw", include_in_schema=False)
async def withdraw_rate(request: Request, office: NamedDependency[Office], wanted: FromPath[str]) -> Response:
    typed, found = await fields_of(request), id_of("rate", wanted)
    try:
        await actions.withdraw_rate(office.context, office.actor, office.network.id, found, typed.get("reason", ""))
    except Invalid as error:
        return await _page(request, office, {}, error)
    return told.back(office, PATH)


def _form(typed: Typed) -> ContributionForm:
    """The contribution as actions take it. Invalid where a day or a number is none."""
    given = Reader(typed)
    currency, known = fact_checks.currency_of(typed.get("currency", ""))
    form = ContributionForm(
        typed.get("what", ""),
        given.day("starts_on"),
        given.day("last_on"),
        " ".join(typed.get("member", "").split()),
        hours=given.number("hours"),
        rate=given.number("rate", known),
        amount=given.number("amount", known),
        currency=currency,
        reference=typed.get("reference", ""),
    )
    given.checked()
    return form


async def _page(
    request: Request, office: Office, typed: Typed, error: Refusal | None, fields: dict[str, str] | None = None
) -> Response[str]:
    page = told.page_of(request)
    gone = told.asked_id(request, "withdrawn")
    async with office.context.db.reading(office.actor.sees) as connection:
        listed, total = await reads.of_network(connection, office.network.id, page)
        rates = await reads.rates(connection, office.network.id)
        back = await reads.withdrawn(connection, office.network.id, gone) if gone else None
    errors = told.problems(office, error, COLUMNS) if error else []
    for each in errors:
        each["field"] = (fields or {}).get(each["field"], each["field"])
    return await show(
        request,
        office,
        "office/contributions.html",
        "contributions",
        f"{office.base}{PATH}" if request.method == "POST" else "",
        status_code=status_of(error) if error else 200,
        listed=[_row(office, each) for each in listed],
        rates=rates,
        currency=office.kept.book(office.network.slug, office.today).currency,
        total=total,
        **told.paging(request, page, len(listed), reads.PAGE),
        withdrawn=back,
        typed=defaultdict(str, typed or (_again(office, back) if back else {})),
        columns=[office.t.gettext(each[0]) for each in COLUMNS.values()],
        errors=errors,
    )


def _row(office: Office, each: Contribution) -> dict[str, Any]:
    """One as the page shows it."""
    hours = "" if each.hours is None else office.t.number(each.hours / 100)
    return {
        "id": each.id,
        "member": each.member,
        "organisation": each.organisation_id,
        "what": each.what,
        "days": names.days(office.t, Period(each.starts_on, each.ends_on)),
        "hours": hours,
        "rate": each.rate,
        "amount": each.amount,
        "currency": each.currency,
        "reference": each.reference,
        "by": each.recorded_by,
    }


def _again(office: Office, each: Contribution) -> Typed:
    """What was taken back, to be put right and told anew."""
    return {
        "member": each.number or each.member,
        "what": each.what,
        "starts_on": each.starts_on.isoformat(),
        "last_on": told.last_day(each.ends_on, each.starts_on),
        "hours": told.money(office, each.hours, HUNDREDTHS),
        "rate": told.money(office, each.rate, each.currency),
        "amount": "" if each.hours is not None else told.money(office, each.amount, each.currency),
        "currency": each.currency,
        "reference": each.reference,
    }


_NOUN = told.Noun(
    path=PATH,
    name="contribution",
    form=_form,
    page=_page,
    add=actions.add,
    add_file=actions.add_file,
    withdraw=actions.withdraw,
    restore=actions.restore,
)
handlers = [reading_money(show_contributions, export), money(*told.deeds(_NOUN), add_rate, withdraw_rate)]
