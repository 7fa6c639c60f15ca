"""An import of members killed at every named point: nothing is stored, and the job that comes next stores all of it."""

import asyncio
import signal
import sys
from uuid import UUID

import pytest

from crm import faults
from crm.actions import member_imports, verify
from crm.context import Context
from tests.broken_files import FIRST, SECOND, csv
from tests.commits.support import manager
from tests.conftest import context_on
from tests.crash import take_in
from tests.processes import ROOT, environment

pytestmark = [pytest.mark.anyio, pytest.mark.commits]

POINTS = tuple(p for p in faults.POINTS if p.startswith("import_"))
END_SECONDS = 60
STATE = (
    "select (select count(*) from organisation), (select count(*) from membership_decision),"
    " (select count(*) from membership_grant), (select count(*) from feed), (select count(*) from audit),"
    " (select status from member_import), (select done from member_import) >= 0"
)


async def state(context: Context) -> tuple[object, ...]:
    return tuple(await context.db.pool.fetchrow(STATE))


async def killed(dsn: str, wanted: UUID, point: str) -> int | None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", take_in.__name__, dsn, str(wanted)),
        cwd=ROOT,
        env=environment(KLYNGE_CRASH_AT=point),
    )
    return await asyncio.wait_for(process.wait(), END_SECONDS)


async def test_stored_whole_or_not_at_all_and_once(own_database: str) -> None:
    assert len(POINTS) == 2
    async with context_on(own_database, size=4) as context:
        actor = await manager(context)
        wanted = await member_imports.upload(context, actor, "nora-industry-network", "m.csv", csv(FIRST, SECOND))
        await member_imports.map_columns(context, actor, wanted, None)
        await asyncio.gather(member_imports.check(context, wanted), member_imports.check(context, wanted))
        await member_imports.confirm(context, actor, wanted)
        before = await state(context)
        for point in POINTS:
            assert await killed(own_database, wanted, point) == -signal.SIGKILL
            assert await state(context) == before
        await asyncio.gather(member_imports.load(context, wanted), member_imports.load(context, wanted))
        row = await context.db.pool.fetchrow("select status, done, total, file from member_import")
        assert tuple(row) == ("done", 2, 2, None)
        assert await context.db.pool.fetchval("select count(*) from organisation where name = $1", FIRST[1]) == 1
        await member_imports.undo(context, actor, wanted)
        await asyncio.gather(member_imports.take_back(context, wanted), member_imports.take_back(context, wanted))
        assert await context.db.pool.fetchval("select status from member_import") == "undone"
        assert await verify.run(context) == []
