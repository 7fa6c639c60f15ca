"""The work lists of the office in Chromium: members to review and places with a queue; with axe, and no overflow."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import date

import httpx
import msgspec
import pytest
from litestar import Litestar
from playwright.sync_api import expect

from crm.actions import days
from crm.app import create_app
from crm.clock import FixedClock
from crm.demo import PASSWORD
from crm.settings import Settings
from tests.browser import axe_violations, browser, csp_messages, open_page, overflow, serve
from tests.commits.support import manager
from tests.conftest import NOW, TEMPLATE, context_on
from tests.crm.actions.test_places import joins, limit_link
from tests.crm.actions.test_reviews import joined
from tests.postgres import Server

pytestmark = pytest.mark.browser
__all__ = ["browser"]  # a fixture: importing it makes it known here

DATABASE = "klynge_queues_browser"
EMAIL = "demo@klynge.example"
STARTUP, INDUSTRY = "/n/nora-startup", "/n/nora-industry-network"
VIEWS = [("desktop", "light", "en"), ("phone", "light", "nb"), ("desktop", "dark", "nb")]


@asynccontextmanager
async def _on_the_day(app: Litestar) -> AsyncIterator[None]:
    """The day the demo data is about."""
    app.state.context = msgspec.structs.replace(app.state.context, clock=FixedClock(NOW))
    yield


async def _prepare(dsn: str) -> None:
    """Members that are too old are on the list, and two wait for a place."""
    async with context_on(dsn) as context:
        actor = await manager(context)
        await joined(context, "company", "company", 3, date(2020, 1, 1))
        assert await days.review(context) >= 3
        await limit_link(context, actor, 0)
        for name in ("Vindkast", "Nordlys"):
            await joins(context, actor, name)


@pytest.fixture(scope="module")
def site(server: Server, seeded: object) -> Iterator[tuple[str, str]]:
    """The application on a copy of the demo data: its address, and the cookie of a manager."""
    dsn = server.create_database(DATABASE, TEMPLATE)
    asyncio.run(_prepare(dsn))
    with serve(create_app(Settings(database_url=dsn, development=True), None, _on_the_day)) as address:
        answer = httpx.post(f"{address}/sign-in", data={"email": EMAIL, "password": PASSWORD})
        yield address, answer.cookies["session"]
    server.drop_database(DATABASE)


@pytest.mark.parametrize(("viewport", "scheme", "language"), VIEWS)
def test_lists_and_forms_can_be_read_by_everybody(site, browser, viewport, scheme, language):
    address, session = site
    options = {"viewport": viewport, "scheme": scheme, "language": language}
    with open_page(browser, f"{address}/healthz", **options) as page:
        page.context.add_cookies([{"name": "session", "value": session, "url": address}])
        for path in (f"{STARTUP}/reviews", f"{INDUSTRY}/places"):
            page.goto(address + path)
            expect(page.locator("h1")).to_be_visible()
            assert axe_violations(page) == [] and overflow(page) == 0, path
        page.goto(f"{address}{STARTUP}/reviews")
        page.locator("main table a[href*='/reviews/']").first.click()
        expect(page.locator("form[action$='/keep']")).to_be_visible()
        assert axe_violations(page) == [] and overflow(page) == 0
        assert csp_messages(page) == []


def test_a_manager_keeps_one_and_takes_one_off(site, browser):
    address, session = site
    with open_page(browser, f"{address}/healthz") as page:
        page.context.add_cookies([{"name": "session", "value": session, "url": address}])
        page.goto(f"{address}{STARTUP}/reviews")
        rows = page.locator("main tbody tr")
        before = rows.count()
        page.locator("main table a[href*='/reviews/']").first.click()
        page.get_by_label("Last day").fill("2029-12-31")
        page.get_by_role("button", name="Keep", exact=True).click()
        expect(page.get_by_text("Kept at its level.")).to_be_visible()
        assert rows.count() == before - 1
        page.goto(f"{address}{INDUSTRY}/places")
        page.get_by_role("button", name="Take off Vindkast").click()
        expect(page.get_by_text("Taken off the queue.")).to_be_visible()
        assert page.locator("main tbody tr").count() == 1
