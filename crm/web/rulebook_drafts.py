"""A draft of a network's rules: its text is checked, what it would do is shown, then it is published."""

from typing import Any

import msgspec
from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.response import Redirect

from cluster_rules.errors import RulebookError
from crm.actions import rulebooks as actions
from crm.web import simulation
from crm.web.office import Office, routes
from crm.web.rulebook_writing import held, text_in, text_page, text_refused
from crm.web.rulebooks import PATH, book_of
from crm.web.session import NOT_KEPT

AGAIN = "again"
STOPPED = "stopped"  # the counting took too long, or the draft is to be changed first


@post(PATH + "/preview", include_in_schema=False, status_code=200)
async def preview(request: Request, office: NamedDependency[Office]) -> Response[Any]:
    draft = await _draft(request, office)
    if STOPPED in await request.form():
        stored = await held(office)
        return await text_page(request, office, draft, stored.stamp if stored else "")
    try:
        book = actions.read(office.kept, office.network.slug, draft)
    except RulebookError as error:
        return await text_refused(request, office, draft, error)
    return await simulation.unfold(request, office, book, draft)


@post(PATH + "/publish", include_in_schema=False, status_code=200)
async def publish(request: Request, office: NamedDependency[Office]) -> Response[Any]:
    draft = await _draft(request, office)
    try:
        # A second click finds the version published, with this text: that is no mistake.
        book = actions.parse(draft, office.network.slug)
        made = await actions.publish(office.context, office.actor, book)
    except RulebookError as error:
        return await text_refused(request, office, draft, error)
    where = f"{office.base}{PATH}?version={made.version}&done=1"
    return Redirect(where, status_code=303, headers=NOT_KEPT)


handlers = [routes(preview, publish)]


async def _draft(request: Request, office: Office) -> str:
    """The text that was pasted, the file that was chosen, or a former version as the next one."""
    form = await request.form()
    if AGAIN in form:
        former = book_of(office, str(form[AGAIN]))
        newest = office.kept.rulebooks.of(office.network.slug)[-1]
        return actions.text(msgspec.structs.replace(former, version=newest.version + 1))
    return await text_in(form)
