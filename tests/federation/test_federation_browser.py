"""Agreements with other systems in Chromium: the list, one agreement, one organisation; axe and no overflow."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import msgspec
import pytest
from litestar import Litestar

from crm.app import create_app
from crm.clock import FixedClock
from crm.demo import PASSWORD
from crm.settings import Settings
from tests.browser import axe_violations, browser, csp_messages, open_page, overflow, serve
from tests.conftest import NOW
from tests.federation.conftest import AGREED
from tests.federation.two import CLAIRE, Wire
from tests.postgres import Server

pytestmark = pytest.mark.browser
__all__ = ["browser"]  # a fixture: importing it makes it known here

DATABASE = "klynge_federation_browser"
HERE = f"/n/{CLAIRE}/setup/systems"
VIEWS = [("desktop", "light", "en"), ("phone", "light", "nb"), ("desktop", "dark", "nb")]


@asynccontextmanager
async def _on_the_day(app: Litestar) -> AsyncIterator[None]:
    app.state.context = msgspec.structs.replace(app.state.context, clock=FixedClock(NOW))
    yield


@pytest.fixture(scope="module")
def site(server: Server, agreed: tuple[str, Wire]) -> Iterator[tuple[str, str, str]]:
    """The receiving system: its address, the cookie of a manager, the agreement's code."""
    dsn = server.create_database(DATABASE, AGREED[1])
    with serve(create_app(Settings(database_url=dsn, development=True), None, _on_the_day)) as address:
        answer = httpx.post(f"{address}/sign-in", data={"email": "demo@klynge.example", "password": PASSWORD})
        yield address, answer.cookies["session"], agreed[0]
    server.drop_database(DATABASE)


@pytest.mark.parametrize(("viewport", "scheme", "language"), VIEWS)
def test_a_manager_looks_at_an_agreement_with_another_system(site, browser, viewport, scheme, language):
    address, session, code = site
    options = {"viewport": viewport, "scheme": scheme, "language": language}
    with open_page(browser, f"{address}/healthz", **options) as page:
        page.context.add_cookies([{"name": "session", "value": session, "url": address}])
        for path in (HERE, f"{HERE}/{code}", ""):
            if path:
                page.goto(address + path)
            else:
                page.get_by_role("link", name="SINTEF").click()
                page.get_by_text("https://www.sintef.no").wait_for()
            assert axe_violations(page) == []
            assert overflow(page) == 0
        assert csp_messages(page) == []
