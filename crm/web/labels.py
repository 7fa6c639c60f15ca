"""Labels and programmes of a network: the page they are told on, and what the overview says of those that end soon."""

from collections import defaultdict
from datetime import timedelta
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from crm.actions import labels as actions
from crm.actions.labels import KINDS, LabelForm
from crm.errors import Invalid, status_of
from crm.i18n import N_
from crm.reads import labels as reads
from crm.reads.labels import Label
from crm.report_activity_words import VALUES
from crm.web.fields import day_of, fields_of, id_of
from crm.web.office import Office, reading, routes, show
from crm.web.office_consequences import problems
from crm.web.session import NOT_KEPT

PATH = "/setup/labels"
KIND_WORDS = VALUES["label_kind"]
STANDING = {
    "coming": (N_("Not begun"), "neutral"),
    "held": (N_("Held"), "success"),
    "expiring": (N_("Ends soon"), "warning"),
    "expired": (N_("Run out"), "neutral"),
}
_FIELDS = {name: name for name in LabelForm.__struct_fields__}


@get(PATH, include_in_schema=False)
async def show_labels(request: Request, office: NamedDependency[Office]) -> Response[str]:
    return await _page(request, office, {}, None)


@post(f"{PATH}/new", include_in_schema=False)
async def add(request: Request, office: NamedDependency[Office]) -> Response:
    typed = await fields_of(request)
    try:
        await actions.add(office.context, office.actor, office.network.id, _form(typed))
    except Invalid as error:
        return await _page(request, office, typed, error)
    return _back(office)


@post(PATH + "/{label:str}", include_in_schema=False)
async def change(request: Request, office: NamedDependency[Office], label: FromPath[str]) -> Response:
    typed, wanted = await fields_of(request), id_of("label", label)
    try:
        await actions.change(office.context, office.actor, office.network.id, wanted, _form(typed))
    except Invalid as error:
        return await _page(request, office, typed | {"label": label}, error)
    return _back(office)


@post(PATH + "/{label:str}/withdraw", include_in_schema=False)
async def withdraw(office: NamedDependency[Office], label: FromPath[str]) -> Response:
    wanted = id_of("label", label)
    await actions.withdraw(office.context, office.actor, office.network.id, wanted)
    return _back(office, f"?withdrawn={wanted}")


@post(PATH + "/{label:str}/restore", include_in_schema=False)
async def restore(office: NamedDependency[Office], label: FromPath[str]) -> Response:
    await actions.restore(office.context, office.actor, office.network.id, id_of("label", label))
    return _back(office)


handlers = [reading(show_labels), routes(add, change, withdraw, restore)]


def full_name(label: Label) -> str:
    """Its name with its level, where it has one."""
    return f"{label.name} {label.level}".strip()


def _form(typed: dict[str, str]) -> LabelForm:
    """The label as actions take it. Invalid where a day is none."""
    days = {name: day_of(typed[name]) if typed.get(name) else None for name in ("issued_on", "last_on")}
    if wrong := [(name, "date_format", {}) for name, day in days.items() if typed.get(name) and day is None]:
        raise Invalid(wrong)
    said = {name: typed.get(name, "") for name in ("name", "level", "issuer", "note")}
    return LabelForm(kind=typed.get("kind", ""), **said, **days)


def _back(office: Office, query: str = "") -> Redirect:
    return Redirect(f"{office.base}{PATH}{query}", status_code=303, headers=NOT_KEPT)


async def _page(request: Request, office: Office, typed: dict[str, str], error: Invalid | None) -> Response[str]:
    t = office.t
    async with office.context.db.reading(office.actor.sees) as connection:
        listed = await reads.of_network(connection, office.network.id, office.today)
        gone = _id(request.query_params.get("withdrawn", ""))
        name = await reads.withdrawn(connection, office.network.id, gone) if gone else ""
    shown: dict[str, Any] = {
        "labels": [_row(office, each, typed) for each in listed],
        "typed": defaultdict(str, {} if typed.get("label") else typed),
        "kinds": [{"value": each, "label": t.gettext(KIND_WORDS[each])} for each in KINDS],
        "withdrawn": {"id": gone, "name": name} if name else None,
        "errors": problems(office, error, _FIELDS) if error else [],
        "wrong_label": typed.get("label", ""),
    }
    code = status_of(error) if error else 200
    at = f"{office.base}{PATH}" if request.method == "POST" else ""
    return await show(request, office, "office/labels.html", "labels", at, status_code=code, **shown)


def _row(office: Office, label: Label, typed: dict[str, str]) -> dict[str, Any]:
    """One as the page shows it; what was typed for it stands in its form."""
    t = office.t
    said, colour = STANDING[label.standing]
    days = t.gettext("from %(first)s", first=t.date(label.issued_on))
    if label.expires_on:
        days = t.gettext("%(first)s to %(last)s", first=t.date(label.issued_on), last=office.last_day(label.expires_on))
    told = {
        "name": label.name,
        "kind": label.kind,
        "level": label.level,
        "issuer": label.issuer,
        "issued_on": label.issued_on.isoformat(),
        "last_on": (label.expires_on - timedelta(days=1)).isoformat() if label.expires_on else "",
        "note": label.note,
    }
    mine = typed.get("label") == str(label.id)
    return {
        "id": label.id,
        "title": full_name(label),
        "kind": t.gettext(KIND_WORDS[label.kind]),
        "issuer": label.issuer,
        "days": days,
        "note": label.note,
        "standing": t.gettext(said),
        "color": colour,
        "told": defaultdict(str, typed) if mine else told,
        "open": mine,
    }


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
