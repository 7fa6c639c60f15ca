"""The worker: takes jobs from the queue (pgqueuer) and runs them, in the web process or as `crm worker`.

A job belongs to a worker as long as its heartbeat is fresh; a killed worker's jobs are taken over by
another within `heartbeat + poll`. Any number of workers may run at once.
"""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import asyncpg
import msgspec
import structlog
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgPoolDriver
from pgqueuer.errors import RetryRequested
from pgqueuer.models import Job, Schedule
from pgqueuer.ports.driver import NotifyCallback

from crm.actions import webhook_deliveries
from crm.actions.mail import POLICY, Policy
from crm.context import Context
from crm.gateways.mail import Mailer
from crm.gateways.stripe import Accounts
from crm.jobs import feeds
from crm.jobs.schedule import TIMETABLE
from crm.jobs.tasks import TASKS, Task, Tools

BATCH = 10
CONCURRENT = 20
# After an error nobody foresaw: seconds to wait, more at each try; then the job is held for a person.
ERROR_WAITS = (5, 30, 120, 600, 1800, 3600)
LAST_SECONDS = 0.6  # what a cancelled job has left to say goodbye

log = structlog.get_logger()


class Timing(msgspec.Struct, frozen=True):
    """How quickly the worker notices things, in seconds."""

    heartbeat: float = 10.0  # older: its worker is dead, the job is taken over
    poll: float = 5.0  # when no notification comes
    restart: float = 1.0  # after the database went away
    patience: float = 1.2  # for running jobs, when asked to stop


IN_PROCESS = Timing()
OWN_PROCESS = Timing(patience=20.0)


class Worker:
    """Runs tasks and timetable on the pool of its context until stopped."""

    def __init__(self, tools: Tools, timing: Timing = IN_PROCESS) -> None:
        self._tools = tools
        self._timing = timing
        self._stopping = asyncio.Event()
        self._queue: PgQueuer | None = None
        self._task: asyncio.Task[None] | None = None
        self._watch = feeds.FeedWatch(tools.context, tools.webhooks)

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="worker")
        self._watch.start()

    async def stop(self) -> None:
        """Take no new jobs, wait a little for running ones, then hand those back to the queue."""
        self._stopping.set()
        if self._queue:
            self._queue.shutdown.set()
        await self._watch.stop()
        if self._task is None:
            return
        done, _ = await asyncio.wait({self._task}, timeout=self._timing.patience)
        if not done:
            self._task.cancel()
            done, _ = await asyncio.wait({self._task}, timeout=LAST_SECONDS)
        if not done:
            log.error("worker_did_not_stop")

    async def _run(self) -> None:
        while not self._stopping.is_set():
            self._queue = self._build()
            try:
                await self._queue.run(
                    dequeue_timeout=timedelta(seconds=self._timing.poll),
                    heartbeat_timeout=timedelta(seconds=self._timing.heartbeat),
                    batch_size=BATCH,
                    max_concurrent_tasks=CONCURRENT,
                    shutdown_on_listener_failure=True,
                )
            except Exception as error:
                log.warning("worker_interrupted", error=f"{type(error).__name__}: {error}")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), self._timing.restart)

    def _build(self) -> PgQueuer:
        queue = PgQueuer(WorkerDriver(self._tools.context.db.pool, {feeds.CHANNEL: self._watch.ring}))
        for name, task in TASKS.items():
            queue.entrypoint(name, on_failure="hold")(_job(task, self._tools))
        for expression, action in TIMETABLE:
            queue.schedule(action.__name__, expression)(_run_at(action, self._tools))
        return queue


@contextlib.asynccontextmanager
async def working(
    context: Context,
    mailer: Mailer,
    timing: Timing = IN_PROCESS,
    policy: Policy = POLICY,
    webhooks: webhook_deliveries.Policy = webhook_deliveries.POLICY,
) -> AsyncIterator[Worker]:
    """A worker inside another program, such as the web process (its lifespan)."""
    cards = Accounts(context.settings)
    worker = Worker(Tools(context, mailer, cards, policy, webhooks), timing)
    worker.start()
    try:
        yield worker
    finally:
        await worker.stop()
        await cards.close()


async def work_until_signalled(
    context: Context, mailer: Mailer, timing: Timing = OWN_PROCESS, policy: Policy = POLICY
) -> None:
    """A worker as a process of its own: until SIGINT or SIGTERM."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked.set)
    try:
        async with working(context, mailer, timing, policy):
            await asked.wait()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _job(task: Task, tools: Tools) -> Callable[[Job], Awaitable[None]]:
    async def run(job: Job) -> None:
        try:
            again = await task(tools, msgspec.json.decode(job.payload or b"{}"))
        except asyncio.CancelledError:  # the worker stops: the job goes back, it is not "canceled"
            raise RetryRequested(timedelta(0), "the worker was stopped") from None
        except Exception as error:
            if job.attempts >= len(ERROR_WAITS):
                raise
            log.exception("job_failed", task=job.entrypoint, job=job.id, attempt=job.attempts + 1)
            wait = timedelta(seconds=ERROR_WAITS[job.attempts])
            raise RetryRequested(wait, type(error).__name__) from None
        if again is not None:
            raise RetryRequested(again, "not yet")

    return run


def _run_at(action: Callable[[Tools], Awaitable[None]], tools: Tools) -> Callable[[Schedule], Awaitable[None]]:
    async def run(_: Schedule) -> None:
        await action(tools)

    return run


class WorkerDriver(AsyncpgPoolDriver):
    """pgqueuer's driver, whose first health check waits until somebody listens (ADR 0003).

    Sent earlier, it would be lost, and after ten seconds the listener would be taken for dead. Who wants to hear of
    other channels (`also`) does so on the same connection; once now, for what was missed.
    """

    def __init__(self, pool: asyncpg.Pool, also: dict[str, NotifyCallback] | None = None) -> None:
        super().__init__(pool)
        self._listening = asyncio.Event()
        self._also = dict(also or {})

    async def add_listener(self, channel: str, callback: NotifyCallback) -> None:
        await super().add_listener(channel, callback)
        while self._also:
            other, heard = self._also.popitem()
            await super().add_listener(other, heard)
            heard("")
        self._listening.set()

    async def notify(self, channel: str, payload: str) -> None:
        await self._listening.wait()
        await super().notify(channel, payload)
