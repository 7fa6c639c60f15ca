"""Processes to be killed: a zygote with everything imported, and a child of it for each round, under load.

`python -m tests.crash.load` reads one order a line (`Order` as JSON) and forks; the child writes a line of JSON for
each thing that is done, with one system call, so that a line is there or not. The zygote says who was born, who died.
"""

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from random import Random
from typing import Any

import httpx
import msgspec
import structlog
import uvloop
from litestar import Litestar

from crm.app import create_app
from crm.clock import FixedClock
from crm.context import Context
from crm.database import Database, open_database
from crm.gateways.stripe import Accounts
from crm.settings import Settings
from tests.commits.support import manager
from tests.crash import broken
from tests.crash.plan import story
from tests.crash.teller import Known, Teller
from tests.crm.cards import HOST, KEY
from tests.fakes.stripe import SECRET

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
BASE = "http://klynge.test"
POOL = 8
AT_ONCE = 6
CONNECTING_SECONDS = 0.005
LONGEST_SECONDS = 180  # no child outlives its driver by more
ERRORS_ONLY = 40
TOLD = os.dup(1)  # the log writes to 1, which is the same as 2 from now on


class Order(msgspec.Struct, frozen=True):
    """One round: where the database and the card provider are, which stories are left, what is to be wrong.

    Stories that are not `finished` are told from `first` on, up to `last` (None: without an end), `at_once` at once.
    """

    dsn: str
    provider: str
    manager_key: str
    seed: int
    first: int = 0
    last: int | None = None
    finished: tuple[int, ...] = ()
    known: Known = {}
    at_once: int = AT_ONCE
    broken: str = ""


def tell(said: dict[str, Any]) -> None:
    """One line, whole or not at all."""
    os.write(TOLD, msgspec.json.encode(said) + b"\n")


def numbers(order: Order) -> Iterator[int]:
    """The stories to tell, in order."""
    for number in count(order.first):
        if order.last is not None and number > order.last:
            return
        if number not in order.finished:
            yield number


async def under_load(order: Order, app: Litestar, settings: Settings) -> None:
    """Tell stories until there are none left."""
    accounts = Accounts(settings)
    async with open_database(order.dsn, POOL) as db, httpx.AsyncClient(timeout=30) as outside:
        context = Context(db, FixedClock(NOW), settings)
        app.state.context, app.state.cards = context, accounts
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        headers = {"authorization": f"Bearer {order.manager_key}"}
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            actor = await manager(context)
            teller = Teller(
                context,
                actor,
                accounts,
                client,
                outside,
                order.provider,
                headers,
                tell,
                Random(order.first),
                order.known,
            )
            await asyncio.gather(*(_connected(db) for _ in range(order.at_once)))
            with broken.step(order):
                waiting = numbers(order)
                await asyncio.gather(*(_worker(order, teller, waiting) for _ in range(order.at_once)))
    await accounts.close()


async def _connected(db: Database) -> None:
    """Let the pool open a connection: what is killed should be work, not a beginning."""
    async with db.tx() as connection:
        await connection.fetchval("select pg_sleep($1)", CONNECTING_SECONDS)


async def _worker(order: Order, teller: Teller, waiting: Iterator[int]) -> None:
    for number in waiting:
        try:
            await teller.live(story(order.seed, number))
        except Exception as error:
            tell({"wrong": f"story {number}: {type(error).__name__}: {error}"})


def child(order: Order, app: Litestar, settings: Settings) -> None:
    """What a forked process does, from birth to its end."""
    signal.alarm(LONGEST_SECONDS)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(under_load(order, app, settings))


def zygote() -> None:
    """Import once, fork for each order, wait for the child's end."""
    os.dup2(2, 1)
    logging.getLogger("asyncpg").setLevel(logging.CRITICAL)  # its pool tells of each try while the server is away
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(ERRORS_ONLY))
    app: Litestar | None = None
    for line in sys.stdin.buffer:
        order = msgspec.json.decode(line, type=Order)
        settings = Settings(
            development=True,
            base_url=BASE,
            stripe_keys={HOST: KEY},
            stripe_secrets={HOST: (SECRET,)},
            stripe_url=order.provider,
        )
        if app is None:
            app = create_app(settings)
            gc.freeze()
        born = os.fork()
        if not born:
            code = 1
            try:
                child(order, app, settings)
                code = 0
            finally:
                os._exit(code)
        tell({"born": born})
        _, status = os.waitpid(born, 0)
        tell({"died": os.waitstatus_to_exitcode(status)})


if __name__ == "__main__":
    zygote()
