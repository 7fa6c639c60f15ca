"""Agreements with other systems in Chromium: the list, one agreement, one organisation; no fault on any."""

from collections.abc import Iterator

import pytest

from tests.browser import browser, faults
from tests.federation.conftest import AGREED
from tests.federation.two import CLAIRE, Wire
from tests.flows.site import Site, site_on
from tests.postgres import Server

pytestmark = pytest.mark.browser
__all__ = ["browser"]  # a fixture: importing it makes it known here

HERE = f"/n/{CLAIRE}/setup/systems"


@pytest.fixture(scope="module")
def site(server: Server, agreed: tuple[str, Wire]) -> Iterator[Site]:
    """The receiving system."""
    with site_on(server, "klynge_federation_browser", template=AGREED[1]) as served:
        yield served


def test_a_manager_looks_at_an_agreement_with_another_system(site, agreed, browser):
    found = []
    with site.page(browser, HERE, "manager", language="nb") as page:
        found += faults(page)
        page.goto(f"{site.address}{HERE}/{agreed[0]}")
        found += faults(page)
        page.get_by_role("link", name="SINTEF").click()
        page.get_by_text("https://www.sintef.no").wait_for()
        found += faults(page)
    assert not found
