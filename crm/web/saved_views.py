"""Saved views: the address of a filtered member list under a name, opened, kept, renamed, deleted and brought back."""

from collections import defaultdict
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from crm.actions import saved_views as actions
from crm.errors import Invalid, NotFound, status_of
from crm.reads import saved_views as reads
from crm.web.fields import fields_of, id_of
from crm.web.office import Office, reading, show
from crm.web.office_consequences import problems
from crm.web.session import NOT_KEPT

PATH = "/views"


@get(PATH, include_in_schema=False)
async def show_views(request: Request, office: NamedDependency[Office]) -> Response[str]:
    return await _page(request, office, {}, None)


@post(PATH, include_in_schema=False)
async def save(request: Request, office: NamedDependency[Office]) -> Response:
    typed = await fields_of(request)
    query, shared = typed.get("query", ""), typed.get("shared") == "yes"
    try:
        view = await actions.save(office.context, office.actor, office.network.id, typed.get("name", ""), query, shared)
    except (RuleViolation, Invalid) as error:
        return await _page(request, office, typed, error)
    return Redirect(f"{office.base}{PATH}/{view}", status_code=303, headers=NOT_KEPT)


@get(PATH + "/{view:str}", include_in_schema=False)
async def open_view(office: NamedDependency[Office], view: FromPath[str]) -> Response:
    async with office.context.db.reading(office.actor.sees) as connection:
        found = await reads.one(connection, office.network.id, office.session.account, id_of("view", view))
    if found is None:
        raise NotFound("view", view)
    where = f"{office.base}/members" + (f"?{found.query}" if found.query else "")
    return Redirect(where, status_code=303, headers=NOT_KEPT)


@post(PATH + "/{view:str}", include_in_schema=False)
async def change(request: Request, office: NamedDependency[Office], view: FromPath[str]) -> Response:
    typed, wanted = await fields_of(request), id_of("view", view)
    shared = typed.get("shared") == "yes"
    try:
        await actions.change(office.context, office.actor, office.network.id, wanted, typed.get("name", ""), shared)
    except (RuleViolation, Invalid) as error:
        return await _page(request, office, typed | {"view": view}, error)
    return _back(office)


@post(PATH + "/{view:str}/delete", include_in_schema=False)
async def delete(office: NamedDependency[Office], view: FromPath[str]) -> Response:
    wanted = id_of("view", view)
    await actions.delete(office.context, office.actor, office.network.id, wanted)
    return _back(office, f"?deleted={wanted}")


@post(PATH + "/{view:str}/restore", include_in_schema=False)
async def restore(office: NamedDependency[Office], view: FromPath[str]) -> Response:
    await actions.restore(office.context, office.actor, office.network.id, id_of("view", view))
    return _back(office)


handlers = [reading(show_views, save, open_view, change, delete, restore)]


def _back(office: Office, query: str = "") -> Redirect:
    return Redirect(f"{office.base}{PATH}{query}", status_code=303, headers=NOT_KEPT)


async def _page(
    request: Request, office: Office, typed: dict[str, str], error: RuleViolation | Invalid | None
) -> Response[str]:
    network, reader = office.network.id, office.session.account
    async with office.context.db.reading(office.actor.sees) as connection:
        listed = await reads.of_reader(connection, network, reader)
        gone = _id(request.query_params.get("deleted", ""))
        deleted = await reads.one(connection, network, reader, gone, deleted=True) if gone else None
    shown: dict[str, Any] = {
        "views": listed,
        "typed": defaultdict(str, typed),
        "deleted": deleted,
        "errors": problems(office, error, {"name": "name", "query": "name"}) if error else [],
    }
    code = status_of(error) if error else 200
    at = f"{office.base}{PATH}"
    return await show(request, office, "office/saved_views.html", "members", at, status_code=code, **shown)


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
