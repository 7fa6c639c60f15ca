"""The page that shows one invoice to whoever holds its link: what it is, what is left to pay, and the PDF."""

import secrets
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from cluster_rules.documents import Document
from crm.actor import Actor
from crm.context import Context
from crm.errors import NotFound
from crm.gateways import invoice_files
from crm.store import documents, invoice_links, invoices, ledger

TOKEN_BYTES = 24
READER = "link"  # who opened it, as far as anybody knows


class Opened(msgspec.Struct, frozen=True):
    """An issued document, and what is left to pay of it today (nothing on a credit note); `today` where its host is."""

    invoice: UUID
    document: Document
    owed: int
    today: date

    @property
    def state(self) -> str:
        """How it stands, as pages name it."""
        if self.document.kind == "credit_note":
            return "credit_note"
        if self.owed <= 0:
            return "paid"
        return "overdue" if self.document.due_on and self.document.due_on < self.today else "open"


async def open_with(context: Context, token: str) -> Opened:
    """What a token shows; the first time is told on the invoice's timeline. NotFound."""
    async with context.db.tx() as connection:
        invoice, first = await invoice_links.opened(connection, token)
        document = await documents.stored(connection, invoice)
        owed = (await ledger.owed(connection, [invoice])).get(invoice, 0)
        (row,) = await invoices.rows(connection, [invoice])
        if first:
            await invoices.event(connection, invoice, "opened", READER)
    return Opened(invoice, document, owed, context.clock.today(ZoneInfo(row["time_zone"])))


async def mine(context: Context, actor: Actor, invoice: UUID) -> str:
    """A new token that opens an invoice, for who acts for its payer: the pay button of signed-in pages.

    NotFound for drafts and for other organisations' invoices.
    """
    async with context.db.tx() as connection:
        (row,) = await invoices.rows(connection, [invoice]) or (None,)
        if row is None or row["status"] != "issued" or row["organisation_id"] not in actor.acts_for:
            raise NotFound("invoice_id", invoice)
        token = secrets.token_urlsafe(TOKEN_BYTES)
        await invoice_links.add(connection, token, invoice)
        return token


async def paper(context: Context, token: str, address: str) -> tuple[str, bytes]:
    """The number and PDF of what a token shows; `address` is the page itself, for its link and code. NotFound."""
    found = await open_with(context, token)
    return found.document.number, await invoice_files.paper(found.document, address)
