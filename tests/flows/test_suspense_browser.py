"""Payments to place in Chromium: a bank's file uploaded, one payment placed and taken back; three views and axe."""

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

from crm.actions import payments
from crm.actor import Actor
from crm.app import create_app
from crm.clock import FixedClock
from crm.demo import PASSWORD
from crm.settings import Settings
from tests.browser import axe_violations, browser, csp_messages, open_page, overflow, serve
from tests.conftest import NOW, TEMPLATE, context_on
from tests.crm.billing import NETWORK, Bill, bill, entry, kroner, notification
from tests.postgres import Server

pytestmark = pytest.mark.browser
__all__ = ["browser"]  # a fixture: importing it makes it known here

DATABASE = "klynge_suspense_browser"
PATH = f"/n/{NETWORK}/invoices/suspense"
VIEWS = [("desktop", "light", "en"), ("phone", "light", "nb"), ("desktop", "dark", "nb")]
PICTURES = os.environ.get("KLYNGE_PICTURES", "")  # a folder to keep pictures of the page in


class Site(msgspec.Struct, frozen=True):
    """Where the application is served, a manager's cookie, and an invoice that waits to be paid."""

    address: str
    session: str
    bill: Bill


async def _prepared(dsn: str) -> Bill:
    async with context_on(dsn, size=2) as context:
        ids = frozenset(row["id"] for row in await context.db.pool.fetch("select id from network"))
        actor = Actor("Kari Nordby", "web", manages=ids, reads=ids)
        made = await bill(context, actor, "Tindeveg Robotics AS")
        await payments.propose_write_off(context, actor, made.id, 1, "Øreavrunding")
        return made


@asynccontextmanager
async def _on_the_day(app: Litestar) -> AsyncIterator[None]:
    app.state.context = msgspec.structs.replace(app.state.context, clock=FixedClock(NOW))
    yield


@pytest.fixture(scope="module")
def site(server: Server, seeded: object) -> Iterator[Site]:
    """The application on a copy of the demo data, with one issued invoice and a manager signed in."""
    dsn = server.create_database(DATABASE, TEMPLATE)
    made = asyncio.run(_prepared(dsn))
    settings = Settings(database_url=dsn, development=True)
    with serve(create_app(settings, None, _on_the_day)) as address:
        answer = httpx.post(f"{address}/sign-in", data={"email": "demo@klynge.example", "password": PASSWORD})
        yield Site(address, answer.cookies["session"], made)
    server.drop_database(DATABASE)


def sign_in(page: Page, site: Site) -> None:
    page.context.add_cookies([{"name": "session", "value": site.session, "url": site.address}])


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


def test_a_file_is_uploaded_and_a_payment_placed_and_taken_back(site: Site, browser, tmp_path: Path) -> None:
    due = site.bill
    file = tmp_path / "camt054.xml"
    lines = [
        entry("P1", kroner(due.gross), text="Medlemskap 2026", payer="Tindeveg Robotics AS"),
        entry("P2", "777.00", "12345678903", payer="Ukjent Avsender"),
        entry("P3", "50.00", returns="UKJENT"),
    ]
    file.write_bytes(notification(*lines))
    with open_page(browser, f"{site.address}/healthz") as page:
        sign_in(page, site)
        page.goto(site.address + PATH)
        page.set_input_files("input[type=file]", file)
        page.get_by_role("button", name="Import", exact=True).click()
        expect(page.get_by_role("status")).to_contain_text("camt054.xml: 3 lines, 3 of them new.")
        guess = page.get_by_label(f"NORA-{due.number}, Tindeveg Robotics AS").first
        guess.fill(f"{due.gross // 100},{due.gross % 100:02}")
        picture(page, "suspense-desktop-light")
        guess.locator("xpath=ancestor::form").get_by_role("button", name="Place", exact=True).click()
        expect(page.get_by_role("status")).to_contain_text("Placed.")
        page.get_by_role("status").get_by_role("button", name="Take back").click()
        expect(page.get_by_role("status")).to_contain_text("Taken back.")
        expect(guess).to_be_visible()
        assert csp_messages(page) == []


@pytest.mark.parametrize(("device", "scheme", "language"), VIEWS)
def test_the_page_holds_in_every_view(site: Site, browser, device: str, scheme: str, language: str) -> None:
    with open_page(browser, f"{site.address}/healthz", viewport=device, scheme=scheme, language=language) as page:
        sign_in(page, site)
        page.goto(site.address + PATH)
        picture(page, f"suspense-{device}-{scheme}-{language}")
        assert overflow(page) == 0
        assert axe_violations(page) == []
        assert csp_messages(page) == []
