"""The register of legal entities on pages: the file that is read, what it says otherwise, and the answer to that."""

from datetime import date
from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from cluster_rules.register import proper_name
from crm import register_words, words
from crm.actions import profiles, register, register_differences, reviews
from crm.register_shapes import Wanted
from crm.actions.register_differences import Offered
from crm.directory_words import county_name
from crm.errors import Invalid, NotFound, status_of
from crm.reads import register as reads
from crm.reads.register import Difference, Known, Read
from crm.web.fields import day_of, fields_of, id_of
from crm.web.office import Office, routes, show
from crm.web.office_consequences import panel, problems
from crm.web.profiles import fee_rows
from crm.web.session import NOT_KEPT

PATH = "/setup/register"
FILE_MAX = 768 * 1024**2  # the whole register packed is about 200 MB
URGENT = ("register_bankrupt", "register_deleted", "register_dissolution", "register_liquidation")
FIELDS = {"as_of": "as_of", "part": "part", "effective_on": "on", "name": "name", "note": "note"}
Errors = list[dict[str, str]]


@get(PATH, include_in_schema=False)
async def show_register(request: Request, office: NamedDependency[Office]) -> Response[str]:
    typed = {"as_of": office.today.isoformat()}
    return await _page(request, office, typed, [], said=request.query_params.get("read", ""))


@post(PATH, include_in_schema=False, request_max_body_size=FILE_MAX)
async def read_file(request: Request, office: NamedDependency[Office]) -> Response:
    form = await request.form()
    typed = {name: str(form[name])[:100] for name in ("as_of", "part", "force") if isinstance(form.get(name), str)}
    file, as_of = form.get("file"), day_of(typed.get("as_of", ""))
    errors = []
    if not isinstance(file, UploadFile) or not file.filename:
        errors.append({"field": "file", "text": office.t.gettext("Choose a file.")})
    if as_of is None:
        errors.append({"field": "as_of", "text": office.t.gettext("Write the day as YYYY-MM-DD.")})
    if errors or as_of is None or not isinstance(file, UploadFile):
        return await _page(request, office, typed, errors, 422)
    wanted = Wanted(file.filename, as_of, part="part" in typed, force="force" in typed)
    try:
        done = await register.read(office.context, office.actor, office.network.slug, file.file, wanted)
    except RuleViolation as refused:
        told = problems(office, refused, {refused.field: FIELDS.get(refused.field, "file")})
        return await _page(request, office, typed, told, status_of(refused), older=refused.code == "register_older")
    said = "same" if done.unchanged else "done"
    return Redirect(f"{office.base}{PATH}?read={said}", status_code=303, headers=NOT_KEPT)


@get("/register/{review:str}", include_in_schema=False)
async def show_difference(request: Request, office: NamedDependency[Office], review: FromPath[str]) -> Response:
    found = await _find(office, review)
    if found is None:
        return _back(office)
    return await _difference(request, office, found, dict(request.query_params), [])


@post("/register/{review:str}/{deed:str}", include_in_schema=False)
async def answer(
    request: Request, office: NamedDependency[Office], review: FromPath[str], deed: FromPath[str]
) -> Response:
    """`take-over`: the register's word is ours now. `keep`: ours stays until the register says something else."""
    if deed not in ("take-over", "keep"):
        raise NotFound("page", deed)
    found = await _find(office, review)
    if found is None:  # answered by somebody else meanwhile, or by a second click
        return _back(office)
    typed = await fields_of(request)
    on = day_of(typed.get("on", ""))
    if typed.get("on") and on is None:
        error = {"field": "on", "text": office.t.gettext("Write the day as YYYY-MM-DD.")}
        return await _difference(request, office, found, typed, [error], 422)
    try:
        if deed == "keep":
            await reviews.keep(office.context, office.actor, found.id, None, typed.get("note", ""))
            return _back(office, "?stays=1")
        name = typed.get("name", "")
        await register_differences.take_over(office.context, office.actor, found.id, profiles.tell, name, on)
    except (RuleViolation, Invalid) as refused:
        errors = problems(office, refused, FIELDS)
        return await _difference(request, office, found, typed, errors, status_of(refused))
    return _back(office, "?taken=1")


handlers = [routes(show_register, read_file, show_difference, answer)]


def to_look(office: Office, waiting: dict[str, int]) -> list[dict[str, Any]]:
    """For "to do" on the overview: who ends by the register's word, and what else it says otherwise."""
    t = office.t
    ends = sum(count for reason, count in waiting.items() if reason in URGENT)
    others = sum(waiting.values()) - ends
    out = []
    if ends:
        text = t.ngettext("%(n)s member is ending by the register", "%(n)s members are ending by the register", ends)
        detail = ", ".join(register_words.reason_name(t, reason) for reason in waiting if reason in URGENT)
        out.append(_thing("alert-triangle", "danger", text, f"{office.base}/reviews", detail))
    if others:
        text = t.ngettext("The register says %(n)s thing otherwise", "The register says %(n)s things otherwise", others)
        detail = ", ".join(register_words.reason_name(t, reason) for reason in waiting if reason not in URGENT)
        out.append(_thing("building", "info", text, f"{office.base}/reviews", detail))
    return out


