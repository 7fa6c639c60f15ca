"""What the register says otherwise, kind by kind: many answered together, seen first, each with its verdict after."""

from typing import Any
from uuid import UUID, uuid4

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from cluster_rules.register import FACTS
from crm import names, register_words, words
from crm.actions import register_bulks as actions
from crm.directory_words import county_name
from crm.errors import Invalid, NotFound, status_of
from crm.reads import register as reads
from crm.reads import register_bulks as bulk_reads
from crm.reads.register import Difference
from crm.register_shapes import BULK_AT_WORK, Bulk, Fee, Looked, Row
from crm.web.fields import day_of, id_of
from crm.web.office import Office, routes, show
from crm.web.office_consequences import problems
from crm.web.session import NOT_KEPT

LIST = "/setup/register/differences"
ONE = "/setup/register/together"
PAGE = 100
REFRESH_SECONDS = "2"
FIELDS = {"note": "note", "effective_on": "on", "selection": "difference", "kind": "difference"}
TOKENS = {
    "looking": ("info", "clock"),
    "looked": ("warning", "hourglass"),
    "doing": ("info", "refresh"),
    "done": ("success", "circle-check"),
    "undoing": ("info", "refresh"),
    "undone": ("neutral", "arrow-back-up"),
    "dropped": ("neutral", "ban"),
}
VERDICT_TOKENS = {
    "": ("info", "check"),
    "changed": ("success", "circle-check"),
    "closed": ("neutral", "ban"),
    "failed": ("danger", "alert-circle"),
    "undone": ("neutral", "arrow-back-up"),
    "stays": ("warning", "alert-triangle"),
}
Errors = list[dict[str, str]]


@get(LIST, include_in_schema=False)
async def show_differences(request: Request, office: NamedDependency[Office]) -> Response[str]:
    return await _list(request, office, dict(request.query_params), [], [])


@post(LIST, include_in_schema=False)
async def begin(request: Request, office: NamedDependency[Office]) -> Response:
    """`take_over`: what it comes to is looked at first. `keep`: with a note, at once."""
    form = await request.form()
    typed = {name: value for name, value in form.items() if isinstance(value, str)}
    chosen = [value for value in form.getall("difference", []) if isinstance(value, str)]
    on = day_of(typed.get("on", ""))
    if typed.get("on") and on is None:
        error = {"field": "on", "text": office.t.gettext("Write the day as YYYY-MM-DD.")}
        return await _list(request, office, typed, chosen, [error], 422)
    try:
        made = await actions.begin(
            office.context,
            office.actor,
            office.network.slug,
            "keep" if typed.get("deed") == "keep" else "take_over",
            typed.get("kind", ""),
            None if "all" in typed else [id_of("review", each) for each in chosen],
            _token(typed.get("token", "")),
            on,
            typed.get("note", ""),
        )
    except (RuleViolation, Invalid) as refused:
        return await _list(request, office, typed, chosen, problems(office, refused, FIELDS), status_of(refused))
    return _to(office, f"{ONE}/{made}")


@get(f"{ONE}/{{bulk:str}}", include_in_schema=False)
async def show_bulk(request: Request, office: NamedDependency[Office], bulk: FromPath[str]) -> Response[str]:
    return await _bulk(request, office, await _find(office, bulk), [])


@post(f"{ONE}/{{bulk:str}}/{{deed:str}}", include_in_schema=False)
async def do(request: Request, office: NamedDependency[Office], bulk: FromPath[str], deed: FromPath[str]) -> Response:
    """`confirmation` takes it over, `drop` leaves it, `undo` takes it back."""
    deeds = {"confirmation": actions.confirm, "drop": actions.drop, "undo": actions.undo}
    if deed not in deeds:
        raise NotFound("page", deed)
    found = await _find(office, bulk)
    try:
        await deeds[deed](office.context, office.actor, found.id)
    except RuleViolation as refused:
        return await _bulk(request, office, found, problems(office, refused, {}), status_of(refused))
    return _to(office, f"{LIST}?kind={found.reason}" if deed == "drop" else f"{ONE}/{found.id}")


