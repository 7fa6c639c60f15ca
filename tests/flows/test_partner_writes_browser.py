"""What partners write, in Chromium: the queue, an objection, a correction, a held row and a list; axe, no overflow."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

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
from tests.crm.api.support import CLAIRE, NORA, V1, company
from tests.postgres import Server
from tests.seed import Keys

pytestmark = pytest.mark.browser
__all__ = ["browser"]  # a fixture: importing it makes it known here

DATABASE = "klynge_partner_writes_browser"
VIEWS = [("phone", "light", "nb"), ("desktop", "dark", "nb"), ("desktop", "light", "en")]


@asynccontextmanager
async def _on_the_day(app: Litestar) -> AsyncIterator[None]:
    """The day the demo data is about."""
    app.state.context = msgspec.structs.replace(app.state.context, clock=FixedClock(NOW))
    yield


@pytest.fixture(scope="module")
def site(server: Server, seeded: Keys) -> Iterator[tuple[str, str]]:
    """The application with something of each kind to answer: its address, and the cookie of a manager."""
    dsn = server.create_database(DATABASE, TEMPLATE)
    with serve(create_app(Settings(database_url=dsn, development=True), None, _on_the_day)) as address:
        _written(address, {"authorization": f"Bearer {seeded.manager_key}"})
        answer = httpx.post(f"{address}/sign-in", data={"email": "demo@klynge.example", "password": PASSWORD})
        yield address, answer.cookies["session"]
    server.drop_database(DATABASE)


def _written(address: str, headers: dict[str, str]) -> None:
    def post(path: str, body: Any) -> Any:
        answer = httpx.post(f"{address}{V1}{path}", json=body, headers=headers, timeout=60)
        assert answer.is_success, answer.text
        return answer.json()

    sent = post("/applications", company())
    organisation = sent["organisation_id"]
    made = post(f"/applications/{sent['id']}/approval", {"starts_on": "2026-11-22"})
    linked = next(m["id"] for m in made["memberships"] if m["network"] == CLAIRE)
    post(f"/memberships/{linked}/objections", {"reason": "Competes with a founding member", "on": "2027-01-01"})
    values = {"website": "https://fjellheim-robotikk.example/en/about", "country": "SE"}
    said = {"organisation_id": organisation, "values": values, "reason": "Their own page says so"}
    post(f"/networks/{CLAIRE}/suggestions", said)
    rows = [
        {"external_id": "C-1", "name": "Fjellheim Robotikk", "country": "NO", "tier": "partner"},
        {"external_id": "C-2", "name": "Helt Ny AS", "country": "NO", "tier": "partner"},
        {"external_id": "C-3", "name": "Uten nivå AS", "country": "NO", "tier": "gull"},
    ]
    post(f"/networks/{NORA}/member-lists", {"members": rows})


@pytest.mark.parametrize(("viewport", "scheme", "language"), VIEWS)
def test_each_kind_is_looked_at_and_answered(site, browser, viewport, scheme, language):
    address, session = site
    options = {"viewport": viewport, "scheme": scheme, "language": language}
    with open_page(browser, f"{address}/healthz", **options) as page:
        page.context.add_cookies([{"name": "session", "value": session, "url": address}])

        def fine(step: str) -> None:
            expect(page.locator("h1")).to_be_visible()
            assert axe_violations(page) == [] and overflow(page) == 0, step

        def opened(network: str, kind: str) -> None:
            page.goto(f"{address}/n/{network}/from-partners")
            page.locator(f"main a[href*='/from-partners/{kind}/']").first.click()
            fine(kind)

        page.goto(f"{address}/n/{NORA}/from-partners")
        fine("queue")
        page.goto(f"{address}/n/{NORA}/sync/keys")
        fine("keys")
        opened(NORA, "lists")
        opened(CLAIRE, "objections")
        opened(NORA, "suggestions")
        page.locator("input[name=accept_website]").check()
        page.locator("button[name=look]").click()
        fine("looked at")
        expect(page.locator("input[name=accept_website]")).to_be_checked()
        opened(NORA, "rows")
        if language == "en":
            page.locator("input[name=whom]").first.check()
            page.get_by_role("button", name="Carry out").click()
            expect(page.get_by_text("The row is carried out.")).to_be_visible()
            opened(CLAIRE, "objections")
            page.locator("textarea[name=note]").fill("Agreed with the founding member")
            page.get_by_role("button", name="Dismiss the objection").click()
            expect(page.get_by_text("The objection is dismissed.")).to_be_visible()
        assert csp_messages(page) == []
