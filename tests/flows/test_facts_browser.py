"""Facts, sizes and roles of a member in Chromium: what a form shows before anything is stored has no fault."""

import pytest

from tests.browser import browser, faults, onward
from tests.flows.site import member
from tests.flows.test_office_browser import site

pytestmark = pytest.mark.browser
__all__ = ["browser", "site"]  # fixtures: importing them makes them known here

SEE, LOOK = "Se hva som følger", "Se hva det endrer"


def test_what_follows_from_facts_sizes_and_roles_has_no_fault(site, browser):
    found = []
    path = member(site, "Fjordsyn")
    with site.page(browser, f"{path}/facts", "manager", language="nb") as page:
        page.locator("select[name=country]").select_option("SE")
        onward(page, page.get_by_role("button", name=SEE, exact=True))
        assert page.locator("textarea[name=reason]").count() == 1
        found += faults(page)
        page.goto(f"{site.address}{path}/sizes")
        page.locator("input[name=value]").fill("1000")
        onward(page, page.get_by_role("button", name=LOOK, exact=True))
        found += faults(page)
        page.goto(f"{site.address}{path}/roles")
        onward(page, page.get_by_role("button", name=LOOK, exact=True))
        found += faults(page)
    assert not found
