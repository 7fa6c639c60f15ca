"""Late payment in Chromium: read the letters, send them, put a member on hold."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from crm.actions import dunning
from crm.actor import Actor
from tests.browser import browser, faults
from tests.conftest import context_on
from tests.crm.billing import NETWORK
from tests.crm.dunning import at, late_bill, with_ladder
from tests.flows.site import NORA, Clicks, Site, site_on
from tests.postgres import Server

pytestmark = pytest.mark.browser
__all__ = ["browser"]  # a fixture: importing it makes it known here

PATH = f"/n/{NETWORK}/dunning"
DAY = datetime(2027, 2, 6, 9, tzinfo=UTC)  # 46 days after what is issued on 22 November fell due


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


@pytest.fixture(scope="module")
def site(server: Server, seeded: object) -> Iterator[Site]:
    """Weeks after invoices fell due."""
    with site_on(server, "klynge_dunning_browser", _prepared, DAY) as served:
        yield served


def test_the_pages_hold_in_every_view(site: Site, browser) -> None:
    found = []
    with site.page(browser, PATH, "manager") as page:
        for path, language in ((PATH, "en"), (f"{PATH}/confirm", "nb")):
            page.context.add_cookies([{"name": "lang", "value": language, "url": site.address}])
            page.goto(site.address + path)
            found += [f"{path}: {fault}" for fault in faults(page)]
    assert not found


def test_journey_06_who_is_late_is_reminded_in_four_clicks_and_a_member_is_put_on_hold(site: Site, browser) -> None:
    with site.page(browser, NORA, "manager") as page:
        click = Clicks(page)
        click(page.locator("a.kpi", has_text="Overdue"))
        expect(page.get_by_role("row", name="Vestfjord Sensor AS")).to_contain_text("Reminder")
        click(page.get_by_role("link", name="Read and send"))
        expect(page.get_by_text("Purregebyr").first).to_be_visible()
        click(page.get_by_role("button", name="Send now"))
        assert click.made <= 4
        expect(page.get_by_role("status")).to_contain_text("Letters sent: 2.")
        expect(page.get_by_text("Nothing is due.")).to_be_visible()
        page.get_by_role("button", name="Put on hold").click()
        expect(page.get_by_role("status")).to_contain_text("The payer is told.")
        page.get_by_role("button", name="Resume").click()
        expect(page.get_by_role("row", name="Havbris Data AS")).to_contain_text("Reminder")
        assert faults(page) == []
