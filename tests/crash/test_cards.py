"""kill -9 at every point of a card payment: whatever is asked again is done once, and no money is lost or doubled."""

import asyncio
import signal
import subprocess
import sys
from uuid import UUID

import pytest

from cluster_rules.money_facts import payment_id
from crm import faults
from crm.actions import card_events, cards, verify
from crm.gateways.stripe import Accounts
from tests.commits.support import manager
from tests.conftest import context_on
from tests.crash import pay
from tests.crm.billing import bill
from tests.crm.cards import bring, provider
from tests.processes import ROOT, environment

pytestmark = [pytest.mark.anyio, pytest.mark.commits]

END_SECONDS = 20
POINTS = tuple(p for p in faults.POINTS if p.startswith("card_"))


async def run(dsn: str, address: str, what: str, subject: UUID | str, crash_at: str = "") -> int:
    """The step in a process of its own; its exit code."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", pay.__name__, dsn, address, what, str(subject)),
        cwd=ROOT,
        env=environment(KLYNGE_CRASH_AT=crash_at),
        stderr=subprocess.PIPE,
    )
    _, told = await asyncio.wait_for(process.communicate(), END_SECONDS)
    assert process.returncode is not None
    assert process.returncode <= 0, told.decode()
    return process.returncode


@pytest.mark.parametrize("point", POINTS)
async def test_a_card_payment_survives(own_database: str, point: str) -> None:
    """Open the form, pay, let the event come, pay some of it back; one of the processes dies at the point."""
    async with context_on(own_database, size=4) as own, provider(own) as (fake, accounts, context):
        mine = await bill(context, await manager(context), "Kort AS")

        async def step(what: str, subject: UUID | str, *dying: str) -> None:
            if point in dying:
                assert await run(own_database, fake.base, what, subject, point) == -signal.SIGKILL
                assert await verify.run(context) == []
            if what == "refund" and point in dying:
                await asked_again(context, accounts)
            else:
                await pay.work(context, accounts, what, str(subject))

        await step("open", mine.id, "card_form_asked", "card_form_opened")
        (session,) = [o for o in fake.state.objects.values() if o["object"] == "checkout.session"]
        fake.state.pay(session)
        (completed,) = [e for e in fake.held if e["type"] == "checkout.session.completed"]
        assert await card_events.receive(context, accounts, *fake.signed(completed)) == "kept"
        await step("event", completed["id"], "card_event_read", "card_event_booked")
        (charge,) = [o for o in fake.state.objects.values() if o["object"] == "charge"]
        await step("refund", payment_id("stripe", charge["id"]), "card_refund_asked", "card_refund_done")
        await bring(context, accounts, fake, list(fake.held))
        owed, paid = await context.db.pool.fetchrow(
            "select sum(amount) filter (where account = 'receivable'), sum(amount) filter (where account ="
            " 'card_clearing') from ledger_entry where invoice_id = $1 or payment_id = $2",
            mine.id,
            payment_id("stripe", charge["id"]),
        )
        assert (owed, paid, charge["amount_refunded"]) == (100_00, mine.gross - 100_00, 100_00)
        assert await verify.run(context) == []


async def asked_again(context: pay.Context, accounts: Accounts) -> None:
    """What the job does that was queued with the refund, before the provider was asked."""
    (wanted,) = await context.db.pool.fetch("select id from card_refund")
    assert await context.db.pool.fetchval("select count(*) from pgqueuer where entrypoint = 'ask_card_refund'") == 1
    assert await cards.ask_refund(context, accounts, wanted["id"]) is None
