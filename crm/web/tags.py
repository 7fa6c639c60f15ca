"""A network's tags: the page of its vocabulary, where words are made, renamed, merged, deleted and brought back."""

from collections import defaultdict
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from crm.actions import tags as actions
from crm.actions.tags import COLOURS, ICONS, TagForm
from crm.errors import Invalid, status_of
from crm.i18n import N_
from crm.reads import tags as reads
from crm.web.fields import fields_of, id_of
from crm.web.office import Office, routes, show
from crm.web.office_consequences import problems
from crm.web.session import NOT_KEPT

COLOUR_WORDS = {
    "neutral": N_("Grey"),
    "accent": N_("Blue"),
    "info": N_("Light blue"),
    "success": N_("Green"),
    "warning": N_("Yellow"),
    "danger": N_("Red"),
}
ICON_WORDS = {
    "tag": N_("Label"),
    "star": N_("Star"),
    "flag": N_("Flag"),
    "bookmark": N_("Bookmark"),
    "alert-triangle": N_("Warning"),
    "circle-check": N_("Check mark"),
    "clock": N_("Clock"),
    "users": N_("People"),
}
_PLACES = {"name": "name", "colour": "colour", "icon": "icon", "into": "into"}


@get("/setup/tags", include_in_schema=False)
async def show_tags(request: Request, office: NamedDependency[Office]) -> Response[str]:
    return await _page(request, office, {}, None)


@post("/setup/tags", include_in_schema=False)
async def create(request: Request, office: NamedDependency[Office]) -> Response:
    typed = await fields_of(request)
    try:
        await actions.create(office.context, office.actor, office.network.id, _form(typed))
    except (RuleViolation, Invalid) as error:
        return await _page(request, office, typed, error)
    return _back(office)


@post("/setup/tags/{tag:str}", include_in_schema=False)
async def change(request: Request, office: NamedDependency[Office], tag: FromPath[str]) -> Response:
    typed, wanted = await fields_of(request), id_of("tag", tag)
    try:
        await actions.change(office.context, office.actor, office.network.id, wanted, _form(typed))
    except (RuleViolation, Invalid) as error:
        return await _page(request, office, typed | {"tag": tag}, error)
    return _back(office)


@post("/setup/tags/{tag:str}/merge", include_in_schema=False)
async def merge(request: Request, office: NamedDependency[Office], tag: FromPath[str]) -> Response:
    typed = await fields_of(request)
    try:
        into = id_of("tag", typed.get("into", ""))
        await actions.merge(office.context, office.actor, office.network.id, id_of("tag", tag), into)
    except (RuleViolation, Invalid) as error:
        return await _page(request, office, typed | {"tag": tag}, error)
    return _back(office)


@post("/setup/tags/{tag:str}/delete", include_in_schema=False)
async def delete(office: NamedDependency[Office], tag: FromPath[str]) -> Response:
    wanted = id_of("tag", tag)
    await actions.delete(office.context, office.actor, office.network.id, wanted)
    return _back(office, f"?deleted={wanted}")


@post("/setup/tags/{tag:str}/restore", include_in_schema=False)
async def restore(request: Request, office: NamedDependency[Office], tag: FromPath[str]) -> Response:
    try:
        await actions.restore(office.context, office.actor, office.network.id, id_of("tag", tag))
    except (RuleViolation, Invalid) as error:
        return await _page(request, office, {}, error)
    return _back(office)


handlers = [routes(show_tags, create, change, merge, delete, restore)]


def _form(typed: dict[str, str]) -> TagForm:
    return TagForm(typed.get("name", ""), typed.get("colour", "neutral"), typed.get("icon", "tag"))


def _back(office: Office, query: str = "") -> Redirect:
    return Redirect(f"{office.base}/setup/tags{query}", status_code=303, headers=NOT_KEPT)


async def _page(
    request: Request, office: Office, typed: dict[str, str], error: RuleViolation | Invalid | None
) -> Response[str]:
    t = office.t
    async with office.context.db.reading(office.actor.sees) as connection:
        listed = await reads.of_network(connection, office.network.id)
        gone = _id(request.query_params.get("deleted", ""))
        deleted = await reads.deleted(connection, office.network.id, gone) if gone else ""
    shown: dict[str, Any] = {
        "tags": listed,
        "typed": defaultdict(str, typed),
        "colours": [{"value": each, "label": t.gettext(COLOUR_WORDS[each])} for each in COLOURS],
        "icons": [{"value": each, "label": t.gettext(ICON_WORDS[each])} for each in ICONS],
        "choices": [{"value": str(each.id), "label": each.name} for each in listed],
        "deleted": {"id": gone, "name": deleted} if deleted else None,
        "errors": problems(office, error, _PLACES) if error else [],
    }
    code = status_of(error) if error else 200
    at = f"{office.base}/setup/tags"
    return await show(request, office, "office/tags.html", "members", at, status_code=code, **shown)


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
