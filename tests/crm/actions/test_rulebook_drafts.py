"""Drafts of rules: saved over their own stamp only, also by two at once; done with when published; never half right."""

import asyncio

import msgspec
import pytest

from cluster_rules.errors import RulebookError
from crm import catalogue
from crm.actions import rulebook_drafts as actions
from crm.actions import rulebooks
from crm.actor import Actor
from crm.errors import NotFound, Refused
from crm.reads import rulebook_drafts as reads
from tests.conftest import context_on

pytestmark = pytest.mark.anyio
NORA = "nora-industry-network"


async def _held(context, actor):
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
    async with context.db.reading(actor.reads) as connection:
        return await reads.draft(connection, kept.network(NORA).id)


def _with_days(book, days):
    return msgspec.structs.replace(book, invoice=msgspec.structs.replace(book.invoice, payment_days=days))


async def test_a_save_from_an_older_draft_stores_nothing(context, actor):
    await actions.begin(context, actor, NORA, 1)
    first = await _held(context, actor)
    stamp = await actions.save(context, actor, _with_days(first.book, 10), first.stamp)
    assert stamp != first.stamp
    for old in (first.stamp, "", "nothing"):
        with pytest.raises(Refused) as told:
            await actions.save(context, actor, _with_days(first.book, 20), old)
        assert told.value.code == "version_stale"
    held = await _held(context, actor)
    assert (held.stamp, held.book.invoice.payment_days, held.based_on) == (stamp, 10, 1)


async def test_what_could_not_be_published_is_not_stored(context, actor):
    await actions.begin(context, actor, NORA, 1)
    first = await _held(context, actor)
    rule = msgspec.structs.replace(first.book.link_rules[0], agreement="nobody")
    with pytest.raises(RulebookError, match="nobody"):
        await actions.save(context, actor, msgspec.structs.replace(first.book, link_rules=(rule,)), first.stamp)
    with pytest.raises(RulebookError, match="the next version is 2"):
        await actions.save(context, actor, msgspec.structs.replace(first.book, version=4), first.stamp)
    assert await _held(context, actor) == first


async def test_published_the_same_draft_is_done_with_and_another_stays(context, actor):
    await actions.begin(context, actor, NORA, 1)
    first = await _held(context, actor)
    await rulebooks.publish(context, actor, _with_days(first.book, 10))
    stays = await _held(context, actor)
    assert (stays.book, stays.stamp, stays.based_on) == (first.book, first.stamp, 1)
    await rulebooks.publish(context, actor, msgspec.structs.replace(first.book, version=3))
    assert await _held(context, actor) is None


async def test_who_does_not_manage_the_network_writes_nothing_and_sees_nothing(context, actor):
    await actions.begin(context, actor, NORA, 1)
    held = await _held(context, actor)
    stranger = Actor("Somebody", "web")
    assert await _held(context, stranger) is None
    for act in (
        actions.begin(context, stranger, NORA, 1),
        actions.save(context, stranger, held.book, held.stamp),
        actions.discard(context, stranger, NORA, held.stamp),
    ):
        with pytest.raises(NotFound):
            await act
    assert await _held(context, actor) == held


@pytest.mark.commits
async def test_of_two_who_save_at_once_one_is_stored(own_database):
    async with context_on(own_database) as context:
        async with context.db.tx() as connection:
            ids = frozenset(row["id"] for row in await connection.fetch("select id from network"))
        actor = Actor("Test Manager", "web", manages=ids, reads=ids)
        await asyncio.gather(*(actions.begin(context, actor, NORA, 1) for _ in range(4)))
        first = await _held(context, actor)
        days = (11, 12, 13, 14)
        saves = (actions.save(context, actor, _with_days(first.book, n), first.stamp) for n in days)
        told = await asyncio.gather(*saves, return_exceptions=True)
        assert sorted(type(each).__name__ for each in told) == ["Refused", "Refused", "Refused", "str"]
        held = await _held(context, actor)
        assert held.stamp == next(each for each in told if isinstance(each, str))
        assert held.book.invoice.payment_days == next(
            n for n, each in zip(days, told, strict=True) if each == held.stamp
        )
