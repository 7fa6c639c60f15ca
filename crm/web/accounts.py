"""A person's own account: roles, passkeys, password and codes, and the browsers that are signed in."""

from typing import Any
from urllib.parse import quote

from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from crm import catalogue, totp
from crm.actions import accounts, authenticators, passkeys, sessions
from crm.context import Context
from crm.errors import Invalid, Refused, TooMany, Unauthenticated, status_of
from crm.i18n import translator
from crm.reads import people as reads
from crm.role_words import role_may, role_name
from crm.web import session, sign_in
from crm.web.fields import fields_of, id_of
from crm.web.language import language_of
from crm.web.office import faces
from crm.web.rendering import page

DONE = ("passkey", "renamed", "removed", "password", "app", "app_removed", "ended")
HOME = "/account"


@get(HOME, include_in_schema=False)
async def show_account(request: Request, context: NamedDependency[Context], done: FromQuery[str] = "") -> Response:
    return await _page(request, context, done=done if done in DONE else "")


@get("/account/secure", include_in_schema=False)
async def show_secure(request: Request, context: NamedDependency[Context], back: FromQuery[str] = "") -> Response:
    """Before the first visit to the office: a second factor, whichever suits."""
    who = session.session_of(request)
    if not who.must_secure:
        return Redirect(session.back_or_office(back), status_code=303, headers=session.NOT_KEPT)
    ways = await authenticators.ways(context, who)
    return _framed(request, "account/secure.html", ways=ways, back=back, party=sign_in.party(request))


@get("/account/confirm", include_in_schema=False)
async def show_confirm(request: Request, context: NamedDependency[Context], back: FromQuery[str] = "") -> Response:
    """Sign in once more, before something sensitive."""
    ways = await authenticators.ways(context, session.session_of(request))
    return _framed(request, "account/confirm.html", ways=ways, back=back, party=sign_in.party(request))


@post("/account/sign-out-everywhere", include_in_schema=False)
async def sign_out_everywhere(request: Request, context: NamedDependency[Context]) -> Response:
    await sessions.sign_out_everywhere(context, session.session_of(request))
    return sign_in.signed_out(context, "everywhere")


@post("/account/sessions/{wanted:str}/end", include_in_schema=False)
async def end_session(request: Request, context: NamedDependency[Context], wanted: FromPath[str]) -> Response:
    await sessions.sign_out_one(context, session.session_of(request), id_of("session", wanted))
    return _done("ended")


@post("/account/passkeys/{wanted:str}/name", include_in_schema=False)
async def name_passkey(request: Request, context: NamedDependency[Context], wanted: FromPath[str]) -> Response:
    name = (await fields_of(request)).get("name", "")
    try:
        await passkeys.rename(context, session.session_of(request), id_of("passkey", wanted), name)
    except Invalid as error:
        return await _page(request, context, error)
    return _done("renamed")


@post("/account/passkeys/{wanted:str}/remove", include_in_schema=False)
async def remove_passkey(request: Request, context: NamedDependency[Context], wanted: FromPath[str]) -> Response:
    try:
        await passkeys.remove(context, session.session_of(request), id_of("passkey", wanted))
    except Refused as error:
        return await _page(request, context, error)
    return _done("removed")


@get("/account/password", include_in_schema=False)
async def show_password(request: Request, back: FromQuery[str] = "") -> Response:
    return _password(request, back)


@post("/account/password", include_in_schema=False)
async def set_password(request: Request, context: NamedDependency[Context]) -> Response:
    given = await fields_of(request)
    back, who = given.get("back", ""), session.session_of(request)
    try:
        await accounts.set_password(context, who, given.get("password", ""))
    except (Invalid, Refused, TooMany) as error:
        return _password(request, back, error)
    return Redirect(session.back_or(back, f"{HOME}?done=password"), status_code=303, headers=session.NOT_KEPT)


@get("/account/app", include_in_schema=False)
async def show_app(request: Request, context: NamedDependency[Context], back: FromQuery[str] = "") -> Response:
    return await _app(request, context, back)


