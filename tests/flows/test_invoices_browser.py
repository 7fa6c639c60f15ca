"""Invoices in Chromium: issued, paid by the fake card form, given back, credited; every page in four views."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from uuid import UUID

import httpx
import msgspec
import pytest
from litestar import Litestar
from playwright.sync_api import Page, expect

from crm.actions import invoices, payments
from crm.actions.invoices import Credit
from crm.actor import Actor
from crm.app import create_app
from crm.clock import FixedClock
from crm.demo import PASSWORD
from crm.settings import Settings
from crm.store import cards, invoice_links
from tests.browser import axe_violations, browser, csp_messages, open_page, overflow, serve
from tests.conftest import NOW, TEMPLATE, context_on
from tests.crm.billing import NETWORK, bill, draft
from tests.crm.cards import HOST, KEY
from tests.fakes.stripe import SECRET, Fake
from tests.postgres import Server

pytestmark = pytest.mark.browser
__all__ = ["browser"]  # a fixture: importing it makes it known here

DATABASE = "klynge_invoices_browser"
LIST = f"/n/{NETWORK}/invoices"
VIEWS = [("desktop", "light", "en"), ("phone", "light", "nb"), ("desktop", "dark", "nb"), ("phone", "dark", "en")]
PICTURES = os.environ.get("KLYNGE_PICTURES", "")  # a folder to keep pictures of the pages in
TOKEN = "the-link-of-the-draft"


class Site(msgspec.Struct, frozen=True):
    """Where the application is served, a manager's cookie, and invoices in several states."""

    address: str
    session: str
    draft: UUID
    unfit: UUID
    part: UUID
    credited: UUID
    organisation: UUID


async def _prepared(dsn: str) -> dict[str, UUID]:
    async with context_on(dsn, size=2) as context:
        ids = frozenset(row["id"] for row in await context.db.pool.fetch("select id from network"))
        actor = Actor("Kari Nordby", "web", manages=ids, reads=ids)
        part = await bill(context, actor, "Tindeveg Robotics AS")
        await payments.record(context, actor, part.id, 100_000, "NOK", date(2026, 11, 20), "Bilag 12")
        await payments.propose_write_off(context, actor, part.id, 150, "Øreavrunding")
        gone = await bill(context, actor, "Strandlinje Data AS")
        await payments.record(context, actor, gone.id, gone.gross + 1, "NOK", date(2026, 11, 20), "Bilag 13")
        await invoices.credit(context, actor, gone.id, Credit("Feil nivå"))
        unfit = await draft(context, actor, "Havnes kommune", kind="public_body")
        made = await draft(context, actor, "Bregne Analyse AS")
        async with context.db.tx() as connection:
            await invoice_links.add(connection, TOKEN, made)
            found = [
                cards.Difference("received", "ch_3QxB7unknown", date(2026, 11, 19), 250_000, None, "NOK", part.host)
            ]
            day = date(2026, 11, 19)
            await cards.note_differences(connection, HOST, day, day, found, context.clock.now())
        return {"draft": made, "unfit": unfit, "part": part.id, "credited": gone.id, "organisation": part.organisation}


@asynccontextmanager
async def _on_the_day(app: Litestar) -> AsyncIterator[None]:
    app.state.context = msgspec.structs.replace(app.state.context, clock=FixedClock(NOW))
    yield


@pytest.fixture(scope="module")
def site(server: Server, seeded: object) -> Iterator[Site]:
    """The application on a copy of the demo data, the fake card provider beside it, and a manager signed in."""
    dsn = server.create_database(DATABASE, TEMPLATE)
    made = asyncio.run(_prepared(dsn))
    fake = Fake(key=KEY)
    fake.faults.hold = True  # no event arrives: the page asks when the payer comes back
    with serve(fake) as provider:
        fake.base = provider
        settings = Settings(
            database_url=dsn,
            development=True,
            stripe_keys={HOST: KEY},
            stripe_secrets={HOST: (SECRET,)},
            stripe_url=provider,
        )
        app = create_app(settings, None, _on_the_day)
        with serve(app) as address:
            known = msgspec.structs.replace(settings, base_url=address)
            app.state.context = msgspec.structs.replace(app.state.context, settings=known)
            answer = httpx.post(f"{address}/sign-in", data={"email": "demo@klynge.example", "password": PASSWORD})
            yield Site(address, answer.cookies["session"], **made)
    server.drop_database(DATABASE)


def sign_in(page: Page, site: Site) -> None:
    page.context.add_cookies([{"name": "session", "value": site.session, "url": site.address}])


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


@pytest.mark.parametrize(("device", "scheme", "language"), VIEWS)
def test_the_pages_hold_in_every_view(site: Site, browser, device: str, scheme: str, language: str) -> None:
    paths = {
        "list": LIST,
        "overdue": f"{LIST}?as_of=2027-02-10&state=overdue",
        "none": f"{LIST}?q=finnes-ikke",
        "issue": f"{LIST}/issue",
        "draft": f"{LIST}/{site.draft}",
        "unfit": f"{LIST}/{site.unfit}",
        "part": f"{LIST}/{site.part}",
        "credited": f"{LIST}/{site.credited}",
        "credit": f"{LIST}/{site.part}/credit-note",
        "billing": f"{LIST}/billing/{site.organisation}",
        "card-books": f"{LIST}/card-books",
        "member": f"/n/{NETWORK}/members/{site.organisation}",
        "overview": f"/n/{NETWORK}",
    }
    faults = []
    with open_page(browser, f"{site.address}/healthz", viewport=device, scheme=scheme, language=language) as page:
        sign_in(page, site)
        for name, path in paths.items():
            page.goto(site.address + path)
            picture(page, f"{name}-{device}-{scheme}-{language}")
            faults += [f"{name}: {fault}" for fault in (*axe_violations(page), *csp_messages(page))]
            if wide := overflow(page):
                faults.append(f"{name}: {wide} px wider than the screen")
    assert not faults


def test_a_credit_note_is_looked_at_without_scripts(site: Site, browser) -> None:
    with open_page(browser, f"{site.address}/healthz", javascript=False) as page:
        sign_in(page, site)
        page.goto(f"{site.address}{LIST}/{site.part}/credit-note")
        page.get_by_label("Why").fill("Avtalt")
        page.get_by_label("An amount, spread over the lines").check()
        page.get_by_text("Amount", exact=True).click()
        page.locator("#amount").fill("99999999")
        page.get_by_role("button", name="See the credit note").click()
        expect(page.get_by_role("alert")).to_contain_text("More would be credited")
        page.locator("#amount").fill("100")
        page.get_by_role("button", name="See the credit note").click()
        expect(page.get_by_role("button", name="Issue the credit note over")).to_be_visible()
        picture(page, "credit-seen-desktop-light-en")


def test_an_invoice_is_issued_paid_by_card_paid_back_and_credited(site: Site, browser) -> None:
    with open_page(browser, f"{site.address}/healthz") as page:
        sign_in(page, site)
        page.goto(site.address + LIST)
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
        picture(page, "paid-back-desktop-light-en")

        page.get_by_role("link", name="Credit it").click()
        page.get_by_label("Why").fill("They never joined")
        page.get_by_role("button", name="See the credit note").click()
        page.get_by_role("button", name="Issue the credit note over").click()
        expect(page.get_by_role("status")).to_contain_text("Credit note issued.")
        picture(page, "credit-note-desktop-light-en")
        page.goto(invoice)
        expect(page.locator("h1 + .badge")).to_have_text("Credited")
        assert csp_messages(page) == []
