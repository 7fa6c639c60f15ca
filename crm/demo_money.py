"""The demo's money: the annual bills of last year and of this one, and who has paid. Made up, like the fees.

Everything goes through the actions that bill and book for real, with the clock put back to the day. Most pay, some
late, a few not at all: aging, reminders and reports have something to tell. Nothing is sent, it counts as delivered.
"""

from datetime import UTC, date, datetime, time, timedelta

import msgspec

from crm.actions import dunning, payments, renewals
from crm.actions.renewals import Wanted
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.clock import FixedClock
from crm.context import Context
from crm.reads import ledger
from crm.reads.ledger import Issued
from crm.store import invoice_deliveries

# Network -> month and day on which its bills go out.
BILLED = {
    "nora-industry-network": (4, 20),
    "sin-applied-ai": (3, 2),
    "nce-smart-energy-markets": (9, 21),
    "claire-innovation-network": (11, 2),
}
PAY_AFTER = (9, 16, 22, 27, 30, 34, 47)  # days, by turns; 30 are given
DUN_AFTER = (45, 61, 81)  # days: a reminder, a notice of collection, and a suspension that waits for a person
EVERY = 11  # of this year's bills one is not paid, and one in part
MORNING = time(8, 0, tzinfo=UTC)


async def load(context: Context, actor: Actor, kept: Catalogue) -> int:
    """Bill, pay and remind, as of the context's day; how many invoices there are."""
    everything = frozenset(kept.by_id)
    manager = msgspec.structs.replace(actor, manages=everything, reads=everything)
    today = context.clock.now().date()
    days = [(date(year, *BILLED[slug]), slug) for year in (today.year - 1, today.year) for slug in BILLED]
    for day, slug in sorted(each for each in days if each[0] < today):
        await _bill(_on(context, day), manager, Wanted(slug, date(day.year, 1, 1), dry_run=False))
    async with context.db.tx() as connection:
        await invoice_deliveries.count_as_sent(connection)
        issued = await ledger.issued(connection)
    for number, each in enumerate(issued):
        await _pay(context, manager, number, each, today)
    billed = [day for day, _ in days if day.year == today.year]
    for day in sorted(day + timedelta(days=after) for day in billed for after in DUN_AFTER):
        if day < today:
            await dunning.run_all(_on(context, day), manager)
    return len(issued)


async def _bill(context: Context, actor: Actor, wanted: Wanted) -> None:
    """What the worker would do, at once."""
    run = await renewals.begin(context, actor, wanted)
    while await renewals.preview(context, run) is not None:
        pass
    await renewals.bill(context, run)


async def _pay(context: Context, actor: Actor, number: int, invoice: Issued, today: date) -> None:
    on = invoice.issued_on + timedelta(days=PAY_AFTER[number % len(PAY_AFTER)])
    turn = number % EVERY if invoice.issued_on.year == today.year else -1
    if on > today or turn == 0:
        return
    amount = invoice.gross // 2 if turn == EVERY // 2 else invoice.gross
    await payments.record(_on(context, on), actor, invoice.id, amount, invoice.currency, on)


def _on(context: Context, day: date) -> Context:
    return msgspec.structs.replace(context, clock=FixedClock(datetime.combine(day, MORNING)))
