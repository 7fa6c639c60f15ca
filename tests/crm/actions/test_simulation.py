"""A draft tried on a whole network does not hold up anybody: not the process, not its connection when it is stopped."""

import asyncio
from datetime import date

import msgspec
import pytest

from crm import catalogue
from crm.actions import simulation
from crm.actor import Actor
from crm.simulation import Simulating
from tests.conftest import context_on

pytestmark = pytest.mark.anyio
NORA = "nora-industry-network"


async def _draft(context):
    """Dearer for everybody from the next year on."""
    async with context.db.tx() as connection:
        book = (await catalogue.load(connection)).rulebooks.of(NORA)[-1]
    dearer = [
        msgspec.structs.replace(t, fees=tuple(msgspec.structs.replace(c, amount=c.amount + 100) for c in t.fees))
        for t in book.tiers
    ]
    day = date(2027, 1, 1)
    return msgspec.structs.replace(
        book, version=book.version + 1, tiers=tuple(dearer), effective_from=day, effective_from_existing=day
    )


async def test_others_have_their_turn_between_any_two_pieces_of_work(context, actor, monkeypatch):
    monkeypatch.setattr(simulation, "FAMILIES_IN_A_ROW", 3)
    monkeypatch.setattr(simulation, "FAMILIES_AT_A_TIME", 10)
    seen, count = [], Simulating.add

    def add(self, facts):
        seen.append("family")
        return count(self, facts)

    async def another():
        while True:
            seen.append("another")
            await asyncio.sleep(0)

    monkeypatch.setattr(Simulating, "add", add)
    other = asyncio.create_task(another())
    found = await simulation.simulate(context, actor, await _draft(context))
    other.cancel()
    runs = [len(run.split()) for run in " ".join(seen).split("another")]
    assert max(runs) == 3
    assert sum(runs) == found.families > 20


async def test_every_change_is_named_one_after_the_other(context, actor):
    named = []
    found = await simulation.simulate(context, actor, await _draft(context), name=named.append)
    assert len(named) == found.changed
    assert sorted(named, key=repr) == sorted(found.affected, key=repr)


async def test_the_size_of_a_batch_does_not_matter(context, actor, monkeypatch):
    draft = await _draft(context)
    whole = await simulation.simulate(context, actor, draft)
    heard = []
    monkeypatch.setattr(simulation, "FAMILIES_AT_A_TIME", 7)
    pieces = await simulation.simulate(context, actor, draft, tell=lambda *how: heard.append(how))
    assert pieces == whole
    assert [done for done, _ in heard] == [*range(7, whole.families, 7), whole.families]
    assert {of for _, of in heard} == {whole.families}


@pytest.mark.commits
async def test_who_is_stopped_gives_the_connection_back(own_database, monkeypatch):
    monkeypatch.setattr(simulation, "FAMILIES_AT_A_TIME", 5)
    async with context_on(own_database, size=1) as context:
        async with context.db.tx() as connection:
            ids = frozenset(row["id"] for row in await connection.fetch("select id from network"))
        draft, manager = await _draft(context), Actor("Test Manager", "web", manages=ids, reads=ids)
        counting = asyncio.create_task(
            simulation.simulate(context, manager, draft, tell=lambda *_how: counting.cancel())
        )
        with pytest.raises(asyncio.CancelledError):
            await counting
        async with asyncio.timeout(20), context.db.tx() as connection:
            assert not await connection.fetchval("select current_setting('transaction_read_only')::bool")
        assert (await simulation.simulate(context, manager, draft)).families > 5
