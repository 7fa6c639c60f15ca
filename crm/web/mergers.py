"""Who may be registered twice, organisations that merge, and other names: first what follows, then the deed."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from cluster_rules.matching import Reason
from crm.actions import matching, mergers, names
from crm.actions.mergers import Choice, Merger
from crm.actions.names import NetworkNames
from crm.errors import Invalid, NotFound, status_of
from crm.i18n import N_
from crm.reads import duplicates
from crm.reads.duplicates import Likeness
from crm.web import office_member as member_page
from crm.web.fields import day_of, fields_of, id_of
from crm.web.office import Office, routes, show
from crm.web.office_consequences import panel, problems
from crm.web.office_member import Found
from crm.web.session import NOT_KEPT

LONGEST_SEARCH = 100
_REASONS = {
    "number_shared": N_("The same %(scheme)s: %(value)s"),
    "main_unit": N_("One has the number of a sub-unit whose main unit is %(value)s"),
    "number_differs": N_("Different %(scheme)s: %(value)s"),
    "domain_shared": N_("The same web address: %(value)s"),
    "name_shared": N_("The same name in the same country"),
}
_VERDICTS = {
    "same": N_("The same by its numbers"),
    "held": N_("Numbers that contradict each other"),
    "suggested": N_("Maybe the same"),
}
Typed = Mapping[str, str]


@get("/duplicates", include_in_schema=False)
async def show_duplicates(request: Request, office: NamedDependency[Office]) -> Response[str]:
    async with office.context.db.reading(office.actor.sees) as connection:
        found = await duplicates.of_network(connection, office.network.id)
    rows = [shown(office, each) for each in found]
    return await show(request, office, "office/duplicates.html", "members", rows=rows)


@post("/duplicates", include_in_schema=False)
async def keep_apart(request: Request, office: NamedDependency[Office]) -> Response:
    typed = await fields_of(request)
    one, other = (id_of("organisation", typed.get(name, "")) for name in ("one", "other"))
    await matching.keep_apart(office.context, office.actor, one, other)
    return Redirect(f"{office.base}/duplicates", status_code=303, headers=NOT_KEPT)


@get("/members/{member:str}/merger", include_in_schema=False)
async def show_merger(request: Request, office: NamedDependency[Office], member: FromPath[str]) -> Response[str]:
    found = await member_page.find(office, id_of("member", member))
    return await _merger_page(request, office, found, dict(request.query_params))


@post("/members/{member:str}/merger", include_in_schema=False)
async def merge(request: Request, office: NamedDependency[Office], member: FromPath[str]) -> Response:
    found = await member_page.find(office, id_of("member", member))
    typed = await fields_of(request)
    wanted = merger_of(office, found, typed)
    if wanted is None:
        return await _merger_page(request, office, found, typed)
    try:
        made = await mergers.make(office.context, office.actor, wanted)
    except (RuleViolation, Invalid, NotFound) as error:
        return await _merger_page(request, office, found, typed, error)
    here = f"{office.base}/members/{found.organisation.id}?done={made.id}"
    return Redirect(here, status_code=303, headers=NOT_KEPT)


@post("/members/{member:str}/mergers/{merger:str}/take-back", include_in_schema=False)
async def take_back(office: NamedDependency[Office], member: FromPath[str], merger: FromPath[str]) -> Response:
    here = f"{office.base}/members/{id_of('member', member)}"
    await mergers.take_back(office.context, office.actor, id_of("merger", merger))
    return Redirect(here, status_code=303, headers=NOT_KEPT)


@get("/members/{member:str}/name", include_in_schema=False)
async def show_name(request: Request, office: NamedDependency[Office], member: FromPath[str]) -> Response[str]:
    found = await member_page.find(office, id_of("member", member))
    typed = {"name": found.organisation.name, "on": office.today.isoformat()}
    return await _name_page(request, office, found, typed)


@post("/members/{member:str}/name", include_in_schema=False)
async def name_member(request: Request, office: NamedDependency[Office], member: FromPath[str]) -> Response:
    found = await member_page.find(office, id_of("member", member))
    typed = await fields_of(request)
    on = day_of(typed.get("on", ""))
    if on is None:
        return await _name_page(request, office, found, typed, no_day=True)
    wanted = found.organisation.id
    try:
        await names.rename_organisation(office.context, office.actor, wanted, typed.get("name", ""), on)
    except (RuleViolation, Invalid) as error:
        return await _name_page(request, office, found, typed, error)
    return Redirect(f"{office.base}/members/{wanted}", status_code=303, headers=NOT_KEPT)


@get("/name", include_in_schema=False)
async def show_network_name(
    request: Request, office: NamedDependency[Office], done: FromQuery[str] = ""
) -> Response[str]:
    row = office.network
    typed = {f"name_{language}": row.names.get(language, "") for language in ("nb", "en")}
    typed |= {f"short_{language}": row.short.get(language, "") for language in ("nb", "en")}
    return await _network_page(request, office, typed | {"on": office.today.isoformat()}, done=bool(done))


@post("/name", include_in_schema=False)
async def name_network(request: Request, office: NamedDependency[Office]) -> Response:
    typed = await fields_of(request)
    on = day_of(typed.get("on", ""))
    if on is None:
        return await _network_page(request, office, typed, no_day=True)
    wanted = NetworkNames(*(typed.get(name, "") for name in ("name_nb", "name_en", "short_nb", "short_en")))
    try:
        await names.rename_network(office.context, office.actor, office.network.slug, wanted, on)
    except (RuleViolation, Invalid) as error:
        return await _network_page(request, office, typed, error)
    return Redirect(f"{office.base}/name?done=yes", status_code=303, headers=NOT_KEPT)


handlers = [
    routes(
        show_duplicates,
        keep_apart,
        show_merger,
        merge,
        take_back,
        show_name,
        name_member,
        show_network_name,
        name_network,
    )
]


def shown(office: Office, each: Likeness) -> dict[str, Any]:
    """A likely pair in words; one of another network only is named, but has no page here."""
    return {
        "one": each.one,
        "other": each.other,
        "verdict": office.t.gettext(_VERDICTS[each.verdict]),
        "kind": each.verdict,
        "reasons": [reason_words(office, reason) for reason in each.reasons],
    }


def reason_words(office: Office, reason: Reason) -> str:
    """Why two may be the same, in words."""
    scheme = office.scheme(reason.scheme) if reason.scheme else ""
    return office.t.gettext(_REASONS[reason.code], scheme=scheme, value=reason.value)


def merger_of(office: Office, found: Found, typed: Typed) -> Merger | None:
    """What was typed as a merger; None while something is missing or cannot be read."""
    on = day_of(typed.get("on", ""))
    try:
        into = UUID(typed.get("into", ""))
    except ValueError:
        return None
    if on is None:
        return None
    choices = []
    for row in own_memberships(office, found):
        slug = row["slug"]
        fate = "end" if typed.get(f"membership-{slug}") == "end" else "move"
        links = "end" if typed.get(f"links-{slug}") == "end" else "move"
        if (fate, links) != ("move", "move"):
            choices.append(Choice(slug, fate, links))
    reason = typed.get("reason", "").replace("\r\n", "\n")
    return Merger(found.organisation.id, into, on, tuple(choices), reason)


def own_memberships(office: Office, found: Found) -> list[dict[str, Any]]:
    """The own memberships that stand from today on, in networks that are ours to decide about."""
    out = []
    for each in found.memberships:
        network = office.kept.by_slug[each.network]
        direct = any(g.kind == "direct" and g.period.end_or_far > office.today for g in each.grants)
        if direct and network.id in office.session.manages:
            tier = office.tier(each.tier, each.network)
            out.append({"slug": each.network, "network": office.face(network), "tier": tier})
    return out


async def _merger_page(
    request: Request,
    office: Office,
    found: Found,
    typed: Typed,
    error: RuleViolation | Invalid | NotFound | None = None,
) -> Response[str]:
    search = " ".join(typed.get("q", "")[:LONGEST_SEARCH].replace("\0", "").split())
    own = found.organisation.id
    async with office.context.db.reading(office.actor.sees) as connection:
        alike = await duplicates.of_organisation(connection, own)
        named = await duplicates.search(connection, search, own) if search else []
    others = {i.id: i for each in alike for i in (each.one, each.other) if i.id != own} | {i.id: i for i in named}
    t, errors = office.t, []
    said, shown_panel = None, None
    wanted = merger_of(office, found, typed)
    if wanted and not error:
        try:
            _, said = await mergers.preview(office.context, office.actor, wanted)
            title = t.gettext("If they merge, this happens")
            shown_panel = await panel(office, said, wanted.effective_on, title)
        except (RuleViolation, Invalid, NotFound) as refused:
            error = refused
    if isinstance(error, NotFound):
        errors.append({"field": "into", "text": t.gettext("Choose an organisation of the list.")})
    elif error:
        errors += problems(office, error, {"effective_on": "on", "into": "into", "reason": "reason"})
    if typed.get("into") and day_of(typed.get("on", "")) is None:
        errors.append({"field": "on", "text": t.gettext("Write the day as YYYY-MM-DD.")})
    values = {
        "found": found,
        "typed": _proposal(office, found) | dict(typed),
        "candidates": [_option(office, each) for each in others.values()],
        "choices": own_memberships(office, found),
        "panel": shown_panel,
        "errors": errors,
        "searched": bool(search),
        "status_code": status_of(error) if error else 422 if errors else 200,
    }
    at = f"{office.base}/members/{own}/merger" if request.method == "POST" else ""
    return await show(request, office, "office/merger.html", "members", at, **values)


def _proposal(office: Office, found: Found) -> dict[str, str]:
    """What the form says before anybody typed: from today, and everything moves."""
    fates = {
        f"{part}-{row['slug']}": "move" for row in own_memberships(office, found) for part in ("membership", "links")
    }
    return {"on": office.today.isoformat(), "into": "", "q": "", "reason": ""} | fates


def _option(office: Office, each: Any) -> dict[str, str]:
    numbers = ", ".join(value for _, value in sorted(each.identifiers))
    parts = [each.name, office.country(each.country), numbers]
    return {"value": str(each.id), "label": " · ".join(part for part in parts if part)}


async def _name_page(
    request: Request,
    office: Office,
    found: Found,
    typed: Typed,
    error: RuleViolation | Invalid | None = None,
    no_day: bool = False,
) -> Response[str]:
    errors = _wrong(office, error, {"name": "name", "from": "on"}, no_day)
    return await show(
        request,
        office,
        "office/name.html",
        "members",
        found=found,
        typed={"name": "", "on": ""} | dict(typed),
        errors=errors,
        done=False,
        former=[{"name": f.name, "until": _last(f.until)} for f in found.organisation.former_names],
        status_code=422 if errors else 200,
    )


async def _network_page(
    request: Request,
    office: Office,
    typed: Typed,
    error: RuleViolation | Invalid | None = None,
    no_day: bool = False,
    done: bool = False,
) -> Response[str]:
    fields = {
        "names.nb": "name_nb",
        "names.en": "name_en",
        "short.nb": "short_nb",
        "short.en": "short_en",
        "from": "on",
    }
    errors = _wrong(office, error, fields, no_day)
    former = [{"name": office.t.text(f.names), "until": _last(f.until)} for f in office.network.former_names]
    typed = dict.fromkeys(("name_nb", "name_en", "short_nb", "short_en", "on"), "") | dict(typed)
    values = {"typed": typed, "errors": errors, "former": former, "done": done, "found": None}
    return await show(request, office, "office/name.html", "rules", status_code=422 if errors else 200, **values)


def _wrong(
    office: Office, error: RuleViolation | Invalid | None, fields: dict[str, str], no_day: bool
) -> list[dict[str, str]]:
    errors = problems(office, error, fields) if error else []
    if no_day:
        errors.append({"field": "on", "text": office.t.gettext("Write the day as YYYY-MM-DD.")})
    return errors


def _last(until: date) -> date:
    return until - timedelta(days=1)
