"""kill -9 around a message to a partner: it comes at least once, always the same one; no change is forgotten."""

import asyncio
import signal
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from crm import faults
from crm.actions import webhook_deliveries, webhooks
from crm.clock import FixedClock
from crm.context import Context
from crm.settings import Settings
from tests.commits.support import NETWORK, manager, waiting
from tests.conftest import context_on
from tests.crash import decide, tell
from tests.processes import ROOT, environment
from tests.receiver import PATIENT, Receiver, receiving

pytestmark = [pytest.mark.anyio, pytest.mark.commits]

END_SECONDS = 60
# What has reached the partner when the process dies there, and after another one has done its part.
POINTS = {"webhook_claimed": (0, 1), "webhook_answered": (1, 2)}


def test_these_are_all_points_of_webhooks() -> None:
    assert set(POINTS) == {point for point in faults.POINTS if point.startswith("webhook_")}


async def killed(point: str, *command: object) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *map(str, command)),
        cwd=ROOT,
        env=environment(KLYNGE_CRASH_AT=point),
        stderr=subprocess.PIPE,
    )
    _, told = await asyncio.wait_for(process.communicate(), END_SECONDS)
    assert process.returncode == -signal.SIGKILL, told.decode()


async def enabled(context: Context, receiver: Receiver) -> UUID:
    """A webhook of the network that was told where the feed is, and has nothing waiting."""
    key = await context.db.pool.fetchval(
        "select k.id from api_key k join network n on n.id = k.network_id where n.slug = $1", NETWORK
    )
    made = await webhooks.create(context, await manager(context), key, webhooks.Wanted(receiver.url, "CRM", [NETWORK]))
    for _ in range(2):
        await webhook_deliveries.send(context, (await on_its_way(context))["id"], PATIENT)
    await webhook_deliveries.tell(context, PATIENT)
    assert not await on_its_way(context)
    receiver.heard.clear()
    return made.id


async def on_its_way(context: Context) -> dict[str, Any]:
    row = await context.db.pool.fetchrow("select * from webhook_delivery where status in ('queued', 'sending')")
    return dict(row) if row else {}


async def test_a_killed_decision_is_told_and_a_killed_sender_sends_again(own_database: str) -> None:
    """The decision's process dies right after its commit; nobody was told, and yet the partner is."""
    clock = FixedClock(datetime.now(UTC))
    async with context_on(own_database, clock, size=4) as plain, receiving() as receiver:
        context = Context(plain.db, clock, Settings(development=True, outgoing_loopback=True))
        await enabled(context, receiver)
        application = await waiting(context)
        await killed("approval_committed", decide.__name__, own_database, "approve", application)
        for point, (before, after) in POINTS.items():
            receiver.heard.clear()
            clock.moment = datetime.now(UTC)
            made, _ = await webhook_deliveries.tell(context, PATIENT)
            assert made == 1
            message = (await on_its_way(context))["id"]
            await killed(point, tell.__name__, own_database, message)
            assert len(receiver.heard) == before
            clock.moment = datetime.now(UTC)
            wait = await webhook_deliveries.send(context, message, PATIENT)
            assert wait, "its lease must be over first"
            clock.moment += wait
            assert await webhook_deliveries.send(context, message, PATIENT) is None
            heard = await receiver.until(after)
            assert len(heard) == after and {(each.id, each.body) for each in heard} == {(str(message), heard[0].body)}
            log = await context.db.pool.fetch(
                "select why, status_code from webhook_attempt where delivery_id = $1 order by number", message
            )
            assert [tuple(row) for row in log] == [("interrupted", None), ("", 204)]
            await context.db.pool.execute("update webhook_feed set xid = 0, seq = 0")  # as if it had moved again
