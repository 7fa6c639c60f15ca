"""Every page of tests/flows/pages.py in Norwegian, whose words are longer, on a phone."""

import re
from collections.abc import Iterator

import pytest

from tests.browser import browser, overflow
from tests.flows.page_data import begin_draft, prepare_all
from tests.flows.pages import PAGES, SETTINGS, address
from tests.flows.site import Site, site_on
from tests.postgres import Server

pytestmark = pytest.mark.browser
__all__ = ["browser"]  # a fixture: importing it makes it known here


@pytest.fixture(scope="module")
def site(server: Server, seeded: object) -> Iterator[Site]:
    with site_on(server, "klynge_norwegian_browser", prepare_all, settings=SETTINGS) as served:
        begin_draft(served)
        yield served


@pytest.mark.parametrize("who", PAGES)
def test_norwegian_fits_a_phone(site: Site, browser, who: str) -> None:
    found = []
    with site.page(browser, "/healthz", who, viewport="phone", language="nb") as page:
        for entry in PAGES[who]:
            page.goto(site.address + re.sub("^/en", "/nb", address(site, who, entry)))
            assert page.locator("html").get_attribute("lang") == "nb"
            if wide := overflow(page):
                found.append(f"{who} {entry}: {wide} px wider than the screen")
    assert not found, "\n".join(found)
