"""The directory in Chromium: searched as one types, narrowed by clicks, without scripts, on paper."""

from collections.abc import Iterator
from io import BytesIO

import pytest
from playwright.sync_api import Page, expect

from tests.browser import browser, csp_messages, leaving, onward, open_page
from tests.flows.site import site_on
from tests.postgres import Server

pytestmark = pytest.mark.browser
__all__ = ["browser"]  # a fixture: importing it makes it known here


@pytest.fixture(scope="module")
def site(server: Server, seeded: object) -> Iterator[str]:
    with site_on(server, "klynge_directory_browser") as served:
        yield served.address


def shown(page: Page) -> list[str]:
    return page.locator("#found .entry h3").all_inner_texts()


def test_searched_while_one_types_and_narrowed_by_clicks(browser, site: str) -> None:
    with open_page(browser, f"{site}/en/members") as page:
        steps = page.evaluate("history.length")
        page.get_by_label("Search members").press_sequentially("ener", delay=20)
        expect(page.get_by_role("link", name="“ener”")).to_be_visible()
        assert page.url.endswith("/en/members?q=ener")
        assert page.evaluate("history.length") == steps  # letters replace, clicks push
        expect(page.get_by_label("Search members")).to_be_focused()
        found = page.locator("#found h2").first.inner_text()
        box = page.get_by_role("group", name="Kind of organisation").get_by_label("Research institute")
        count = box.locator("xpath=..").locator(".count").inner_text()
        box.check()
        expect(page.locator("#found h2").first).to_have_text(f"{count} members")
        assert "kind=research_institute" in page.url
        assert "q=ener" in page.url
        page.go_back()
        expect(page.locator("#found h2").first).to_have_text(found)
        assert csp_messages(page) == []


def test_a_county_on_the_map_and_then_a_field(browser, site: str) -> None:
    """ux.md: find energy companies in Østfold, two clicks."""
    with open_page(browser, f"{site}/en/members") as page:
        page.locator("#by-county svg a[aria-label^='Østfold']").click()
        expect(page).to_have_url(f"{site}/en/members?county=31")
        page.get_by_role("group", name="Works with").get_by_label("Energy").check()
        expect(page).to_have_url(f"{site}/en/members?q=&field=energy&county=31")
        expect(page.get_by_role("link", name="Energy Remove filter")).to_be_visible()
        with_scripts = shown(page)
    with open_page(browser, f"{site}/en/members?field=energy&county=31", javascript=False) as page:
        assert shown(page) == with_scripts != []


def test_without_scripts(browser, site: str) -> None:
    with open_page(browser, f"{site}/en/members", javascript=False) as page:
        page.get_by_label("Search members").fill("oslo")
        with leaving(page):
            page.get_by_label("Search members").press("Enter")
        page.get_by_role("group", name="Network").get_by_label("NORA.startup").check()
        onward(page, page.get_by_role("button", name="Apply filters"))
        assert "q=oslo" in page.url
        assert "network=nora-startup" in page.url
        assert shown(page)
        onward(page, page.get_by_role("link", name="“oslo”"))
        assert "q=" not in page.url
        onward(page, "#found .entry h3 a")
        assert page.get_by_role("link", name="Write to them").is_visible()


def test_on_paper_the_list_alone(browser, site: str) -> None:
    with open_page(browser, f"{site}/en/members?network=nora-industry-network") as page:
        page.emulate_media(media="print")
        assert not page.locator("#facets").is_visible()
        assert not page.locator("#by-county").is_visible()
        assert page.locator("#found .entry").first.is_visible()
        assert BytesIO(page.pdf(format="A4")).read(5) == b"%PDF-"
