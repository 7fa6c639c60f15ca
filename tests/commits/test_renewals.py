"""Renewals at the same time: two workers on one run, two runs of one network, a member who leaves meanwhile."""

import asyncio
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from crm.actions import memberships, renewals, verify
from crm.actions.memberships import Change
from crm.actions.renewals import Wanted
from crm.context import Context
from tests.commits.support import manager
from tests.conftest import context_on

pytestmark = [pytest.mark.anyio, pytest.mark.commits]

YEAR = date(2027, 1, 1)
SOON = 60  # seconds, on a busy machine
NETWORK = "nora-industry-network"
TWICE = """
select count(*) from (
    select membership_id from charge group by membership_id, component, starts_on having count(*) > 1) t
"""


async def previewed(context: Context, **given: bool) -> UUID:
    run = await renewals.begin(context, await manager(context), Wanted(NETWORK, YEAR, **given))
    await renewals.preview(context, run)
    return run


async def test_two_workers_on_one_run_and_two_runs_of_one_network(
    own_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewals, "MEMBERS_AT_A_TIME", 4)
    async with context_on(own_database) as context:
        first, second = await previewed(context), await previewed(context)
        await renewals.confirm(context, await manager(context), first)
        await asyncio.gather(*(renewals.bill(context, first) for _ in range(4)))
        await renewals.confirm(context, await manager(context), second)
        await asyncio.gather(*(renewals.bill(context, second) for _ in range(2)))
        rows = await context.db.pool.fetch("select status, done, invoices from renewal_run order by created_at")
        assert [tuple(row) for row in rows] == [("done", 24, 23), ("done", 24, 0)]
        assert await context.db.pool.fetchval(TWICE) == 0
        assert await context.db.pool.fetchval("select count(*) from invoice where number is not null") == 23
        assert await verify.run(context) == []


async def test_whoever_leaves_between_preview_and_bill_is_not_billed(own_database: str) -> None:
    async with context_on(own_database) as context:
        run = await previewed(context)
        row = await context.db.pool.fetchrow(
            "select membership_id from renewal_item where run_id = $1 and state = 'due' order by row_id limit 1", run
        )
        actor = await manager(context)
        await memberships.make(context, actor, row["membership_id"], Change("ending", YEAR, reason="moved on"))
        await renewals.confirm(context, actor, run)
        await renewals.bill(context, run)
        found = await context.db.pool.fetchrow(
            "select state from renewal_item where run_id = $1 and membership_id = $2", run, row["membership_id"]
        )
        assert found["state"] == "ending"
        assert not await context.db.pool.fetchval(
            "select count(*) from charge where membership_id = $1", row["membership_id"]
        )
        assert await context.db.pool.fetchval("select invoices from renewal_run where id = $1", run) == 22
        assert await verify.run(context) == []


async def test_the_next_batch_is_made_while_one_is_written(own_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewals, "MEMBERS_AT_A_TIME", 9)
    make, write = renewals._Work._ready, renewals._Work._write
    made: list[asyncio.Event] = [asyncio.Event() for _ in range(3)]

    async def ready(self: renewals._Work, *given: Any) -> Any:
        found = await make(self, *given)
        next(each for each in made if not each.is_set()).set()
        return found

    async def written(self: renewals._Work, connection: Any, run: Any, batch: Any) -> None:
        following = run.done // 9 + 1
        if following < len(made):
            await asyncio.wait_for(made[following].wait(), SOON)
        await write(self, connection, run, batch)

    monkeypatch.setattr(renewals._Work, "_ready", ready)
    monkeypatch.setattr(renewals._Work, "_write", written)
    async with context_on(own_database) as context:
        run = await previewed(context)
        await renewals.confirm(context, await manager(context), run)
        await renewals.bill(context, run)
        row = await context.db.pool.fetchrow("select status, done, invoices from renewal_run where id = $1", run)
        assert tuple(row) == ("done", 24, 23)
        assert await verify.run(context) == []


async def test_a_run_that_is_cancelled_writes_no_batch_that_was_made(
    own_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewals, "MEMBERS_AT_A_TIME", 2)
    async with context_on(own_database) as context:
        run, actor = await previewed(context), await manager(context)
        await renewals.confirm(context, actor, run)
        write, cancelled = renewals._Work._write, asyncio.Event()

        async def written(self: renewals._Work, *given: Any) -> None:
            assert not cancelled.is_set(), "a batch is written after the run was cancelled"
            await write(self, *given)

        async def stop() -> None:
            await renewals.cancel(context, actor, run)
            cancelled.set()

        monkeypatch.setattr(renewals._Work, "_write", written)
        stopping: list[asyncio.Task[None]] = []
        await renewals.bill(context, run, lambda done, of: stopping.append(asyncio.create_task(stop())))
        await asyncio.gather(*stopping)
        row = await context.db.pool.fetchrow("select status, done, total from renewal_run where id = $1", run)
        billed = await context.db.pool.fetchval("select count(*) from renewal_item where run_id = $1", run)
        assert row["status"] == "cancelled" and 0 < row["done"] < row["total"] == billed
        numbers = await context.db.pool.fetch("select number from invoice where number is not null order by number")
        assert [each["number"] for each in numbers] == list(range(1, len(numbers) + 1))
        assert await verify.run(context) == []
