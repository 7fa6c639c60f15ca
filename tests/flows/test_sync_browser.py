"""Partner pages in Chromium: health, keys, a copy beside the list, test data; no fault on any."""

import json
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser import browser, faults
from tests.flows.site import Site, site_on
from tests.postgres import Server
from tests.seed import Keys

pytestmark = pytest.mark.browser
__all__ = ["browser"]  # a fixture: importing it makes it known here

NETWORK = "nora-industry-network"
HERE = f"/n/{NETWORK}/sync"


@pytest.fixture(scope="module")
def site(server: Server, seeded: Keys) -> Iterator[Site]:
    """Where one system has caught up and another is on its way."""
    with site_on(server, "klynge_sync_browser") as served:
        claire = {"authorization": f"Bearer {seeded.partner_keys['claire-innovation-network']}"}
        for path, headers in (
            (f"networks/{NETWORK}/changes?limit=2", _partner(seeded)),
            ("agreements/nora-claire-2021/changes", claire),
        ):
            httpx.get(f"{served.address}/api/v1/{path}", headers=headers, timeout=60).raise_for_status()
        yield served


def _partner(seeded: Keys) -> dict[str, str]:
    return {"authorization": f"Bearer {seeded.partner_keys[NETWORK]}"}


def _copy(site: Site, seeded: Keys) -> str:
    """A partner's copy: one level differs, one row is unknown here."""
    path = f"{site.address}/api/v1/networks/{NETWORK}/members?limit=1000"
    first, *rest = httpx.get(path, headers=_partner(seeded), timeout=60).json()["items"]
    return json.dumps(
        [{**first, "tier": "guest"}, *rest[1:], {**rest[0], "id": "00000000-0000-4000-8000-000000000000"}]
    )


def test_partner_pages_hold(site: Site, seeded: Keys, browser) -> None:
    found = []
    with site.page(browser, HERE, "manager", language="nb") as page:
        expect(page.locator("#health")).to_be_visible()
        found += faults(page)
        page.goto(f"{site.address}{HERE}/keys")
        page.locator("main details summary").first.click()
        found += faults(page)
        page.goto(f"{site.address}{HERE}/compare")
        page.locator("#list").fill(_copy(site, seeded))
        page.locator("main form button").last.click()
        expect(page.locator("#differing")).to_contain_text("1")
        expect(page.locator("#missing")).to_contain_text("1")
        found += faults(page)
        page.goto(f"{site.address}{HERE}/rehearsal")
        page.locator('button[value="left"]').click()
        page.locator('button[value="planned"]').click()
        expect(page.locator("table").first).to_contain_text("upsert · planned")
        found += faults(page)
    assert not found
