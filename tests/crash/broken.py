"""Controls of the rounds: one step of the load or of the product is made wrong, in the process of the test only.

Each is a mistake the checks after a round are there to find; `tests/crash/test_rounds.py` shows that they do.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import Any, Protocol
from unittest.mock import patch

import asyncpg
from piccolo.engine.postgres import PostgresTransaction

from crm.database import Connection, Database
from crm.store import idempotency, invoices
from tests.crash import teller
from tests.crash.teller import Teller

EARLY = "told before it is committed"
TWICE = "payments without their idempotency key"
HOLES = "numbers committed before their documents"
ALL = (EARLY, TWICE, HOLES)
# The database refuses it otherwise, whoever tries.
WITHOUT_GUARD = "alter table invoice_series disable trigger user"


LATE_SECONDS = 0.25


class Ordered(Protocol):
    """Which mistake is wanted, and the database to make it in."""

    broken: str
    dsn: str


@contextmanager
def step(order: Ordered) -> Iterator[None]:
    """Make that step wrong while the load runs."""
    with ExitStack() as wrong:
        if order.broken == EARLY:
            wrong.enter_context(patch.object(Database, "tx", _committed_later))
            wrong.enter_context(patch.object(Teller, "_post", _patiently(Teller._post)))
        elif order.broken == TWICE:
            wrong.enter_context(patch.object(idempotency, "claim", _unclaimed(idempotency.claim)))
            wrong.enter_context(patch.object(teller, "ASKED_AGAIN", 1.0))
        elif order.broken == HOLES:
            wrong.enter_context(patch.object(invoices, "_numbers", _alone(order.dsn, invoices._numbers)))
        yield


@asynccontextmanager
async def _committed_later(db: Database, **options: Any) -> AsyncIterator[Connection]:
    """The answer goes out while the transaction is still open."""
    if parent := db.engine.current_transaction.get():
        yield parent.connection
        return
    connection = await db.pool.acquire()
    current = PostgresTransaction(db.engine)
    current.connection = connection
    token = db.engine.current_transaction.set(current)
    transaction = connection.transaction(**options)
    await transaction.start()
    try:
        yield connection
    except BaseException:
        await transaction.rollback()
        await db.pool.release(connection)
        raise
    finally:
        db.engine.current_transaction.reset(token)
    late = asyncio.ensure_future(_commit(db, connection, transaction))
    _LATE.add(late)
    late.add_done_callback(_LATE.discard)


_LATE: set[asyncio.Future[None]] = set()


async def _commit(db: Database, connection: Connection, transaction: Any) -> None:
    await asyncio.sleep(LATE_SECONDS)
    await transaction.commit()
    await db.pool.release(connection)


def _patiently(original: Callable[..., Any]) -> Callable[..., Any]:
    """The next step waits until the last one must be committed: nobody notices, but for a crash."""

    async def post(self: Teller, *given: Any) -> Any:
        await asyncio.sleep(1.2 * LATE_SECONDS)
        return await original(self, *given)

    return post


def _unclaimed(original: Callable[..., Any]) -> Callable[..., Any]:
    """Every payment is a new one, whatever its key says."""

    async def claim(connection: Connection, owner: str, key: str, fingerprint: str) -> Any:
        return None if "-pay-" in key else await original(connection, owner, key, fingerprint)

    return claim


def _alone(dsn: str, original: Callable[..., Any]) -> Callable[..., Any]:
    """The numbers are taken in a transaction of their own."""

    async def numbers(_: Connection, papers: Any) -> Any:
        own = await asyncpg.connect(dsn)
        try:
            made = await original(own, papers)
            await asyncio.sleep(LATE_SECONDS)
            return made
        finally:
            await own.close()

    return numbers
