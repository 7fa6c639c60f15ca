"""A rulebook as text in Chromium: corrected, previewed and published, without a fault on the way."""

import pytest

from tests.browser import browser, faults, onward
from tests.flows.pages import RULES
from tests.flows.test_office_browser import site

pytestmark = pytest.mark.browser
__all__ = ["browser", "site"]  # fixtures: importing them makes them known here

SEEN = {"en": "See what it would do", "nb": "Se hva den ville føre til"}
SAVE = {"en": "Save in the draft", "nb": "Lagre i utkastet"}
PUBLISH = {"en": "Publish version {n}", "nb": "Publiser versjon {n}"}


@pytest.mark.parametrize("language", ["en", "nb"])
def test_a_draft_is_corrected_previewed_and_published(site, browser, language):
    """Each run publishes the next version; the last one takes the link rule away."""
    client = site.client("manager")
    n = client.get(RULES).text.count('/text">Download version') + 1
    draft = client.get(f"{RULES}/1/text").text
    draft = draft.replace("version = 1\n", f"version = {n}\n").split("[[link_rules]]")[0]
    draft = draft.replace("15000000", f"{15 + n}000000").replace("_existing = 2020-01-01", "_existing = 2027-01-01")
    found = []
    with site.page(browser, f"{RULES}/draft/text", "manager", language=language) as page:
        page.fill("#text", draft.replace("rank = 30", "rang = 30"))
        onward(page, page.get_by_role("button", name=SAVE[language], exact=True))
        assert "tiers[0].rang" in page.inner_text(".error-summary")
        found += faults(page)
        page.fill("#text", draft)
        page.get_by_role("button", name=SAVE[language], exact=True).click()
        page.get_by_role("button", name=SEEN[language], exact=True).click()
        page.get_by_role("button", name=PUBLISH[language].format(n=n), exact=True).wait_for()
        found += faults(page)
        page.get_by_role("button", name=PUBLISH[language].format(n=n), exact=True).click()
        page.wait_for_url(f"**version={n}**")
        found += faults(page)
    assert not found
