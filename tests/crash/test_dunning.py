"""kill -9 in a run of dunning, and two runs at the same time: each step, letter and fee once, the books in balance."""

import asyncio
import signal
import subprocess
import sys

import pytest

from crm import faults
from crm.actions import days, dunning, verify
from crm.context import Context
from tests.commits.support import manager
from tests.conftest import context_on
from tests.crash import dun
from tests.crm.billing import NETWORK
from tests.crm.dunning import at, late_bill, with_ladder
from tests.processes import ROOT, environment

pytestmark = [pytest.mark.anyio, pytest.mark.commits]

END_SECONDS = 30
POINTS = tuple(p for p in faults.POINTS if p.startswith("dunning_"))
BILLS = 5
_ONCE = """
select (select count(*) from dunning_step), (select count(distinct invoice_id) from dunning_step),
    (select count(*) from mail where kind = 'invoice_reminder'),
    (select count(*) from ledger_transaction where kind = 'claimed'),
    (select count(*) from invoice_event where kind = 'reminded')
"""


async def killed(dsn: str, point: str) -> int:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", dun.__name__, dsn, "14"),
        cwd=ROOT,
        env=environment(KLYNGE_CRASH_AT=point),
        stderr=subprocess.PIPE,
    )
    _, told = await asyncio.wait_for(process.communicate(), END_SECONDS)
    assert process.returncode is not None and process.returncode <= 0, told.decode()
    return process.returncode


async def prepared(context: Context) -> None:
    actor = await manager(context)
    await with_ladder(context)
    for number in range(BILLS):
        await late_bill(context, actor, f"Sen {number} AS", "partner")


async def counted(context: Context) -> tuple[int, ...]:
    return tuple(await context.db.pool.fetchrow(_ONCE))


@pytest.mark.parametrize("point", POINTS)
async def test_a_killed_run_is_taken_up_again(own_database: str, point: str) -> None:
    async with context_on(own_database, size=4) as context:
        await prepared(context)
        assert await killed(own_database, point) == -signal.SIGKILL
        assert await counted(context) == (0, 0, 0, 0, 0)  # its batch was one transaction
        done = await dunning.run(at(context, 14), await manager(context), NETWORK)
        assert done.letters == {"reminder": BILLS}
        assert await counted(context) == (BILLS,) * 5
        await days.turn(at(context, 14))
        assert await verify.run(at(context, 14)) == []


async def test_two_runs_at_the_same_time(own_database: str) -> None:
    async with context_on(own_database, size=6) as context:
        await prepared(context)
        actor = await manager(context)
        runs = [dunning.run(at(context, 14), actor, NETWORK) for _ in range(3)]
        made = await asyncio.gather(*runs)
        assert sum(each.steps for each in made) == BILLS
        assert await counted(context) == (BILLS,) * 5
