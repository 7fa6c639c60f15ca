"""Told ahead of a renewal, shared fees and the exchange rate of a draft in Chromium: three views and axe."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import msgspec
import pytest
from litestar import Litestar

from crm.actions import renewal_notices
from crm.actor import Actor
from crm.app import create_app
from crm.clock import FixedClock
from crm.context import Context
from crm.demo import PASSWORD
from crm.settings import Settings
from tests.browser import axe_violations, browser, csp_messages, open_page, overflow, serve
from tests.conftest import NOW, TEMPLATE, context_on
from tests.crm.actions.test_exchange_rates import euro_draft
from tests.crm.actions.test_fee_shares import DAYS, shared
from tests.crm.actions.test_renewal_notices import with_rules
from tests.crm.billing import NETWORK
from tests.postgres import Server

pytestmark = pytest.mark.browser
__all__ = ["browser"]  # a fixture: importing it makes it known here

DATABASE = "klynge_money_more_browser"
VIEWS = [("desktop", "light", "en"), ("phone", "light", "nb"), ("desktop", "dark", "nb")]
PICTURES = os.environ.get("KLYNGE_PICTURES", "")  # a folder to keep pictures of the pages in


class Site(msgspec.Struct, frozen=True):
    """Where the application is served, a manager's cookie, and what there is to look at."""

    address: str
    session: str
    pages: dict[str, str]


async def _prepared(dsn: str) -> dict[str, str]:
    """Some members are told and one is not; a share is owed; a draft in euro waits for its rate."""
    async with context_on(dsn, size=2) as context:
        ids = frozenset(row["id"] for row in await context.db.pool.fetch("select id from network"))
        actor = Actor("Kari Nordby", "web", manages=ids, reads=ids)
        await with_rules(context)
        await _without_contact(context)
        await renewal_notices.run(context, actor, NETWORK)
        await shared(context, actor)
        draft = await euro_draft(context, actor)
    base = f"/n/{NETWORK}"
    return {
        "told": f"{base}/renewals/notices",
        "look": f"{base}/renewals/notices?look=1",
        "renewals": f"{base}/renewals",
        "shares": f"{base}/shares?{DAYS}",
        "rate": f"{base}/invoices/{draft}",
    }


async def _without_contact(context: Context) -> None:
    await context.db.pool.execute(
        "delete from contact where organisation_id = (select m.organisation_id from membership m"
        " join network n on n.id = m.network_id where n.slug = $1 order by m.id limit 1)",
        NETWORK,
    )


@asynccontextmanager
async def _on_the_day(app: Litestar) -> AsyncIterator[None]:
    then: Context = app.state.context
    app.state.context = Context(then.db, FixedClock(NOW), then.settings)
    yield


@pytest.fixture(scope="module")
def site(server: Server, seeded: object) -> Iterator[Site]:
    """The application on a copy of the demo data, and a manager signed in."""
    dsn = server.create_database(DATABASE, TEMPLATE)
    pages = asyncio.run(_prepared(dsn))
    with serve(create_app(Settings(database_url=dsn, development=True), None, _on_the_day)) as address:
        answer = httpx.post(f"{address}/sign-in", data={"email": "demo@klynge.example", "password": PASSWORD})
        yield Site(address, answer.cookies["session"], pages)
    server.drop_database(DATABASE)


@pytest.mark.parametrize(("device", "scheme", "language"), VIEWS)
def test_the_pages_hold_in_every_view(site: Site, browser, device: str, scheme: str, language: str) -> None:
    with open_page(browser, f"{site.address}/healthz", viewport=device, scheme=scheme, language=language) as page:
        page.context.add_cookies([{"name": "session", "value": site.session, "url": site.address}])
        for name, path in site.pages.items():
            page.goto(site.address + path)
            if PICTURES:
                page.screenshot(path=Path(PICTURES) / f"{name}-{device}-{scheme}.png", full_page=True)
            assert overflow(page) == 0, path
            assert axe_violations(page) == [], path
            assert csp_messages(page) == []
