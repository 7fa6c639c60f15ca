"""A member's roles in this network, who owns it, and for whom a person works."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from cluster_rules.organisations import Role
from cluster_rules.periods import Period
from crm.actions import relations
from crm.errors import Invalid, NotFound, status_of
from crm.i18n import N_
from crm.reads import duplicates, organisations
from crm.reads import relations as reads
from crm.web import office_member as member_page
from crm.web import rulebook_choices
from crm.web.fields import day_of, fields_of, id_of
from crm.web.office import Office, routes, show
from crm.web.office_consequences import problems
from crm.web.office_member import Found
from crm.web.profiles import fee_rows
from crm.web.session import NOT_KEPT

LONGEST_SEARCH = 100
Typed = Mapping[str, str]
ROLES = {"core": N_("Core partner"), "initiator": N_("Initiator"), "award_winner": N_("Award winner")}
_PLACES = {
    "role": "role",
    "starts_on": "starts_on",
    "ends_on": "ends_on",
    "role_ends_on": "role_ends_on",
    "source": "source",
    "country": "country",
    "as_of": "as_of",
    "employer": "employer",
    "since": "since",
}


@get("/members/{member:str}/roles", include_in_schema=False)
async def show_roles(request: Request, office: NamedDependency[Office], member: FromPath[str]) -> Response[str]:
    found = await member_page.find(office, id_of("member", member))
    return await _page(request, office, found, dict(request.query_params))


@post("/members/{member:str}/roles", include_in_schema=False)
async def give_role(request: Request, office: NamedDependency[Office], member: FromPath[str]) -> Response:
    found = await member_page.find(office, id_of("member", member))
    typed = await fields_of(request)
    try:
        role = _role(office, typed)
        await relations.give_role(office.context, office.actor, found.organisation.id, role, typed.get("source", ""))
    except (RuleViolation, Invalid) as error:
        return await _page(request, office, found, typed, error)
    return _back(office, found)


@post("/members/{member:str}/roles/{role:str}", include_in_schema=False)
async def end_role(
    request: Request, office: NamedDependency[Office], member: FromPath[str], role: FromPath[str]
) -> Response:
    found = await member_page.find(office, id_of("member", member))
    typed = await fields_of(request)
    ends_on = day_of(typed.get("ends_on", ""))
    if ends_on is None and not typed.get("wrong"):
        return await _page(request, office, found, typed, Invalid([("ends_on", "date_format", {"message": ""})]))
    day = None if typed.get("wrong") else ends_on
    try:
        await relations.end_role(office.context, office.actor, found.organisation.id, id_of("role", role), day)
    except RuleViolation as error:
        return await _page(request, office, found, typed, error)
    return _back(office, found)


@post("/members/{member:str}/owner", include_in_schema=False)
async def record_owner(request: Request, office: NamedDependency[Office], member: FromPath[str]) -> Response:
    found = await member_page.find(office, id_of("member", member))
    typed = await fields_of(request)
    as_of = day_of(typed.get("as_of", ""))
    try:
        if as_of is None:
            raise Invalid([("as_of", "date_format", {"message": typed.get("as_of", "")[:30]})])
        country, source = typed.get("country", ""), typed.get("owner_source", "")
        await relations.own(office.context, office.actor, found.organisation.id, country, as_of, source)
    except (RuleViolation, Invalid) as error:
        return await _page(request, office, found, typed, error)
    return _back(office, found)


@post("/members/{member:str}/employer", include_in_schema=False)
async def record_employer(request: Request, office: NamedDependency[Office], member: FromPath[str]) -> Response:
    found = await member_page.find(office, id_of("member", member))
    typed = await fields_of(request)
    act = relations.leave if typed.get("leave") else relations.employ
    try:
        await act(office.context, office.actor, found.organisation.id, id_of("employer", typed.get("employer", "")))
    except (RuleViolation, NotFound) as error:
        return await _page(request, office, found, typed, error)
    return _back(office, found)


handlers = [routes(show_roles, give_role, end_role, record_owner, record_employer)]


def _back(office: Office, found: Found) -> Redirect:
    here = f"{office.base}/members/{found.organisation.id}/roles"
    return Redirect(here, status_code=303, headers=NOT_KEPT)


def _role(office: Office, typed: Typed) -> Role:
    """What was typed as a role in this network; Invalid names the days that cannot be read."""
    starts_on, ends_on = day_of(typed.get("starts_on", "")), day_of(typed.get("role_ends_on", ""))
    if starts_on is None:
        raise Invalid([("starts_on", "date_format", {"message": typed.get("starts_on", "")[:30]})])
    if typed.get("role_ends_on", "") and (ends_on is None or ends_on <= starts_on):
        raise RuleViolation("period_empty", "role_ends_on", starts_on=starts_on, ends_on=ends_on)
    return Role(office.network.slug, typed.get("role", ""), Period(starts_on, ends_on))


def codes(office: Office) -> list[str]:
    """The roles that this network's rules look at, and those every network may give."""
    fits = [
        case
        for book in office.kept.rulebooks.of(office.network.slug)
        for tier in book.tiers
        for fee in tier.fees
        for case in (*(f for c in fee.cases for f in c.when), *(d.fits for d in fee.discounts))
    ]
    return list(dict.fromkeys([*ROLES, *sorted({role for each in fits for role in each.roles})]))


