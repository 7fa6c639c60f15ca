"""The pages of a renewal run in Chromium: from the next year in a sentence to the result; with axe, and no overflow."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import date

import httpx
import msgspec
import pytest
from litestar import Litestar
from playwright.sync_api import expect

from crm.actions import renewals
from crm.actions.renewals import Wanted
from crm.app import create_app
from crm.clock import FixedClock
from crm.demo import PASSWORD
from crm.settings import Settings
from tests.browser import axe_violations, browser, csp_messages, open_page, overflow, serve
from tests.commits.support import manager
from tests.conftest import NOW, TEMPLATE, context_on
from tests.postgres import Server

pytestmark = pytest.mark.browser
__all__ = ["browser"]  # a fixture: importing it makes it known here

DATABASE = "klynge_renewals_browser"
EMAIL = "demo@klynge.example"
HERE = "/n/nora-industry-network/renewals"
VIEWS = [("desktop", "light", "en"), ("phone", "light", "nb"), ("desktop", "dark", "nb")]


@asynccontextmanager
async def _on_the_day(app: Litestar) -> AsyncIterator[None]:
    """The day the demo data is about."""
    app.state.context = msgspec.structs.replace(app.state.context, clock=FixedClock(NOW))
    yield


async def _prepare(dsn: str) -> list[str]:
    """A run that waits, one that is done with a failure, one that is at work: their ids in this order."""
    async with context_on(dsn) as context:
        actor = await manager(context)
        made = []
        for year, then in ((2027, "previewed"), (2026, "done"), (2025, "previewing")):
            run = await renewals.begin(context, actor, Wanted("nora-industry-network", date(year, 1, 1)))
            made.append(str(run))
            if then != "previewing":
                await renewals.preview(context, run)
            if then == "done":
                await renewals.confirm(context, actor, run)
                await renewals.bill(context, run)
        return made


@pytest.fixture(scope="module")
def site(server: Server, seeded: object) -> Iterator[tuple[str, str, list[str]]]:
    """The application on a copy of the demo data: its address, the cookie of a manager, three runs."""
    dsn = server.create_database(DATABASE, TEMPLATE)
    runs = asyncio.run(_prepare(dsn))
    with serve(create_app(Settings(database_url=dsn, development=True), None, _on_the_day)) as address:
        answer = httpx.post(f"{address}/sign-in", data={"email": EMAIL, "password": PASSWORD})
        yield address, answer.cookies["session"], runs
    server.drop_database(DATABASE)


@pytest.mark.parametrize(("viewport", "scheme", "language"), VIEWS)
def test_every_page_of_a_run_can_be_read_by_everybody(site, browser, viewport, scheme, language):
    address, session, (waiting, done, working) = site
    options = {"viewport": viewport, "scheme": scheme, "language": language}
    with open_page(browser, f"{address}/healthz", **options) as page:
        page.context.add_cookies([{"name": "session", "value": session, "url": address}])
        pages = ("", f"/{waiting}", f"/{waiting}/confirmation", f"/{done}", f"/{done}?show=failed", f"/{working}")
        for path in pages:
            page.goto(address + HERE + path)
            expect(page.locator("h1")).to_be_visible()
            assert axe_violations(page) == [] and overflow(page) == 0, path
        assert csp_messages(page) == []


def test_a_manager_previews_looks_and_goes_on_to_confirm(site, browser):
    address, session, (waiting, *_) = site
    with open_page(browser, f"{address}/healthz") as page:
        page.context.add_cookies([{"name": "session", "value": session, "url": address}])
        page.goto(f"{address}{HERE}/{waiting}")
        page.get_by_role("link", name="Go on to confirm").click()
        expect(page.locator("h1")).to_contain_text("members?")
        page.get_by_role("link", name="Back to the preview").click()
        expect(page.get_by_text("Nothing is billed yet")).to_be_visible()
