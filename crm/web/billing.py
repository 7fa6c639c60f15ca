"""Where an organisation's invoices go, and what it wants on them: seen and changed by those who bill it."""

from urllib.parse import urlsplit

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from crm.actions import billing as actions
from crm.actions.billing import Details
from crm.errors import Invalid, status_of
from crm.i18n import LANGUAGES
from crm.web.fields import fields_of, id_of
from crm.web.office import Office, money, show
from crm.web.office_consequences import problems
from crm.web.session import NOT_KEPT

PATH = "/invoices/billing/{organisation:str}"


@get(PATH, include_in_schema=False)
async def show_details(request: Request, office: NamedDependency[Office], organisation: FromPath[str]) -> Response[str]:
    name, known = await actions.show(office.context, office.actor, id_of("organisation", organisation))
    return await _page(request, office, organisation, name, known, back_of(request, office))


@post(PATH, include_in_schema=False)
async def change(request: Request, office: NamedDependency[Office], organisation: FromPath[str]) -> Response:
    wanted, form = id_of("organisation", organisation), await fields_of(request)
    name, _ = await actions.show(office.context, office.actor, wanted)
    details = Details(**{field: form.get(field, "") for field in Details.__struct_fields__})
    if details.language not in LANGUAGES:
        details = msgspec.structs.replace(details, language="")
    back = form.get("back", "")
    try:
        await actions.change(office.context, office.actor, wanted, details)
    except (RuleViolation, Invalid) as refused:
        errors = problems(office, refused, {field: field for field in Details.__struct_fields__})
        return await _page(request, office, organisation, name, details, back, errors, status_of(refused))
    where = back if back.startswith(f"{office.base}/") else f"{office.base}{PATH.partition('{')[0]}{wanted}"
    return Redirect(f"{where}?done=billing", status_code=303, headers=NOT_KEPT)


handlers = [money(show_details, change)]


def back_of(request: Request, office: Office) -> str:
    """The page of this network that one came from, to go back to; nothing when it was another one."""
    path = urlsplit(request.headers.get("referer", "")).path
    own = path.startswith((f"{office.base}/invoices/", f"{office.base}/members/"))
    return path if own and path != request.url.path else ""


async def _page(
    request: Request,
    office: Office,
    organisation: str,
    name: str,
    known: Details,
    back: str,
    errors: list[dict[str, str]] | None = None,
    status: int = 200,
) -> Response[str]:
    return await show(
        request,
        office,
        "office/billing.html",
        "invoices",
        here=f"{office.base}/invoices/billing/{organisation}",
        name=name,
        known=known,
        back=back,
        errors=errors or [],
        wrong={each["field"]: each["text"] for each in errors or []},
        saved=request.query_params.get("done") == "billing",
        status_code=status,
    )
