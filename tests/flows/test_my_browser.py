"""An organisation's own pages in Chromium: the journeys with their clicks, without scripts, and axe at three views."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import msgspec
import pytest
from litestar import Litestar
from playwright.sync_api import expect

from crm.app import create_app
from crm.clock import FixedClock
from crm.demo import PASSWORD
from crm.settings import Settings
from tests.browser import axe_violations, browser, csp_messages, open_page, overflow, serve
from tests.conftest import NOW, TEMPLATE
from tests.postgres import Server

pytestmark = pytest.mark.browser
__all__ = ["browser"]  # a fixture: importing it makes it known here

DATABASE = "klynge_my_browser"
VIEWS = [("desktop", "light", "en"), ("phone", "light", "nb"), ("desktop", "dark", "nb")]
ROOMS = ("", "/invoices", "/people", "/entry", "/sharing", "/data")


class Site(msgspec.Struct, frozen=True):
    """Where the application is served, the administrator's session, and the first of their organisations."""

    address: str
    session: str
    home: str


@asynccontextmanager
async def _on_the_day(app: Litestar) -> AsyncIterator[None]:
    app.state.context = msgspec.structs.replace(app.state.context, clock=FixedClock(NOW))
    yield


@pytest.fixture(scope="module")
def site(server: Server, seeded: object) -> Iterator[Site]:
    dsn = server.create_database(DATABASE, TEMPLATE)
    app = create_app(Settings(database_url=dsn, development=True), None, _on_the_day)
    with serve(app) as address, httpx.Client(base_url=address) as client:
        settings = msgspec.structs.replace(app.state.context.settings, base_url=address)
        app.state.context = msgspec.structs.replace(app.state.context, settings=settings)
        client.post("/sign-in", data={"email": "medlem@klynge.example", "password": PASSWORD})
        [home] = {part.split('"')[0] for part in client.get("/my").text.split('href="')[1:]
                  if part.startswith("/my/") and "Fjordsyn" in part}  # fmt: skip
        yield Site(address, client.cookies["session"], home)
    server.drop_database(DATABASE)


@pytest.mark.parametrize(("viewport", "scheme", "language"), VIEWS)
def test_every_page_is_accessible_fits_and_keeps_to_the_policy(site, browser, viewport, scheme, language):
    faults = []
    at = f"{site.address}/sign-in"
    with open_page(browser, at, viewport=viewport, scheme=scheme, language=language) as page:
        page.context.add_cookies([{"name": "session", "value": site.session, "url": site.address}])
        paths = [f"{site.home}{room}" for room in ROOMS]
        page.goto(f"{site.address}{site.home}")
        paths += [page.locator(f'a[href$="/{kind}"]').first.get_attribute("href") for kind in ("tier-change", "ending")]
        page.goto(f"{site.address}{site.home}/people")
        paths += [page.locator('a[href$="/erase"]').first.get_attribute("href"), "/account/data", "/my"]
        for path in paths:
            assert page.goto(f"{site.address}{path}").status == 200, path
            faults += [f"{path}: {fault}" for fault in axe_violations(page)]
            faults += [f"{path}: {overflow(page)} px too wide"] if overflow(page) > 0 else []
        assert not csp_messages(page)
    assert faults == []


def test_why_publish_leave_and_undo_without_scripts(site, browser):
    """Journeys 2 and 4 of ux.md: why is on the page; an entry is published by one click after the one that opens it."""
    with open_page(browser, f"{site.address}/sign-in", javascript=False) as page:
        page.context.add_cookies([{"name": "session", "value": site.session, "url": site.address}])
        page.goto(f"{site.address}{site.home}")
        expect(page.get_by_role("heading", name="Why is Fjordsyn Helse in CLAIRE Innovation Network?")).to_be_visible()
        page.get_by_role("link", name="Directory entry").first.click()
        page.get_by_label("Presentation in English").fill("We look at images.")
        page.get_by_role("button", name="Publish").click()
        expect(page.get_by_text("We look at images.").last).to_be_visible()
        page.get_by_role("link", name="Memberships").first.click()
        page.locator('a[href$="/ending"]').first.click()
        expect(page.get_by_role("heading", name="If you leave, this happens")).to_be_visible()
        page.get_by_role("button", name="Leave the network").click()
        page.get_by_role("button", name="Undo").first.click()
        expect(page.get_by_text("Undone. What followed from it is undone, too.")).to_be_visible()
