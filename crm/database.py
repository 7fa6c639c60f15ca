"""The database: one pool for Piccolo and raw SQL, and the one way to open a transaction.

Never use Piccolo's own `DB.transaction()`: when its COMMIT fails the connection is not given back
and the next transaction silently does not exist (stack.md 0.1, tests/crm/test_database.py).
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from asyncpg.pool import PoolConnectionProxy
from piccolo.engine.postgres import PostgresEngine, PostgresTransaction

from piccolo_conf import DB

Connection = asyncpg.Connection | PoolConnectionProxy

STATEMENT_TIMEOUT_MS = 30_000
IDLE_IN_TRANSACTION_TIMEOUT_MS = 60_000


class Database:
    """What actions and reads are given: `tx()` to write, `reading()` to show."""

    def __init__(self, pool: asyncpg.Pool, engine: PostgresEngine = DB) -> None:
        self.pool = pool
        self.engine = engine

    @asynccontextmanager
    async def tx(self, **options: Any) -> AsyncIterator[Connection]:
        """One transaction on one connection, for raw SQL and Piccolo alike; nested = a savepoint.

        `options` go to asyncpg (isolation, readonly, deferrable). Whatever fails, COMMIT included,
        the connection goes back to the pool and the context is clean.
        """
        if parent := self.engine.current_transaction.get():
            async with parent.connection.transaction():
                yield parent.connection
            return
        async with self.pool.acquire() as connection:
            current = PostgresTransaction(self.engine)
            current.connection = connection
            token = self.engine.current_transaction.set(current)
            try:
                async with connection.transaction(**options):
                    yield connection
            finally:
                self.engine.current_transaction.reset(token)

    @asynccontextmanager
    async def reading(self, networks: Iterable[UUID]) -> AsyncIterator[Connection]:
        """A read-only transaction that sees only these networks' rows: the second tenant wall (ADR 0002).

        Begin and wall go in one message, since every page and every list waits for it. Inside a
        transaction already open (tests) it is a savepoint, and the settings are put back after it.
        """
        wall = f"set local role crm_reader; set local crm.networks = '{','.join(map(str, networks))}'"
        if self.engine.current_transaction.get() is not None:
            async with self.tx() as connection:
                await connection.execute(wall)
                yield connection
                await connection.execute("reset role; set local crm.networks = ''")
            return
        async with self.pool.acquire() as connection:
            await connection.execute(f"begin read only; {wall}")
            try:
                yield connection
            finally:
                await connection.execute("rollback")  # nothing was written


async def open_pool(dsn: str, size: int = 8) -> asyncpg.Pool:
    """Open the pool, hand it to Piccolo too, and let JSONB be Python data on both sides."""
    pool = await asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=size,
        init=_prepare,
        reset=_nothing_to_reset,
        server_settings={
            "application_name": "klynge",
            "statement_timeout": str(STATEMENT_TIMEOUT_MS),
            "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_TIMEOUT_MS),
        },
    )
    DB.pool = pool
    return pool


async def close_pool(pool: asyncpg.Pool) -> None:
    """Close the pool and take it from Piccolo."""
    DB.pool = None
    await pool.close()


async def _nothing_to_reset(connection: asyncpg.Connection) -> None:
    """Settings and locks of ours are all local to a transaction; asking the server to forget them costs a trip."""


async def _prepare(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: msgspec.json.encode(value).decode(),
        decoder=msgspec.json.decode,
    )