def role_name(office: Office, code: str) -> str:
    """A role as people call it; its code when only the rulebook knows it."""
    return office.t.gettext(ROLES[code]) if code in ROLES else code


async def _page(
    request: Request,
    office: Office,
    found: Found,
    typed: Typed,
    error: RuleViolation | Invalid | NotFound | None = None,
) -> Response[str]:
    o = found.organisation
    search = " ".join(typed.get("q", "")[:LONGEST_SEARCH].replace("\0", "").split())
    async with office.context.db.reading(office.actor.sees) as connection:
        rows = await reads.roles(connection, o.id)
        owners = [f for f in await reads.figures(connection, o.id) if f.basis == "owner"]
        employers = await organisations.employers(connection, o.id)
        named = await duplicates.search(connection, search, o.id) if search else []
    fees, looked = [], None
    if not error and typed.get("look"):
        try:
            looked = await _looked(office, o.id, typed)
        except (RuleViolation, Invalid) as refused:
            error = refused
    if looked:
        fees = fee_rows(office, looked.fees)
    errors = [] if error is None or isinstance(error, NotFound) else problems(office, error, _PLACES)
    if isinstance(error, NotFound):
        errors = [{"field": "employer", "text": office.t.gettext("Choose an organisation of the list.")}]
    near, others = rulebook_choices.countries(office, [])
    today = office.today.isoformat()
    blank = {"role": "", "starts_on": today, "role_ends_on": "", "source": "", "country": "", "as_of": today}
    values: dict[str, Any] = {
        "found": found,
        "typed": blank | {"owner_source": "", "q": "", "employer": "", "look": "", "ends_on": today} | dict(typed),
        "roles": [{"row": r, "name": role_name(office, r.role)} for r in rows if r.network == office.network.slug],
        "choices": [{"value": code, "label": role_name(office, code)} for code in codes(office)],
        "owners": owners,
        "countries": [*near, *others],
        "employers": employers,
        "candidates": [{"value": str(each.id), "label": each.name} for each in named],
        "fees": fees,
        "looked": looked is not None,
        "errors": errors,
        "status_code": status_of(error) if error else 200,
    }
    at = f"{office.base}/members/{o.id}/roles" if request.method == "POST" else ""
    return await show(request, office, "office/roles.html", "members", at, **values)


async def _looked(office: Office, organisation: UUID, typed: Typed) -> relations.Recorded:
    """What a role or another owner would change; nothing is stored."""
    if typed["look"] == "owner":
        as_of = day_of(typed.get("as_of", ""))
        if as_of is None:
            raise Invalid([("as_of", "date_format", {"message": typed.get("as_of", "")[:30]})])
        country = typed.get("country", "")
        return await relations.own(office.context, office.actor, organisation, country, as_of, "", look=True)
    role = _role(office, typed)
    return await relations.give_role(office.context, office.actor, organisation, role, "", look=True)
