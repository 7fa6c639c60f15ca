"""kill -9 in the middle of a pushed list, then the job again: every row once, and no half of a batch."""

import asyncio
import signal
import sys
from uuid import UUID

import pytest

from crm import faults, listed
from crm.actions import member_lists, verify
from crm.actions.member_lists import Options
from crm.listed import Listed
from tests.commits.support import manager
from tests.conftest import context_on
from tests.crash import push
from tests.processes import ROOT, environment

pytestmark = [pytest.mark.anyio, pytest.mark.commits]

POINTS = tuple(p for p in faults.POINTS if p.startswith("member_list_"))
NORA = "nora-industry-network"
ROWS = 4 * push.AT_A_TIME
END_SECONDS = 60


async def killed(dsn: str, run: UUID, point: str) -> int:
    started = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", push.__name__, dsn, str(run)), cwd=ROOT, env=environment(KLYNGE_CRASH_AT=point)
    )
    return await asyncio.wait_for(started.wait(), END_SECONDS)


async def test_killed_at_every_point_and_run_again(own_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(member_lists, "ROWS_AT_A_TIME", push.AT_A_TIME)
    monkeypatch.setattr(member_lists, "AT_ONCE", 0)
    rows = [listed.check(Listed(f"C-{n}", f"Langt Borte {n} AS", "NO", "partner")) for n in range(ROWS)]
    async with context_on(own_database, size=4) as context:
        run = await member_lists.begin(context, await manager(context), NORA, rows, Options())
        done = 0
        for point in POINTS:
            assert await killed(own_database, run, point) == -signal.SIGKILL
            done += push.AT_A_TIME if point == "member_list_committed" else 0
            row = await context.db.pool.fetchrow("select done, status from member_list where id = $1", run)
            assert row["done"] == done
            made = await context.db.pool.fetchval("select count(*) from organisation where name like 'Langt Borte %'")
            assert made == done, "a batch is there as a whole or not at all"
        await member_lists.settle(context, run)
        row = await context.db.pool.fetchrow("select status, done, counts from member_list where id = $1", run)
        assert (row["status"], row["done"], row["counts"]) == ("done", ROWS, {"created": ROWS})
        assert await context.db.pool.fetchval("select count(*) from external_ref") == ROWS
        assert await verify.run(context) == []
