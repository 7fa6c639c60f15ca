"""The page an invitation's link opens, and the button on it that takes the role."""

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm.actions import people
from crm.context import Context
from crm.errors import Invalid, Refused, TooMany, status_of
from crm.i18n import translator
from crm.role_words import role_may, role_name
from crm.web import language as languages
from crm.web import origin, session, sign_in
from crm.web.fields import fields_of
from crm.web.rendering import page

PATH = "/invitation/{token:str}"


@get(PATH, include_in_schema=False, opt={"public": True})
async def show_invitation(request: Request, context: NamedDependency[Context], token: FromPath[str]) -> Response:
    """Nothing happens yet: programs that look through mails open links, too."""
    return await _page(request, context, token)


@post(PATH, include_in_schema=False, opt={"public": True})
async def accept(request: Request, context: NamedDependency[Context], token: FromPath[str]) -> Response:
    origin.check(request)
    name = (await fields_of(request)).get("name", "")
    try:
        done = await people.accept(context, token, name, session.browser_of(request))
    except (Refused, TooMany) as error:
        return sign_in.form(request, error=error)
    except Invalid as error:
        return await _page(request, context, token, error)
    if done.opened is None:
        return sign_in.form(request, email=done.email, out="joined")
    return sign_in.further(request, done.opened, "")


handlers = [show_invitation, accept]


async def _page(request: Request, context: Context, token: str, error: Exception | None = None) -> Response:
    t = translator(languages.language_of(request))
    try:
        found = await people.look(context, token, session.browser_of(request))
    except (Refused, TooMany) as refused:
        return sign_in.form(request, error=refused)
    return page(
        request,
        "account/invitation.html",
        status_code=status_of(error) if error else 200,
        found=found,
        place=t.text(found.place_names),
        role=role_name(t, found.role),
        may=role_may(t, found.role),
        token=token,
        errors=sign_in.told(request, error)[0] if error else [],
    )
