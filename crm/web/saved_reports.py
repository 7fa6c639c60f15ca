"""Saved reports: kept from the page of a report, listed, sent by mail, stopped and removed."""

from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from crm import report_words
from crm.actions import saved_reports as actions
from crm.errors import Invalid, NotFound, status_of
from crm.i18n import N_
from crm.reads import people, reports
from crm.reads import saved_reports as reads
from crm.web.fields import id_of
from crm.web.office import Office, reading, show
from crm.web.office_consequences import problems
from crm.web.reports import NAV
from crm.web.session import NOT_KEPT

PATH = "/reports/saved"
QUESTION_MAX = 2_000
MOST_PAIRS = 60
EVERY = {
    "never": N_("Not by mail"),
    "week": N_("Every week"),
    "month": N_("Every month"),
    "quarter": N_("Every quarter"),
}
FIELDS = {name: name for name in ("title", "every", "file", "readers")}
FILES = {"xlsx": N_("Spreadsheet (XLSX)"), "pdf": N_("On paper (PDF)")}


@get(PATH, include_in_schema=False)
async def show_saved(request: Request, office: NamedDependency[Office]) -> Response[str]:
    """One's own and the shared ones; with ?report= a form to keep that one."""
    query = request.query_params
    if query.get("change"):
        return await _change_page(request, office, id_of("saved_report", query["change"]))
    return await _page(request, office, {"report": query.get("report", ""), "question": query.get("question", "")})


@post(PATH, include_in_schema=False)
async def save(request: Request, office: NamedDependency[Office]) -> Response:
    form = await request.form()
    typed = {name: form[name] for name in form if isinstance(form[name], str)}
    pairs = _pairs(typed.get("question", ""))
    if typed.get("report", "") not in reports.SOURCES:
        raise NotFound("report", typed.get("report", ""))
    networks = [
        office.network,
        *(office.kept.by_slug[v] for n, v in pairs if n == "network" and v in office.kept.by_slug),
    ]
    chosen = [id_of("account", each) for each in form.getall("readers", []) if isinstance(each, str)]
    wanted = actions.Wanted(
        typed["report"],
        typed.get("title", ""),
        pairs,
        typed.get("shared") == "yes",
        typed.get("every", "never"),
        typed.get("file", "xlsx"),
        chosen,
    )
    try:
        await actions.save(office.context, office.actor, office.network.id, wanted, [row.id for row in networks])
    except (RuleViolation, Invalid) as error:
        return await _page(request, office, typed, error, chosen)
    return _back(office, "saved")


@post(PATH + "/{saved:str}", include_in_schema=False)
async def change(request: Request, office: NamedDependency[Office], saved: FromPath[str]) -> Response:
    """Another title, timetable, file or readers."""
    wanted, form = id_of("saved_report", saved), await request.form()
    typed = {name: form[name] for name in form if isinstance(form[name], str)}
    chosen = [id_of("account", each) for each in form.getall("readers", []) if isinstance(each, str)]
    how = (typed.get("title", ""), typed.get("shared") == "yes", typed.get("every", "never"), typed.get("file", "xlsx"))
    try:
        changed = actions.Change(*how, chosen)
        await actions.change(office.context, office.actor, office.network.id, wanted, changed)
    except (RuleViolation, Invalid) as error:
        return await _change_page(request, office, wanted, typed, error, chosen)
    return _back(office, "saved")


@post(PATH + "/{saved:str}/remove", include_in_schema=False)
async def remove(request: Request, office: NamedDependency[Office], saved: FromPath[str]) -> Response:
    await actions.remove(office.context, office.actor, office.network.id, id_of("saved_report", saved))
    return _back(office, "removed")


@post(PATH + "/{saved:str}/stop", include_in_schema=False)
async def stop(request: Request, office: NamedDependency[Office], saved: FromPath[str]) -> Response:
    """No more mails of it to whoever asks."""
    await actions.stop(office.context, office.actor, office.network.id, id_of("saved_report", saved))
    return _back(office, "stopped")


