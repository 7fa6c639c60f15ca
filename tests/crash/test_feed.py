"""kill -9 between commit and answer: whoever asks again changes nothing, and partners hear of it exactly once."""

import json
import signal
from collections import Counter
from typing import Any
from uuid import UUID

import pytest

from crm.actions import applications
from crm.context import Context
from crm.cursors import START, Position
from crm.reads import feed
from tests.commits.support import NETWORK, STARTS, manager, waiting
from tests.conftest import context_on
from tests.crash.test_kill_9 import run

pytestmark = [pytest.mark.anyio, pytest.mark.commits]


async def told_after(context: Context, network: UUID, after: Position) -> tuple[list[dict[str, Any]], Position]:
    page = await feed.changes(context.db.pool, network, after, 1000)
    return json.loads(bytes(page.items)), page.last


@pytest.mark.parametrize(("point", "told"), [("approval_committed", 1), ("approval_before_commit", 0)])
async def test_a_killed_approval_is_told_once_or_not(own_database: str, point: str, told: int) -> None:
    async with context_on(own_database, size=2) as context:
        network = await context.db.pool.fetchval("select id from network where slug = $1", NETWORK)
        wanted = await waiting(context)
        old, after = await told_after(context, network, START)
        assert await run(own_database, "approve", wanted, point) == -signal.SIGKILL
        entries, after = await told_after(context, network, after)
        assert [e["version"] for e in entries] == [1] * told
        await applications.approve(context, await manager(context), wanted, STARTS)
        again, _ = await told_after(context, network, after)
        assert len(entries) + len(again) == 1
        whole, _ = await told_after(context, network, START)
        assert Counter((e["id"], e["version"]) for e in whole).most_common(1)[0][1] == 1
        assert len(whole) == len(old) + 1
