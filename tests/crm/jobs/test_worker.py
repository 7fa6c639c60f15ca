"""The worker: stops quickly, outlives a lost database, holds what nobody foresaw, keeps its timetable."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import asyncpg
import pytest
from litestar import Litestar

from crm.errors import Unavailable
from crm.gateways.stripe import Accounts
from crm.jobs import schedule
from crm.jobs.tasks import Tools
from crm.jobs.worker import ERROR_WAITS, WorkerDriver, working
from crm.store import jobs
from crm.store.mail import SEND_TASK
from tests.crm.jobs.helpers import (
    IMPATIENT,
    LEASE_SECONDS,
    QUICK,
    WAIT_SECONDS,
    FakeMailer,
    WorkerProcess,
    all_sent,
    context_on,
    postbox,
    queue_empty,
    queue_mail,
    row,
    until,
)

pytestmark = [pytest.mark.anyio, pytest.mark.commits]
STOP_SECONDS = 10.0


async def test_works_in_the_lifespan_of_the_web_process(own_database: str) -> None:
    async with context_on(own_database) as context:

        @asynccontextmanager
        async def lifespan(_: Litestar) -> AsyncIterator[None]:
            async with working(context, FakeMailer(), QUICK):
                yield

        async with Litestar([], lifespan=[lifespan], openapi_config=None).lifespan():
            await queue_mail(context, 3)
            await until(lambda: queue_empty(context))
            begun = time.monotonic()
        stopped = time.monotonic() - begun
        assert await all_sent(context)
        assert stopped < STOP_SECONDS
        assert context.db.pool.get_idle_size() == context.db.pool.get_size(), "every connection came back"
        print(f"idle worker stopped in {stopped * 1000:.0f} ms")


async def test_stops_although_the_mail_server_hangs(own_database: str) -> None:
    """The job goes back to the queue and is done by the next worker, once the lease is over."""
    async with context_on(own_database) as context:
        hanging = FakeMailer(seconds=60)
        async with working(context, hanging, QUICK, IMPATIENT):
            [mail] = await queue_mail(context)
            await until(lambda: _true(hanging.tried))
            begun = time.monotonic()
        stopped = time.monotonic() - begun
        assert stopped < STOP_SECONDS
        queued = await context.db.pool.fetch("select status, attempts from pgqueuer")
        assert [tuple(job) for job in queued] == [("queued", 1)]
        assert context.db.pool.get_idle_size() == context.db.pool.get_size()
        async with working(context, FakeMailer(), QUICK, IMPATIENT):
            seconds = await until(lambda: all_sent(context))
        assert seconds < LEASE_SECONDS + WAIT_SECONDS and (await row(context, mail))["attempts"] == 2
        print(f"busy worker stopped in {stopped:.1f} s; its mail went out {seconds:.1f} s later")


@pytest.mark.parametrize("signal_name", ["SIGTERM", "SIGINT"])
async def test_own_process_finishes_what_it_has_begun(own_database: str, signal_name: str) -> None:
    async with context_on(own_database) as context, postbox() as box:
        box.delay = 0.5
        worker = await WorkerProcess(own_database, box.url).up()
        [mail] = await queue_mail(context)
        await until(lambda: context.db.pool.fetchval("select true from mail where status = 'sending'"))
        worker.process.send_signal(getattr(signal, signal_name))
        assert await worker.ended() == 0
        assert worker.process.stdout and worker.process.stdout.read() == "down\n"
        assert (await row(context, mail))["status"] == "sent" and await queue_empty(context)


async def test_goes_on_after_the_database_went_away(own_database: str) -> None:
    async with context_on(own_database) as context:
        async with working(context, FakeMailer(), QUICK, IMPATIENT):
            for _ in range(3):
                await until(lambda: _succeeds(queue_mail(context)))
                await until(lambda: all_sent(context))
                await _cut_all_connections(own_database)
            await until(lambda: _succeeds(queue_mail(context)))
            seconds = await until(lambda: all_sent(context))
        assert context.db.pool.get_idle_size() == context.db.pool.get_size(), "no place in the pool is lost"
        print(f"working again {seconds:.1f} s after the connections were cut")


async def test_no_health_check_is_lost_before_somebody_listens(own_database: str) -> None:
    """Lost, it would be taken for a dead listener: 14 of 20 workers gave up after ten seconds (ADR 0003)."""
    async with context_on(own_database) as context, WorkerDriver(context.db.pool) as driver:
        heard: asyncio.Queue[str | bytes | bytearray] = asyncio.Queue()
        sending = asyncio.create_task(driver.notify("channel", "first"))
        await asyncio.sleep(0.1)
        assert not sending.done()
        await driver.add_listener("channel", heard.put_nowait)
        assert await asyncio.wait_for(heard.get(), WAIT_SECONDS) == "first"
        await sending


async def test_an_error_nobody_foresaw_is_retried_then_held(own_database: str) -> None:
    async with context_on(own_database) as context:

        async def enqueue(payload: dict[str, str]) -> None:
            async with context.db.tx() as connection:
                now = await connection.fetchval("select now()")
                await jobs.enqueue(connection, SEND_TASK, [(payload, None)], now)

        async def job() -> tuple[str, int, float]:
            found = await context.db.pool.fetchrow(
                "select status::text, attempts, extract(epoch from execute_after - updated)::float from pgqueuer"
            )
            return tuple(found)

        async with working(context, FakeMailer(), QUICK):
            await enqueue({"mail": "not an id"})
            await until(lambda: context.db.pool.fetchval("select attempts from pgqueuer"))
            assert await job() == ("queued", 1, pytest.approx(ERROR_WAITS[0], abs=0.5))
            await context.db.pool.execute("update pgqueuer set attempts = $1, execute_after = now()", len(ERROR_WAITS))
            await until(lambda: context.db.pool.fetchval("select true from pgqueuer where status = 'failed'"))
            await queue_mail(context)
            await until(lambda: all_sent(context))  # the others do not suffer


async def test_the_timetable_runs_once_however_many_workers(own_database: str) -> None:
    """A run missed while no worker was up is made good; a mail without a job is found by it."""
    async with context_on(own_database) as context:
        pool = context.db.pool
        await pool.execute(
            "insert into pgqueuer_schedules (entrypoint, expression, next_run)"
            " values ('sweep_mails', '* * * * *', now() - interval '1 hour')"
        )
        [mail] = await queue_mail(context, with_job=False)
        await pool.execute("update mail set send_after = now() - interval '1 hour'")
        mailer = FakeMailer()
        begun = await pool.fetchval("select now()")  # a minute may end while the workers stop: the next run is due then
        async with working(context, mailer, QUICK), working(context, mailer, QUICK):
            await until(lambda: all_sent(context))
            await asyncio.sleep(0.3)
        assert len(mailer.tried) == 1 and (await row(context, mail))["attempts"] == 1
        times = await pool.fetch("select entrypoint, next_run > $1 as ahead from pgqueuer_schedules", begun)
        assert {time["entrypoint"] for time in times} == {action.__name__ for _, action in schedule.TIMETABLE}
        assert all(time["ahead"] for time in times)


async def test_the_log_of_jobs_does_not_grow_for_ever(own_database: str) -> None:
    async with context_on(own_database) as context:
        pool = context.db.pool
        async with working(context, FakeMailer(), QUICK):
            await queue_mail(context, 4)
            await until(lambda: queue_empty(context))
        kept = await pool.fetchval("select count(*) from pgqueuer_log")
        assert kept >= 8
        await pool.execute(
            "update pgqueuer_log set created = now() - make_interval(days => $1) where status = 'queued'",
            schedule.KEPT_DAYS + 1,
        )
        await schedule.forget_finished_jobs(Tools(context, FakeMailer(), Accounts(context.settings)))
        assert await pool.fetchval("select count(*) from pgqueuer_log") == kept - 4


async def _true(value: object) -> bool:
    return bool(value)


async def _succeeds(action: Awaitable[object]) -> bool:
    """The first to use a cut connection is told so."""
    try:
        await action
    except (Unavailable, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
        return False
    return True


async def _cut_all_connections(dsn: str) -> None:

    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    )
    await connection.close()
