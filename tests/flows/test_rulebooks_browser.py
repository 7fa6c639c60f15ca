"""The pages of the rules in Chromium: accessible, within the screen and within the policy, in both languages."""

import os
from pathlib import Path

import httpx
import pytest

from tests.browser import axe_violations, browser, csp_messages, overflow
from tests.flows.test_office_browser import CLAIRE, NORA, VIEWS, office, site

pytestmark = pytest.mark.browser
__all__ = ["browser", "site"]  # fixtures: importing them makes them known here

RULES = f"{NORA}/setup/rules"
PLACES = [RULES, f"{CLAIRE}/setup/rules?version=1", "/n/sin-applied-ai/setup/rules"]
SEEN = {"en": "See what it would do", "nb": "Se hva den ville føre til"}
SAVE = {"en": "Save in the draft", "nb": "Lagre i utkastet"}
PUBLISH = {"en": "Publish version {n}", "nb": "Publiser versjon {n}"}


def _faults(page, name) -> list[str]:
    if place := os.environ.get("PICTURES"):
        page.screenshot(path=Path(place) / f"{name}.png", full_page=True)
    found = [f"{name}: {fault}" for fault in axe_violations(page)]
    wide = overflow(page)
    return [*found, f"{name}: {wide} px wider than the screen"] if wide else found


@pytest.mark.parametrize(("viewport", "scheme", "language"), VIEWS)
def test_the_rules_are_accessible_fit_and_keep_to_the_policy(site, browser, viewport, scheme, language):
    faults = []
    with office(site, browser, NORA, viewport=viewport, scheme=scheme, language=language) as page:
        for path in PLACES:
            page.goto(site.address + path)
            faults += _faults(page, f"{viewport}-{scheme}-{path.split('/')[2]}")
        faults += csp_messages(page)
    assert not faults


@pytest.mark.parametrize(("viewport", "scheme", "language"), VIEWS)
def test_a_draft_is_corrected_previewed_and_published(site, browser, viewport, scheme, language):
    """Each run publishes the next version; the last one takes the link rule away."""
    signed_in = {"session": site.session, "lang": "en"}
    n = httpx.get(site.address + RULES, cookies=signed_in).text.count('/text">Download version') + 1
    draft = httpx.get(f"{site.address}{RULES}/1/text", cookies=signed_in).text
    draft = draft.replace("version = 1\n", f"version = {n}\n").split("[[link_rules]]")[0]
    draft = draft.replace("15000000", f"{15 + n}000000").replace("_existing = 2020-01-01", "_existing = 2027-01-01")
    faults = []
    with office(site, browser, f"{RULES}/draft/text", viewport=viewport, scheme=scheme, language=language) as page:
        page.fill("#text", draft.replace("rank = 30", "rang = 30"))
        page.get_by_role("button", name=SAVE[language], exact=True).click()
        assert "tiers[0].rang" in page.inner_text(".error-summary")
        faults += _faults(page, f"{viewport}-{scheme}-mistake")
        page.fill("#text", draft)
        page.get_by_role("button", name=SAVE[language], exact=True).click()
        page.get_by_role("button", name=SEEN[language], exact=True).click()
        faults += _faults(page, f"{viewport}-{scheme}-preview")
        page.get_by_role("button", name=PUBLISH[language].format(n=n), exact=True).click()
        page.wait_for_url(f"**version={n}**")
        faults += _faults(page, f"{viewport}-{scheme}-published")
        faults += csp_messages(page)
    assert not faults
