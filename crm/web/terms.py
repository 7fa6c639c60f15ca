"""The membership terms of a network: its versions, and a next one from a day on."""

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from crm import terms as current
from crm.actions import terms as actions
from crm.errors import Invalid, status_of
from crm.store import terms as rows
from crm.web.fields import day_of
from crm.web.office import Office, routes, show
from crm.web.office_consequences import problems
from crm.web.session import NOT_KEPT

PATH = "/setup/terms"
FIELDS = {"body.nb": "body_nb", "body.en": "body_en", "effective_from": "effective_from"}


@get(PATH, include_in_schema=False)
async def show_terms(request: Request, office: NamedDependency[Office]) -> Response[str]:
    return await _page(request, office)


@post(PATH, include_in_schema=False)
async def publish(request: Request, office: NamedDependency[Office]) -> Response:
    form = await request.form()
    typed = {name: str(form.get(name, ""))[: actions.TEXT_MAX + 1] for name in FIELDS.values()}
    body = {"nb": typed["body_nb"], "en": typed["body_en"]}
    day = day_of(typed["effective_from"])
    try:
        if day is None:
            raise Invalid([("effective_from", "date_format", {"message": typed["effective_from"][:30]})])
        await actions.publish(office.context, office.actor, office.network.id, body, day)
    except (RuleViolation, Invalid) as refused:
        return await _page(request, office, typed, problems(office, refused, FIELDS), status_of(refused))
    return Redirect(f"{office.base}/setup?done=terms", status_code=303, headers=NOT_KEPT)


handlers = [routes(show_terms, publish)]


async def _page(
    request: Request,
    office: Office,
    typed: dict[str, str] | None = None,
    errors: list[dict[str, str]] | None = None,
    status: int = 200,
) -> Response[str]:
    async with office.context.db.tx() as connection:
        listed = await rows.versions(connection, office.network.id)
        holds = await current.current(connection, office.kept, office.network, office.today)
    newest = listed[0].body if listed else {"nb": "", "en": ""}
    blank = {"body_nb": newest["nb"], "body_en": newest["en"], "effective_from": office.today.isoformat()}
    return await show(
        request,
        office,
        "office/setup_terms.html",
        "setup",
        versions=listed,
        holds=holds.version if holds.body else None,
        typed=typed or blank,
        errors=errors or [],
        wrong={each["field"]: each["text"] for each in errors or []},
        status_code=status,
    )
