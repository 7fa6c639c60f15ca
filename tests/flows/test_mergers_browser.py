"""Mergers in Chromium: what follows from one, shown before anything is stored, has no fault."""

import pytest

from tests.browser import browser, faults, onward
from tests.flows.site import member
from tests.flows.test_office_browser import site

pytestmark = pytest.mark.browser
__all__ = ["browser", "site"]  # fixtures: importing them makes them known here


def test_what_follows_from_a_merger_has_no_fault(site, browser):
    with site.page(browser, f"{member(site, 'eSmart')}/merger?q=a", "manager", language="nb") as page:
        onward(page, page.get_by_role("button", name="Se hva som følger", exact=True))
        assert page.locator("textarea[name=reason]").count() == 1
        assert faults(page) == []
