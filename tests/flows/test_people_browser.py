"""Signing in and people in Chromium: a passkey of a virtual device, the pages without scripts, and axe."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import msgspec
import pytest
from litestar import Litestar
from playwright.sync_api import Page, expect

from crm.app import create_app
from crm.clock import FixedClock
from crm.demo import PASSWORD
from crm.settings import Settings
from tests.browser import axe_violations, browser, csp_messages, open_page, overflow, serve
from tests.conftest import NOW, TEMPLATE
from tests.postgres import Server

pytestmark = pytest.mark.browser
__all__ = ["browser"]  # a fixture: importing it makes it known here

DATABASE = "klynge_people_browser"
NORA = "/n/nora-industry-network"
VIEWS = [("desktop", "light", "en"), ("phone", "light", "nb"), ("desktop", "dark", "nb")]
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


class Site(msgspec.Struct, frozen=True):
    """Where the application is served (under the name passkeys are bound to), and sessions by person."""

    address: str
    sessions: dict[str, str]


@asynccontextmanager
async def _on_the_day(app: Litestar) -> AsyncIterator[None]:
    app.state.context = msgspec.structs.replace(app.state.context, clock=FixedClock(NOW))
    yield


@pytest.fixture(scope="module")
def site(server: Server, seeded: object) -> Iterator[Site]:
    """The whole application on a copy of the demo data; it learns its own address when it has one."""
    dsn = server.create_database(DATABASE, TEMPLATE)
    app = create_app(Settings(database_url=dsn, development=True), None, _on_the_day)
    with serve(app) as address:
        address = address.replace("127.0.0.1", "localhost")
        settings = msgspec.structs.replace(app.state.context.settings, base_url=address)
        app.state.context = msgspec.structs.replace(app.state.context, settings=settings)
        sessions = {}
        for email in ("ingrid@klynge.example", "medlem@klynge.example", "leser@klynge.example"):
            answer = httpx.post(f"{address}/sign-in", data={"email": email, "password": PASSWORD})
            sessions[email] = answer.cookies["session"]
        yield Site(address, sessions)
    server.drop_database(DATABASE)


def _signed_in(page: Page, site: Site, email: str) -> None:
    page.context.add_cookies([{"name": "session", "value": site.sessions[email], "url": site.address}])


def test_a_passkey_is_made_in_a_device_and_signs_in_without_a_name_or_a_password(site, browser):
    with open_page(browser, f"{site.address}/sign-in?back=/account") as page:
        devices = page.context.new_cdp_session(page)
        devices.send("WebAuthn.enable")
        device = devices.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})["authenticatorId"]
        page.get_by_label("E-mail address").fill("claire@klynge.example")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.get_by_label("Name of the new passkey").fill("Test device")
        page.get_by_role("button", name="Add a passkey").click()
        expect(page.get_by_text("The passkey is yours.")).to_be_visible(timeout=20_000)
        expect(page.get_by_label("Name of the passkey")).to_have_value("Test device")
        [kept] = devices.send("WebAuthn.getCredentials", {"authenticatorId": device})["credentials"]
        assert kept["isResidentCredential"] and kept["rpId"] == "localhost"
        page.get_by_role("button", name="Sign out everywhere").click()
        page.get_by_role("button", name="Sign in with a passkey").click()
        page.wait_for_url("**/n/claire*", timeout=20_000)
        devices.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
        page.context.clear_cookies()
        page.goto(f"{site.address}/sign-in")
        page.get_by_role("button", name="Sign in with a passkey").click()
        expect(page.get_by_role("alert")).to_contain_text("did not work", timeout=20_000)
        assert not csp_messages(page)


def test_without_scripts_there_is_no_passkey_and_everything_else_works(site, browser):
    with open_page(browser, f"{site.address}/sign-in", javascript=False) as page:
        assert not page.get_by_role("button", name="Sign in with a passkey").is_visible()
        page.get_by_label("E-mail address").fill("medlem@klynge.example")
        page.get_by_role("button", name="Send me a link").click()
        expect(page.get_by_role("heading", name="Look in your mail")).to_be_visible()
        page.goto(f"{site.address}/dev/mailbox")
        page.get_by_role("link", name="Klynge: lenken din for å logge inn").first.click()
        expect(page.get_by_text("/sign-in/link/").first).to_be_visible()
        page.goto(re.search(rf"{site.address}/sign-in/link/[\w-]+", page.content())[0])
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.get_by_role("heading", name="My organisations")).to_be_visible()


PAGES = {
    "": ["/sign-in", "/claim"],
    "ingrid@klynge.example": ["/account", f"{NORA}/people", "/account/password", "/account/app", "/account/confirm"],
    "medlem@klynge.example": ["/my"],
    "leser@klynge.example": [f"{NORA}/people", f"{NORA}/invoices"],
}


@pytest.mark.parametrize(("viewport", "scheme", "language"), VIEWS)
def test_every_page_is_accessible_fits_and_keeps_to_the_policy(site, browser, viewport, scheme, language):
    faults = []
    look = {"viewport": viewport, "scheme": scheme, "language": language}
    with open_page(browser, f"{site.address}/healthz", **look) as page:
        for email, paths in PAGES.items():
            if email:
                _signed_in(page, site, email)
            for path in paths:
                page.goto(site.address + path)
                faults += [f"{email} {path}: {fault}" for fault in axe_violations(page)]
                if wide := overflow(page):
                    faults.append(f"{email} {path}: {wide} px wider than the screen")
        faults += csp_messages(page)
    assert not faults
