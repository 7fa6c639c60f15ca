"""What is told of a member changes from a day: first what follows, then the deed; earlier changes, taken back."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from cluster_rules.next_fees import FeeChange
from crm import fact_words
from crm.actions import profiles
from crm.actions.profiles import ProfileForm, Seen
from crm.errors import Invalid, NotFound, status_of
from crm.reads import duplicates
from crm.reads import organisations as organisation_reads
from crm.reads import profiles as reads
from crm.web import figures, rulebook_choices
from crm.web import office_member as member_page
from crm.web.fields import day_of, fields_of, id_of
from crm.web.office import Office, routes, show
from crm.web.office_consequences import panel, problems
from crm.web.office_member import Found
from crm.web.session import NOT_KEPT

LONGEST_SEARCH = 100
ALONE = "none"
TEXTS = ("country", "kind", "municipality", "county", "website")
FIELDS = ("on", *TEXTS, "employees", "founded_on", "parent", "q", "reason")
Typed = Mapping[str, str]


@get("/members/{member:str}/facts", include_in_schema=False)
async def show_facts(request: Request, office: NamedDependency[Office], member: FromPath[str]) -> Response[str]:
    found = await member_page.find(office, id_of("member", member))
    return await _page(request, office, found, dict(request.query_params))


@post("/members/{member:str}/facts", include_in_schema=False)
async def change_facts(request: Request, office: NamedDependency[Office], member: FromPath[str]) -> Response:
    found = await member_page.find(office, id_of("member", member))
    typed = await fields_of(request)
    try:
        wanted = _form(office, found, typed)
        if wanted is None:
            return await _page(request, office, found, typed)
        made = await profiles.make(office.context, office.actor, found.organisation.id, wanted)
    except (RuleViolation, Invalid, NotFound) as error:
        return await _page(request, office, found, typed, error)
    here = f"{office.base}/members/{found.organisation.id}?done={made.id}"
    return Redirect(here, status_code=303, headers=NOT_KEPT)


@post("/members/{member:str}/facts/{change:str}/take-back", include_in_schema=False)
async def take_back(
    request: Request, office: NamedDependency[Office], member: FromPath[str], change: FromPath[str]
) -> Response:
    found = await member_page.find(office, id_of("member", member))
    try:
        await profiles.take_back(office.context, office.actor, id_of("change", change))
    except RuleViolation as error:
        return await _page(request, office, found, {}, error)
    here = f"{office.base}/members/{found.organisation.id}/facts"
    return Redirect(here, status_code=303, headers=NOT_KEPT)


handlers = [routes(show_facts, change_facts, take_back)]


def fee_rows(office: Office, changes: tuple[FeeChange, ...] | list[FeeChange]) -> list[dict[str, Any]]:
    """Fees of the next whole year, before and after, as the pages of facts show them."""
    t = office.t

    def money(amount: int | None, currency: str) -> str:
        return t.gettext("Not known") if amount is None else t.money(amount, currency)

    return [
        {
            "network": office.face(office.kept.by_slug[each.network]),
            "tier": office.tier(each.tier, each.network),
            "before": money(each.before, each.currency),
            "after": money(each.after, each.currency),
        }
        for each in changes
    ]


def now_of(office: Office, found: Found) -> dict[str, str]:
    """The facts as they are today, as the form has them."""
    o = found.organisation
    employees = figures.write(office.t.language, o.employees) if o.employees is not None else ""
    return {
        "on": office.today.isoformat(),
        "country": o.country,
        "kind": o.kind,
        "municipality": o.municipality,
        "county": o.county,
        "website": o.website,
        "employees": employees,
        "founded_on": o.founded_on.isoformat() if o.founded_on else "",
        "parent": str(o.parent_id) if o.parent_id else ALONE,
        "q": "",
        "reason": "",
    }


def _form(office: Office, found: Found, typed: Typed) -> ProfileForm | None:
    """What was typed and is other than today; None while there is nothing. Invalid names what cannot be read."""
    now = now_of(office, found)
    other = {n: typed[n].strip() for n in FIELDS if n in typed and typed[n].strip() != now[n]} | {
        "on": typed.get("on", now["on"])
    }
    if not other.keys() - {"on", "q", "reason"}:
        return None
    wrong: list[tuple[str, str, dict[str, Any]]] = []
    told: dict[str, Any] = {name: other[name] for name in TEXTS if name in other}
    if "employees" in other:
        told["employees"] = figures.read(office.t.language, other["employees"]) if other["employees"] else None
        if other["employees"] and told["employees"] is None:
            wrong.append(("employees", "type_wrong", {"message": other["employees"][:30]}))
    if "founded_on" in other:
        told["founded_on"] = day_of(other["founded_on"])
        if other["founded_on"] and told["founded_on"] is None:
            wrong.append(("founded_on", "date_format", {"message": other["founded_on"][:30]}))
    if "parent" in other:
        told["parent"] = None if other["parent"] == ALONE else id_of("parent", other["parent"])
    on = day_of(other["on"])
    if on is None:
        wrong.append(("effective_on", "date_format", {"message": other["on"][:30]}))
    if wrong or on is None:
        raise Invalid(wrong)
    return ProfileForm(effective_on=on, reason=typed.get("reason", "").replace("\r\n", "\n"), **told)


async def _page(
    request: Request,
    office: Office,
    found: Found,
    typed: Typed,
    error: RuleViolation | Invalid | NotFound | None = None,
) -> Response[str]:
    o, t = found.organisation, office.t
    seen: Seen | None = None
    shown = None
    try:
        wanted = None if error else _form(office, found, typed)
        if wanted:
            seen = await profiles.preview(office.context, office.actor, o.id, wanted)
            shown = await _panel(office, seen, wanted.effective_on)
    except (RuleViolation, Invalid, NotFound) as refused:
        error = refused
    errors = [] if error is None or isinstance(error, NotFound) else problems(office, error, _ON_PAGE)
    if isinstance(error, NotFound):
        errors = [{"field": "parent", "text": t.gettext("Choose an organisation of the list.")}]
    near, others = rulebook_choices.countries(office, [o.country])
    values = {
        "found": found,
        "typed": now_of(office, found) | dict(typed),
        "kinds": rulebook_choices.kinds(office),
        "countries": [*near, *others],
        "parents": await _parents(office, found, typed),
        "changes": await _changes(office, o.id),
        "panel": shown,
        "fees": fee_rows(office, seen.fees) if seen else [],
        "errors": errors,
        "status_code": status_of(error) if error else 200,
    }
    at = f"{office.base}/members/{o.id}/facts" if request.method == "POST" else ""
    return await show(request, office, "office/facts.html", "members", at, **values)


_ON_PAGE = {name: name for name in FIELDS} | {"effective_on": "on", "organisation": "parent", "id": "changes"}


async def _panel(office: Office, seen: Seen, on: date) -> dict[str, Any]:
    """What follows by rule, with the memberships that go to review."""
    t = office.t
    made = await panel(office, seen.consequences, on, t.gettext("If these facts change, this happens"))
    reviewed = [
        {
            "icon": "list-details",
            "colour": "warning",
            "title": t.gettext(
                "%(tier)s in %(network)s goes to the work list",
                tier=office.tier(each.tier, each.network),
                network=t.text(office.kept.by_slug[each.network].names),
            ),
            "detail": problems(office, RuleViolation(each.reason, "", **each.detail), {})[0]["text"],
            "amount": "",
        }
        for each in seen.reviews
        if office.kept.by_slug[each.network].id in office.actor.sees
    ]
    return made | {"items": [*made["items"], *reviewed], "note": t.gettext("What was billed stays.")}


async def _parents(office: Office, found: Found, typed: Typed) -> list[dict[str, str]]:
    """What it can be a unit of: nothing, what it is now, and what was searched for."""
    o = found.organisation
    search = " ".join(typed.get("q", "")[:LONGEST_SEARCH].replace("\0", "").split())
    async with office.context.db.reading(office.actor.sees) as connection:
        named = await duplicates.search(connection, search, o.id) if search else []
        now = await organisation_reads.names(connection, [o.parent_id] if o.parent_id else [])
    listed = {str(key): name for key, name in now.items()} | {str(each.id): each.name for each in named}
    alone = {"value": ALONE, "label": office.t.gettext("Nothing: it stands alone")}
    return [alone, *({"value": key, "label": name} for key, name in listed.items())]


async def _changes(office: Office, organisation: UUID) -> list[dict[str, Any]]:
    async with office.context.db.reading(office.actor.sees) as connection:
        rows = await reads.changes(connection, organisation)
        parents = {one for row in rows for one in fact_words.parents(row.facts)}
        named = await organisation_reads.names(connection, parents)
    return [{"row": row, "facts": fact_words.shown(office.t, row.facts, named)} for row in rows]
