"""Tells webhooks as soon as a feed rings. What rings while nobody listens is found by the timetable, each minute."""

import asyncio

import structlog

from crm.actions import webhook_deliveries
from crm.context import Context

CHANNEL = "klynge_feed"  # crm/migrations/sql/sync.sql
GATHER_SECONDS = 0.1  # what is decided together makes one message
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0  # while an open transaction hides a change, or the database is away

log = structlog.get_logger()


class FeedWatch:
    """Looks at the feeds when told to, one look at a time."""

    def __init__(self, context: Context, policy: webhook_deliveries.Policy) -> None:
        self._context = context
        self._policy = policy
        self._rung = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def ring(self, _: object = None) -> None:
        """Some feed may have something new."""
        self._rung.set()

    def start(self) -> None:
        self._rung.set()  # what has come before
        self._task = asyncio.create_task(self._run(), name="feed watch")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        pause = FIRST_PAUSE
        while True:
            await self._rung.wait()
            await asyncio.sleep(GATHER_SECONDS)
            self._rung.clear()
            try:
                _, unsettled = await webhook_deliveries.tell(self._context, self._policy)
            except Exception as error:
                log.warning("webhooks_not_told", error=f"{type(error).__name__}: {error}")
                unsettled = True
            if not unsettled:
                pause = FIRST_PAUSE
                continue
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            self._rung.set()