handlers = [reading(show_saved, save, change, remove, stop)]


async def _change_page(
    request: Request,
    office: Office,
    wanted: UUID,
    typed: dict[str, str] | None = None,
    error: RuleViolation | Invalid | None = None,
    chosen: list[UUID] | None = None,
) -> Response[str]:
    """The form of one that is kept, with what it says now or what was typed."""
    async with office.context.db.reading(office.actor.sees) as connection:
        listed = await reads.seen(connection, office.network.id, office.session.account)
    found = next((each for each in listed if each.id == wanted and _may_change(office, each)), None)
    if found is None:
        raise NotFound("saved_report", wanted)
    now = {"title": found.title, "every": found.every, "file": found.file, "shared": "yes" if found.shared else ""}
    told = {"report": found.report, **(now if typed is None else typed)}
    return await _page(request, office, told, error, found.readers if chosen is None else chosen, found.id)


async def _page(
    request: Request,
    office: Office,
    typed: dict[str, str],
    error: RuleViolation | Invalid | None = None,
    chosen: list[UUID] | None = None,
    changed: UUID | None = None,
) -> Response[str]:
    network = office.network
    async with office.context.db.reading(office.actor.sees) as connection:
        listed = await reads.seen(connection, network.id, office.session.account)
        crew = await people.of_network(connection, network.id, network.host_id) if office.may_manage else []
    me = office.session.account
    mates = {each.account: each.name or each.email for each in crew} | {me: office.session.name}
    report = typed.get("report", "")
    query = dict(request.query_params.items())
    return await show(
        request,
        office,
        "office/reports_saved.html",
        NAV,
        at=f"{office.base}{PATH}" if request.method == "POST" else "",
        status_code=status_of(error) if error else 200,
        rows=[_row(office, each) for each in listed],
        typed=typed,
        changed=changed,
        new=report_words.report(report) if report in reports.SOURCES else None,
        every=[{"value": v, "label": office.t.gettext(w)} for v, w in EVERY.items()],
        files=[{"value": v, "label": office.t.gettext(w)} for v, w in FILES.items()],
        mates=[{"value": str(a), "label": n} for a, n in sorted(mates.items(), key=lambda pair: pair[1])],
        chosen=[str(each) for each in (chosen if chosen is not None else [me])],
        errors=problems(office, error, FIELDS) if error else [],
        done=query.get("done", "") if query.get("done") in ("saved", "removed", "stopped") else "",
    )


def _row(office: Office, each: reads.Saved) -> dict[str, Any]:
    me = office.session.account
    pairs = [(name, value) for name, value in each.question]
    known = each.report in reports.SOURCES
    return {
        "id": each.id,
        "title": each.title,
        "report": office.t.gettext(report_words.report(each.report).title) if known else each.report,
        "href": f"{office.base}/reports/{each.report}" + (f"?{urlencode(pairs)}" if pairs else ""),
        "every": office.t.gettext(EVERY[each.every]),
        "by_mail": each.every != "never",
        "readers": len(each.readers),
        "shared": each.shared,
        "owner": each.owner_name,
        "mine": each.owner == me,
        "to_me": me in each.readers,
        "removable": _may_change(office, each),
        "sent_for": each.sent_for,
    }


def _may_change(office: Office, each: reads.Saved) -> bool:
    return each.owner == office.session.account or (each.shared and office.may_manage)


def _pairs(text: str) -> list[tuple[str, str]]:
    """The questions of an address, without what is not one."""
    try:
        return parse_qsl(text[:QUESTION_MAX].lstrip("?"), max_num_fields=MOST_PAIRS)
    except ValueError:
        return []


def _back(office: Office, done: str) -> Redirect:
    return Redirect(f"{office.base}{PATH}?done={done}", status_code=303, headers=NOT_KEPT)
