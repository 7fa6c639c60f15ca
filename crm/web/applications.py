"""The queue of applications, and one application: what was answered, what approving does, and the decision."""

from datetime import date
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from crm.actions import applications as actions
from crm.errors import Invalid, status_of
from crm.reads import applications as reads
from crm.reads import duplicates
from crm.reads import register as register_reads
from crm.web import mergers, register
from crm.web.fields import day_of, fields_of, id_of
from crm.web.office import Office, reading, routes, show
from crm.web.office_consequences import panel, problems
from crm.web.session import NOT_KEPT

OPEN = ("sent", "info_needed")
TABS = {"waiting": OPEN} | {
    status: (status,) for status in ("sent", "info_needed", "payment_due", "approved", "declined", "withdrawn")
}
FIELDS = {"starts_on": "starts_on", "note": "note"}


@get("/applications", include_in_schema=False)
async def show_queue(
    request: Request, office: NamedDependency[Office], status: FromQuery[str] = "waiting", page: FromQuery[str] = "1"
) -> Response[str]:
    tab = status if status in TABS else "waiting"
    number = int(page) if page.isdecimal() and 0 < int(page) < 10_000 else 1
    async with office.context.db.reading(office.actor.sees) as connection:
        counts = await reads.counts(connection, office.network.id)
        rows = await reads.queue(connection, office.network.id, TABS[tab], number)
    numbers = {name: sum(counts[s] for s in statuses) for name, statuses in TABS.items()}
    shown = {"rows": rows, "tab": tab, "numbers": numbers, "page_number": number, "page_size": reads.PAGE}
    return await show(request, office, "office/applications.html", "applications", **shown)


@get("/applications/{application:str}", include_in_schema=False)
async def show_application(
    request: Request, office: NamedDependency[Office], application: FromPath[str], starts_on: FromQuery[str] = ""
) -> Response[str]:
    return await _page(request, office, id_of("application", application), starts_on)


@post("/applications/{application:str}/approval", include_in_schema=False)
async def approve(request: Request, office: NamedDependency[Office], application: FromPath[str]) -> Response:
    wanted, given = id_of("application", application), await fields_of(request)
    row = await _row(office, wanted)
    day = day_of(given.get("starts_on", ""))
    if day is None and row.status in OPEN:
        return await _page(request, office, wanted, given.get("starts_on", ""))
    try:
        made = await actions.approve(office.context, office.actor, wanted, day or office.today)
    except (RuleViolation, Invalid) as error:
        return await _page(request, office, wanted, given.get("starts_on", ""), error)
    if made.number:  # approved, and no member before there is a place
        return Redirect(f"{office.base}/places?waits=1", status_code=303, headers=NOT_KEPT)
    if (await _row(office, wanted)).status == "payment_due":  # approved, and no member before the invoice is paid
        return Redirect(f"{office.base}/applications/{wanted}", status_code=303, headers=NOT_KEPT)
    done = "approved" if row.status in OPEN else "approved-before"
    where = f"{office.base}/members/{row.organisation_id}?done={done}&application={wanted}"
    return Redirect(where, status_code=303, headers=NOT_KEPT)


@post("/applications/{application:str}/question", include_in_schema=False)
async def ask(request: Request, office: NamedDependency[Office], application: FromPath[str]) -> Response:
    return await _answer(request, office, id_of("application", application), "question", actions.ask)


@post("/applications/{application:str}/decline", include_in_schema=False)
async def decline(request: Request, office: NamedDependency[Office], application: FromPath[str]) -> Response:
    return await _answer(request, office, id_of("application", application), "decline", actions.decline)


handlers = [reading(show_queue, show_application), routes(approve, ask, decline)]


async def _answer(request: Request, office: Office, wanted: UUID, kind: str, action: Any) -> Response:
    """Ask or decline: a note is needed, and what was typed is kept when something is wrong with it."""
    note = (await fields_of(request)).get("note", "").replace("\r\n", "\n")
    await _row(office, wanted)
    try:
        await action(office.context, office.actor, wanted, note)
    except (RuleViolation, Invalid) as error:
        return await _page(request, office, wanted, "", error, form=kind, note=note)
    return Redirect(f"{office.base}/applications/{wanted}?done={kind}", status_code=303, headers=NOT_KEPT)


async def _row(office: Office, wanted: UUID) -> reads.Application:
    async with office.context.db.reading(office.actor.sees) as connection:
        return await reads.one(connection, office.network.id, wanted)


async def _page(
    request: Request,
    office: Office,
    wanted: UUID,
    starts_on: str,
    error: RuleViolation | Invalid | None = None,
    form: str = "",
    note: str = "",
) -> Response[str]:
    """One application. A day that cannot be read, or a rule that says no, keeps the form and says why."""
    async with office.context.db.reading(office.actor.sees) as connection:
        row = await reads.one(connection, office.network.id, wanted)
        known = await reads.known(connection, row.organisation_id, office.today)
        told = await register_reads.of_organisation(connection, row.organisation_id) if row.organisation_id else None
        alike = await reads.alike(connection, row.organisation_id, office.today)
        likely = await duplicates.of_organisation(connection, row.organisation_id) if row.organisation_id else []
    values: dict[str, Any] = {"registered": register.facts(office, told)}
    day = day_of(starts_on) if starts_on else office.today
    errors = problems(office, error, FIELDS) if error else []
    shown = None
    if row.status in OPEN and day is None:
        errors.append({"field": "starts_on", "text": office.t.gettext("Write the day as YYYY-MM-DD.")})
    elif row.status in OPEN and day and office.may_manage:
        shown, refused = await _preview(office, row, day)
        errors += [each for each in refused if each not in errors]
    values |= {"row": row, "known": known, "alike": alike, "starts_on": day.isoformat() if day else starts_on}
    values["likely"] = [mergers.shown(office, each) for each in likely]
    values |= {"panel": shown, "open_form": form, "note": note, "asked": request.query_params.get("done", "")}
    values |= {"errors": errors, "status_code": status_of(error) if error else 422 if errors and starts_on else 200}
    at = f"{office.base}/applications/{wanted}" if request.method == "POST" else ""
    return await show(request, office, "office/application.html", "applications", at, **values)


async def _preview(office: Office, row: reads.Application, day: date) -> tuple[dict[str, Any] | None, list[Any]]:
    """The panel of what approving would do, or why it cannot be approved like this."""
    try:
        _, found = await actions.consequences(office.context, office.actor, row.id, day)
    except RuleViolation as refused:
        return None, problems(office, refused, FIELDS)
    t = office.t
    note = t.gettext("Nothing is made and nothing is sent before you approve.")
    return await panel(office, found, day, t.gettext("If you approve, this happens"), note), []
