"""Invoices in Chromium: issued, paid by the fake card form, given back, credited."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from crm.settings import Settings
from crm.store import invoice_links
from tests.browser import browser, faults, serve
from tests.commits.support import manager
from tests.conftest import context_on
from tests.crm.billing import NETWORK, bill, draft
from tests.crm.cards import HOST, KEY
from tests.fakes.stripe import SECRET, Fake
from tests.flows.site import Site, site_on
from tests.postgres import Server

pytestmark = pytest.mark.browser
__all__ = ["browser"]  # a fixture: importing it makes it known here

LIST = f"/n/{NETWORK}/invoices"
TOKEN = "the-link-of-the-draft"


async def _prepared(dsn: str) -> None:
    async with context_on(dsn, size=2) as context:
        actor = await manager(context)
        await bill(context, actor, "Tindeveg Robotics AS")
        made = await draft(context, actor, "Bregne Analyse AS")
        async with context.db.tx() as connection:
            await invoice_links.add(connection, TOKEN, made)


@pytest.fixture(scope="module")
def site(server: Server, seeded: object) -> Iterator[Site]:
    """With the fake card provider beside it."""
    fake = Fake(key=KEY)
    fake.faults.hold = True  # no event arrives: the page asks when the payer comes back
    with serve(fake) as provider:
        fake.base = provider
        settings = Settings(
            development=True, stripe_keys={HOST: KEY}, stripe_secrets={HOST: (SECRET,)}, stripe_url=provider
        )
        with site_on(server, "klynge_invoices_browser", _prepared, settings=settings) as served:
            yield served


def test_a_credit_note_is_looked_at_without_scripts(site: Site, browser) -> None:
    with site.page(browser, f"{LIST}?q=Tindeveg", "manager", javascript=False) as page:
        page.get_by_role("row", name="Tindeveg").get_by_role("link").click()
        page.get_by_role("link", name="Credit it").click()
        page.get_by_label("Why").fill("Avtalt")
        page.get_by_label("An amount, spread over the lines").check()
        page.locator("#amount").fill("99999999")
        page.get_by_role("button", name="See the credit note").click()
        expect(page.get_by_role("alert")).to_contain_text("More would be credited")
        page.locator("#amount").fill("100")
        page.get_by_role("button", name="See the credit note").click()
        expect(page.get_by_role("button", name="Issue the credit note over")).to_be_visible()


def test_an_invoice_is_issued_paid_by_card_paid_back_and_credited(site: Site, browser) -> None:
    with site.page(browser, LIST, "manager") as page:
        page.locator('[data-bucket="draft"]').click()
        page.get_by_role("row", name="Bregne Analyse AS").get_by_role("link").click()
        page.get_by_role("button", name="Issue and send").click()
        expect(page.get_by_role("status")).to_contain_text("Issued, and on its way to the buyer.")
        number = page.inner_text("h1").removeprefix("Invoice ")
        invoice = page.url.partition("?")[0]

        page.goto(f"{site.address}/en/pay/{TOKEN}")
        expect(page.get_by_role("heading", level=1)).to_have_text(f"Invoice {number}")
        page.get_by_role("button", name="Pay by card").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("This is not Stripe")
        page.get_by_role("button", name="Pay", exact=True).click()
        expect(page.get_by_text("Nothing is left to pay.")).to_be_visible()

        page.goto(invoice)
        expect(page.locator("h1 + .badge")).to_have_text("Paid")
        page.get_by_text("Pay back to the card").click()
        page.get_by_label("Amount to pay back").fill("10")
        page.get_by_label("Why").last.fill("Too much")
        page.get_by_role("button", name="Pay back", exact=True).click()
        expect(page.get_by_role("status")).to_contain_text("The card provider has been asked to pay it back.")
        expect(page.locator(".left-to-pay")).to_have_text("NOK\u00a010")

        page.get_by_role("link", name="Credit it").click()
        page.get_by_label("Why").fill("They never joined")
        page.get_by_role("button", name="See the credit note").click()
        page.get_by_role("button", name="Issue the credit note over").click()
        expect(page.get_by_role("status")).to_contain_text("Credit note issued.")
        page.goto(invoice)
        expect(page.locator("h1 + .badge")).to_have_text("Credited")
        assert faults(page) == []
