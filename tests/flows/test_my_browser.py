"""An organisation's own pages in Chromium: the journeys with their clicks, without scripts."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser import browser
from tests.flows.site import Site, site_on
from tests.postgres import Server

pytestmark = pytest.mark.browser
__all__ = ["browser"]  # a fixture: importing it makes it known here


@pytest.fixture(scope="module")
def site(server: Server, seeded: object) -> Iterator[Site]:
    with site_on(server, "klynge_my_browser") as served:
        yield served


def test_why_publish_leave_and_undo_without_scripts(site, browser):
    """Journeys 2 and 4 of ux.md: why is on the page; an entry is published by one click after the one that opens it."""
    with site.page(browser, "/my", "member", javascript=False) as page:
        page.locator("main").get_by_role("link", name="Fjordsyn").first.click()
        expect(page.get_by_role("heading", name="Why is Fjordsyn Helse in CLAIRE Innovation Network?")).to_be_visible()
        page.get_by_role("link", name="Directory entry").first.click()
        page.get_by_label("Presentation in English").fill("We look at images.")
        page.get_by_role("button", name="Publish").click()
        expect(page.get_by_text("We look at images.").last).to_be_visible()
        page.get_by_role("link", name="Memberships").first.click()
        page.locator('a[href$="/ending"]').first.click()
        expect(page.get_by_role("heading", name="If you leave, this happens")).to_be_visible()
        page.get_by_role("button", name="Leave the network").click()
        page.get_by_role("button", name="Undo").first.click()
        expect(page.get_by_text("Undone. What followed from it is undone, too.")).to_be_visible()
