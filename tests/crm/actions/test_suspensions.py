"""Suspensions that have begun are lifted, not erased: AC-2f with the linked membership."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from crm.actions import memberships, verify
from crm.actions.memberships import Change
from crm.actor import Actor
from crm.clock import FixedClock
from crm.context import Context

pytestmark = pytest.mark.anyio


async def _membership(context: Context) -> UUID:
    async with context.db.tx() as connection:
        return await connection.fetchval(
            "select m.id from membership m join network n on n.id = m.network_id"
            " join organisation o on o.id = m.organisation_id"
            " where n.slug = 'nora-industry-network' and o.name = 'eSmart Systems'"
        )


async def _suspended(context: Context, network: str) -> list[tuple[date, date | None]]:
    async with context.db.tx() as connection:
        rows = await connection.fetch(
            "select p.starts_on, p.ends_on from membership_period p join network n on n.id = p.network_id"
            " join organisation o on o.id = p.organisation_id where n.slug = $1 and o.name = 'eSmart Systems'"
            " and p.status = 'suspended' and p.superseded_at is null order by p.starts_on",
            network,
        )
    return [tuple(row) for row in rows]


async def _mails(context: Context, kind: str) -> int:
    async with context.db.tx() as connection:
        return await connection.fetchval("select count(*) from mail where kind = $1", kind)


async def test_ac_02f_lifting_keeps_the_days_it_lasted(context: Context, actor: Actor) -> None:
    membership = await _membership(context)
    made = await memberships.make(context, actor, membership, Change("suspension", date(2026, 11, 22), reason="Unpaid"))
    assert await _suspended(context, "nora-industry-network") == [(date(2026, 11, 22), None)]
    assert await _suspended(context, "claire-innovation-network") == [(date(2026, 11, 22), None)]

    later = Context(context.db, FixedClock(datetime(2026, 12, 10, 9, tzinfo=UTC)), context.settings)
    await memberships.take_back(later, actor, membership, made.decision)
    lasted = [(date(2026, 11, 22), date(2026, 12, 10))]
    assert await _suspended(context, "nora-industry-network") == lasted
    assert await _suspended(context, "claire-innovation-network") == lasted
    assert await _mails(context, "suspension_lifted") >= 2
    assert await verify.run(later) == []


async def test_a_suspension_that_has_not_begun_is_taken_back_whole(context: Context, actor: Actor) -> None:
    membership = await _membership(context)
    made = await memberships.make(context, actor, membership, Change("suspension", date(2026, 12, 24)))
    await memberships.take_back(context, actor, membership, made.decision)
    assert await _suspended(context, "nora-industry-network") == []
    assert await _mails(context, "suspension_lifted") == 0
    assert await verify.run(context) == []
