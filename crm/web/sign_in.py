"""Pages to sign in and out, and the account page: its browsers, and the way out of all of them."""

from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Redirect

from crm import words
from crm.actions import sessions
from crm.context import Context
from crm.errors import Refused, TooMany, Unauthenticated, status_of
from crm.i18n import translator
from crm.store.signing import Second, SignedIn
from crm.web import language as languages
from crm.web import origin, session
from crm.web.fields import fields_of
from crm.web.rendering import page


@get("/sign-in", include_in_schema=False, opt={"public": True})
async def show_sign_in(request: Request, back: FromQuery[str] = "", out: FromQuery[str] = "") -> Response:
    if await session.session_or_none(request):
        return Redirect(session.back_or_office(back), status_code=303, headers=session.NOT_KEPT)
    return _form(request, back=back, out=out)


@post("/sign-in", include_in_schema=False, opt={"public": True})
async def sign_in(request: Request, context: NamedDependency[Context]) -> Response:
    origin.check(request)
    given = await fields_of(request)
    email, back = given.get("email", ""), given.get("back", "")
    try:
        opened = await sessions.sign_in(context, email, given.get("password", ""), session.browser_of(request))
    except (Refused, TooMany) as error:
        return _form(request, back=back, email=email, error=error)
    if isinstance(opened, Second):
        return session.stepping(context.settings, opened.token, "/sign-in/second", back)
    return entered(request, opened, back)


def entered(request: Request, opened: SignedIn, back: str) -> Redirect:
    """Signed in: the cookies, and on to where one wanted to go."""
    settings = session.context_of(request).settings
    cookies = [session.session_cookie(settings, opened.token), session.step_cookie(settings, "")]
    if opened.known:
        cookies.append(session.known_cookie(settings, opened.known))
    if languages.LANGUAGE_COOKIE not in request.cookies:
        cookies.append(languages.preference_cookie(request, languages.LANGUAGE_COOKIE, opened.language))
    return Redirect(session.back_or_office(back), status_code=303, cookies=cookies, headers=session.NOT_KEPT)


@post("/sign-out", include_in_schema=False)
async def sign_out(request: Request, context: NamedDependency[Context]) -> Response:
    await sessions.sign_out(context, session.token_of(request))
    return _signed_out(context, "here")


@post("/account/sign-out-everywhere", include_in_schema=False)
async def sign_out_everywhere(request: Request, context: NamedDependency[Context]) -> Response:
    await sessions.sign_out_everywhere(context, session.session_of(request))
    return _signed_out(context, "everywhere")


@get("/account", include_in_schema=False)
async def show_account(request: Request, context: NamedDependency[Context]) -> Response:
    who = session.session_of(request)
    browsers = await sessions.mine(context, who)
    kept = await session.load_catalogue(context)
    networks = [network for network in kept.networks if network.id in who.sees]
    return page(
        request,
        "office/account.html",
        user={"name": who.name, "email": who.email},
        browsers=browsers,
        this=who.token_hash,
        managed=networks,
        now=context.clock.now(),
        limits=sessions,
    )


handlers = [
    show_sign_in,
    sign_in,
    Router(
        path="/",
        guards=[session.signed_in],
        exception_handlers={Unauthenticated: session.to_sign_in},
        route_handlers=[sign_out, sign_out_everywhere, show_account],
    ),
]


def _signed_out(context: Context, where: str) -> Response:
    cookies = [session.session_cookie(context.settings, "")]
    headers = session.NOT_KEPT | {"clear-site-data": '"cache"'}
    return Redirect(f"/sign-in?out={where}", status_code=303, cookies=cookies, headers=headers)


def _form(request: Request, back: str = "", email: str = "", out: str = "", error: Exception | None = None) -> Response:
    t = translator(languages.language_of(request))
    headers, errors = {}, []
    if isinstance(error, TooMany):
        headers["retry-after"] = str(error.seconds)
        text = t.gettext("Too many tries. Wait %(n)s minutes, then try again.", n=t.number(-(-error.seconds // 60)))
        errors = [{"field": "", "text": text}]
    elif isinstance(error, Refused):
        errors = [{"field": "email", "text": words.refusal(t, None, error.code, error.params)}]
    return page(
        request,
        "office/sign_in.html",
        status_code=status_of(error) if error else 200,
        headers=headers,
        back=back,
        email=email,
        out=out,
        errors=errors,
    )
