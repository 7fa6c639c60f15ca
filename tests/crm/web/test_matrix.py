"""Every route with every role, at home and abroad: the rule a route declares is the rule it keeps (ADR 0028).

The application is the real one, with its real guards; where a handler would begin, the answer is only that it was
reached, so that nothing but the rule decides. What actions say of single objects is tested with them, and for every
call of the API in tests/crm/api/test_matrix.py.
"""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from litestar import Litestar, Router, get
from litestar.response.base import ASGIResponse
from litestar.routes import HTTPRoute

from crm.actions import sessions
from crm.app import create_app, state_of
from crm.context import Context
from crm.store import accounts
from crm.web import session
from tests.crm.web import rights
from tests.crm.web.rights import Declared, declared, expected, happened

pytestmark = pytest.mark.anyio
REACHED = 299
NOBODYS = "00000000-0000-4000-8000-00000000000a"
FJORDSYN = "388476389"


class Site(msgspec.Struct, frozen=True):
    """The application with probes behind its guards, the sessions by role, and an organisation of one's own."""

    app: Litestar
    tokens: dict[str, str]
    csrf: dict[str, str]
    organisation: str

    async def ask(self, role: str, method: str, path: str) -> str:
        """What happens, in the words of tests/crm/web/rights.py; straight into the application, without a client."""
        headers = [(b"host", b"klynge.test")]
        if token := self.tokens.get(role):
            headers += [(b"cookie", f"session={token}".encode()), (b"x-csrf-token", self.csrf[role].encode())]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": headers,
            "scheme": "http",
            "server": ("klynge.test", 80),
            "client": ("192.0.2.1", 1),
            "root_path": "",
        }
        await self.app(scope, receive, send)
        told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return happened(sent[0]["status"], told.get("location", ""), REACHED)


async def _sessions(context: Context) -> tuple[dict[str, str], dict[str, str]]:
    """A session for each role, opened as its sign-in would have left it."""
    tokens, csrf, now = {}, {}, context.clock.now()
    async with context.db.tx() as connection:
        for role, strong in ((role, True) for role in rights.LOGINS):
            account = await accounts.by_email(connection, rights.LOGINS[role])
            tokens[role] = await accounts.open_session(connection, account, "passkey", strong, now)
        manager = await accounts.by_email(connection, rights.LOGINS["manager"])
        tokens["weak manager"] = await accounts.open_session(connection, manager, "password", False, now)
        long_ago = now - sessions.CONFIRMED_FOR
        tokens["stale manager"] = await accounts.open_session(connection, manager, "passkey", True, long_ago)
        for role, token in tokens.items():
            csrf[role] = (await accounts.session(connection, token, now)).csrf
    return tokens, csrf


@pytest.fixture
async def site(context: Context, application: Litestar, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    """Sessions and the catalogue are read once each; what the guards make of them is asked thousands of times."""
    asked = HTTPRoute._get_response_for_request
    sessions_read, catalogue = {}, await session.load_catalogue(context)
    current = sessions.current

    async def probe(self: Any, scope: Any, request: Any, route_handler: Any, parameter_model: Any) -> Any:
        if route_handler.opt.get("key") is True:
            return await asked(self, scope, request, route_handler, parameter_model)
        return ASGIResponse(status_code=REACHED)

    async def once(context: Context, token: str) -> Any:
        if token not in sessions_read:
            sessions_read[token] = await current(context, token)
        return sessions_read[token]

    async def kept(_: Context) -> Any:
        return catalogue

    monkeypatch.setattr(HTTPRoute, "_get_response_for_request", probe)
    monkeypatch.setattr(sessions, "current", once)
    monkeypatch.setattr(session, "load_catalogue", kept)
    tokens, csrf = await _sessions(context)
    async with context.db.tx() as connection:
        own: UUID = await connection.fetchval("select organisation_id from identifier where value = $1", FJORDSYN)
    application.state = state_of(context.settings, context)
    yield Site(application, tokens, csrf, str(own))


async def differences(site: Site, listed: list[Declared]) -> list[str]:
    """Where what happens is not what the rule says."""
    out = []
    for each in listed:
        for role in rights.POWERS:
            for own in (True, False) if each.has_tenant else (True,):
                places = (rights.OWN, site.organisation) if own else (rights.OTHER, NOBODYS)
                found = await site.ask(role, each.method, each.at(*places))
                if found != expected(role, each, own):
                    where = "own" if own else "other"
                    out.append(f"{role}, {where}: {each.method} {each.path} ({each.rule}): {found}")
    return out


async def test_every_route_says_whom_it_is_for(site):
    listed = list(declared(site.app))
    assert len(listed) > 200
    assert [f"{each.method} {each.path}" for each in listed if not each.rule] == [], "give the route a rule"


async def test_every_route_keeps_its_rule_for_every_role_at_home_and_abroad(site):
    assert await differences(site, [each for each in declared(site.app) if each.rule]) == []


async def test_a_route_without_a_rule_or_with_another_one_is_found(site, context):
    """The control: an undeclared route, and one that says `manages` and lets every reader in."""

    @get("/n/{slug:str}/forgotten", include_in_schema=False)
    async def forgotten() -> str:
        return ""

    @get("/n/{slug:str}/wrong", include_in_schema=False, guards=[session.reads_network])
    async def wrong() -> str:
        return ""

    app = create_app(context.settings, context)  # of its own: routes are for good
    app.register(Router(path="/", route_handlers=[forgotten, wrong]))
    site = msgspec.structs.replace(site, app=app)
    found = {each.path: each for each in declared(app)}
    assert found["/n/{slug:str}/forgotten"].rule == ""
    said = msgspec.structs.replace(found["/n/{slug:str}/wrong"], rule="manages")
    told = await differences(site, [said])
    assert any(line.startswith("viewer, own:") for line in told) and any("treasurer, own" in line for line in told)


async def test_a_weak_session_has_no_powers_and_a_second_role_adds_its_own(context):
    """A person may be treasurer of one network, reader of another and act for an organisation, all at once."""
    async with context.db.tx() as connection:
        account = await accounts.by_email(connection, rights.LOGINS["treasurer"])
        networks = {row["slug"]: row["id"] for row in await connection.fetch("select slug, id from network")}
        own = await connection.fetchval("select organisation_id from identifier where value = $1", FJORDSYN)
        await accounts.give_role(connection, account.id, "viewer", networks["claire"], "test")
        await accounts.give_role(connection, account.id, "organisation_admin", own, "test")
        now = context.clock.now()
        strong = await accounts.open_session(connection, account, "passkey", True, now)
        weak = await accounts.open_session(connection, account, "password", False, now)
        found, bare = [await accounts.session(connection, token, now) for token in (strong, weak)]
    assert networks["claire"] in found.views and networks["nora"] in found.books and own in found.runs
    assert not bare.books and bare.must_secure and networks["claire"] in bare.views and own in bare.acts_for
    assert session.actor_of(found).sees == found.sees and not session.actor_of(found).manages
    assert session.actor_of(found).keeping_books().manages == found.books


async def test_a_session_is_too_old_for_sensitive_things_after_a_quarter_of_an_hour(context):
    async with context.db.tx() as connection:
        account = await accounts.by_email(connection, rights.LOGINS["manager"])
        now = context.clock.now()
        token = await accounts.open_session(connection, account, "passkey", True, now - timedelta(minutes=14))
        found = await accounts.session(connection, token, now)
    assert sessions.is_fresh(context, found)
    assert not sessions.is_fresh(context, msgspec.structs.replace(found, confirmed_at=now - timedelta(minutes=15)))
