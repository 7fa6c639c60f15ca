"""The work lists of the office in Chromium: members to review and places with a queue."""

from collections.abc import Iterator
from datetime import date

import pytest
from playwright.sync_api import expect

from crm.actions import days
from tests.browser import browser, faults
from tests.commits.support import manager
from tests.conftest import context_on
from tests.crm.actions.test_places import joins, limit_link
from tests.crm.actions.test_reviews import joined
from tests.flows.pages import STARTUP
from tests.flows.site import NORA, Site, site_on
from tests.postgres import Server

pytestmark = pytest.mark.browser
__all__ = ["browser"]  # a fixture: importing it makes it known here


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
def site(server: Server, seeded: object) -> Iterator[Site]:
    with site_on(server, "klynge_queues_browser", _prepare) as served:
        yield served


def test_a_manager_keeps_one_and_takes_one_off(site, browser):
    with site.page(browser, f"{STARTUP}/reviews", "manager") as page:
        rows = page.locator("main tbody tr")
        before = rows.count()
        page.locator("main table a[href*='/reviews/']").first.click()
        page.get_by_label("Last day").fill("2029-12-31")
        page.get_by_role("button", name="Keep", exact=True).click()
        expect(page.get_by_text("Kept at its level.")).to_be_visible()
        assert rows.count() == before - 1
        page.goto(f"{site.address}{NORA}/places")
        page.get_by_role("button", name="Take off Vindkast").click()
        expect(page.get_by_text("Taken off the queue.")).to_be_visible()
        assert page.locator("main tbody tr").count() == 1
        assert faults(page) == []
