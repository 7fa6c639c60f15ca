"""Where an organisation's invoices go, as its own administrators say it; what is issued already does not change."""

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency

from cluster_rules.errors import RuleViolation
from crm.actions import billing as actions
from crm.actions.billing import Details
from crm.errors import Invalid, status_of
from crm.i18n import LANGUAGES
from crm.web import entry_views
from crm.web.entry_views import Words
from crm.web.fields import fields_of
from crm.web.my import My, done, routes, show

PATH = "/billing"


@get(PATH, include_in_schema=False)
async def show_details(request: Request, my: NamedDependency[My]) -> Response[str]:
    _, known = await actions.show(my.context, my.actor, my.organisation.id)
    return _page(request, my, known)


@post(PATH, include_in_schema=False)
async def change(request: Request, my: NamedDependency[My]) -> Response:
    typed = await fields_of(request)
    details = Details(**{field: typed.get(field, "") for field in Details.__struct_fields__})
    if details.language not in LANGUAGES:
        details = msgspec.structs.replace(details, language="")
    try:
        await actions.change(my.context, my.actor, my.organisation.id, details)
    except (RuleViolation, Invalid) as error:
        return _page(request, my, details, error)
    return done(my, PATH, "saved")


handlers = [routes(show_details, change)]


def _page(request: Request, my: My, known: Details, error: RuleViolation | Invalid | None = None) -> Response[str]:
    errors = entry_views.mistakes(Words(my.t, my.kept), error)
    return show(
        request,
        my,
        "my/billing.html",
        "invoices",
        f"{my.base}{PATH}" if error else "",
        status_code=status_of(error) if error else 200,
        known=known,
        errors=errors,
        wrong={each["field"]: each["text"] for each in errors},
        done=request.query_params.get("done") == "saved",
    )
