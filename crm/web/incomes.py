"""A network's other income: the list with its form and file, and taking back with a reason."""

from collections import defaultdict
from datetime import timedelta
from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency

from cluster_rules.periods import Period
from crm import fact_checks, names
from crm.actions import incomes as actions
from crm.actions.incomes import COLUMNS, KINDS, SECTORS, IncomeForm
from crm.errors import status_of
from crm.reads import incomes as reads
from crm.reads.incomes import Income
from crm.report_funding_words import VALUES
from crm.web import amounts, csv_files, told
from crm.web.office import Office, money, reading_money, show
from crm.web.told import Reader, Refusal, Typed

PATH = "/incomes"
KIND_WORDS, SECTOR_WORDS = VALUES["income_kind"], VALUES["sector"]


@get(PATH, include_in_schema=False)
async def show_incomes(request: Request, office: NamedDependency[Office]) -> Response[str]:
    return await _page(request, office, {}, None)


@get(f"{PATH}/export.csv", include_in_schema=False)
async def export(office: NamedDependency[Office]) -> Response[bytes]:
    """All that stand, in the columns a file of them has."""
    t = office.t
    async with office.context.db.reading(office.actor.sees) as connection:
        listed = await reads.after(connection, office.network.id, 0, None)
    rows = [
        (
            t.gettext(KIND_WORDS[each.kind]),
            t.gettext(SECTOR_WORDS[each.sector]),
            each.payer,
            each.what,
            each.starts_on,
            each.ends_on - timedelta(days=1),
            amounts.decimal(each.amount, each.currency),
            each.currency,
            each.reference,
        )
        for each in listed
    ]
    head = [t.gettext(each[0]) for each in COLUMNS.values()]
    return csv_files.answer(t, f"{office.network.slug}-other-income", head, rows)


def _form(typed: Typed) -> IncomeForm:
    """The income as actions take it. Invalid where a day or a number is none."""
    given = Reader(typed)
    currency, known = fact_checks.currency_of(typed.get("currency", ""))
    said = {name: typed.get(name, "") for name in ("kind", "sector", "payer", "what", "reference")}
    amount = given.number("amount", known)
    form = IncomeForm(
        **said, starts_on=given.day("starts_on"), last_on=given.day("last_on"), amount=amount, currency=currency
    )
    given.checked()
    return form


async def _page(request: Request, office: Office, typed: Typed, error: Refusal | None) -> Response[str]:
    t, page = office.t, told.page_of(request)
    gone = told.asked_id(request, "withdrawn")
    async with office.context.db.reading(office.actor.sees) as connection:
        listed, total = await reads.of_network(connection, office.network.id, page)
        back = await reads.withdrawn(connection, office.network.id, gone) if gone else None
    return await show(
        request,
        office,
        "office/incomes.html",
        "contributions",
        f"{office.base}{PATH}" if request.method == "POST" else "",
        status_code=status_of(error) if error else 200,
        listed=[_row(office, each) for each in listed],
        total=total,
        **told.paging(request, page, len(listed), reads.PAGE),
        withdrawn=back,
        typed=defaultdict(str, typed or (_again(office, back) if back else {})),
        kinds=[{"value": each, "label": t.gettext(KIND_WORDS[each])} for each in KINDS],
        sectors=[{"value": each, "label": t.gettext(SECTOR_WORDS[each])} for each in SECTORS],
        currency=office.kept.book(office.network.slug, office.today).currency,
        columns=[t.gettext(each[0]) for each in COLUMNS.values()],
        errors=told.problems(office, error, COLUMNS) if error else [],
    )


def _row(office: Office, each: Income) -> dict[str, Any]:
    """One as the page shows it."""
    t = office.t
    return {
        "id": each.id,
        "payer": each.payer,
        "what": each.what,
        "kind": t.gettext(KIND_WORDS[each.kind]),
        "sector": t.gettext(SECTOR_WORDS[each.sector]),
        "days": names.days(t, Period(each.starts_on, each.ends_on)),
        "amount": each.amount,
        "currency": each.currency,
        "reference": each.reference,
        "by": each.recorded_by,
    }


def _again(office: Office, each: Income) -> Typed:
    """What was taken back, to be put right and told anew."""
    return {
        "kind": each.kind,
        "sector": each.sector,
        "payer": each.payer,
        "what": each.what,
        "starts_on": each.starts_on.isoformat(),
        "last_on": told.last_day(each.ends_on, each.starts_on),
        "amount": told.money(office, each.amount, each.currency),
        "currency": each.currency,
        "reference": each.reference,
    }


_NOUN = told.Noun(
    path=PATH,
    name="other_income",
    form=_form,
    page=_page,
    add=actions.add,
    add_file=actions.add_file,
    withdraw=actions.withdraw,
    restore=actions.restore,
)
handlers = [reading_money(show_incomes, export), money(*told.deeds(_NOUN))]
