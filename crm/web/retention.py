"""Personal data of a host: how long it keeps what names people, what goes when, and people who come back."""

from datetime import date
from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Redirect

from cluster_rules import retention as rules
from cluster_rules.errors import RuleViolation
from cluster_rules.retention import Policy
from crm import words
from crm.actions import erasures
from crm.actions import retention as actions
from crm.errors import Invalid, status_of
from crm.i18n import N_
from crm.reads import retention as reads
from crm.web.fields import fields_of
from crm.web.office import Office, reading, routes, show
from crm.web.session import NOT_KEPT

PATH = "/setup/privacy"
DONE = ("saved", "returned", "nobody")
PERIODS = {
    "contact_months": N_("Contacts of members that have left, in months"),
    "application_months": N_("Contacts of applications that came to nothing, in months"),
    "mail_months": N_("Mails, in months"),
    "invoice_years": N_("People on issued invoices, in years after their year"),
    "audit_years": N_("Names in the audit trail, in years after their year"),
}
KINDS = {
    "contacts": N_("Contacts of members that have left"),
    "applications": N_("Contacts of applications that came to nothing"),
    "mails": N_("Mails: address, subject and text"),
    "invoices": N_("People on issued invoices"),
    "deliveries": N_("Addresses that invoices were sent to"),
    "surveys": N_("Who was asked in surveys"),
    "survey_texts": N_("What was written in surveys"),
    "references": N_("References on invoices"),
    "audit": N_("Names in the audit trail: a pseudonym takes their place"),
    "details": N_("Names and addresses in details of the audit trail"),
    "decisions": N_("Who decided about memberships: a pseudonym takes their place"),
    "steps": N_("Steps of applications, without the name then"),
    "sign_ins": N_("Who signed in: a pseudonym takes their place"),
}


@get(PATH, include_in_schema=False)
async def show_privacy(
    request: Request, office: NamedDependency[Office], on: FromQuery[date | None] = None, done: FromQuery[str] = ""
) -> Response[str]:
    return await _page(request, office, on or office.today, done=done if done in DONE else "")


@post(f"{PATH}/periods", include_in_schema=False)
async def save_periods(request: Request, office: NamedDependency[Office]) -> Response:
    typed = await fields_of(request)
    host = office.network.host_id
    networks = [each.id for each in office.kept.networks if each.host_id == host]
    try:
        await actions.set_policy(office.context, office.actor, host, networks, _policy(typed))
    except (Invalid, RuleViolation) as error:
        return await _page(request, office, office.today, error, typed)
    return Redirect(f"{office.base}{PATH}?done=saved", status_code=303, headers=NOT_KEPT)


@post(f"{PATH}/returns", include_in_schema=False)
async def let_return(request: Request, office: NamedDependency[Office]) -> Response:
    typed = await fields_of(request)
    try:
        found = await erasures.let_return(office.context, office.actor, typed.get("email", ""), typed.get("note", ""))
    except Invalid as error:
        return await _page(request, office, office.today, error, typed)
    done = "returned" if found else "nobody"
    return Redirect(f"{office.base}{PATH}?done={done}#returns", status_code=303, headers=NOT_KEPT)


handlers = [reading(show_privacy), routes(save_periods, let_return)]


def _policy(typed: dict[str, str]) -> Policy:
    """The periods as they were typed; Invalid for what is no whole number."""
    wrong = [name for name in rules.PERIODS if not typed.get(name, "").strip().isascii() or not typed[name].isdecimal()]
    if wrong:
        raise Invalid(
            [(n, "retention_range", dict(zip(("least", "most"), rules.LIMITS[n], strict=True))) for n in wrong]
        )
    return Policy(**{name: int(typed[name][:6]) for name in rules.PERIODS})


async def _page(
    request: Request,
    office: Office,
    day: date,
    error: Any = None,
    typed: dict[str, str] | None = None,
    done: str = "",
) -> Response[str]:
    host = office.network.host_id
    [going] = await actions.preview(office.context, day, host)
    assert going.host
    first = await actions.first_days(office.context, going.host)
    async with office.context.db.reading(office.actor.sees) as connection:
        runs = await reads.runs(connection, host)
        receipts = await reads.receipts(connection, office.network.id)
    networks = {each.id for each in office.kept.networks if each.host_id == host}
    periods = (
        typed if typed and "contact_months" in typed else {n: getattr(going.host.policy, n) for n in rules.PERIODS}
    )
    return await show(
        request,
        office,
        "office/privacy.html",
        "privacy",
        f"{office.base}{PATH}" if request.method == "POST" else "",
        status_code=status_of(error) if error else 200,
        errors=_mistakes(office, error),
        done=done,
        typed=typed or {},
        day=day,
        host=going.host,
        may_set=networks <= office.actor.manages or host in office.actor.hosts,
        periods=[_period(office, name, periods.get(name, "")) for name in rules.PERIODS],
        going=[_going(office, kind, count) for kind, count in going.done.items()],
        first=[{"label": office.t.gettext(KINDS[k]), "value": office.t.date(on)} for k, on in first.items()],
        runs=[
            {
                "on": each.on_date,
                "by": each.actor,
                "what": [_going(office, k, n) for k, n in each.done.items() if k in KINDS],
            }
            for each in runs
        ],
        receipts=receipts,
    )


def _mistakes(office: Office, error: Any) -> list[dict[str, str]]:
    if error is None:
        return []
    listed = error.problems if isinstance(error, Invalid) else [(error.field, error.code, error.params)]
    return [
        {"field": field, "text": words.refusal(office.t, office.kept, code, params)} for field, code, params in listed
    ]


def _period(office: Office, name: str, value: Any) -> dict[str, Any]:
    least, most = rules.LIMITS[name]
    return {"name": name, "label": office.t.gettext(PERIODS[name]), "value": value, "least": least, "most": most}


def _going(office: Office, kind: str, count: int) -> dict[str, str]:
    return {"label": office.t.gettext(KINDS[kind]), "value": office.t.number(count)}
