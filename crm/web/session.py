"""Signed-in browsers: the cookie, and the guards of the back office.

A guard is the rule of a route: who may call it (ADR 0028). It reads the session from the database and leaves it in
`request.state.session`; every request that changes something must carry the session's CSRF token and come from a page
of ours.
"""

import hmac
from datetime import timedelta
from urllib.parse import quote, urlsplit
from uuid import UUID

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
from crm.store import signing
from crm.store.accounts import Session
from crm.store.signing import Browser
from crm.web import language as languages
from crm.web import origin
from crm.web.fields import id_of

CSRF_FIELD = "_csrf_token"
CSRF_HEADER = "x-csrf-token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OFFICE = "/n"
LOOPBACK = ("127.0.0.1", "::1")


class SecureFirst(Unauthenticated):
    """Signed in with one factor, and what is asked for takes two."""


class ConfirmFirst(Unauthenticated):
    """Signed in, but long ago for something as sensitive as this."""


async def signed_in(connection: ASGIConnection, _: BaseRouteHandler) -> None:
    """Guard: somebody is signed in. Unauthenticated otherwise; Forbidden for a forged request."""
    await _open(connection)


async def confirmed(connection: ASGIConnection, _: BaseRouteHandler) -> None:
    """Guard: somebody is signed in, and proved who they are a moment ago."""
    session = await _open(connection)
    if not sessions.is_fresh(context_of(connection), session):
        raise ConfirmFirst


async def reads_network(connection: ASGIConnection, _: BaseRouteHandler) -> None:
    """Guard of /n/{slug}: the reader has any role in this network. Any other network is not found."""
    await _network(connection)


async def reads_books(connection: ASGIConnection, _: BaseRouteHandler) -> None:
    """Guard of /n/{slug}, for invoices: any role will do; who keeps the books sees what may be done about them."""
    await _network(connection)
    connection.state.by_books = True


async def keeps_books(connection: ASGIConnection, _: BaseRouteHandler) -> None:
    """Guard of /n/{slug}, for money: the reader keeps this network's books, or manages it."""
    session, network = await _network(connection)
    if network not in session.books | session.manages:
        raise Forbidden
    connection.state.by_books = True


async def manages_network(connection: ASGIConnection, _: BaseRouteHandler) -> None:
    """Guard of /n/{slug}: the reader manages this network. Any other network is not found."""
    session, network = await _network(connection)
    if network not in session.manages:
        raise Forbidden


async def acts_for(connection: ASGIConnection, _: BaseRouteHandler) -> None:
    """Guard of /my/{organisation}: the reader belongs to it. Any other organisation is not found."""
    session = await _open(connection)
    actor_of(session).must_act_for(_organisation(connection))


async def runs(connection: ASGIConnection, _: BaseRouteHandler) -> None:
    """Guard of /my/{organisation}: the reader administers it."""
    session = await _open(connection)
    actor_of(session).must_run(_organisation(connection))


# Every route names one of these, or says that it is public (tests/crm/web/test_matrix.py).
GUARDS = (signed_in, confirmed, reads_network, reads_books, keeps_books, manages_network, acts_for, runs)


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
    """The catalogue and the network that is open, on a route under /n/{slug}."""
    return request.state.kept, request.state.network


def actor_of(session: Session) -> Actor:
    """The person as actions know them."""
    return Actor(
        session.name,
        "web",
        manages=session.manages,
        reads=session.sees,
        id=session.account,
        books=session.books,
        hosts=session.hosts,
        runs=session.runs,
        acts_for=session.acts_for,
    )


def office_actor(request: Request) -> Actor:
    """The person in the office: where the route is about money, who keeps the books decides."""
    actor = actor_of(session_of(request))
    return actor.keeping_books() if request.state.get("by_books") else actor


def _name(settings: Settings, name: str) -> str:
    """__Host- binds the cookie to this host and TLS; a developer's own http address cannot have it."""
    return f"__Host-{name}" if settings.secure_cookies else name


def _cookie(settings: Settings, name: str, value: str, lasts: timedelta) -> Cookie:
    return Cookie(
        key=_name(settings, name),
        value=value,
        max_age=int(lasts.total_seconds()) if value else 0,
        path="/",
        httponly=True,
        samesite="lax",
        secure=settings.secure_cookies,
    )


