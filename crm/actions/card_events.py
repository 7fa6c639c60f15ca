"""What the card provider tells: kept when its signature is right, then the object it is about is read again and booked.

Events come twice, late, in any order or never; the facts are those of the *objects* (sync_security.md 3.1). A
refund or dispute that comes before its payment is parked by the ledger (M11). What never came at all, the
comparison of the books finds (`card_books`).
"""

from datetime import timedelta
from typing import Literal
from uuid import UUID

import structlog

from crm import catalogue, faults
from crm.context import Context
from crm.gateways.stripe import Accounts, BadSignature, Rejected, Unknown
from crm.store import card_money, cards, payments

WAITS = (5, 30, 120, 600, 3600, 4 * 3600, 12 * 3600)  # seconds between tries; then a person must look
STRANDED = timedelta(minutes=2)

log = structlog.get_logger("klynge")


async def receive(
    context: Context, accounts: Accounts, payload: bytes, signature: str
) -> Literal["kept", "known", "unsigned"]:
    """Keep an event for the worker. What the provider did not sign stands in the log and nowhere else (AC-22)."""
    try:
        account, event = accounts.read_event(payload, signature)
    except BadSignature as error:
        log.warning("card_event_not_signed", reason=str(error), size=len(payload))
        return "unsigned"
    async with context.db.tx() as connection:
        return "kept" if await cards.keep_event(connection, account, event, context.clock.now()) else "known"


async def handle(context: Context, accounts: Accounts, wanted: str) -> timedelta | None:
    """Book what an event is about; when to try again, None when it is done (or held for a person)."""
    async with context.db.tx() as connection:
        event = await cards.event(connection, wanted)
    if event is None or event.status != "waiting" or event.account not in set(accounts):
        return None
    taker = accounts.named(event.account)
    try:
        found = [each async for each in taker.about(event.kind, event.about)]
    except (Unknown, Rejected) as error:
        return await _later(context, event, error)
    faults.point("card_event_read")
    async with context.db.tx() as connection:
        kept, now = await catalogue.load(connection), context.clock.now()
        done = [await card_money.book_found(connection, kept, event.account, each, now) for each in found]
        expired = event.kind == "checkout.session.expired"
        if event.kind.startswith("checkout.session.") and (expired or any(done)):
            await cards.close_form(connection, event.about, "expired" if expired else "complete")
        known = any(done) or event.kind.startswith("checkout.session.")
        await cards.note_event(connection, wanted, "done" if known else "ignored", context.clock.now())
        faults.point("card_event_booked")
    return None


async def look(context: Context, accounts: Accounts, invoice: UUID) -> None:
    """A payer has come back from the card form: read it again at once, its event may be a while (or never come)."""
    async with context.db.tx() as connection:
        form = await cards.open_form(connection, invoice)
        billed = await payments.billed(connection, invoice)
        account = accounts.name_of(await cards.host_code(connection, billed.host))
    if form is None or not form.object_id or account is None:
        return
    try:
        found = [each async for each in accounts.named(account).about("checkout.session", form.object_id)]
    except (Unknown, Rejected) as error:
        log.warning("card_form_not_read", form=str(form.id), error=str(error))
        return
    if found:
        async with context.db.tx() as connection:
            kept, now = await catalogue.load(connection), context.clock.now()
            for each in found:
                await card_money.book_found(connection, kept, account, each, now)
            await cards.close_form(connection, form.object_id, "complete")


async def sweep(context: Context) -> list[str]:
    """Give every event without a job a new one; which ones those were."""
    now = context.clock.now()
    async with context.db.tx() as connection:
        return await cards.requeue_stranded(connection, now - STRANDED, now)


async def _later(context: Context, event: cards.Waiting, error: Unknown | Rejected) -> timedelta | None:
    last = event.attempts >= len(WAITS) or isinstance(error, Rejected)
    async with context.db.tx() as connection:
        await cards.note_event(connection, event.id, "held" if last else "waiting", context.clock.now(), str(error))
    log.log(40 if last else 30, "card_event_not_read", card_event=event.id, kind=event.kind, error=str(error))
    return None if last else timedelta(seconds=WAITS[event.attempts])