handlers = [routes(show_differences, begin, show_bulk, do)]


def head(office: Office, bulk: Bulk) -> dict[str, Any]:
    """One of them as lists and its own page show it."""
    colour, icon = TOKENS[bulk.status]
    t = office.t
    deed = register_words.PLANNED if bulk.status in ("looking", "looked") else register_words.DEEDS[bulk.deed]
    return {
        "href": f"{office.base}{ONE}/{bulk.id}",
        "title": f"{t.gettext(deed)}: {register_words.reason_name(t, bulk.reason)}",
        "status": t.gettext(register_words.BULK_STATUSES[bulk.status]),
        "colour": colour,
        "icon": icon,
        "changed": bulk.changed,
        "total": bulk.total,
        "by": t.gettext("by rule") if bulk.by_rule else bulk.actor,
        "at": bulk.created_at,
    }


async def _list(
    request: Request, office: Office, typed: dict[str, str], chosen: list[str], errors: Errors, code: int = 200
) -> Response[str]:
    async with office.context.db.reading(office.actor.sees) as connection:
        waiting = await reads.waiting(connection, office.network.id)
        kinds = list(waiting)
        wanted = typed.get("kind", "")
        kind = wanted if wanted in register_words.REASONS else next(iter(kinds), "")
        page = int(typed["page"]) if typed.get("page", "").isascii() and typed.get("page", "").isdigit() else 1
        first = (max(1, min(page, 10_000)) - 1) * PAGE
        rows = await reads.of_kind(connection, office.network.id, kind, first, PAGE) if kind else []
    here, total, t = f"{office.base}{LIST}", waiting.get(kind, 0), office.t
    values = {
        "kinds": [
            {
                "label": register_words.reason_name(t, each),
                "count": waiting.get(each, 0),
                "href": f"{here}?kind={each}",
                "current": each == kind,
            }
            for each in dict.fromkeys((*kinds, *([kind] if kind else [])))
        ],
        "kind": kind,
        "heading": register_words.reason_name(t, kind) if kind else "",
        "together": kind in FACTS,
        "rows": [_difference(office, each) for each in rows],
        "chosen": chosen,
        "total": total,
        "first": first + 1,
        "previous": f"{here}?kind={kind}&page={first // PAGE}" if first else "",
        "next": f"{here}?kind={kind}&page={first // PAGE + 2}" if first + PAGE < total else "",
        "typed": {"on": office.today.isoformat(), "note": ""} | typed,
        "token": str(uuid4()),
        "here": here,
        "errors": errors,
        "status_code": code,
    }
    at = f"{here}?kind={kind}" if request.method == "POST" else ""
    return await show(request, office, "office/register_differences.html", "reviews", at, **values)


def _difference(office: Office, row: Difference) -> dict[str, Any]:
    detail = register_words.values(row.detail)
    return {
        "id": str(row.id),
        "name": row.organisation,
        "number": row.number,
        "tier": office.tier(row.tier),
        "ours": _value(office, row.reason, detail.get("ours")),
        "register": _value(office, row.reason, detail.get("register")),
        "why": words.refusal(office.t, office.kept, row.reason, detail),
        "member": f"{office.base}/members/{row.organisation_id}",
        "href": f"{office.base}/register/{row.id}",
    }


def _value(office: Office, reason: str, value: Any) -> str:
    """A value as people read it: counts as numbers, a county or a country by its name."""
    if value is None:
        return "–"
    if isinstance(value, int):
        return office.t.number(value)
    if reason == "register_moved" and len(value) == 2:
        return county_name(value) if value.isdigit() else office.country(value)
    return str(value)


