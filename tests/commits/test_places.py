"""However many approvals race for the last places, never more than there are stand, and the queue is one."""

import asyncio
from datetime import timedelta

import pytest

from crm.actions import applications, places, verify
from crm.clock import FixedClock
from crm.context import Context
from tests.commits.support import STARTS, apply_many, manager
from tests.conftest import NOW, context_on
from tests.crm.actions.test_shapes import next_version, publish

pytestmark = [pytest.mark.anyio, pytest.mark.commits]

AT_ONCE = 12
FREE = 5
RULE = "principal-joins-claire"
HELD = f"select count(*) from place where rule = '{RULE}' and status = 'given'"
WAITING = f"select count(*) from place where rule = '{RULE}' and status = 'waiting'"
LINKED = f"select count(*) from membership_grant where rule = '{RULE}' and superseded_at is null and ends_on is null"


async def limit(context: Context, more: int) -> int:
    """NORA's rule towards CLAIRE gets as many places as are taken, and so many more; how many that is."""
    actor = await manager(context)
    document = next_version("nora-industry-network")
    standing = await context.db.pool.fetchval(
        f"select count(*) from membership_grant where rule = '{RULE}' and superseded_at is null"
        " and (ends_on is null or ends_on > '2026-11-22')"
    )
    document["link_rules"][0]["places"] = standing + more
    await publish(context, actor, document)
    return standing + more


async def test_item_11_never_more_than_there_are_places_stand(own_database: str) -> None:
    async with context_on(own_database, size=AT_ONCE) as context:
        limited, actor = await limit(context, FREE), await manager(context)
        before = await context.db.pool.fetchval(LINKED)
        wanted = await apply_many(context, AT_ONCE)
        await asyncio.gather(*(applications.approve(context, actor, each, STARTS) for each in wanted))
        assert await context.db.pool.fetchval(HELD) == limited
        assert await context.db.pool.fetchval(WAITING) == AT_ONCE - FREE
        assert await context.db.pool.fetchval(LINKED) == before + FREE
        assert await verify.run(context) == []


async def test_item_11_turns_of_the_day_and_approvals_at_once(own_database: str) -> None:
    """One more place is published while others are approved and two workers turn the day: the queue moves once."""
    async with context_on(own_database, size=AT_ONCE) as context:
        limited, actor = await limit(context, 0), await manager(context)
        wanted = await apply_many(context, 6)
        for each in wanted[:3]:
            await applications.approve(context, actor, each, STARTS)
        document = next_version("nora-industry-network") | {"version": 3}
        document["link_rules"][0]["places"] = limited + 2
        await publish(context, actor, document)
        later = Context(context.db, FixedClock(NOW + timedelta(minutes=1)), context.settings)
        await asyncio.gather(
            places.turn(later),
            places.turn(later),
            *(applications.approve(later, actor, each, STARTS) for each in wanted[3:]),
        )
        assert await places.turn(later) == 0
        assert await context.db.pool.fetchval(HELD) == limited + 2
        assert await context.db.pool.fetchval(WAITING) == 4
        first = await context.db.pool.fetch(
            f"select status from place where rule = '{RULE}' and not entitled order by asked_at, id limit 2"
        )
        assert [row["status"] for row in first] == ["given", "given"], "those who asked first got the places"
        assert await verify.run(context) == []
