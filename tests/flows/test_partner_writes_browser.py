"""What partners write, in Chromium: the queue, an objection, a correction, a held row and a list; no fault on any."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser import browser, faults
from tests.crm.api.support import CLAIRE, NORA, V1, company
from tests.flows.site import Site, site_on
from tests.postgres import Server
from tests.seed import Keys

pytestmark = pytest.mark.browser
__all__ = ["browser"]  # a fixture: importing it makes it known here


@pytest.fixture(scope="module")
def site(server: Server, seeded: Keys) -> Iterator[Site]:
    """With something of each kind to answer."""
    with site_on(server, "klynge_partner_writes_browser") as served:
        _written(served.address, {"authorization": f"Bearer {seeded.manager_key}"})
        yield served


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


def test_each_kind_is_looked_at_and_answered(site, browser):
    with site.page(browser, f"/n/{NORA}/from-partners", "manager") as page:

        def fine(step: str) -> None:
            expect(page.locator("h1")).to_be_visible()
            assert faults(page) == [], step

        def opened(network: str, kind: str) -> None:
            page.goto(f"{site.address}/n/{network}/from-partners")
            page.locator(f"main a[href*='/from-partners/{kind}/']").first.click()
            fine(kind)

        fine("queue")
        opened(NORA, "lists")
        opened(CLAIRE, "objections")
        opened(NORA, "suggestions")
        page.locator("input[name=accept_website]").check()
        page.locator("button[name=look]").click()
        fine("looked at")
        expect(page.locator("input[name=accept_website]")).to_be_checked()
        opened(NORA, "rows")
        page.locator("input[name=whom]").first.check()
        page.get_by_role("button", name="Carry out").click()
        expect(page.get_by_text("The row is carried out.")).to_be_visible()
        opened(CLAIRE, "objections")
        page.locator("textarea[name=note]").fill("Agreed with the founding member")
        page.get_by_role("button", name="Dismiss the objection").click()
        expect(page.get_by_text("The objection is dismissed.")).to_be_visible()
