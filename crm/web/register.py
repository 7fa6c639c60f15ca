"""The register of legal entities on pages: one thing it says otherwise and the answer to that, and what others show."""

from datetime import date
from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from cluster_rules.register import SMALL, proper_name
from crm import register_words, words
from crm.actions import profiles, register_differences, reviews
from crm.actions.register_differences import Offered
from crm.directory_words import county_name
from crm.errors import Invalid, NotFound, status_of
from crm.reads import register as reads
from crm.reads.register import Difference, Known
from crm.web.fields import day_of, fields_of, id_of
from crm.web.office import Office, routes, show
from crm.web.office_consequences import panel, problems
from crm.web.profiles import fee_rows
from crm.web.session import NOT_KEPT

URGENT = ("register_bankrupt", "register_deleted", "register_dissolution", "register_liquidation")
FIELDS = {"effective_on": "on", "name": "name", "note": "note"}
Errors = list[dict[str, str]]


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


handlers = [routes(show_difference, answer)]


def to_look(office: Office, waiting: dict[str, int]) -> list[dict[str, Any]]:
    """For "to do" on the overview: who ends by the register's word, and what else it says otherwise."""
    t = office.t
    ends = sum(count for reason, count in waiting.items() if reason in URGENT)
    small = waiting.get(SMALL, 0)
    others = sum(waiting.values()) - ends - small
    out = []
    if ends:
        text = t.ngettext("%(n)s member is ending by the register", "%(n)s members are ending by the register", ends)
        detail = ", ".join(register_words.reason_name(t, reason) for reason in waiting if reason in URGENT)
        out.append(_thing("alert-triangle", "danger", text, f"{office.base}/reviews", detail))
    if others:
        text = t.ngettext("The register says %(n)s thing otherwise", "The register says %(n)s things otherwise", others)
        detail = ", ".join(
            register_words.reason_name(t, reason) for reason in waiting if reason not in (*URGENT, SMALL)
        )
        out.append(_thing("building", "info", text, f"{office.base}/reviews", detail))
    if small:
        text = t.ngettext(
            "%(n)s headcount of the same class of size", "%(n)s headcounts of the same class of size", small
        )
        href = f"{office.base}/setup/register/differences?kind={SMALL}"
        out.append(
            _thing("users", "neutral", text, href, t.gettext("No fee depends on them: take them over together."))
        )
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
