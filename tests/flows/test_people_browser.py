"""Signing in and people in Chromium: a passkey of a virtual device, and the pages without scripts."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from crm.demo import PASSWORD
from tests.browser import browser, csp_messages, open_page
from tests.flows.site import Site, site_on
from tests.postgres import Server

pytestmark = pytest.mark.browser
__all__ = ["browser"]  # a fixture: importing it makes it known here

DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
def site(server: Server, seeded: object) -> Iterator[Site]:
    """Served under a name: passkeys are bound to names, not to numbers."""
    with site_on(server, "klynge_people_browser", host="localhost") as served:
        yield served


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
        expect(page.get_by_text("The passkey is yours.")).to_be_visible()
        expect(page.get_by_label("Name of the passkey")).to_have_value("Test device")
        [kept] = devices.send("WebAuthn.getCredentials", {"authenticatorId": device})["credentials"]
        assert kept["isResidentCredential"] and kept["rpId"] == "localhost"
        page.get_by_role("button", name="Sign out everywhere").click()
        page.get_by_role("button", name="Sign in with a passkey").click()
        page.wait_for_url("**/n/claire*")
        devices.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
        page.context.clear_cookies()
        page.goto(f"{site.address}/sign-in")
        page.get_by_role("button", name="Sign in with a passkey").click()
        expect(page.get_by_role("alert")).to_contain_text("did not work")
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
