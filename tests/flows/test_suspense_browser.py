"""Payments to place in Chromium: a bank's file uploaded, one payment placed and taken back."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import browser, faults
from tests.commits.support import manager
from tests.conftest import context_on
from tests.crm.billing import NETWORK, Bill, bill, entry, kroner, notification
from tests.flows.site import Site, site_on
from tests.postgres import Server

pytestmark = pytest.mark.browser
__all__ = ["browser"]  # a fixture: importing it makes it known here

PATH = f"/n/{NETWORK}/invoices/suspense"


@pytest.fixture(scope="module")
def bills() -> list[Bill]:
    """Filled with one issued invoice when the site is made."""
    return []


@pytest.fixture(scope="module")
def site(server: Server, seeded: object, bills: list[Bill]) -> Iterator[Site]:
    async def prepare(dsn: str) -> None:
        async with context_on(dsn, size=2) as context:
            bills.append(await bill(context, await manager(context), "Tindeveg Robotics AS"))

    with site_on(server, "klynge_suspense_browser", prepare) as served:
        yield served


def test_a_file_is_uploaded_and_a_payment_placed_and_taken_back(site: Site, bills, browser, tmp_path: Path) -> None:
    [due] = bills
    file = tmp_path / "camt054.xml"
    lines = [
        entry("P1", kroner(due.gross), text="Medlemskap 2026", payer="Tindeveg Robotics AS"),
        entry("P2", "777.00", "12345678903", payer="Ukjent Avsender"),
        entry("P3", "50.00", returns="UKJENT"),
    ]
    file.write_bytes(notification(*lines))
    with site.page(browser, PATH, "manager") as page:
        page.set_input_files("input[type=file]", file)
        page.get_by_role("button", name="Import", exact=True).click()
        expect(page.get_by_role("status")).to_contain_text("camt054.xml: 3 lines, 3 of them new.")
        guess = page.get_by_label(f"NORA-{due.number}, Tindeveg Robotics AS").first
        guess.fill(f"{due.gross // 100},{due.gross % 100:02}")
        assert faults(page) == []
        guess.locator("xpath=ancestor::form").get_by_role("button", name="Place", exact=True).click()
        expect(page.get_by_role("status")).to_contain_text("Placed.")
        page.get_by_role("status").get_by_role("button", name="Take back").click()
        expect(page.get_by_role("status")).to_contain_text("Taken back.")
        expect(guess).to_be_visible()
