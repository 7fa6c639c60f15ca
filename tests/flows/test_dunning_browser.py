"""Late payment in Chromium: read the letters, send them, put a member on hold; three views and axe."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import msgspec
import pytest
from litestar import Litestar
from playwright.sync_api import Page, expect

from crm.actions import dunning
from crm.actor import Actor
from crm.app import create_app
from crm.demo import PASSWORD
from crm.settings import Settings
from tests.browser import axe_violations, browser, csp_messages, open_page, overflow, serve
from tests.conftest import TEMPLATE, context_on
from tests.crm.billing import NETWORK
from tests.crm.dunning import at, late_bill, with_ladder
from tests.postgres import Server

pytestmark = pytest.mark.browser
__all__ = ["browser"]  # a fixture: importing it makes it known here

DATABASE = "klynge_dunning_browser"
PATH = f"/n/{NETWORK}/dunning"
VIEWS = [("desktop", "light", "en"), ("phone", "light", "nb"), ("desktop", "dark", "nb")]
PICTURES = os.environ.get("KLYNGE_PICTURES", "")  # a folder to keep pictures of the page in


class Site(msgspec.Struct, frozen=True):
    """Where the application is served, and a manager's cookie."""

    address: str
    session: str


async def _prepared(dsn: str) -> None:
    """One member to decide about, two that get a letter on the day, one with more time."""
    async with context_on(dsn, size=2) as context:
        ids = frozenset(row["id"] for row in await context.db.pool.fetch("select id from network"))
        actor = Actor("Kari Nordby", "web", manages=ids, reads=ids)
        await with_ladder(context)
        await late_bill(context, actor, "Tindeveg Robotics AS")
        for days in (14, 30, 45):
            await dunning.run(at(context, days), actor, NETWORK)
        for name in ("Vestfjord Sensor AS", "Nordlys Analyse AS"):
            await late_bill(context, actor, name)
        more_time = await late_bill(context, actor, "Havbris Data AS")
        await dunning.pause(at(context, 20), actor, more_time.id, None, "Mener at nivået er feil, Kari ringer")


@asynccontextmanager
async def _on_the_day(app: Litestar) -> AsyncIterator[None]:
    app.state.context = at(app.state.context, 46)
    yield


@pytest.fixture(scope="module")
def site(server: Server, seeded: object) -> Iterator[Site]:
    """The application on a copy of the demo data, weeks after invoices fell due, and a manager signed in."""
    dsn = server.create_database(DATABASE, TEMPLATE)
    asyncio.run(_prepared(dsn))
    settings = Settings(database_url=dsn, development=True)
    with serve(create_app(settings, None, _on_the_day)) as address:
        answer = httpx.post(f"{address}/sign-in", data={"email": "demo@klynge.example", "password": PASSWORD})
        yield Site(address, answer.cookies["session"])
    server.drop_database(DATABASE)


def sign_in(page: Page, site: Site) -> None:
    page.context.add_cookies([{"name": "session", "value": site.session, "url": site.address}])


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


@pytest.mark.parametrize(("device", "scheme", "language"), VIEWS)
def test_the_pages_hold_in_every_view(site: Site, browser, device: str, scheme: str, language: str) -> None:
    with open_page(browser, f"{site.address}/healthz", viewport=device, scheme=scheme, language=language) as page:
        sign_in(page, site)
        for path in (PATH, f"{PATH}/confirm"):
            page.goto(site.address + path)
            picture(page, f"dunning{path.removeprefix(PATH).replace('/', '-')}-{device}-{scheme}-{language}")
            assert overflow(page) == 0, path
            assert axe_violations(page) == [], path
            assert csp_messages(page) == []


def test_letters_are_read_and_sent_and_a_member_is_put_on_hold(site: Site, browser) -> None:
    with open_page(browser, f"{site.address}/healthz") as page:
        sign_in(page, site)
        page.goto(site.address + PATH)
        expect(page.get_by_role("row", name="Vestfjord Sensor AS")).to_contain_text("Reminder")
        page.get_by_role("link", name="Read and send").click()
        expect(page.get_by_text("Purregebyr").first).to_be_visible()
        page.get_by_role("button", name="Send now").click()
        expect(page.get_by_role("status")).to_contain_text("Letters sent: 2.")
        expect(page.get_by_text("Nothing is due.")).to_be_visible()
        page.get_by_role("button", name="Put on hold").click()
        expect(page.get_by_role("status")).to_contain_text("The payer is told.")
        page.get_by_role("button", name="Resume").click()
        expect(page.get_by_role("row", name="Havbris Data AS")).to_contain_text("Reminder")
        assert csp_messages(page) == []
