"""Pages of signing in by mail: ask for a link, open it, or type the code beside it."""

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from crm.actions import sign_in_links
from crm.context import Context
from crm.errors import Invalid, Refused, TooMany, status_of
from crm.web import language as languages
from crm.web import origin, session, sign_in
from crm.web.fields import fields_of
from crm.web.rendering import page


@post("/sign-in/link", include_in_schema=False, opt={"public": True})
async def ask(request: Request, context: NamedDependency[Context]) -> Response:
    """The answer is the same for every address."""
    origin.check(request)
    given = await fields_of(request)
    email, back = given.get("email", ""), given.get("back", "")
    try:
        language = languages.language_of(request)
        token = await sign_in_links.ask(context, email, language, session.browser_of(request))
    except (Invalid, TooMany) as error:
        return sign_in.form(request, back=back, email=email, error=error)
    return session.stepping(context.settings, token, "/sign-in/link", back)


@get("/sign-in/link", include_in_schema=False, opt={"public": True})
async def show_asked(request: Request, back: FromQuery[str] = "") -> Response:
    return _asked(request, back)


@post("/sign-in/link/code", include_in_schema=False, opt={"public": True})
async def send_code(request: Request, context: NamedDependency[Context]) -> Response:
    origin.check(request)
    given = await fields_of(request)
    back = given.get("back", "")
    try:
        code = given.get("code", "")
        opened = await sign_in_links.use_code(context, session.step_of(request), code, session.browser_of(request))
    except (Refused, TooMany) as error:
        return _asked(request, back, error)
    return sign_in.further(request, opened, back)


@get("/sign-in/link/{secret:str}", include_in_schema=False, opt={"public": True})
async def show_link(request: Request, context: NamedDependency[Context], secret: FromPath[str]) -> Response:
    """Opened by the reader, or by a program that looks through mails: nothing happens yet."""
    try:
        found = await sign_in_links.look(context, secret, session.step_of(request))
    except Refused as error:
        return sign_in.form(request, error=error)
    return page(request, "account/link_open.html", same_browser=found.same_browser, secret=secret, errors=[])


@post("/sign-in/link/{secret:str}", include_in_schema=False, opt={"public": True})
async def use_link(request: Request, context: NamedDependency[Context], secret: FromPath[str]) -> Response:
    origin.check(request)
    try:
        opened = await sign_in_links.use(context, secret, session.step_of(request), session.browser_of(request))
    except (Refused, TooMany) as error:
        return sign_in.form(request, error=error)
    return sign_in.further(request, opened, "")


handlers = [ask, show_asked, send_code, show_link, use_link]


def _asked(request: Request, back: str, error: Exception | None = None) -> Response:
    if not session.step_of(request):
        return Redirect("/sign-in", status_code=303, headers=session.NOT_KEPT)
    errors, headers = sign_in.told(request, error, "code") if error else ([], {})
    return page(
        request,
        "account/link.html",
        status_code=status_of(error) if error else 200,
        headers=headers,
        back=back,
        errors=errors,
        minutes=int(sign_in_links.LASTS.total_seconds()) // 60,
    )