def facts(office: Office, known: Known | None) -> list[dict[str, Any]]:
    """What the register says of a member, for its page: [{label, value}], and as of which day."""
    if known is None:
        return []
    t, unit = office.t, known.unit
    if not unit.known:
        said_no = t.gettext("no, as of %(day)s", day=t.date(known.as_of))
        return [{"label": t.gettext("In Enhetsregisteret"), "value": said_no}]
    said = [
        (t.gettext("Name"), unit.name),
        (t.gettext("Organisation form"), unit.form),
        (t.gettext("Industry (NACE)"), ", ".join(unit.nace)),
        (t.gettext("Employees"), "" if unit.employees is None else t.number(unit.employees)),
        (t.gettext("Municipality"), proper_name(unit.municipality)),
        (t.gettext("County"), county_name(unit.county) if unit.county else ""),
        (t.gettext("State"), ", ".join(_states(office, known))),
        (t.gettext("As of"), t.date(known.as_of)),
    ]
    return [{"label": label, "value": value} for label, value in said if value]


def _states(office: Office, known: Known) -> list[str]:
    unit = known.unit
    flags = {
        "register_deleted": unit.deleted_on is not None,
        "register_bankrupt": unit.bankrupt or unit.bankrupt_on is not None,
        "register_dissolution": unit.dissolution,
        "register_liquidation": unit.liquidation,
    }
    return [register_words.reason_name(office.t, reason) for reason, holds in flags.items() if holds]


def _thing(icon: str, colour: str, text: str, href: str, detail: str) -> dict[str, Any]:
    return {"icon": icon, "color": colour, "text": text, "href": href, "detail": detail}


async def _page(
    request: Request,
    office: Office,
    typed: dict[str, str],
    errors: Errors,
    code: int = 200,
    said: str = "",
    older: bool = False,
) -> Response[str]:
    async with office.context.db.reading(office.actor.sees) as connection:
        done = await reads.of_host(connection, office.network.host_id)
        waiting = await reads.waiting(connection, office.network.id)
    values = {
        "reads": [_row(office, each) for each in done],
        "newest": done[0] if done else None,
        "unanswered": [
            {"label": register_words.reason_name(office.t, reason), "count": count} for reason, count in waiting.items()
        ],
        "typed": typed,
        "errors": errors,
        "most": FILE_MAX // 1024**2,
        "said": said,
        "older": older or "force" in typed,
        "status_code": code,
    }
    at = f"{office.base}{PATH}" if request.method == "POST" else ""
    return await show(request, office, "office/register.html", "setup", at, **values)


def _row(office: Office, each: Read) -> dict[str, Any]:
    t = office.t
    kind = t.gettext("part of the register") if each.part else t.gettext("whole register")
    return {
        "name": each.name,
        "as_of": each.as_of,
        "kind": kind,
        "units": each.counts.get("units", 0),
        "found": each.counts.get("found", 0),
        "ours": each.counts.get("ours", 0),
        "opened": each.counts.get("opened", 0),
        "settled": each.counts.get("settled", 0),
        "by": each.read_by,
        "at": each.read_at,
    }


async def _find(office: Office, wanted: str) -> Difference | None:
    """The difference if it waits, None when it was answered; NotFound when it is none of this network."""
    async with office.context.db.reading(office.actor.sees) as connection:
        found = await reads.one(connection, id_of("review", wanted))
    if found is None or found.network_id != office.network.id:
        raise NotFound("review", wanted)
    return None if found.closed_at else found


def _back(office: Office, query: str = "") -> Redirect:
    return Redirect(f"{office.base}/reviews{query}", status_code=303, headers=NOT_KEPT)


async def _difference(
    request: Request, office: Office, found: Difference, typed: dict[str, str], errors: Errors, code: int = 200
) -> Response[str]:
    """One difference: what taking over would do is computed by doing it, and taking that back."""
    offered = await register_differences.offered(office.context, office.actor, found.id)
    on = day_of(typed.get("on", "")) or office.today
    shown: dict[str, Any] | None = None
    fees: list[dict[str, Any]] = []
    if offered.facts and "name" not in offered.facts and not errors:
        try:
            shown, fees = await _preview(office, offered, on)
        except (RuleViolation, Invalid) as refused:
            errors, code = problems(office, refused, FIELDS), status_of(refused)
    member = f"{office.base}/members/{found.organisation_id}"
    values = {
        "row": found,
        "heading": register_words.reason_name(office.t, found.reason),
        "why": words.refusal(office.t, office.kept, found.reason, register_words.values(found.detail)),
        "tier": office.tier(found.tier),
        "member": member,
        "change": f"{member}/memberships/{found.membership_id}",
        "offered": offered,
        "told": facts(office, Known(offered.unit, offered.as_of)),
        "typed": {"on": on.isoformat(), "name": offered.facts.get("name", ""), "note": ""} | typed,
        "panel": shown,
        "fees": fees,
        "errors": errors,
        "status_code": code,
    }
    at = f"{office.base}/register/{found.id}" if request.method == "POST" else ""
    return await show(request, office, "office/register_difference.html", "reviews", at, **values)


async def _preview(office: Office, offered: Offered, on: date) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    form = profiles.of_values(offered.facts, on, offered.source)
    seen = await profiles.preview(office.context, office.actor, offered.organisation_id, form)
    t = office.t
    title = t.gettext("If you take it over, this happens")
    made = await panel(office, seen.consequences, on, title, t.gettext("What was billed stays."))
    return made, fee_rows(office, seen.fees)
