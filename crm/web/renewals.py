"""The annual bill on pages: the next one in a sentence, its preview, the confirmation, how far it is, what came of it.

Every page is one address that can be left and come back to; while a job is at work the page asks anew by itself
(a header of the answer, no script needed).
"""

from datetime import date
from typing import Any, get_args

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from crm import renewal_words as words
from crm.actions import renewals as actions
from crm.actions.renewals import Wanted
from crm.errors import Forbidden, NotFound, status_of
from crm.reads import renewal_notices
from crm.reads import renewals as reads
from crm.reads.renewals import Item, Run, Show, Sum
from crm.web.fields import day_of, fields_of, id_of
from crm.web.office import Office, money, show
from crm.web.office_consequences import problems
from crm.web.renewal_notices import days_of, figures
from crm.web.session import NOT_KEPT

PAGE = 50
REFRESH_SECONDS = "2"
AT_WORK = ("previewing", "running")
TOKENS: dict[str, tuple[str, str]] = {
    "previewing": ("info", "clock"),
    "previewed": ("warning", "hourglass"),
    "running": ("info", "refresh"),
    "done": ("success", "circle-check"),
    "failed": ("danger", "circle-x"),
    "cancelled": ("neutral", "ban"),
}
Errors = list[dict[str, str]]


@get("/renewals", include_in_schema=False)
async def show_renewals(request: Request, office: NamedDependency[Office]) -> Response[str]:
    return await _overview(request, office, {}, [])


@post("/renewals", include_in_schema=False)
async def begin(request: Request, office: NamedDependency[Office]) -> Response:
    typed = await fields_of(request)
    day = day_of(typed.get("period_start", ""))
    if day is None:
        error = {"field": "period_start", "text": office.t.gettext("Write the day as YYYY-MM-DD.")}
        return await _overview(request, office, typed, [error], 422)
    try:
        wanted = Wanted(office.network.slug, day, all_of_host=bool(typed.get("all_of_host")))
        run = await actions.begin(office.context, office.actor, wanted)
    except (RuleViolation, Forbidden, NotFound) as refused:
        if not isinstance(refused, RuleViolation):
            text = office.t.gettext("You do not manage all networks of this host.")
            return await _overview(request, office, typed, [{"field": "all_of_host", "text": text}], 422)
        return await _overview(request, office, typed, problems(office, refused, {}), status_of(refused))
    return _to(office, run)


@get("/renewals/{run:str}", include_in_schema=False)
async def show_run(request: Request, office: NamedDependency[Office], run: FromPath[str]) -> Response[str]:
    found = await _find(office, run)
    return await _page(request, office, found, [])


@get("/renewals/{run:str}/confirmation", include_in_schema=False)
async def ask(request: Request, office: NamedDependency[Office], run: FromPath[str]) -> Response:
    found = await _find(office, run)
    if found.status != "previewed":
        return _to(office, found.id)
    async with office.context.db.reading(office.actor.sees) as connection:
        sums = await reads.sums(connection, found.id)
    shown = {"run": found, "sums": _due(office, sums), "figures": _figures(office, found, sums)}
    return await show(request, office, "office/renewal_confirm.html", "renewals", **shown)


@post("/renewals/{run:str}/confirmation", include_in_schema=False)
async def confirm(request: Request, office: NamedDependency[Office], run: FromPath[str]) -> Response:
    found, typed = await _find(office, run), await fields_of(request)
    try:
        await actions.confirm(office.context, office.actor, found.id, typed.get("how") != "drafts")
    except RuleViolation as refused:
        return await _page(request, office, found, problems(office, refused, {}), status_of(refused))
    return _to(office, found.id)


@post("/renewals/{run:str}/cancel", include_in_schema=False)
async def cancel(request: Request, office: NamedDependency[Office], run: FromPath[str]) -> Response:
    found = await _find(office, run)
    try:
        await actions.cancel(office.context, office.actor, found.id)
    except RuleViolation as refused:
        return await _page(request, office, found, problems(office, refused, {}), status_of(refused))
    return _to(office, found.id)


handlers = [money(show_renewals, begin, show_run, ask, confirm, cancel)]


async def _overview(
    request: Request, office: Office, typed: dict[str, str], errors: Errors, code: int = 200
) -> Response[str]:
    """The next renewal in one sentence, a form to preview it, and the runs so far."""
    async with office.context.db.reading(office.actor.sees) as connection:
        runs = await reads.of_network(connection, office.network.host_id, office.network.id)
        standing = await reads.standing(connection, office.network.id, office.today)
        told = await renewal_notices.sums(connection, office.network.id, office.today)
    book = office.kept.rulebooks.governing(office.network.slug, date.min, office.today)
    start = words.next_start(book, office.today) if book else None
    host = [n for n in office.kept.networks if n.host_id == office.network.host_id]
    shown = {
        "start": start,
        "last_day": words.last_day(start, book) if start and book else None,
        "standing": standing,
        "told": figures(office, told),
        "told_days": days_of(office),
        "runs": [_row(office, each) for each in runs],
        "host": office.network.host_name,
        "together": [office.face(n) for n in host] if len(host) > 1 else [],
        "typed": {"period_start": (start or office.today).isoformat()} | typed,
        "errors": errors,
        "status_code": code,
    }
    at = f"{office.base}/renewals"
    return await show(request, office, "office/renewals.html", "renewals", at=at if code != 200 else "", **shown)