@post("/account/app", include_in_schema=False)
async def confirm_app(request: Request, context: NamedDependency[Context]) -> Response:
    given = await fields_of(request)
    who, back = session.session_of(request), given.get("back", "")
    token, browser = session.step_of(request), session.browser_of(request)
    try:
        opened, codes = await authenticators.confirm(context, who, token, given.get("code", ""), browser)
    except (Refused, TooMany) as error:
        return await _app(request, context, back, error)
    shown = _framed(request, "account/codes.html", codes=codes, back=session.back_or(back, HOME), fresh=True)
    for cookie in sign_in.cookies_of(request, opened):
        shown.set_cookie(cookie)
    return shown


@post("/account/app/codes", include_in_schema=False)
async def renew_codes(request: Request, context: NamedDependency[Context]) -> Response:
    try:
        codes = await authenticators.renew_codes(context, session.session_of(request))
    except Refused as error:
        return await _page(request, context, error)
    return _framed(request, "account/codes.html", codes=codes, back=HOME, fresh=False)


@post("/account/app/remove", include_in_schema=False)
async def remove_app(request: Request, context: NamedDependency[Context]) -> Response:
    try:
        await authenticators.remove(context, session.session_of(request))
    except Refused as error:
        return await _page(request, context, error)
    return _done("app_removed")


def _routes(rule: Any, *listed: Any) -> Router:
    return Router(
        path="/",
        guards=[rule],
        exception_handlers={Unauthenticated: session.to_sign_in},
        route_handlers=list(listed),
    )


handlers = [
    _routes(session.signed_in, show_account, show_secure, show_confirm, sign_out_everywhere, end_session),
    _routes(
        session.confirmed,
        name_passkey,
        remove_passkey,
        show_password,
        set_password,
        show_app,
        confirm_app,
        renew_codes,
        remove_app,
    ),
]


async def _page(request: Request, context: Context, error: Exception | None = None, done: str = "") -> Response:
    who, t = session.session_of(request), translator(language_of(request))
    errors, headers = sign_in.told(request, error) if error else ([], {})
    async with context.db.tx() as connection:
        held = await reads.of_account(connection, who.account)
        kept = await catalogue.load(connection)
    places = [
        {
            "name": t.text(each.names),
            "role": role_name(t, each.role),
            "may": role_may(t, each.role),
            "href": f"/n/{each.slug}" if each.slug else f"/my/{each.place}" if each.kind == "organisation" else "",
        }
        for each in held
    ]
    return _framed(
        request,
        "office/account.html",
        status_code=status_of(error) if error else 200,
        headers=headers,
        errors=errors,
        done=done,
        held=places,
        networks=faces(t, kept, who),
        keys=await passkeys.mine(context, who),
        ways=await authenticators.ways(context, who),
        browsers=await sessions.mine(context, who),
        this=who.token_hash,
        waived=who.demo and who.method == "password",
        now=context.clock.now(),
        limits=sessions,
        party=sign_in.party(request),
    )


async def _app(request: Request, context: Context, back: str, error: Exception | None = None) -> Response:
    who = session.session_of(request)
    errors, headers = sign_in.told(request, error, "code") if error else ([], {})
    ways = await authenticators.ways(context, who)
    if not ways.has_password:
        further = quote(f"/account/app?back={quote(back, safe='/')}", safe="/")
        return Redirect(f"/account/password?back={further}", status_code=303, headers=session.NOT_KEPT)
    try:
        begun = await authenticators.begin(context, who, session.step_of(request))
    except Refused as refused:
        return await _page(request, context, refused)
    shown = _framed(
        request,
        "account/app.html",
        status_code=status_of(error) if error else 200,
        headers=headers,
        errors=errors,
        begun=begun,
        back=back,
        digits=totp.DIGITS,
    )
    shown.set_cookie(session.step_cookie(context.settings, begun.token))
    return shown


def _password(request: Request, back: str, error: Exception | None = None) -> Response:
    errors, headers = sign_in.told(request, error, "password") if error else ([], {})
    return _framed(
        request,
        "account/password.html",
        status_code=status_of(error) if error else 200,
        headers=headers,
        errors=errors,
        back=back,
        least=accounts.PASSWORD_MIN,
    )


def _framed(request: Request, template: str, **values: Any) -> Response[str]:
    who = session.session_of(request)
    user = {"name": who.name, "email": who.email, "acts": bool(who.acts_for)}
    return page(request, template, **{"errors": [], "user": user, **values})


def _done(what: str) -> Redirect:
    return Redirect(f"{HOME}?done={what}", status_code=303, headers=session.NOT_KEPT)
