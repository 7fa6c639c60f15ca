"""The page that shows an invoice without signing in, in Chromium: accessible, within the screen and the policy."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from crm.actions import applications, invoices
from crm.actions.invoices import Credit
from crm.app import create_app
from crm.settings import Settings
from crm.store import invoice_links
from tests.browser import axe_violations, browser, csp_messages, open_page, overflow, serve
from tests.commits.support import STARTS, manager, waiting
from tests.conftest import TEMPLATE, context_on
from tests.flows.test_office_browser import VIEWS
from tests.postgres import Server

pytestmark = pytest.mark.browser
__all__ = ["browser"]  # a fixture: importing it makes it known here

DATABASE = "klynge_pay_browser"
TOKENS = ("an-invoice", "a-credit-note")
SAYS = {"en": ("Invoice NORA-1", "Credit note NORA-2"), "nb": ("Faktura NORA-1", "Kreditnota NORA-2")}


async def _issue(dsn: str) -> None:
    """An issued invoice and a credit note on part of it, each with its link."""
    async with context_on(dsn, size=2) as context:
        actor = await manager(context)
        made = await applications.approve(context, actor, await waiting(context), STARTS)
        invoice = await invoices.issue(context, actor, made.invoices[0])
        note = await invoices.credit(context, actor, invoice, Credit("Avtalt", "amount", amount=100_000))
        async with context.db.tx() as connection:
            for token, each in zip(TOKENS, (invoice, note.id), strict=True):
                await invoice_links.add(connection, token, each)


@pytest.fixture(scope="module")
def address(server: Server, seeded: object) -> Iterator[str]:
    dsn = server.create_database(DATABASE, TEMPLATE)
    asyncio.run(_issue(dsn))
    with serve(create_app(Settings(database_url=dsn, development=True))) as served:
        yield served
    server.drop_database(DATABASE)


@pytest.mark.parametrize(("viewport", "scheme", "language"), VIEWS)
def test_the_page_of_an_invoice_is_accessible_and_fits(address, browser, viewport, scheme, language) -> None:
    faults = []
    for token, said in zip(TOKENS, SAYS[language], strict=True):
        page_address = f"{address}/{language}/pay/{token}"
        with open_page(browser, page_address, viewport=viewport, scheme=scheme, language=language) as page:
            if place := os.environ.get("PICTURES"):
                page.screenshot(path=Path(place) / f"{viewport}-{scheme}-{token}.png", full_page=True)
            assert page.inner_text("h1") == said
            faults += [f"{token}: {fault}" for fault in (*axe_violations(page), *csp_messages(page))]
            if wide := overflow(page):
                faults.append(f"{token}: {wide} px wider than the screen")
    assert not faults
