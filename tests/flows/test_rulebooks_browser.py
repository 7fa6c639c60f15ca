"""The page of the rules in Chromium: accessible, within the screen and within the policy, in both languages."""

import os
from pathlib import Path

import pytest

from tests.browser import axe_violations, browser, csp_messages, overflow
from tests.flows.test_office_browser import CLAIRE, NORA, VIEWS, office, site

pytestmark = pytest.mark.browser
__all__ = ["browser", "site"]  # fixtures: importing them makes them known here

PLACES = [f"{NORA}/setup/rules", f"{CLAIRE}/setup/rules?version=1", "/n/sin-applied-ai/setup/rules"]


@pytest.mark.parametrize(("viewport", "scheme", "language"), VIEWS)
def test_the_rules_are_accessible_fit_and_keep_to_the_policy(site, browser, viewport, scheme, language):
    faults = []
    with office(site, browser, NORA, viewport=viewport, scheme=scheme, language=language) as page:
        for path in PLACES:
            page.goto(site.address + path)
            if place := os.environ.get("PICTURES"):
                page.screenshot(path=Path(place) / f"{viewport}-{scheme}-{path.split('/')[2]}.png", full_page=True)
            faults += [f"{path}: {fault}" for fault in axe_violations(page)]
            if wide := overflow(page):
                faults.append(f"{path}: {wide} px wider than the screen")
        faults += csp_messages(page)
    assert not faults
