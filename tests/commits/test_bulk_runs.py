"""Bulk runs that really commit: the same form at the same moment, and a long run that is interrupted and goes on."""

import asyncio
from uuid import UUID, uuid4

import pytest

from crm.actions import bulk_runs, tags
from crm.actions.bulk_runs import Extra, Wanted
from crm.actor import Actor
from crm.context import Context
from crm.jobs.tasks import TASKS, Tools
from crm.store import bulk_runs as store
from tests.conftest import context_on

pytestmark = [pytest.mark.anyio, pytest.mark.commits]
SLUG = "nce-smart-energy-markets"


async def _some(context: Context) -> tuple[Actor, UUID, list[UUID]]:
    """A manager of a network, and its members of today."""
    async with context.db.tx() as connection:
        network = await connection.fetchval("select id from network where slug = $1", SLUG)
        rows = await connection.fetch(
            "select membership_id from membership_period where network_id = $1 and superseded_at is null"
            " and starts_on <= '2026-11-22' and (ends_on is null or ends_on > '2026-11-22') order by 1",
            network,
        )
    mine = frozenset({network})
    return Actor("Tester", "web", manages=mine, reads=mine), network, [row["membership_id"] for row in rows]


async def test_the_same_form_at_the_same_moment_charges_each_member_once(own_database):
    async with context_on(own_database) as context:
        actor, network, members = await _some(context)
        wanted = Wanted("charge", extra=Extra({"nb": "Messe", "en": "Fair"}, 100_00, "outside"))
        token = uuid4()
        made = await asyncio.gather(
            *(bulk_runs.begin(context, actor, network, wanted, members, token) for _ in range(4))
        )
        assert len(set(made)) == 1
        async with context.db.tx() as connection:
            charged = await connection.fetch("select membership_id, net from charge where names ->> 'en' = 'Fair'")
            run = await connection.fetchrow("select * from bulk_run")
            lines = await connection.fetchval(
                "select count(*) from bulk_run_row where run_id = $1 and outcome = 'changed'", run["id"]
            )
        assert sorted(row["membership_id"] for row in charged) == members
        assert (run["status"], run["total"], run["changed"], run["failed"]) == ("done", len(members), len(members), 0)
        assert lines == len(members)
        again = await bulk_runs.begin(context, actor, network, wanted, members, uuid4())
        assert again != made[0], "another form is another run"


async def test_a_long_run_goes_on_where_it_was_interrupted_and_does_each_member_once(own_database, monkeypatch):
    monkeypatch.setattr(bulk_runs, "AT_ONCE", 5)
    monkeypatch.setattr(bulk_runs, "AT_A_TIME", 20)
    async with context_on(own_database) as context:
        actor, network, members = await _some(context)
        tag = await tags.create(context, actor, network, tags.TagForm("Long"))
        run = await bulk_runs.begin(context, actor, network, Wanted("tag", tag=tag), members, uuid4())
        async with context.db.tx() as connection:
            assert await connection.fetchval("select status from bulk_run where id = $1", run) == "waiting"
            assert await connection.fetchval("select count(*) from membership_tag") == 0, "a worker does it"
        settle, calls = store.settle, []

        async def dying(connection, wanted, settled):
            calls.append([each.membership for each in settled])
            if len(calls) == 3:
                raise ConnectionResetError("killed in the middle of a batch")
            await settle(connection, wanted, settled)

        monkeypatch.setattr(store, "settle", dying)
        with pytest.raises(ConnectionResetError):
            await TASKS[store.TASK](Tools(context, None, None), {"run": str(run)})  # type: ignore[arg-type]
        async with context.db.tx() as connection:
            assert await connection.fetchval("select done from bulk_run where id = $1", run) == 40
            assert await connection.fetchval("select count(*) from membership_tag") == 40, "the third batch is undone"
        await asyncio.gather(*(bulk_runs.settle(context, run) for _ in range(2)))  # two workers take it over
        batches = calls[:2] + calls[3:]  # without the one that was undone
        assert sorted(each for batch in batches for each in batch) == members
        async with context.db.tx() as connection:
            row = await connection.fetchrow("select status, done, changed, failed from bulk_run where id = $1", run)
            assert tuple(row) == ("done", len(members), len(members), 0)
            assert await connection.fetchval("select count(*) from membership_tag") == len(members)
        back = await asyncio.gather(*(bulk_runs.undo(context, actor, run) for _ in range(3)))
        assert len(set(back)) == 1
        await bulk_runs.settle(context, back[0])
        async with context.db.tx() as connection:
            assert await connection.fetchval("select count(*) from membership_tag") == 0
