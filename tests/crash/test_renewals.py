"""kill -9 in the middle of a renewal run, then the run again: numbers 1..n, nobody billed twice, nobody forgotten."""

import asyncio
import random
import signal
import subprocess
import sys
from datetime import date
from uuid import UUID

import pytest

from crm import faults
from crm.actions import renewals, verify
from crm.actions.renewals import Wanted
from crm.context import Context
from tests.commits.support import manager
from tests.conftest import context_on
from tests.crash import renew
from tests.processes import ROOT, environment

pytestmark = [pytest.mark.anyio, pytest.mark.commits]

POINTS = tuple(p for p in faults.POINTS if p.startswith("renewal_"))
OF_BILLING = tuple(p for p in POINTS if p not in ("renewal_listed", "renewal_told"))
END_SECONDS = 30
ROUNDS = 6
NUMBERS = "select number from invoice where number is not null order by number"
TWICE = """
select count(*) from (select membership_id, component, starts_on from charge where reason ->> 'code' = 'renewal'
    group by 1, 2, 3 having count(*) > 1) again
"""


async def process(dsn: str, job: str, run: UUID, crash_at: str = "", after: float = 0) -> int:
    """The job in a process of its own, killed at a point or after so many seconds; its exit code."""
    started = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", renew.__name__, dsn, job, str(run)),
        cwd=ROOT,
        env=environment(KLYNGE_CRASH_AT=crash_at),
        stderr=subprocess.PIPE,
    )
    if after:
        await asyncio.sleep(after)
        if started.returncode is None:
            started.kill()
    _, told = await asyncio.wait_for(started.communicate(), END_SECONDS)
    assert started.returncode is not None and started.returncode <= 0, told.decode()
    return started.returncode


async def begun(context: Context, network: str = "nora-industry-network") -> UUID:
    return await renewals.begin(context, await manager(context), Wanted(network, date(2027, 1, 1)))


async def sound(context: Context, run: UUID, invoices: int) -> None:
    row = await context.db.pool.fetchrow("select * from renewal_run where id = $1", run)
    assert (row["status"], row["done"], row["total"]) == ("done", 24, 24)
    numbers = [row["number"] for row in await context.db.pool.fetch(NUMBERS)]
    assert numbers == list(range(1, invoices + 1))
    assert await context.db.pool.fetchval(TWICE) == 0
    assert await verify.run(context) == []


async def test_killed_at_every_point_and_run_again(own_database: str) -> None:
    async with context_on(own_database, size=4) as context:
        run = await begun(context)
        assert await process(own_database, "preview", run, "renewal_listed") == -signal.SIGKILL
        await renewals.preview(context, run)
        listed = await context.db.pool.fetchval("select count(*) from renewal_item where run_id = $1", run)
        assert listed == 24, "a preview that was killed begins again"
        await renewals.confirm(context, await manager(context), run)
        for point in OF_BILLING[:-1]:
            before = await context.db.pool.fetchval("select done from renewal_run where id = $1", run)
            assert await process(own_database, "bill", run, point) == -signal.SIGKILL
            assert await context.db.pool.fetchval("select done from renewal_run where id = $1", run) == before
            assert await context.db.pool.fetchval("select count(*) from invoice where number is not null") == before
        assert await process(own_database, "bill", run, OF_BILLING[-1]) == -signal.SIGKILL
        done = await context.db.pool.fetchval("select done from renewal_run where id = $1", run)
        assert done == renew.AT_A_TIME, "what was committed stands, and counts as done"
        await renewals.bill(context, run)
        await sound(context, run, 23)


async def test_killed_at_random_moments_and_run_again(own_database: str) -> None:
    drawn = random.Random(19)
    async with context_on(own_database, size=4) as context:
        run = await begun(context)
        await renewals.preview(context, run)
        await renewals.confirm(context, await manager(context), run)
        for _ in range(ROUNDS):
            await process(own_database, "bill", run, after=drawn.uniform(0.3, 1.3))
        await renewals.bill(context, run)
        await sound(context, run, 23)
