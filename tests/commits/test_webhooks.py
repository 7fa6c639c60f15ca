"""Telling and sending at once, by many hands: nobody waits in a circle, nothing is told twice or forgotten."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import pytest

from crm.actions import webhook_deliveries, webhooks
from crm.clock import FixedClock
from crm.context import Context
from crm.database import Connection
from crm.settings import Settings
from crm.store import webhooks as store
from tests.commits.support import manager
from tests.conftest import context_on
from tests.receiver import PATIENT, receiving

pytestmark = [pytest.mark.anyio, pytest.mark.commits]

HOOKS, ROUNDS, HANDS = 3, 8, 3
CONTROL_ROUNDS = 300  # it ends with the first circle, which comes within a few
_BEHIND = (
    "update webhook_feed set xid = 0, seq = 0 where id in (select id from webhook_feed order by random() limit 12)"
)


async def test_many_hands_tell_and_send_at_once(own_database: str) -> None:
    await _many_hands(own_database)


async def test_control_one_feed_locked_alone_and_they_wait_in_a_circle(
    own_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def one(connection: Connection, webhook: UUID) -> None:
        wanted = "select from webhook_feed where webhook_id = $1 order by id desc limit 1 for no key update"
        await connection.execute(wanted, webhook)

    monkeypatch.setattr(store, "lock_feeds", one)
    with pytest.raises(asyncpg.DeadlockDetectedError):
        await _many_hands(own_database, CONTROL_ROUNDS)


async def _many_hands(dsn: str, rounds: int = ROUNDS) -> None:
    async with context_on(dsn, FixedClock(datetime.now(UTC)), size=10) as plain, receiving() as receiver:
        context = Context(plain.db, plain.clock, Settings(development=True, outgoing_loopback=True))
        pool, actor = context.db.pool, await manager(context)
        key = await pool.fetchval("select id from api_key where role = 'manager' and network_id is null")
        for number in range(HOOKS):
            await webhooks.create(context, actor, key, webhooks.Wanted(receiver.url, f"System {number}"))

        async def send_all() -> None:
            for row in await pool.fetch(
                "select id from webhook_delivery where status in ('queued', 'sending') order by random()"
            ):
                await webhook_deliveries.send(context, row["id"], PATIENT)

        await send_all()  # the pings
        for _ in range(rounds):
            await pool.execute(_BEHIND)
            told = [webhook_deliveries.tell(context, PATIENT) for _ in range(HANDS)]
            await asyncio.gather(*told, *(send_all() for _ in range(HANDS)))
        await webhook_deliveries.tell(context, PATIENT)
        await send_all()
        assert await webhook_deliveries.tell(context, PATIENT) == (0, False)
        states = await pool.fetch("select status, count(*) from webhook_delivery group by status")
        assert [row["status"] for row in states] == ["delivered"]
        heard = [each.id for each in receiver.heard]
        assert len(heard) == len(set(heard)) == states[0]["count"] > HOOKS * rounds
