"""Setting up: what is there and what is not yet, the host, the network, another network."""

from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from crm import names
from crm.actions import hosts, networks
from crm.actions.networks import Level, Wanted
from crm.errors import Invalid, Refused, status_of
from crm.folder import HostRow
from crm.reads import people
from crm.store import hosts as host_rows
from crm.store import networks as network_rows
from crm.store.networks import Description
from crm.web import figures, setup_words
from crm.web.fields import day_of, fields_of
from crm.web.office import Office, routes, show
from crm.web.office_consequences import problems
from crm.web.session import NOT_KEPT

PATH = "/setup"
LEVELS = 4  # that a form offers; the page of the rules takes more
TEXTS = ("names", "short")
_CENTS = 2


@get(PATH, include_in_schema=False)
async def show_setup(request: Request, office: NamedDependency[Office]) -> Response[str]:
    host = await hosts.show(office.context, office.actor, office.network.host_id)
    async with office.context.db.tx() as connection:
        counts = await host_rows.counts(connection, office.network.id)
    book = office.kept.book(office.network.slug, office.today)
    steps = setup_words.steps(office, host, counts, book)
    values = {
        "steps": steps,
        "may_make": office.network.host_id in office.actor.hosts,
        "done": request.query_params.get("done"),
        "in_clear": not office.context.settings.data_keys,
    }
    return await show(request, office, "office/setup.html", "setup", **values)


@get(PATH + "/host", include_in_schema=False)
async def show_host(request: Request, office: NamedDependency[Office]) -> Response[str]:
    return await _host(request, office, await hosts.show(office.context, office.actor, office.network.host_id))


@post(PATH + "/host", include_in_schema=False)
async def change_host(request: Request, office: NamedDependency[Office]) -> Response:
    before = await hosts.show(office.context, office.actor, office.network.host_id)
    form = await fields_of(request)
    typed = {name: form.get(name, "") for name in host_rows.CHANGEABLE if name != "in_business_register"}
    vat = typed.pop("vat_number") or None
    typed["invoicing"] = typed["invoicing"] if typed["invoicing"] in ("combined", "separate") else "combined"
    wanted = msgspec.structs.replace(
        before, **typed, vat_number=vat, in_business_register="in_business_register" in form
    )
    try:
        await hosts.change(office.context, office.actor, office.network.host_id, wanted)
    except (RuleViolation, Invalid, Refused) as refused:
        errors = problems(office, refused, {name: name for name in host_rows.CHANGEABLE})
        return await _host(request, office, wanted, errors, status_of(refused))
    return _back(office, "host")


@get(PATH + "/network", include_in_schema=False)
async def show_network(request: Request, office: NamedDependency[Office]) -> Response[str]:
    async with office.context.db.tx() as connection:
        return await _network(request, office, await network_rows.description(connection, office.network.id))


@post(PATH + "/network", include_in_schema=False)
async def describe_network(request: Request, office: NamedDependency[Office]) -> Response:
    form = await fields_of(request)
    own = form.get("own_colour", "").strip().lower()
    wanted = Description(
        {"nb": form.get("summary_nb", "").strip(), "en": form.get("summary_en", "").strip()},
        form.get("website", "").strip(),
        own if form.get("colour") == "own" else form.get("colour", ""),
        day_of(form.get("founded", "")),
    )
    try:
        await networks.describe(office.context, office.actor, office.network.id, wanted)
    except (RuleViolation, Invalid) as refused:
        told = {"summary.nb": "summary_nb", "summary.en": "summary_en", "website": "website", "founded": "founded"}
        errors = problems(office, refused, {**told, "colour": "own_colour"})
        return await _network(request, office, wanted, errors, status_of(refused))
    return _back(office, "network")


@get(PATH + "/networks/new", include_in_schema=False)
async def show_new_network(request: Request, office: NamedDependency[Office]) -> Response[str]:
    return await _new(request, office, {"currency": office.kept.book(office.network.slug, office.today).currency})


