"""Workers, mails and mail servers for the tests of jobs."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from email import message_from_bytes
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
from aiosmtpd.smtp import SMTP, Envelope, Session

from crm.actions.mail import Policy
from crm.clock import SystemClock
from crm.context import Context
from crm.database import Connection, Database, close_pool, open_pool
from crm.gateways.mail import DevelopmentMailer, Message, NotSent
from crm.jobs.worker import Timing
from crm.settings import Settings
from crm.store import jobs
from crm.store.mail import SEND_TASK

ROOT = Path(__file__).resolve().parents[3]
WAIT_SECONDS = 60.0
QUICK = Timing(heartbeat=0.8, poll=0.2, restart=0.2)
LEASE_SECONDS = 1.0
# Nobody is killed: a slow machine must not be taken for a dead worker, whose mails another would send once more.
CALM = Timing(heartbeat=30.0, poll=0.2, restart=0.2)
CALM_LEASE_SECONDS = 60.0
IMPATIENT = Policy(
    retry_after=(timedelta(milliseconds=100), timedelta(milliseconds=200)),
    lease=timedelta(seconds=LEASE_SECONDS),
    overdue=timedelta(seconds=0.5),
)

WORKER = """
import asyncio, json, sys
from datetime import timedelta
from crm.actions.mail import Policy
from crm.clock import SystemClock
from crm.context import Context
from crm.database import Database, open_pool
from crm.gateways.mail import SmtpMailer
from crm.jobs import worker
from crm.settings import Settings

async def main(dsn, smtp, timing, lease):
    context = Context(Database(await open_pool(dsn)), SystemClock(), Settings())
    policy = Policy(lease=timedelta(seconds=lease))
    mailer = SmtpMailer(smtp, "Klynge <post@klynge.example>")
    print("up", flush=True)
    await worker.work_until_signalled(context, mailer, worker.Timing(**timing), policy)
    print("down", flush=True)

asyncio.run(main(*json.loads(sys.argv[1])))
"""


class WorkerProcess:
    """`crm worker` in small: a process of its own, which a test may kill or have crash at a named point."""

    def __init__(self, dsn: str, smtp: str, crash_at: str = "", calm: bool = False) -> None:
        timing, lease = (CALM, CALM_LEASE_SECONDS) if calm else (QUICK, LEASE_SECONDS)
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER, json.dumps([dsn, smtp, msgspec.structs.asdict(timing), lease])],
            cwd=ROOT,
            env={**os.environ, "KLYNGE_CRASH_AT": crash_at},
            stdout=subprocess.PIPE,
            text=True,
        )

    async def up(self) -> "WorkerProcess":
        assert self.process.stdout
        assert await asyncio.to_thread(self.process.stdout.readline) == "up\n"
        return self

    async def ended(self) -> int:
        return await asyncio.to_thread(self.process.wait, WAIT_SECONDS)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


class Postbox:
    """A mail server that keeps the Message-IDs of what it accepted."""

    def __init__(self) -> None:
        self.accepted: list[str] = []
        self.delay = 0.0
        self.url = ""

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:
        await asyncio.sleep(self.delay)
        self.accepted.append(str(message_from_bytes(envelope.content)["Message-ID"]))
        return "250 accepted"


@asynccontextmanager
async def postbox() -> AsyncIterator[Postbox]:
    box, loop = Postbox(), asyncio.get_running_loop()
    server = await loop.create_server(partial(SMTP, box, hostname="box.example", loop=loop), "127.0.0.1", 0)
    box.url = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}?starttls=never"
    try:
        yield box
    finally:
        server.close()


class FakeMailer(DevelopmentMailer):
    """Answers as told: a list of failures first, then success; may be slow."""

    def __init__(self, *failures: NotSent, seconds: float = 0.0) -> None:
        self.failures = list(failures)
        self.seconds = seconds
        self.tried: list[Message] = []

    async def send(self, message: Message) -> None:
        self.tried.append(message)
        await asyncio.sleep(self.seconds)
        if self.failures:
            raise self.failures.pop(0)


@asynccontextmanager
async def context_on(dsn: str) -> AsyncIterator[Context]:
    """A context on a queue emptied of what the seed left in it."""
    pool = await open_pool(dsn)
    try:
        await pool.execute("delete from mail; delete from pgqueuer; delete from pgqueuer_log")
        yield Context(Database(pool), SystemClock(), Settings(development=True))
    finally:
        await close_pool(pool)


async def queue_mail(
    context: Context, count: int = 1, send_after: datetime | None = None, with_job: bool = True
) -> list[UUID]:
    """Mails with their jobs, in one transaction, as the store writes them."""
    async with context.db.tx() as connection:
        return await write_mails(connection, count, send_after, with_job)


async def write_mails(
    connection: Connection, count: int = 1, send_after: datetime | None = None, with_job: bool = True
) -> list[UUID]:
    now = await connection.fetchval("select now()")
    ids = [uuid4() for _ in range(count)]
    await connection.executemany(
        "insert into mail (id, kind, language, recipient, recipient_name, subject, body_text, body_html, send_after,"
        " status, attempts, created_at) values ($1, 'test', 'nb', 'kari@firma.example', 'Kari', 'Hei', 'Hei', '', $2,"
        " 'queued', 0, now())",
        [(mail, send_after or now) for mail in ids],
    )
    if with_job:
        await jobs.enqueue(connection, SEND_TASK, [({"mail": str(mail)}, send_after) for mail in ids], now)
    return ids


async def row(context: Context, mail: UUID) -> dict[str, Any]:
    found = await context.db.pool.fetchrow("select * from mail where id = $1", mail)
    assert found
    return dict(found)


async def until(condition: Callable[[], Awaitable[object]]) -> float:
    """Seconds until it held."""
    begun = time.monotonic()
    while not await condition():
        assert time.monotonic() - begun < WAIT_SECONDS, "waited in vain"
        await asyncio.sleep(0.02)
    return time.monotonic() - begun


async def all_sent(context: Context) -> bool:
    return not await context.db.pool.fetchval("select count(*) from mail where status <> 'sent'")


async def queue_empty(context: Context) -> bool:
    return not await context.db.pool.fetchval("select count(*) from pgqueuer")