async def _page(request: Request, office: Office, run: Run, errors: Errors, code: int = 200) -> Response[str]:
    wanted, after = request.query_params.get("show", ""), request.query_params.get("after", "")
    chosen: Show = wanted if wanted in get_args(Show) else "all"  # type: ignore[assignment]
    group, _, row = after.partition(".")
    place = (group == "1", int(row)) if row.isascii() and row.isdigit() and len(row) < 19 else (False, 0)
    async with office.context.db.reading(office.actor.sees) as connection:
        sums = await reads.sums(connection, run.id)
        found = list(await reads.items(connection, run.id, chosen, place, PAGE + 1))
    rows = found[:PAGE]
    here = f"{office.base}/renewals/{run.id}"
    more = f"{int(rows[-1].state != 'failed')}.{rows[-1].row_id}" if len(found) > PAGE else ""
    shown = {
        "run": run,
        "row": _row(office, run),
        "figures": _figures(office, run, sums),
        "sums": _due(office, sums),
        "filters": _filters(office, sums, chosen, here),
        "rows": [_item(office, each) for each in rows],
        "more": f"{here}?show={chosen}&after={more}" if more else "",
        "paged": after != "",
        "run_href": here,
        "at_work": run.status in AT_WORK,
        "errors": errors,
        "status_code": code,
    }
    if run.status in AT_WORK:
        shown["headers"] = {"refresh": REFRESH_SECONDS}
    return await show(request, office, "office/renewal.html", "renewals", at=here if code != 200 else "", **shown)


def _row(office: Office, run: Run) -> dict[str, Any]:
    """A run as lists and headings show it."""
    color, icon = TOKENS[run.status]
    network = office.kept.by_id[run.network_id] if run.network_id else None
    return {
        "id": run.id,
        "href": f"{office.base}/renewals/{run.id}",
        "period_start": run.period_start,
        "network": office.face(network) if network else None,
        "status": words.status(office.t, run.status),
        "color": color,
        "icon": icon,
        "invoices": run.invoices,
        "failed": run.failed,
        "by": run.confirmed_by or run.created_by,
        "created_at": run.created_at,
    }


def _figures(office: Office, run: Run, sums: list[Sum]) -> dict[str, int]:
    """How many members stand in the year, are to be billed, changed, failed or are left out."""
    counted = {state: sum(s.members for s in sums if s.state == state) for state in words.STATES}
    listed = sum(counted.values())
    return counted | {
        "members": run.members,
        "changed": sum(s.changed for s in sums),
        "billed": max(run.members - listed, 0) + counted["billed"],
    }


def _due(office: Office, sums: list[Sum]) -> list[dict[str, Any]]:
    """What comes to be billed, by currency, with the year before."""
    t = office.t
    return [
        {"net": t.money(s.net, s.currency), "before": t.money(s.before, s.currency), "members": s.members}
        for s in sums
        if s.state == "due"
    ]


def _filters(office: Office, sums: list[Sum], chosen: Show, here: str) -> list[dict[str, Any]]:
    t = office.t
    names = {
        "all": t.gettext("All"),
        "changed": t.gettext("Changed"),
        "failed": t.gettext("Need a person"),
        "waived": t.gettext("Included"),
        "ending": t.gettext("Not renewed"),
        "free": t.gettext("Cost nothing"),
        "held": t.gettext("On hold"),
        "lapsing": t.gettext("End on hold"),
    }
    counts = {"all": sum(s.members for s in sums), "changed": sum(s.changed for s in sums)}
    for key in names:
        counts.setdefault(key, sum(s.members for s in sums if s.state == key))
    return [
        {"label": name, "count": counts[key], "href": f"{here}?show={key}", "current": key == chosen}
        for key, name in names.items()
        if counts[key] or key in ("all", chosen)
    ]


def _item(office: Office, item: Item) -> dict[str, Any]:
    t, network = office.t, office.kept.by_id[item.network_id]
    currency = item.currency or office.kept.rulebooks.of(network.slug)[-1].currency
    invoice = f"{office.base}/invoices/{item.invoice_id}" if item.invoice_id else ""
    return {
        "name": item.organisation,
        "href": f"{office.base}/members/{item.organisation_id}",
        "network": office.face(network),
        "tier": office.tier(item.tier, network.slug),
        "state": words.state(t, item.state),
        "failed": item.state == "failed",
        "net": t.money(item.net, currency) if item.net else "–",
        "before": t.money(item.before, currency) if item.before else "–",
        "up": item.state == "due" and item.net > item.before > 0,
        "down": item.state == "due" and 0 < item.net < item.before,
        "differs": words.differs(t, office.kept, network.slug, item.differs),
        "problem": words.problem(t, office.kept, item.problem) if item.problem else "",
        "invoice": invoice,
        "number": item.number or (t.gettext("Draft") if invoice else ""),
    }


async def _find(office: Office, wanted: str) -> Run:
    """A run of this network or over its host's; NotFound."""
    async with office.context.db.reading(office.actor.sees) as connection:
        found = await reads.run(connection, id_of("run", wanted))
    if found is None or found.host_id != office.network.host_id or found.network_id not in (None, office.network.id):
        raise NotFound("run", wanted)
    return found


def _to(office: Office, run: Any) -> Redirect:
    return Redirect(f"{office.base}/renewals/{run}", status_code=303, headers=NOT_KEPT)
