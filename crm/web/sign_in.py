"""Pages to sign in by password, with the second factor after it, and to sign out."""

from litestar import Request, Response, Router, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Redirect

from crm import words
from crm.actions import sessions
from crm.context import Context
from crm.errors import Invalid, Refused, TooMany, Unauthenticated, status_of
from crm.i18n import translator
from crm.store.signing import Second, SignedIn
from crm.web import language as languages
from crm.web import origin, session
from crm.web.fields import fields_of
from crm.web.rendering import page

Errors = list[dict[str, str]]


@get("/sign-in", include_in_schema=False, opt={"public": True})
async def show_sign_in(request: Request, back: FromQuery[str] = "", out: FromQuery[str] = "") -> Response:
    if await session.session_or_none(request):
        return Redirect(session.back_or_office(back), status_code=303, headers=session.NOT_KEPT)
    return form(request, back=back, out=out)


@post("/sign-in", include_in_schema=False, opt={"public": True})
async def sign_in(request: Request, context: NamedDependency[Context]) -> Response:
    origin.check(request)
    given = await fields_of(request)
    email, back = given.get("email", ""), given.get("back", "")
    try:
        opened = await sessions.sign_in(context, email, given.get("password", ""), session.browser_of(request))
    except (Refused, TooMany) as error:
        return form(request, back=back, email=email, error=error)
    return further(request, opened, back)


@get("/sign-in/second", include_in_schema=False, opt={"public": True})
async def show_second(request: Request, context: NamedDependency[Context], back: FromQuery[str] = "") -> Response:
    asked = await sessions.second_ways(context, session.step_of(request))
    if asked is None:
        return Redirect("/sign-in", status_code=303, headers=session.NOT_KEPT)
    return page(request, "account/second.html", back=back, asked=asked, errors=[], party=party(request))


@post("/sign-in/second", include_in_schema=False, opt={"public": True})
async def send_code(request: Request, context: NamedDependency[Context]) -> Response:
    origin.check(request)
    given = await fields_of(request)
    back, step = given.get("back", ""), session.step_of(request)
    try:
        opened = await sessions.second(context, step, given.get("code", ""), session.browser_of(request))
    except (Refused, TooMany) as error:
        asked = await sessions.second_ways(context, step)
        if asked is None:
            return form(request, back=back, error=error)
        errors, headers = told(request, error, "code")
        return page(
            request,
            "account/second.html",
            status_code=status_of(error),
            headers=headers,
            back=back,
            asked=asked,
            errors=errors,
            party=party(request),
        )
    return further(request, opened, back)


@post("/sign-out", include_in_schema=False)
async def sign_out(request: Request, context: NamedDependency[Context]) -> Response:
    await sessions.sign_out(context, session.token_of(request))
    return signed_out(context, "here")


handlers = [
    show_sign_in,
    sign_in,
    show_second,
    send_code,
    Router(
        path="/",
        guards=[session.signed_in],
        exception_handlers={Unauthenticated: session.to_sign_in},
        route_handlers=[sign_out],
    ),
]


def further(request: Request, opened: SignedIn | Second, back: str) -> Redirect:
    """Signed in, and on to where one wanted to go; or the question for a second factor."""
    if isinstance(opened, Second):
        settings = session.context_of(request).settings
        return session.stepping(settings, opened.token, "/sign-in/second", back)
    where = session.back_or_office(back)
    return Redirect(where, status_code=303, cookies=cookies_of(request, opened), headers=session.NOT_KEPT)


def cookies_of(request: Request, opened: SignedIn) -> list[Cookie]:
    """What a browser gets when it is signed in."""
    settings = session.context_of(request).settings
    cookies = [
        session.session_cookie(settings, opened.token),
        session.step_cookie(settings, ""),
        session.known_cookie(settings, opened.known),
    ]
    if languages.LANGUAGE_COOKIE not in request.cookies:
        cookies.append(languages.preference_cookie(request, languages.LANGUAGE_COOKIE, opened.language))
    return cookies


def signed_out(context: Context, where: str) -> Redirect:
    """Nobody is signed in here any more; `where`: "here" or "everywhere"."""
    cookies = [session.session_cookie(context.settings, "")]
    headers = session.NOT_KEPT | {"clear-site-data": '"cache"'}
    return Redirect(f"/sign-in?out={where}", status_code=303, cookies=cookies, headers=headers)


def party(request: Request) -> str:
    """The name passkeys are bound to; the page offers them only under that name."""
    return session.party_of(session.context_of(request).settings)


def told(request: Request, error: Exception, field: str = "") -> tuple[Errors, dict[str, str]]:
    """What went wrong, for the page; and the headers that go with it."""
    t = translator(languages.language_of(request))
    if isinstance(error, TooMany):
        text = t.gettext("Too many tries. Wait %(n)s minutes, then try again.", n=t.number(-(-error.seconds // 60)))
        return [{"field": "", "text": text}], {"retry-after": str(error.seconds)}
    if isinstance(error, Invalid):
        return [{"field": at, "text": words.refusal(t, None, code, params)} for at, code, params in error.problems], {}
    if isinstance(error, Refused):
        return [{"field": field, "text": words.refusal(t, None, error.code, error.params)}], {}
    raise error


def form(request: Request, back: str = "", email: str = "", out: str = "", error: Exception | None = None) -> Response:
    """The page to sign in."""
    settings = session.context_of(request).settings
    at = "email" if isinstance(error, Refused) and error.code == "sign_in_failed" else ""
    errors, headers = told(request, error, at) if error else ([], {})
    return page(
        request,
        "office/sign_in.html",
        status_code=status_of(error) if error else 200,
        headers=headers,
        back=back,
        email=email,
        out=out,
        errors=errors,
        party=party(request),
        oidc=settings.oidc_name if settings.oidc_issuer else "",
    )
