"""Fees written in rows in Chromium: a band is changed, its price tried before and after, and published."""

import pytest
from playwright.sync_api import expect

from tests.browser import browser, faults, onward
from tests.flows.pages import DRAFT, RULES
from tests.flows.test_office_browser import site
from tests.flows.test_rule_editor_browser import begin

pytestmark = pytest.mark.browser
__all__ = ["browser", "site"]  # fixtures: importing them makes them known here

FEES = f"{DRAFT}/fees?code=principal"


def _rich(page) -> None:
    """One fee of every shape, not saved: what the form looks like at its fullest."""
    page.locator("[id='fees.0.basis']").select_option("employees")
    add_band = page.get_by_role("button", name="Add a band")
    for n, (least, below, amount) in enumerate(
        [("0", "10", "10,000"), ("10", "250", "45,000.50"), ("260", "", "90,000")]
    ):
        add_band.click()
        page.wait_for_url("**/fees#fees.0.bands")
        page.locator(f"[id='fees.0.bands.{n}.from']").fill(least)
        page.locator(f"[id='fees.0.bands.{n}.below']").fill(below)
        page.locator(f"[id='fees.0.bands.{n}.amount']").fill(amount)
    onward(page, page.get_by_role("button", name="Add a discount"))
    onward(page, page.get_by_role("button", name="Add a fee"))
    page.locator("[id='fees.1.basis']").select_option("cases")
    onward(page, page.get_by_role("button", name="Add a case").last)
    onward(page, page.get_by_role("button", name="Add a condition").last)
    page.locator("[id='fees.1.cases.0.when.0.what']").select_option("turnover")


def test_a_fee_of_every_shape_and_its_mistakes_have_no_fault(site, browser):
    found = []
    with site.page(browser, RULES, "manager") as page:
        begin(page)
        page.goto(site.address + FEES)
        _rich(page)
        found += faults(page)
        onward(page, page.get_by_role("button", name="Save in the draft"))
        assert page.locator(".error-summary a").count() >= 3
        page.locator(".error-summary a").first.click()
        found += faults(page)
    assert not found


@pytest.mark.parametrize("javascript", [True, False])
def test_a_band_is_changed_its_price_tried_before_and_after_and_published(site, browser, javascript):
    """With and without scripts: the second run finds the first one's bands published, and changes them again."""
    amount = "90,000" if javascript else "80,000"
    with site.page(browser, RULES, "manager", javascript=javascript) as page:
        begin(page)
        page.goto(site.address + FEES)
        if javascript:
            _bands(page)
        page.locator("[id='fees.0.bands.0.amount']").fill("plenty")
        page.get_by_role("button", name="Save in the draft").click()
        expect(page.locator(".error-summary")).to_contain_text("“plenty” is not a number")
        page.locator("[id='fees.0.bands.0.amount']").fill(amount)
        page.get_by_role("button", name="Save in the draft").click()
        page.wait_for_url("**saved=fees")
        page.goto(site.address + FEES)
        for employees, said in (("49", f"NOK {amount} a year for 49 employees"), ("50", "NOK 200,000 a year for 50")):
            page.get_by_label("Number of employees").fill(employees)
            page.get_by_role("button", name="Show the price").click()
            if not javascript:
                page.wait_for_url(f"**employees={employees}**")
            expect(page.locator("#price")).to_contain_text(said)
            expect(page.locator("#price")).to_contain_text("The draft against version")
        page.goto(f"{site.address}{DRAFT}/whole")
        for field in ("effective_from", "effective_from_existing"):
            page.locator(f"#{field}").fill("2026-11-22")
        page.get_by_role("button", name="Save in the draft").click()
        page.get_by_role("button", name="See what it would do").click()
        page.get_by_role("button", name="Publish version").click()
        page.wait_for_url("**done=1")
        page.goto(f"{site.address}{RULES}/price?level=principal&employees=49")
        expect(page.locator("#price")).to_contain_text(f"NOK {amount} a year for 49 employees")
        expect(page.locator("#price")).not_to_contain_text("By the draft")
        page.goto(f"{site.address}/en/networks/nora-industry-network")
        expect(page.locator("table.compare")).to_contain_text(f"0 to 49: NOK {amount}")


def _bands(page) -> None:
    page.locator("[id='fees.0.basis']").select_option("employees")
    for n, (name, value) in enumerate([("below", "50"), ("amount", "200,000")]):
        page.get_by_role("button", name="Add a band").click()
        expect(page.locator(f"[id='fees.0.bands.{n}.from']")).to_be_visible()
        page.locator(f"[id='fees.0.bands.{n}.{name}']").fill(value)
