"""Signing in by an organisation's own service, against a small real provider; whatever it says wrong is refused."""

from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import pytest

from crm.actions import people, sessions
from crm.actions.people import Wanted
from crm.app import state_of
from crm.gateways import oidc
from crm.settings import SettingsError, from_environment
from crm.web.session import actor_of
from tests.conftest import NOW
from tests.crm.actions.people import MANAGER, network, session_of
from tests.crm.web.office import text
from tests.fakes.oidc import CLIENT, SECRET, Provider
from tests.fakes.serving import served

pytestmark = pytest.mark.anyio
FAULTS = (
    *("wrong issuer", "wrong nonce", "no nonce", "wrong audience", "several audiences", "other party", "expired"),
    *("made long ago", "not yet", "no subject", "no token", "alg none", "signed with the public key", "another key"),
    *("changed", "server error"),
)


class Meeting(msgspec.Struct, frozen=True):
    """The application, a browser on it, and the provider."""

    context: object
    client: httpx.AsyncClient
    provider: Provider

    async def leave(self, back: str = "") -> tuple[str, str]:
        """(state, code) after the provider let the person in."""
        sent = await self.client.get("/sign-in/oidc", params={"back": back})
        assert sent.status_code == 303, text(sent)
        async with httpx.AsyncClient() as elsewhere:
            answer = await elsewhere.get(sent.headers["location"])
        came = parse_qs(urlsplit(answer.headers["location"]).query)
        return came["state"][0], came["code"][0]

    async def sign_in(self, back: str = "") -> httpx.Response:
        """There and back again."""
        state, code = await self.leave(back)
        return await self.client.get("/sign-in/oidc/callback", params={"state": state, "code": code})


@pytest.fixture(scope="module")
async def provider() -> AsyncIterator[Provider]:
    """One for the file; `meeting` makes it honest again."""
    one = Provider(NOW.timestamp)
    async with served(one) as one.issuer:
        yield one


@pytest.fixture
async def meeting(context, application, provider) -> AsyncIterator[Meeting]:
    provider.fault = ""
    provider.person = {"sub": "248289761001", "email": MANAGER, "email_verified": True, "name": "Oda Idc"}
    oidc.forget()
    settings = msgspec.structs.replace(
        context.settings,
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT,
        oidc_client_secret=SECRET,
        oidc_domains=("klynge.example",),
        oidc_name="Feide",
    )
    own = msgspec.structs.replace(context, settings=settings)
    application.state = state_of(settings, own)
    transport = httpx.ASGITransport(app=application, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=settings.base_url) as client:
        client.cookies.set("lang", "en")
        yield Meeting(own, client, provider)


async def test_the_same_verified_address_is_the_same_account(meeting):
    assert "Sign in with Feide" in text(await meeting.client.get("/sign-in"))
    answer = await meeting.sign_in("/n/nora-industry-network/members")
    assert (answer.status_code, answer.headers["location"]) == (303, "/n/nora-industry-network/members")
    found = await sessions.current(meeting.context, meeting.client.cookies["session"])
    assert found.email == MANAGER and found.strong and found.method == "oidc"
    assert (await meeting.client.get("/n/nora-industry-network")).status_code == 200


async def test_who_is_known_stays_known_when_the_address_changes(meeting):
    await meeting.sign_in()
    meeting.provider.person |= {"email": "new-name@elsewhere.example", "email_verified": False}
    meeting.client.cookies.delete("session")
    assert (await meeting.sign_in()).headers["location"] == "/n"


async def test_an_invited_person_gets_an_account_with_the_role(meeting):
    me = await session_of(meeting.context)
    wanted = Wanted("oda@klynge.example", "", "viewer", await network(meeting.context))
    await people.invite(meeting.context, actor_of(me), wanted)
    meeting.provider.person["email"] = "Oda@klynge.example"
    assert (await meeting.sign_in()).status_code == 303
    found = await sessions.current(meeting.context, meeting.client.cookies["session"])
    assert (found.name, found.email, len(found.views)) == ("Oda Idc", "oda@klynge.example", 1)


@pytest.mark.parametrize(
    "said",
    [
        {"email": "nobody@klynge.example"},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email": "ingrid@elsewhere.example"},
    ],
)
async def test_nobody_else_is_let_in(meeting, said):
    meeting.provider.person |= said
    answer = await meeting.sign_in()
    assert answer.status_code == 422 and "There is no account for you here yet" in text(answer)
    assert "session" not in meeting.client.cookies


@pytest.mark.parametrize("fault", FAULTS)
async def test_what_the_provider_says_wrong_is_refused(meeting, fault):
    meeting.provider.fault = fault
    answer = await meeting.sign_in()
    assert answer.status_code == 422 and "did not work this time" in text(answer), fault
    assert "session" not in meeting.client.cookies


async def test_metadata_of_another_issuer_is_refused(meeting):
    meeting.provider.fault = "metadata of another issuer"
    answer = await meeting.client.get("/sign-in/oidc")
    assert answer.status_code == 422 and "did not work this time" in text(answer)


async def test_a_callback_is_good_once_and_in_the_browser_that_left(meeting):
    """Login CSRF and replay: another browser's state, a state that is wrong, the same code again."""
    state, code = await meeting.leave()
    kept = meeting.client.cookies["challenge"]
    callback = {"state": state, "code": code}
    meeting.client.cookies.delete("challenge")
    assert (await meeting.client.get("/sign-in/oidc/callback", params=callback)).status_code == 422
    meeting.client.cookies.set("challenge", kept)
    wrong = {"state": "x", "code": code}
    assert (await meeting.client.get("/sign-in/oidc/callback", params=wrong)).status_code == 422
    assert (await meeting.client.get("/sign-in/oidc/callback", params=callback)).status_code == 422  # spent by the try
    assert "session" not in meeting.client.cookies


async def test_without_a_service_there_is_no_way_to_it(client):
    assert (await client.get("/sign-in/oidc")).status_code == 404
    assert "/sign-in/oidc" not in (await client.get("/sign-in")).text


def test_settings_take_all_of_it_or_nothing():
    whole = {
        "KLYNGE_OIDC_ISSUER": "https://id.example",
        "KLYNGE_OIDC_CLIENT_ID": "a",
        "KLYNGE_OIDC_CLIENT_SECRET": "b",
        "KLYNGE_OIDC_DOMAINS": "klynge.example Uio.no",
    }
    assert from_environment(whole).oidc_domains == ("klynge.example", "uio.no")
    for name in ("KLYNGE_OIDC_CLIENT_ID", "KLYNGE_OIDC_CLIENT_SECRET", "KLYNGE_OIDC_DOMAINS"):
        with pytest.raises(SettingsError):
            from_environment(whole | {name: ""})
    with pytest.raises(SettingsError):
        from_environment(whole | {"KLYNGE_OIDC_ISSUER": "http://id.example"})
