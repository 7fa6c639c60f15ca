"""A file of the register, and differences answered together, killed at every point: nothing half, nothing twice."""

import asyncio
import io
import os
import signal
import sys
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from crm import faults
from crm.actions import register, register_bulks, register_runs, verify
from crm.context import Context
from crm.gateways import register_files
from crm.register_shapes import Wanted
from tests.commits.support import manager
from tests.conftest import context_on
from tests.crash import read_register
from tests.crm.actions.test_register import DAY, NETWORK
from tests.crm.actions.test_register_bulks import MEMBERS
from tests.processes import ROOT, environment
from tests.register_files import array, unit

pytestmark = [pytest.mark.anyio, pytest.mark.commits]

POINTS = tuple(point for point in faults.POINTS if point.startswith("register_"))
END_SECONDS = 60
STATE = (
    "select (select count(*) from register_unit), (select count(*) from register_read), (select count(*) from audit),"
    " (select count(*) from membership_review), (select count(*) from profile_change),"
    " (select sum(employees) from organisation_profile where superseded_at is null)"
)


async def state(context: Context) -> tuple[object, ...]:
    return tuple(await context.db.pool.fetchrow(STATE))


async def killed(dsn: str, folder: Path, what: str, wanted: UUID, point: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", read_register.__name__, dsn, str(folder), what, str(wanted)),
        cwd=ROOT,
        env=environment(KLYNGE_CRASH_AT=point),
    )
    assert await asyncio.wait_for(process.wait(), END_SECONDS) == -signal.SIGKILL


async def test_read_whole_or_not_at_all_and_answered_once(own_database: str, tmp_path: Path) -> None:
    assert POINTS == ("register_before_commit", "register_committed", "register_bulk_rows")
    async with context_on(own_database, size=4) as opened:
        context, actor = read_register.in_folder(opened, tmp_path), await manager(opened)
        rows = [row for row in await context.db.pool.fetch(MEMBERS, NETWORK) if row["employees"] < 50][:3]
        more = [unit(r["number"], r["name"], antallAnsatte=5_000, forretningsadresse=None) for r in rows]
        file, said = io.BytesIO(array(*more)), Wanted("enheter.json", DAY, part=True)
        run = await register_runs.upload(context, actor, NETWORK, file, said)
        place, before = register_files.path(tmp_path, run), await state(context)
        assert place.stat().st_mode & 0o077 == 0
        await killed(own_database, tmp_path, "file", run, POINTS[0])
        assert (await state(context), place.exists()) == (before, True)
        assert await context.db.pool.fetchval("select status = any('{waiting,reading}') from register_run")
        await killed(own_database, tmp_path, "file", run, POINTS[1])
        read = await state(context)
        assert place.exists() and read[1] == before[1] + 1
        await asyncio.gather(*(register_runs.settle(context, run, register.read) for _ in range(2)))
        assert (await state(context), place.exists()) == (read, False)
        assert await context.db.pool.fetchval("select status || done from register_run") == f"done{len(array(*more))}"

        bulk = await register_bulks.begin(context, actor, NETWORK, "take_over", "register_employees", None, uuid4())
        await register_bulks.settle(context, bulk, read_register.DEEDS)
        assert (await state(context))[1:] == read[1:]
        await register_bulks.confirm(context, actor, bulk)
        confirmed = await state(context)
        await killed(own_database, tmp_path, "bulk", bulk, POINTS[2])
        assert await state(context) == confirmed
        await asyncio.gather(*(register_bulks.settle(context, bulk, read_register.DEEDS) for _ in range(2)))
        done = await context.db.pool.fetchrow("select status, done, changed from register_bulk")
        assert tuple(done) == ("done", 3, 3)
        assert await context.db.pool.fetchval("select count(*) from profile_change") == confirmed[4] + 3
        assert await verify.run(context) == []


async def test_a_file_that_nobody_needs_any_more_goes_and_a_lost_one_is_said(own_database: str, tmp_path: Path) -> None:
    async with context_on(own_database, size=4) as opened:
        context, actor = read_register.in_folder(opened, tmp_path), await manager(opened)
        run = await register_runs.upload(context, actor, NETWORK, io.BytesIO(b"[]"), Wanted("e.json", DAY, part=True))
        place, stray = register_files.path(tmp_path, run), register_files.path(tmp_path, uuid4())
        stray.write_bytes(b"[]")
        assert await register_runs.forget_files(context) == 0  # it may be on its way
        for each in (place, stray):
            _age(each)
        assert await register_runs.forget_files(context) == 1
        assert (place.exists(), stray.exists()) == (True, False)
        place.unlink()
        await register_runs.settle(context, run, register.read)
        row = await context.db.pool.fetchrow("select status, problem ->> 'code' as code from register_run")
        assert tuple(row) == ("failed", "register_file_gone")


def _age(place: Path) -> None:
    old = place.stat().st_mtime - register_files.KEPT_SECONDS - 60
    os.utime(place, (old, old))