def session_cookie(settings: Settings, token: str) -> Cookie:
    """The cookie of a session; without a token it is taken away."""
    return _cookie(settings, "session", token, sessions.ABSOLUTE_LIMIT)


def step_cookie(settings: Settings, token: str) -> Cookie:
    """The cookie of a sign-in that is under way; without a token it is taken away."""
    return _cookie(settings, "step", token, signing.STEP_LASTS)


def challenge_cookie(settings: Settings, token: str) -> Cookie:
    """The cookie of a challenge to a passkey; without a token it is taken away."""
    return _cookie(settings, "challenge", token, signing.STEP_LASTS)


def known_cookie(settings: Settings, token: str) -> Cookie:
    """Somebody has signed in with this browser: their tries are counted apart from everybody else's."""
    return _cookie(settings, "known", token, signing.KNOWN_FOR)


def stepping(settings: Settings, token: str, path: str, back: str) -> Redirect:
    """On to the next step of signing in."""
    cookies = [step_cookie(settings, token)]
    return Redirect(f"{path}?back={quote(back, safe='/')}", status_code=303, cookies=cookies, headers=NOT_KEPT)


def token_of(connection: ASGIConnection) -> str:
    """The session id this browser sends, or nothing."""
    return _sent(connection, "session")


def challenge_of(connection: ASGIConnection) -> str:
    """The id of the challenge this browser's passkey was given, or nothing."""
    return _sent(connection, "challenge")


def step_of(connection: ASGIConnection) -> str:
    """The id of the sign-in this browser is in the middle of, or nothing."""
    return _sent(connection, "step")


def _sent(connection: ASGIConnection, name: str) -> str:
    return connection.cookies.get(_name(context_of(connection).settings, name), "")


def browser_of(request: Request) -> Browser:
    """Who asks: where from, with what ("Firefox, Linux"), and the cookies from before."""
    said = request.headers.get("user-agent", "")
    program = next((name for mark, name in BROWSERS if mark in said), "")
    system = next((name for mark, name in SYSTEMS if mark in said), "")
    name = ", ".join(each for each in (program, system) if each)
    return Browser(
        request.client.host if request.client else "unknown", name, token_of(request), _sent(request, "known")
    )


BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


async def session_or_none(connection: ASGIConnection) -> Session | None:
    """Who is signed in, for pages anyone may read."""
    token = token_of(connection)
    return await sessions.current(context_of(connection), token) if token else None


def to_sign_in(request: Request, error: Exception) -> Redirect:
    """Nobody is signed in, or not well enough: do that first, then come back."""
    where = next((path for kind, path in _FIRST.items() if isinstance(error, kind)), "/sign-in")
    return Redirect(f"{where}?back={quote(_page_of(request), safe='/')}", status_code=303, headers=NOT_KEPT)


_FIRST = {SecureFirst: "/account/secure", ConfirmFirst: "/account/confirm"}
NOT_KEPT = {"cache-control": "no-store"}


def back_or_office(back: str) -> str:
    """Where to go after signing in: a page of this site, or where the person has something to do."""
    try:
        return languages.safe_back(back) if back else OFFICE
    except ClientException:
        return OFFICE


def back_or(back: str, otherwise: str) -> str:
    """A page of this site to go on to, when one is named."""
    try:
        return languages.safe_back(back) if back else otherwise
    except ClientException:
        return otherwise


def party_of(settings: Settings) -> str:
    """The name passkeys are bound to: this site's, or localhost on a developer's own machine (no bare addresses)."""
    host = urlsplit(settings.base_url).hostname or ""
    return "localhost" if host in LOOPBACK else host


async def _network(connection: ASGIConnection) -> tuple[Session, UUID]:
    """The network of the address, for somebody who has a role in it."""
    session = await _open(connection)
    if session.must_secure:
        raise SecureFirst
    kept = await load_catalogue(context_of(connection))
    network = kept.by_slug.get(connection.path_params["slug"])
    if network is None or network.id not in session.sees:
        raise NotFound("network", connection.path_params["slug"])
    connection.state.kept, connection.state.network = kept, network
    return session, network.id


def _organisation(connection: ASGIConnection) -> UUID:
    return id_of("organisation", connection.path_params["organisation"])


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
