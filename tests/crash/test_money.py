"""kill -9 while a payment is recorded and while a bank file is read: all of it or nothing, and once when done again."""

import asyncio
import signal
import subprocess
import sys

import pytest

from crm.actions import verify
from crm.context import Context
from tests.commits.support import manager
from tests.conftest import context_on
from tests.crash import money
from tests.crm.billing import Bill, bill
from tests.processes import ROOT, environment

pytestmark = [pytest.mark.anyio, pytest.mark.commits]

END_SECONDS = 20


async def run(dsn: str, what: str, about: Bill, crash_at: str) -> int:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", money.__name__, dsn, what, str(about.id), str(about.host), about.kid, str(about.gross)),
        cwd=ROOT,
        env=environment(KLYNGE_CRASH_AT=crash_at),
        stderr=subprocess.PIPE,
    )
    _, told = await asyncio.wait_for(process.communicate(), END_SECONDS)
    assert process.returncode is not None and process.returncode <= 0, told.decode()
    return process.returncode


async def counts(context: Context) -> tuple[int, ...]:
    return tuple(
        await context.db.pool.fetchrow(
            "select (select count(*) from payment), (select count(*) from bank_line), (select count(*) from bank_file),"
            " (select count(*) from ledger_entry), (select seq from audit_head)"
        )
    )


@pytest.mark.parametrize(("what", "point"), [("payment", "payment_posted"), ("bank", "bank_posted")])
async def test_money_that_comes_in_is_booked_or_not(own_database: str, what: str, point: str) -> None:
    async with context_on(own_database, size=3) as context:
        mine = await bill(context, await manager(context), "Kvele AS")
        before = await counts(context)
        assert await run(own_database, what, mine, point) == -signal.SIGKILL
        assert await counts(context) == before
        assert await verify.run(context) == []
        for _ in range(2 if what == "bank" else 1):  # the same file twice is one payment
            await money.work(context, what, str(mine.id), str(mine.host), mine.kid, str(mine.gross))
        owed = await context.db.pool.fetchval(
            "select sum(amount) from ledger_entry where invoice_id = $1 and account in ('receivable', 'member_credit')",
            mine.id,
        )
        assert (owed, await context.db.pool.fetchval("select count(*) from payment")) == (0, 1)
        assert await verify.run(context) == []