async def _bulk(request: Request, office: Office, found: Bulk, errors: Errors, code: int = 200) -> Response[str]:
    after = request.query_params.get("after", "")
    place = int(after) if after.isascii() and after.isdigit() and len(after) < 18 else 0
    async with office.context.db.reading(office.actor.sees) as connection:
        listed = await bulk_reads.rows(connection, found.id, place, PAGE + 1)
    t, here = office.t, f"{office.base}{ONE}/{found.id}"
    rows = [_row(office, found, each) for each in listed[:PAGE]]
    at_work = found.status in BULK_AT_WORK
    values = {
        "bulk": found,
        "head": head(office, found),
        "rows": rows,
        "follows": any(each["follows"] for each in rows),
        "more": f"{here}?after={listed[PAGE - 1].row_id}" if len(listed) > PAGE else "",
        "paged": place > 0,
        "fees": [
            {
                "currency": currency,
                "before": t.money(each["before"], currency),
                "after": t.money(each["after"], currency),
                "difference": t.money(each["after"] - each["before"], currency),
                "changed": each["changed"],
                "unknown": each["unknown"],
            }
            for currency, each in found.fees_in(_own(office)).items()
        ],
        "possible": found.total - found.failed,
        "at_work": at_work,
        "undoable": found.deed == "take_over" and found.reason in actions.UNDONE and found.status == "done",
        "here": here,
        "list": f"{office.base}{LIST}?kind={found.reason}",
        "errors": errors,
        "headers": {"refresh": REFRESH_SECONDS} if at_work else {},
        "status_code": code,
    }
    at = here if request.method == "POST" else ""
    return await show(request, office, "office/register_bulk.html", "reviews", at, **values)


def _row(office: Office, bulk: Bulk, row: Row) -> dict[str, Any]:
    t, looked = office.t, row.looked
    why = ""
    if row.problem:
        told = register_words.values(row.problem["values"])
        why = words.refusal(t, office.kept, row.problem["rule"], told)
    colour, icon = VERDICT_TOKENS[row.outcome] if row.outcome or looked else ("neutral", "clock")
    return {
        "name": row.organisation,
        "href": f"{office.base}/members/{row.organisation_id}",
        "ours": _value(office, bulk.reason, looked.ours) if looked else "–",
        "register": _value(office, bulk.reason, looked.register) if looked else "–",
        "fees": [_fee(office, each) for each in looked.fees if each.network in _own(office)] if looked else [],
        "follows": ", ".join(_follows(office, looked)) if looked else "",
        "verdict": register_words.outcome(t, bulk.deed, row),
        "why": "" if row.outcome == "closed" else why,
        "colour": colour,
        "icon": icon,
    }


def _own(office: Office) -> list[str]:
    """The networks whose fees the reader may see: another manager may have looked at more."""
    return [each.slug for each in office.kept.networks if each.id in office.actor.manages]


def _fee(office: Office, fee: Fee) -> str:
    """Before and after; of another network with its name."""
    said = register_words.fee(office.t, fee)
    if fee.network == office.network.slug:
        return said
    return f"{names.network_name(office.t, office.kept, fee.network)}: {said}"


def _follows(office: Office, looked: Looked) -> list[str]:
    t, out = office.t, []
    if looked.follows:
        out.append(t.ngettext("%(n)s link follows by rule", "%(n)s links follow by rule", looked.follows))
    if looked.reviews:
        out.append(t.ngettext("%(n)s membership to review", "%(n)s memberships to review", looked.reviews))
    return out


async def _find(office: Office, wanted: str) -> Bulk:
    """One of this network; NotFound."""
    async with office.context.db.reading(office.actor.sees) as connection:
        found = await bulk_reads.one(connection, id_of("bulk", wanted))
    if found is None or found.network_id != office.network.id:
        raise NotFound("bulk", wanted)
    return found


def _token(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("page", "token") from None


def _to(office: Office, path: str) -> Redirect:
    return Redirect(f"{office.base}{path}", status_code=303, headers=NOT_KEPT)
