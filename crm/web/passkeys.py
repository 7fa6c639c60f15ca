"""What the script of passkeys asks (templates/static/js/passkeys.js): sign in with one, add one; in JSON, to it alone.

The pages that list, name and remove passkeys are in crm/web/accounts.py.
"""

from typing import Any

import msgspec
from litestar import Request, Response, Router, post
from litestar.di import NamedDependency

from crm.actions import passkeys
from crm.context import Context
from crm.errors import Invalid, Refused, TooMany, Unauthenticated, status_of
from crm.store.signing import SignedIn
from crm.web import origin, session, sign_in


class Answer(msgspec.Struct, forbid_unknown_fields=True):
    """What the browser's passkey said, and what the page it stood on says."""

    credential: msgspec.Raw
    back: str = ""
    name: str = ""


@post("/sign-in/passkey/options", include_in_schema=False, opt={"public": True}, status_code=200)
async def ask(request: Request, context: NamedDependency[Context]) -> Response:
    origin.check(request)
    try:
        asked = await passkeys.ask(context, session.browser_of(request))
    except TooMany as error:
        return _wrong(request, error)
    return _asked(context, asked)


@post("/sign-in/passkey", include_in_schema=False, opt={"public": True}, status_code=200)
async def use(request: Request, context: NamedDependency[Context]) -> Response:
    origin.check(request)
    given = await _given(request)
    try:
        token, answer = session.challenge_of(request), bytes(given.credential).decode()
        opened = await passkeys.sign_in(context, token, answer, session.browser_of(request))
    except (Refused, TooMany) as error:
        return _wrong(request, error)
    return _done(request, opened, session.back_or_office(given.back))


@post("/account/passkeys/options", include_in_schema=False, status_code=200)
async def ask_new(request: Request, context: NamedDependency[Context]) -> Response:
    try:
        return _asked(context, await passkeys.ask_new(context, session.session_of(request)))
    except Refused as error:
        return _wrong(request, error)


@post("/account/passkeys", include_in_schema=False, status_code=200)
async def add(request: Request, context: NamedDependency[Context]) -> Response:
    given = await _given(request)
    try:
        token, answer = session.challenge_of(request), bytes(given.credential).decode()
        who, browser = session.session_of(request), session.browser_of(request)
        name = given.name.strip() or browser.name or "Passkey"
        opened = await passkeys.add(context, who, token, answer, name, browser)
    except (Refused, Invalid, TooMany) as error:
        return _wrong(request, error)
    return _done(request, opened, session.back_or(given.back, "/account?done=passkey"))


handlers = [
    ask,
    use,
    Router(
        path="/",
        guards=[session.confirmed],
        exception_handlers={Unauthenticated: session.to_sign_in},
        route_handlers=[ask_new, add],
    ),
]


async def _given(request: Request) -> Answer:
    try:
        return msgspec.json.decode(await request.body(), type=Answer)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid([("credential", "body_malformed", {"message": str(error)[:120]})]) from error


def _asked(context: Context, asked: passkeys.Asked) -> Response:
    cookies = [session.challenge_cookie(context.settings, asked.token)]
    return Response(asked.options.encode(), media_type="application/json", cookies=cookies, headers=session.NOT_KEPT)


def _done(request: Request, opened: SignedIn, where: str) -> Response:
    cookies = [
        *sign_in.cookies_of(request, opened),
        session.challenge_cookie(session.context_of(request).settings, ""),
    ]
    return Response({"location": where}, cookies=cookies, headers=session.NOT_KEPT)


def _wrong(request: Request, error: Exception) -> Response[Any]:
    errors, headers = sign_in.told(request, error)
    said = {"error": " ".join(each["text"] for each in errors)}
    return Response(said, status_code=status_of(error), headers={**session.NOT_KEPT, **headers})
