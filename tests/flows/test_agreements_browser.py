"""Agreements in Chromium: list, look, end and take back."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser import browser, faults
from tests.flows.site import NORA, Site, site_on
from tests.postgres import Server

pytestmark = pytest.mark.browser
__all__ = ["browser"]  # a fixture: importing it makes it known here

HERE = f"{NORA}/setup/agreements"


@pytest.fixture(scope="module")
def site(server: Server, seeded: object) -> Iterator[Site]:
    with site_on(server, "klynge_agreements_browser") as served:
        yield served


def test_ac_02e_an_agreement_is_looked_at_ended_and_goes_on(site, browser):
    with site.page(browser, HERE, "manager", language="nb") as page:

        def fine(step: str) -> None:
            expect(page.locator("h1")).to_be_visible()
            assert faults(page) == [], step

        page.locator("main a[href*='/setup/agreements/']").first.click()
        page.locator("input[name=last_day][type=date]").fill("2026-11-30")
        page.locator("form[method=get] select[name=on_end]").select_option("end_links")
        page.locator("form[method=get] textarea").fill("Møte 3. november")
        page.locator("main form[method=get] button").click()
        expect(page.locator("#look")).to_be_visible()
        fine("look")
        page.locator("section:has(#look) form button").click()
        expect(page).to_have_url(site.address + HERE + "?done=ending&code=nora-claire-2021")
        fine("ended")
        page.locator("a[href$='#take-back']").click()
        fine("take back")
        page.locator("form[action$='/take-back'] button").click()
        expect(page).to_have_url(site.address + HERE + "?done=taken_back")


def test_terms_of_what_is_disclosed_are_looked_at_and_set(site, browser):
    with site.page(browser, HERE, "manager") as page:

        def fine(step: str) -> None:
            expect(page.locator("h1")).to_be_visible()
            assert faults(page) == [], step

        page.locator("main a[href$='/shares']").first.click()
        page.locator("input[name=field_website]").check()
        page.locator("input[name=retention_days]").fill("21")
        page.locator("button[name=step][value=look]").click()
        expect(page.locator("#look")).to_be_visible()
        fine("look")
        page.locator("#look button[name=step][value=set]").click()
        expect(page).to_have_url(f"{site.address}{HERE}/nora-claire-2021/shares?done=set")
        fine("set")
        page.locator("input[name=starts_on]").fill("2020-01-01")
        page.locator("button[name=step][value=set]").click()
        expect(page.locator(".error-summary")).to_be_visible()
        fine("refused")
        page.goto(f"{site.address}{NORA}/members?tier=principal")
        page.locator("main td a[href*='/members/']").first.click()
        expect(page.locator("#seen")).to_be_visible()
        fine("member")
