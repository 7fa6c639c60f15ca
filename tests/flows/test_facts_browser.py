"""The pages of facts, sizes and roles of a member in Chromium: accessible, within the screen and within the policy."""

import os
import re
from pathlib import Path

import pytest

from tests.browser import axe_violations, browser, csp_messages, overflow
from tests.flows.test_office_browser import NORA, VIEWS, office, site

pytestmark = pytest.mark.browser
__all__ = ["browser", "site"]  # fixtures: importing them makes them known here

SEE = {"en": "See what follows", "nb": "Se hva som følger"}
LOOK = {"en": "See what it changes", "nb": "Se hva det endrer"}


@pytest.mark.parametrize(("viewport", "scheme", "language"), VIEWS)
def test_facts_sizes_and_roles_are_accessible_fit_and_keep_to_the_policy(site, browser, viewport, scheme, language):
    faults = []

    def look(page, name):
        if place := os.environ.get("PICTURES"):
            page.screenshot(path=Path(place) / f"{viewport}-{scheme}-{name}.png", full_page=True)
        faults.extend(f"{name}: {fault}" for fault in axe_violations(page))
        if wide := overflow(page):
            faults.append(f"{name}: {wide} px wider than the screen")

    with office(
        site, browser, f"{NORA}/members?q=Fjordsyn", viewport=viewport, scheme=scheme, language=language
    ) as page:
        member = re.search(rf'href="({NORA}/members/[0-9a-f-]+)"', page.content())[1]
        page.goto(f"{site.address}{member}/facts")
        look(page, "facts")
        page.locator("select[name=country]").select_option("SE")
        page.get_by_role("button", name=SEE[language], exact=True).click()
        look(page, "facts-preview")
        assert page.locator("textarea[name=reason]").count() == 1
        page.goto(f"{site.address}{member}/sizes")
        page.locator("input[name=value]").fill("1000")
        page.get_by_role("button", name=LOOK[language], exact=True).click()
        look(page, "sizes")
        page.goto(f"{site.address}{member}/roles")
        page.get_by_role("button", name=LOOK[language], exact=True).first.click()
        look(page, "roles")
        faults += csp_messages(page)
    assert not faults
