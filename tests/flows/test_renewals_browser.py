"""The pages of a renewal run in Chromium: from the next year in a sentence to the result."""

from collections.abc import Iterator
from datetime import date

import pytest
from playwright.sync_api import expect

from crm.actions import renewals
from crm.actions.renewals import Wanted
from tests.browser import browser, faults
from tests.commits.support import manager
from tests.conftest import context_on
from tests.flows.site import NORA, Site, site_on
from tests.postgres import Server

pytestmark = pytest.mark.browser
__all__ = ["browser"]  # a fixture: importing it makes it known here

HERE = f"{NORA}/renewals"


async def _prepare(dsn: str, made: list[str]) -> None:
    """A run that waits, one that is done with a failure, one that is at work: their ids in this order."""
    async with context_on(dsn) as context:
        actor = await manager(context)
        for year, then in ((2027, "previewed"), (2026, "done"), (2025, "previewing")):
            run = await renewals.begin(context, actor, Wanted("nora-industry-network", date(year, 1, 1)))
            made.append(str(run))
            if then != "previewing":
                await renewals.preview(context, run)
            if then == "done":
                await renewals.confirm(context, actor, run)
                await renewals.bill(context, run)


@pytest.fixture(scope="module")
def runs() -> list[str]:
    """Filled with the ids of three runs when the site is made."""
    return []


@pytest.fixture(scope="module")
def site(server: Server, seeded: object, runs: list[str]) -> Iterator[Site]:
    with site_on(server, "klynge_renewals_browser", lambda dsn: _prepare(dsn, runs)) as served:
        yield served


def test_every_page_of_a_run_can_be_read_by_everybody(site, runs, browser):
    waiting, done, working = runs
    found = []
    with site.page(browser, HERE, "manager", language="nb") as page:
        for path in (f"/{waiting}/confirmation", f"/{done}", f"/{done}?show=failed", f"/{working}"):
            page.goto(site.address + HERE + path)
            expect(page.locator("h1")).to_be_visible()
            # A run at work asks for its page again and again: not while it is looked at.
            page.route("**/*", lambda route: route.fulfill(status=204))
            found += [f"{path}: {fault}" for fault in faults(page)]
            page.unroute("**/*")
    assert not found


def test_a_manager_previews_looks_and_goes_on_to_confirm(site, runs, browser):
    with site.page(browser, f"{HERE}/{runs[0]}", "manager") as page:
        page.get_by_role("link", name="Go on to confirm").click()
        expect(page.locator("h1")).to_contain_text("members?")
        page.get_by_role("link", name="Back to the preview").click()
        expect(page.get_by_text("Nothing is billed yet")).to_be_visible()