@post(PATH + "/networks/new", include_in_schema=False)
async def make_network(request: Request, office: NamedDependency[Office]) -> Response:
    form = await fields_of(request)
    errors: list[dict[str, str]] = []
    wanted = _wanted(office, form, errors)
    try:
        if not errors:
            await networks.create(office.context, office.actor, office.network.host_id, wanted)
    except (RuleViolation, Invalid, Refused) as refused:
        told = {"slug": "slug", "kind": "kind", "currency": "currency", "levels": "level-1-nb"}
        told |= {f"{part}.{code}": f"{part}_{code}" for part in ("names", "short") for code in ("nb", "en")}
        told |= {f"level-{n}-{part}": f"level-{n}-{part}" for n in range(1, LEVELS + 1) for part in ("nb", "en", "fee")}
        errors = problems(office, refused, told)
    if errors:
        return await _new(request, office, form, errors, 422)
    return Redirect(f"/n/{wanted.slug}/setup?done=made", status_code=303, headers=NOT_KEPT)


handlers = [routes(show_setup, show_host, change_host, show_network, describe_network, show_new_network, make_network)]


def _wanted(office: Office, form: dict[str, str], errors: list[dict[str, str]]) -> Wanted:
    """What was typed; a fee that is no number is told at once. An empty line of levels is none."""
    levels = []
    for n in range(1, LEVELS + 1):
        nb, en, fee = (form.get(f"level-{n}-{part}", "").strip() for part in ("nb", "en", "fee"))
        if not (nb or en or fee):
            continue
        amount = figures.read(office.t.language, fee, _CENTS) if fee else 0
        if amount is None:
            text = office.t.gettext("Write an amount like 1500 or 1500.50.")
            errors.append({"field": f"level-{n}-fee", "text": text})
        levels.append(Level(nb or en, en or nb, amount or 0))
    named, short = ({code: form.get(f"{part}_{code}", "").strip() for code in ("nb", "en")} for part in TEXTS)
    return Wanted(
        form.get("slug", "").strip(),
        form.get("kind", ""),
        named,
        short,
        tuple(levels),
        form.get("currency", "").strip(),
        "standard" if form.get("vat") == "standard" else "exempt_3_13",
        form.get("colour", "accent"),
        office.network.time_zone,
        networks.FIRST_RULES,
    )


def _back(office: Office, done: str) -> Redirect:
    return Redirect(f"{office.base}{PATH}?done={done}", status_code=303, headers=NOT_KEPT)


async def _host(
    request: Request, office: Office, host: HostRow, errors: list[dict[str, str]] | None = None, status: int = 200
) -> Response[str]:
    own = sorted(office.face(n)["name"] for n in office.kept.networks if n.host_id == office.network.host_id)
    return await _form(
        request,
        office,
        "office/setup_host.html",
        errors,
        status,
        host=host,
        shared=own,
        may_change=office.network.host_id in office.actor.hosts,
        admins=await _admins(office),
        facts=setup_words.host_facts(office, host),
        countries=[{"value": code, "label": names.country_name(office.t, code)} for code in setup_words.COUNTRIES],
    )


async def _admins(office: Office) -> list[str]:
    """Who may do what the reader perhaps may not."""
    async with office.context.db.tx() as connection:
        found = await people.of_network(connection, office.network.id, office.network.host_id)
    return [each.name for each in found if each.role == "host_admin"]


async def _network(
    request: Request, office: Office, told: Description, errors: list[dict[str, str]] | None = None, status: int = 200
) -> Response[str]:
    own = told.colour if told.colour not in networks.COLOURS else ""
    colours = setup_words.colours(office)
    return await _form(
        request, office, "office/setup_network.html", errors, status, told=told, own_colour=own, colours=colours
    )


async def _new(
    request: Request,
    office: Office,
    typed: dict[str, Any],
    errors: list[dict[str, str]] | None = None,
    status: int = 200,
) -> Response[str]:
    return await _form(
        request,
        office,
        "office/setup_new.html",
        errors,
        status,
        typed=typed,
        may_make=office.network.host_id in office.actor.hosts,
        admins=await _admins(office),
        kinds=setup_words.kinds(office),
        levels=range(1, LEVELS + 1),
    )


async def _form(
    request: Request, office: Office, template: str, errors: list[dict[str, str]] | None, status: int, **values: Any
) -> Response[str]:
    wrong = {each["field"]: each["text"] for each in errors or []}
    return await show(
        request, office, template, "setup", errors=errors or [], wrong=wrong, status_code=status, **values
    )
