"""The palette in Chromium: by keyboard alone, what a screen reader is told, single letters and how to turn them off."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser import browser, csp_messages, faults, onward
from tests.flows.site import NORA, Site, member, site_on
from tests.postgres import Server

pytestmark = pytest.mark.browser
__all__ = ["browser"]  # a fixture: importing it makes it known here


@pytest.fixture(scope="module")
def site(server: Server, seeded: object) -> Iterator[Site]:
    with site_on(server, "klynge_palette_browser") as served:
        yield served


def _chosen(page: Page) -> str:
    """The words of the option the field says is the active one."""
    return page.evaluate(
        "document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))?.textContent || ''"
    )


def test_a_member_is_found_and_opened_by_keyboard_alone(site, browser):
    path = member(site, "eSmart")
    with site.page(browser, NORA, "manager") as page:
        page.keyboard.press("Control+k")
        field = page.get_by_role("combobox", name="Members, people, invoices")
        expect(field).to_be_focused()
        expect(page.get_by_role("group", name="Do")).to_be_visible()
        expect(field).to_have_attribute("aria-expanded", "true")
        page.keyboard.type("esmart")
        expect(page.get_by_role("option").nth(1)).to_contain_text("Change level of eSmart")
        expect(page.get_by_role("option").first).to_have_attribute("aria-selected", "true")
        assert "eSmart" in _chosen(page)
        assert faults(page) == []
        page.keyboard.press("ArrowDown")
        assert "Change level of eSmart" in _chosen(page)
        for _ in range(2):
            page.keyboard.press("ArrowUp")  # round to the last one
        assert "Invoices with" in _chosen(page)
        page.keyboard.press("ArrowDown")
        expect(page.get_by_role("option").first).to_have_attribute("aria-selected", "true")
        page.keyboard.press("Enter")
        page.wait_for_url(site.address + path)
        assert csp_messages(page) == []


def test_escape_closes_it_and_focus_goes_back(site, browser):
    with site.page(browser, NORA, "manager") as page:
        way = page.locator(".side a.jump")
        way.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("combobox")).to_be_focused()
        page.keyboard.type("no-such-thing")
        expect(page.locator("#palette .told")).to_have_text("2 results")  # the lists, filtered
        page.keyboard.press("Escape")
        expect(page.locator("#palette")).to_be_hidden()
        expect(way).to_be_focused()
        assert page.url == site.address + NORA


def test_letters_lead_to_pages_not_in_fields_and_not_when_turned_off(site, browser):
    with site.page(browser, NORA, "manager") as page:
        page.keyboard.press("m")
        page.wait_for_url(f"**{NORA}/members")
        page.keyboard.press("?")
        keys = page.get_by_role("dialog", name="Keyboard shortcuts")
        expect(keys).to_contain_text("Applications")
        assert faults(page) == []
        page.keyboard.press("a")  # not behind a dialog
        page.keyboard.press("Escape")
        page.locator("#main input[name=q]").first.focus()
        page.keyboard.type("oa?")
        expect(page.locator("#main input[name=q]").first).to_have_value("oa?")
        expect(keys).to_be_hidden()
        page.keyboard.press("Control+k")
        page.keyboard.press("Escape")
        page.locator("summary.account").click()
        page.get_by_role("button", name="Keyboard shortcuts").click()
        page.get_by_label("Single letters work").uncheck()
        page.get_by_role("button", name="Close").click()
        page.keyboard.press("a")
        page.keyboard.press("?")
        expect(keys).to_be_hidden()
        page.reload()
        page.keyboard.press("a")
        page.keyboard.press("Control+k")
        expect(page.get_by_role("combobox")).to_be_focused()
        assert page.url.startswith(f"{site.address}{NORA}/members")


def test_a_member_finds_the_pages_of_their_organisation(site, browser):
    with site.page(browser, "/my", "member", language="nb") as page:
        onward(page, page.get_by_role("link", name="Fjordsyn"))
        page.keyboard.press("Control+k")
        page.keyboard.type("regning")
        expect(page.get_by_role("option")).to_have_count(2)  # two organisations
        page.keyboard.press("Enter")
        page.wait_for_url("**/invoices")
        assert faults(page) == []


def test_on_a_phone_and_without_scripts_it_is_a_page(site, browser):
    with site.page(browser, NORA, "manager", viewport="phone", javascript=False) as page:
        page.get_by_role("link", name="Search or jump to").first.click()
        page.get_by_role("searchbox").fill("esmart")
        page.get_by_role("searchbox").press("Enter")
        page.get_by_role("link", name="eSmart Systems").first.click()
        expect(page.locator("h1")).to_contain_text("eSmart")
