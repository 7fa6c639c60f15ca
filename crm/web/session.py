"""Signed-in browsers: the cookie, and the guards of the back office.

A guard reads the session from the database and leaves it in `request.state.session`; every request
that changes something must carry the session's CSRF token and come from a page of ours.
"""

import hmac
from urllib.parse import quote, urlsplit

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.exceptions import ClientException
from litestar.handlers import BaseRouteHandler
from litestar.response import Redirect

from crm import catalogue
from crm.actions import sessions
from crm.actor import Actor
from crm.catalogue import Catalogue, NetworkRow
from crm.context import Context
from crm.errors import Forbidden, NotFound, Unauthenticated
from crm.settings import Settings
from crm.store.accounts import Session
from crm.web import language as languages
from crm.web import origin

CSRF_FIELD = "_csrf_token"
CSRF_HEADER = "x-csrf-token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OFFICE = "/n"


async def signed_in(connection: ASGIConnection, _: BaseRouteHandler) -> None:
    """Guard: somebody is signed in. Unauthenticated otherwise; Forbidden for a forged request."""
    await _open(connection)


async def manages_network(connection: ASGIConnection, _: BaseRouteHandler) -> None:
    """Guard of /n/{slug}: the reader manages this network. Any other network is not found."""
    session = await _open(connection)
    kept = await load_catalogue(context_of(connection))
    network = kept.by_slug.get(connection.path_params["slug"])
    if network is None or network.id not in session.manages:
        raise NotFound("network", connection.path_params["slug"])
    connection.state.kept, connection.state.network = kept, network


# Every route names one of these, or says that it is public (tests/crm/web/test_guards.py).
GUARDS = (signed_in, manages_network)


def context_of(connection: ASGIConnection) -> Context:
    """What the application was made with."""
    return connection.app.state.context


async def load_catalogue(context: Context) -> Catalogue:
    """The catalogue as it is now."""
    async with context.db.tx() as connection:
        return await catalogue.load(connection)


def session_of(request: Request) -> Session:
    """Who is signed in, on a guarded route."""
    return request.state.session


def network_of(request: Request) -> tuple[Catalogue, NetworkRow]:
    """The catalogue and the network that is open, on a route guarded by `manages_network`."""
    return request.state.kept, request.state.network


def actor_of(session: Session) -> Actor:
    """The person as actions know it."""
    return Actor(session.name, "web", manages=session.manages, reads=session.manages, id=session.account)


def cookie_name(settings: Settings) -> str:
    """__Host- binds the cookie to this host and TLS; a developer's own http address cannot have it."""
    return "__Host-session" if settings.secure_cookies else "session"


def session_cookie(settings: Settings, token: str) -> Cookie:
    """The cookie of a session; without a token it is taken away."""
    return Cookie(
        key=cookie_name(settings),
        value=token,
        max_age=int(sessions.ABSOLUTE_LIMIT.total_seconds()) if token else 0,
        path="/",
        httponly=True,
        samesite="lax",
        secure=settings.secure_cookies,
    )


def token_of(connection: ASGIConnection) -> str:
    """The session id this browser sends, or nothing."""
    return connection.cookies.get(cookie_name(context_of(connection).settings), "")


async def session_or_none(connection: ASGIConnection) -> Session | None:
    """Who is signed in, for pages anyone may read."""
    token = token_of(connection)
    return await sessions.current(context_of(connection), token) if token else None


def to_sign_in(request: Request, _: Exception) -> Redirect:
    """Nobody is signed in: sign in first, then come back."""
    return Redirect(f"/sign-in?back={quote(_page_of(request), safe='/')}", status_code=303, headers=NOT_KEPT)


NOT_KEPT = {"cache-control": "no-store"}


def back_or_office(back: str) -> str:
    """Where to go after signing in: a page of this site, or the back office."""
    try:
        return languages.safe_back(back) if back else OFFICE
    except ClientException:
        return OFFICE


async def _open(connection: ASGIConnection) -> Session:
    session = await session_or_none(connection)
    if session is None:
        raise Unauthenticated
    if connection.scope["method"] not in SAFE_METHODS:
        await _must_be_ours(connection, session)
    connection.state.session = session
    connection.state.csrf_token = session.csrf
    return session


async def _must_be_ours(connection: ASGIConnection, session: Session) -> None:
    """A request that changes something comes from our own page and carries the session's token."""
    origin.check(connection)
    given = connection.headers.get(CSRF_HEADER, "")
    if not given and isinstance(connection, Request):
        field = (await connection.form()).get(CSRF_FIELD, "")
        given = field if isinstance(field, str) else ""
    if not hmac.compare_digest(given.encode(), session.csrf.encode()):
        raise Forbidden


def _page_of(request: Request) -> str:
    """The page the reader wanted; for a form that was sent, the page the form stood on."""
    if request.method in SAFE_METHODS:
        return languages.here(request)
    parts = urlsplit(request.headers.get("referer", ""))
    return (parts.path or OFFICE) + (f"?{parts.query}" if parts.query else "")
