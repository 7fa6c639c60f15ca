"""A unit or a part of a member stands alone from a day on: first what follows, then the deed."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from crm import forms
from crm.actions import mergers
from crm.actions.mergers import Choice, Split
from crm.errors import Invalid, NotFound, status_of
from crm.forms import IdentifierForm, OrganisationForm
from crm.reads import mergers as reads
from crm.web import office_member as member_page
from crm.web.fields import day_of, fields_of, id_of
from crm.web.mergers import own_memberships
from crm.web.office import Office, routes, show
from crm.web.office_consequences import panel, problems
from crm.web.office_member import Found
from crm.web.session import NOT_KEPT

NEW = "new"
FIELDS = {
    "effective_on": "on",
    "unit": "unit",
    "memberships": "unit",
    "organisation.name": "name",
    "organisation.identifiers.0.value": "orgnr",
    "organisation.identifiers": "orgnr",
    "reason": "reason",
}
Typed = Mapping[str, str]


@get("/members/{member:str}/split", include_in_schema=False)
async def show_split(request: Request, office: NamedDependency[Office], member: FromPath[str]) -> Response[str]:
    found = await member_page.find(office, id_of("member", member))
    return await _page(request, office, found, dict(request.query_params))


@post("/members/{member:str}/split", include_in_schema=False)
async def split(request: Request, office: NamedDependency[Office], member: FromPath[str]) -> Response:
    found = await member_page.find(office, id_of("member", member))
    typed = await fields_of(request)
    try:
        wanted = _split(office, found, typed)
        if wanted is None:
            return await _page(request, office, found, typed)
        made = await mergers.make(office.context, office.actor, wanted)
    except (RuleViolation, Invalid, NotFound) as error:
        return await _page(request, office, found, typed, error)
    here = f"{office.base}/members/{found.organisation.id}?done={made.id}"
    return Redirect(here, status_code=303, headers=NOT_KEPT)


handlers = [routes(show_split, split)]


def _split(office: Office, found: Found, typed: Typed) -> Split | None:
    """What was typed as a split; None while something is missing. Invalid names what is wrong with a new name."""
    on, part = day_of(typed.get("on", "")), typed.get("unit", "")
    if on is None or not part:
        return None
    chosen = tuple(Choice(row["slug"]) for row in own_memberships(office, found) if typed.get(f"goes-{row['slug']}"))
    reason = typed.get("reason", "").replace("\r\n", "\n")
    if part != NEW:
        return Split(found.organisation.id, on, id_of("unit", part), None, chosen, reason)
    number = "".join(typed.get("orgnr", "").split())
    numbers = [IdentifierForm("no-orgnr", number)] if number else []
    o = found.organisation
    new = OrganisationForm(typed.get("name", ""), o.country, o.kind, identifiers=numbers)
    return Split(o.id, on, None, forms.organisation(new), chosen, reason)


async def _page(
    request: Request,
    office: Office,
    found: Found,
    typed: Typed,
    error: RuleViolation | Invalid | NotFound | None = None,
) -> Response[str]:
    async with office.context.db.reading(office.actor.sees) as connection:
        units = await reads.units(connection, found.organisation.id)
    t, shown = office.t, None
    try:
        wanted = None if error else _split(office, found, typed)
        if wanted:
            _, said = await mergers.preview(office.context, office.actor, wanted)
            shown = await panel(office, said, wanted.effective_on, t.gettext("If it stands alone, this happens"))
    except (RuleViolation, Invalid, NotFound) as refused:
        error = refused
    errors = [] if error is None or isinstance(error, NotFound) else problems(office, error, FIELDS)
    if isinstance(error, NotFound):
        errors = [{"field": "unit", "text": t.gettext("Choose an organisation of the list.")}]
    if typed.get("unit") and day_of(typed.get("on", "")) is None:
        errors.append({"field": "on", "text": t.gettext("Write the day as YYYY-MM-DD.")})
    own = found.organisation.id
    empty = {"on": office.today.isoformat(), "unit": "", "name": "", "orgnr": "", "reason": ""}
    rows = own_memberships(office, found)
    values: dict[str, Any] = {
        "found": found,
        "typed": empty | {f"goes-{row['slug']}": "" for row in rows} | dict(typed),
        "pieces": [*_options(units), {"value": NEW, "label": t.gettext("A part that is new in the register")}],
        "choices": rows,
        "panel": shown,
        "errors": errors,
        "status_code": status_of(error) if error else 422 if errors else 200,
    }
    at = f"{office.base}/members/{own}/split" if request.method == "POST" else ""
    return await show(request, office, "office/split.html", "members", at, **values)


def _options(units: list[tuple[UUID, str]]) -> list[dict[str, str]]:
    return [{"value": str(unit), "label": name} for unit, name in units]
