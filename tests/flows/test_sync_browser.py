"""Partner pages in Chromium: health, keys, a copy beside the list, test data, the guide; with axe, and no overflow."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import httpx
import msgspec
import pytest
from litestar import Litestar
from playwright.sync_api import Page, expect

from crm.app import create_app
from crm.clock import FixedClock
from crm.demo import PASSWORD
from crm.settings import Settings
from tests.browser import axe_violations, browser, csp_messages, open_page, overflow, serve
from tests.conftest import NOW, TEMPLATE
from tests.postgres import Server
from tests.seed import Keys

pytestmark = pytest.mark.browser
__all__ = ["browser"]  # a fixture: importing it makes it known here

DATABASE = "klynge_sync_browser"
NETWORK = "nora-industry-network"
HERE = f"/n/{NETWORK}/sync"
VIEWS = [("desktop", "light", "en"), ("phone", "dark", "nb")]


class Site(NamedTuple):
    address: str
    cookie: str
    copy: str


@asynccontextmanager
async def _on_the_day(app: Litestar) -> AsyncIterator[None]:
    """The day the demo data is about."""
    app.state.context = msgspec.structs.replace(app.state.context, clock=FixedClock(NOW))
    yield


@pytest.fixture(scope="module")
def site(server: Server, seeded: Keys) -> Iterator[Site]:
    """The application where one system has caught up and another is on its way; and a copy that differs."""
    dsn = server.create_database(DATABASE, TEMPLATE)
    app = create_app(Settings(database_url=dsn, development=True), None, _on_the_day)
    with serve(app) as address, httpx.Client(base_url=address, timeout=60) as client:
        client.post("/sign-in", data={"email": "demo@klynge.example", "password": PASSWORD})
        partner = {"authorization": f"Bearer {seeded.partner_keys[NETWORK]}"}
        claire = {"authorization": f"Bearer {seeded.partner_keys['claire-innovation-network']}"}
        first, *rest = client.get(f"/api/v1/networks/{NETWORK}/members?limit=1000", headers=partner).json()["items"]
        client.get(f"/api/v1/networks/{NETWORK}/changes?limit=2", headers=partner).raise_for_status()
        client.get("/api/v1/agreements/nora-claire-2021/changes", headers=claire).raise_for_status()
        copy = [{**first, "tier": "guest"}, *rest[1:], {**rest[0], "id": "00000000-0000-4000-8000-000000000000"}]
        yield Site(address, client.cookies["session"], json.dumps(copy))
    server.drop_database(DATABASE)


def _fine(page: Page) -> None:
    assert axe_violations(page) == []
    assert overflow(page) == 0
    assert csp_messages(page) == []


@pytest.mark.parametrize(("viewport", "scheme", "language"), VIEWS)
def test_partner_pages_hold(site: Site, browser, viewport: str, scheme: str, language: str) -> None:
    view = {"viewport": viewport, "scheme": scheme, "language": language}
    with open_page(browser, f"{site.address}/api/guide?network={NETWORK}", **view) as page:
        expect(page.locator(".sample").nth(0)).to_contain_text(f"/api/v1/networks/{NETWORK}")
        _fine(page)
        page.context.add_cookies([{"name": "session", "value": site.cookie, "url": site.address}])
        page.goto(f"{site.address}{HERE}")
        expect(page.locator("#health")).to_be_visible()
        _fine(page)
        page.goto(f"{site.address}{HERE}/keys")
        page.locator("main details summary").first.click()
        _fine(page)
        page.goto(f"{site.address}{HERE}/compare")
        page.locator("#list").fill(site.copy)
        page.locator("main form button").last.click()
        expect(page.locator("#differing")).to_contain_text("1")
        expect(page.locator("#missing")).to_contain_text("1")
        _fine(page)
        page.goto(f"{site.address}{HERE}/rehearsal")
        page.locator('button[value="left"]').click()
        page.locator('button[value="planned"]').click()
        expect(page.locator("table").first).to_contain_text("upsert · planned")
        _fine(page)
