"""Bring an issued invoice to its buyer: by mail with the PDF and a pay link, or as e-invoice through a sender.

A mail is handed to the mail queue under the delivery's own id, in one transaction, and lives on there. An e-invoice
is claimed, sent outside any transaction under the delivery's id as idempotency key, and asked after until it is
accepted or rejected. What fails for good stays visible as work (reads.invoices, `undelivered`).
"""

import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from cluster_rules.documents import Document
from crm.actor import SYSTEM, Actor
from crm.context import Context
from crm.database import Connection
from crm.errors import Invalid, NotFound, Refused
from crm.gateways import invoice_files
from crm.gateways.ehf import NotDelivered, Sender, State
from crm.i18n import translator
from crm.store import audit, invoice_deliveries, invoice_links, invoices, mail
from crm.store.invoice_deliveries import Claimed
from crm.store.mail import Outgoing, Recipient

RETRY_AFTER = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60, 240, 480, 720))
LEASE = timedelta(seconds=60)
ASK_AGAIN = timedelta(minutes=15)
MOST_QUESTIONS = 700  # about a week; then the state stays "sent"
TOKEN_BYTES = 24
OVERDUE = timedelta(minutes=5)


class Patience(msgspec.Struct, frozen=True):
    """How patient delivering is; tests are less so."""

    retry_after: tuple[timedelta, ...] = RETRY_AFTER
    lease: timedelta = LEASE
    ask_again: timedelta = ASK_AGAIN


PATIENCE = Patience()


async def deliver(
    context: Context, sender: Sender | None, delivery: UUID, patience: Patience = PATIENCE
) -> timedelta | None:
    """One step of one delivery; how long until the next, None when there is no more to do."""
    async with context.db.tx() as connection:
        claimed = await invoice_deliveries.claim(connection, delivery, patience.lease)
        if not isinstance(claimed, Claimed):
            return claimed
        if claimed.channel == "email":
            await _mail(connection, context, claimed)
            return None
    document = msgspec.convert(claimed.document, Document)
    try:
        if sender is None:
            raise NotDelivered("no sender is set up (KLYNGE_EHF_URL)")
        if claimed.status == "sent":
            found = await sender.state(claimed.reference)
        else:
            found = await sender.send(str(claimed.id), claimed.recipient, invoice_files.xml(document))
    except NotDelivered as error:
        return await _failed(context, claimed, error, patience)
    return await _told(context, claimed, found, patience)


async def deliver_one_of_many(context: Context, sender: Sender | None, delivery: UUID) -> None:
    """One step of a delivery whose job has others to make as well; if there is more to do, another job goes on."""
    wait = await deliver(context, sender, delivery)
    if wait is not None:
        async with context.db.tx() as connection:
            await invoice_deliveries.go_on(connection, delivery, wait)


async def sweep(context: Context, overdue: timedelta = OVERDUE) -> list[UUID]:
    """Give every overdue delivery without a job a new one; which ones that were."""
    async with context.db.tx() as connection:
        return await invoice_deliveries.requeue_stranded(connection, overdue)


async def again(context: Context, actor: Actor, invoice: UUID, email: str = "") -> UUID:
    """Send an issued invoice by mail once more, to `email` or where its mails go. Refused `no_address`."""
    async with context.db.tx() as connection:
        (row,) = await invoices.rows(connection, [invoice]) or (None,)
        if row is None:
            raise NotFound("invoice_id", invoice)
        actor.must_manage_all(row["networks"], "invoice_id", invoice)
        if row["status"] != "issued":
            raise Refused("not_issued_yet", "status")
        recipient = email.strip() or await invoice_deliveries.address(connection, invoice)
        if not recipient:
            raise Invalid([("email", "no_address", {})])
        made = await invoice_deliveries.again(connection, invoice, "email", recipient)
        await audit.append(connection, actor, "invoice_sent_again", {"invoice": str(invoice)}, row["networks"][0])
        return made


async def _mail(connection: Connection, context: Context, claimed: Claimed) -> None:
    """Compose the mail and put it in the mail queue, unless an earlier try has."""
    document = msgspec.convert(claimed.document, Document)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    await invoice_links.add(connection, token, claimed.invoice_id)
    outgoing = Outgoing(
        f"{document.kind}_issued",
        Recipient(claimed.recipient, claimed.recipient_name, document.language),
        _values(context, document, token),
        organisation=claimed.organisation_id,  # of no network: it carries a link that opens without signing in
        id=claimed.id,
    )
    await mail.queue(connection, [outgoing])
    await invoices.event(connection, claimed.invoice_id, "queued", SYSTEM.name, to=claimed.recipient)


def _values(context: Context, document: Document, token: str) -> dict[str, Any]:
    t = translator(document.language)
    return {
        "network": document.seller.name,
        "organisation": document.buyer.name,
        "number": document.number,
        "amount": t.money(document.totals.payable, document.currency),
        "due_on": t.date(document.due_on) if document.due_on else "",
        "kid": document.kid,
        "account": document.seller.account or document.seller.iban,
        "credits": document.credits.number if document.credits else "",
        "link": f"{context.settings.base_url}/{document.language}/pay/{token}",
    }


async def _told(context: Context, claimed: Claimed, found: State, patience: Patience) -> timedelta | None:
    waits = found.status == "sent" and claimed.attempt < MOST_QUESTIONS
    async with context.db.tx() as connection:
        news = await invoice_deliveries.mark(
            connection,
            claimed.id,
            found.status,
            reference=found.id,
            error=found.reason if found.status == "rejected" else "",
            wait=patience.ask_again if waits else timedelta(0),
        )
        if news:
            detail = {"reason": found.reason} if found.reason else {}
            await invoices.event(
                connection, claimed.invoice_id, found.status, SYSTEM.name, to=claimed.recipient, **detail
            )
    return patience.ask_again if waits else None


async def _failed(context: Context, claimed: Claimed, error: NotDelivered, patience: Patience) -> timedelta | None:
    """Try again later, or leave it to a person. Not being able to ask is no failure of what was sent."""
    asking = claimed.status == "sent"
    final = not asking and (error.final or claimed.attempt > len(patience.retry_after))
    wait = patience.ask_again if asking else patience.retry_after[min(claimed.attempt, len(patience.retry_after)) - 1]
    async with context.db.tx() as connection:
        status = "failed" if final else claimed.status if asking else "queued"
        await invoice_deliveries.mark(connection, claimed.id, status, error=str(error), wait=wait)
        if final:
            await invoices.event(connection, claimed.invoice_id, "failed", SYSTEM.name, reason=str(error))
    return None if final or (asking and claimed.attempt >= MOST_QUESTIONS) else wait
