"""The turn of the day: a membership that ends in the future leaves the feed when its day has passed."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from crm.actions import days, memberships, verify
from crm.actions.memberships import Change
from crm.actor import Actor
from crm.clock import FixedClock
from crm.context import Context

pytestmark = pytest.mark.anyio


async def _ending(context: Context, actor: Actor) -> UUID:
    async with context.db.tx() as connection:
        membership = await connection.fetchval(
            "select m.id from membership m join network n on n.id = m.network_id"
            " join organisation o on o.id = m.organisation_id"
            " where n.slug = 'nora-industry-network' and o.name = 'eSmart Systems'"
        )
    await memberships.make(context, actor, membership, Change("ending", date(2026, 12, 1), reason="Leaves"))
    return membership


async def _feed(context: Context, membership: UUID) -> list[str]:
    async with context.db.tx() as connection:
        rows = await connection.fetch("select op from feed where membership_id = $1 order by version", membership)
    return [row["op"] for row in rows]


def _at(context: Context, *moment: int) -> Context:
    return Context(context.db, FixedClock(datetime(*moment, tzinfo=UTC)), context.settings)


async def test_the_feed_says_remove_when_the_last_day_has_passed(context: Context, actor: Actor) -> None:
    membership = await _ending(context, actor)
    assert (await _feed(context, membership))[-1] == "upsert"

    await days.turn(_at(context, 2026, 11, 30, 22, 59))  # still 30 November in Oslo
    assert (await _feed(context, membership))[-1] == "upsert"

    # ended: itself, its linked membership in CLAIRE, and nobody else
    assert await days.turn(_at(context, 2026, 11, 30, 23, 1)) == 2
    assert (await _feed(context, membership))[-1] == "remove"
    assert await days.turn(_at(context, 2026, 12, 1, 9, 0)) == 0


async def test_verify_wants_the_turn_of_the_day(context: Context, actor: Actor) -> None:
    await _ending(context, actor)
    later = _at(context, 2026, 12, 2, 9, 0)
    missed = [d.check for d in await verify.run(later) if d.check.startswith("feed")]
    assert missed == ["feed_newest", "feed_newest"]
    await days.turn(later)
    assert [d for d in await verify.run(later) if d.check.startswith("feed")] == []
