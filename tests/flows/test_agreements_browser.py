"""Agreements in Chromium: list, look, end and take back without a script needed; with axe, and no overflow."""

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

DATABASE = "klynge_agreements_browser"
HERE = "/n/nora-industry-network/setup/agreements"
VIEWS = [("desktop", "light", "en"), ("phone", "light", "nb"), ("desktop", "dark", "nb")]


@asynccontextmanager
async def _on_the_day(app: Litestar) -> AsyncIterator[None]:
    """The day the demo data is about."""
    app.state.context = msgspec.structs.replace(app.state.context, clock=FixedClock(NOW))
    yield


@pytest.fixture(scope="module")
def site(server: Server, seeded: object) -> Iterator[tuple[str, str]]:
    """The application on a copy of the demo data: its address, and the cookie of a manager."""
    dsn = server.create_database(DATABASE, TEMPLATE)
    with serve(create_app(Settings(database_url=dsn, development=True), None, _on_the_day)) as address:
        answer = httpx.post(f"{address}/sign-in", data={"email": "demo@klynge.example", "password": PASSWORD})
        yield address, answer.cookies["session"]
    server.drop_database(DATABASE)


@pytest.mark.parametrize(("viewport", "scheme", "language"), VIEWS)
def test_ac_02e_an_agreement_is_looked_at_ended_and_goes_on(site, browser, viewport, scheme, language):
    address, session = site
    options = {"viewport": viewport, "scheme": scheme, "language": language}
    with open_page(browser, f"{address}/healthz", **options) as page:
        page.context.add_cookies([{"name": "session", "value": session, "url": address}])

        def fine(step: str) -> None:
            expect(page.locator("h1")).to_be_visible()
            assert axe_violations(page) == [] and overflow(page) == 0, step

        page.goto(address + HERE)
        fine("list")
        page.locator("main a[href*='/setup/agreements/']").first.click()
        page.locator("input[name=last_day][type=date]").fill("2026-11-30")
        page.locator("form[method=get] select[name=on_end]").select_option("end_links")
        page.locator("form[method=get] textarea").fill("Møte 3. november")
        page.locator("main form[method=get] button").click()
        expect(page.locator("#look")).to_be_visible()
        fine("look")
        page.locator("section:has(#look) form button").click()
        expect(page).to_have_url(address + HERE + "?done=ending")
        fine("ended")
        page.locator("main a[href*='/setup/agreements/']").first.click()
        fine("take back")
        page.locator("form[action$='/take-back'] button").click()
        expect(page).to_have_url(address + HERE + "?done=taken_back")
        assert csp_messages(page) == []


@pytest.mark.parametrize(("viewport", "scheme", "language"), VIEWS)
def test_terms_of_what_is_disclosed_are_looked_at_and_set(site, browser, viewport, scheme, language):
    address, session = site
    with open_page(browser, f"{address}/healthz", viewport=viewport, scheme=scheme, language=language) as page:
        page.context.add_cookies([{"name": "session", "value": session, "url": address}])

        def fine(step: str) -> None:
            expect(page.locator("h1")).to_be_visible()
            assert axe_violations(page) == [] and overflow(page) == 0, step

        page.goto(address + HERE)
        page.locator("main a[href$='/shares']").first.click()
        fine("both directions")
        page.locator("input[name=field_website]").set_checked(language == "en")
        page.locator("input[name=retention_days]").fill("14" if scheme == "dark" else "21")
        page.locator("button[name=step][value=look]").click()
        expect(page.locator("#look")).to_be_visible()
        fine("look")
        page.locator("#look button[name=step][value=set]").click()
        expect(page).to_have_url(f"{address}{HERE}/nora-claire-2021/shares?done=set")
        fine("set")
        page.locator("input[name=starts_on]").fill("2020-01-01")
        page.locator("button[name=step][value=set]").click()
        expect(page.locator(".error-summary")).to_be_visible()
        fine("refused")
        page.goto(f"{address}/n/nora-industry-network/members?tier=principal")
        page.locator("main td a[href*='/members/']").first.click()
        expect(page.locator("#seen")).to_be_visible()
        fine("member")
        assert csp_messages(page) == []
