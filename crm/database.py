"""The database: one pool for Piccolo and raw SQL, one for reading behind the tenant wall.

Never use Piccolo's own `DB.transaction()`: when its COMMIT fails the connection is not given back
and the next transaction silently does not exist (stack.md 0.1, tests/crm/test_database.py).
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from asyncpg.pool import PoolConnectionProxy
from piccolo.engine.postgres import PostgresEngine, PostgresTransaction

from crm.errors import Refused, TooSlow, Unavailable
from crm.vault import CLEAR, Vault
from piccolo_conf import DB

Connection = asyncpg.Connection | PoolConnectionProxy

STATEMENT_TIMEOUT_MS = 30_000
IDLE_IN_TRANSACTION_TIMEOUT_MS = 60_000
WAIT_SECONDS = 30.0  # for a free connection
_SERVER_SETTINGS = {
    "application_name": "klynge",
    "statement_timeout": str(STATEMENT_TIMEOUT_MS),
    "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_TIMEOUT_MS),
}


# SQLSTATE of our own triggers -> (code, field).
OWN_REFUSALS = {"KLE01": ("person_erased", "email")}

# Who reads, and which setting says what they see: the office by network, an organisation's people their own.
WALLS = {"crm_reader": "crm.networks", "crm_member": "crm.organisations"}


class Writer(asyncpg.Connection):
    """A connection that decides; it knows the keys that secrets are sealed with."""

    vault: Vault = CLEAR


class Reader(asyncpg.Connection):
    """A connection that cannot write and sees only what it was last put before (ADR 0002, 0028)."""

    role = "crm_reader"
    before: str | None = None

    async def put_before(self, seen: str, role: str = "crm_reader") -> None:
        """From now on it sees these networks' or organisations' rows; asks the server only when that is news."""
        if self.role != role:
            self.before = None
            await self.execute(f"set role {role}")
            self.role = role
        if self.before != seen:
            self.before = None
            await self.execute("select set_config($1, $2, false)", WALLS[role], seen)
            self.before = seen


class Database:
    """What actions and reads are given: `tx()` to write, `reading()` to show.

    Without `readers` (tests inside one transaction, the command line) both use the one pool.
    """

    def __init__(self, pool: asyncpg.Pool, readers: asyncpg.Pool | None = None, engine: PostgresEngine = DB) -> None:
        self.pool = pool
        self.readers = readers
        self.engine = engine

    @property
    def several(self) -> bool:
        """Can two transactions of ours be at work at once? Not inside one, nor with a single connection."""
        return self.engine.current_transaction.get() is None and self.pool.get_max_size() > 1

    @asynccontextmanager
    async def tx(self, **options: Any) -> AsyncIterator[Connection]:
        """One transaction on one connection, for raw SQL and Piccolo alike; nested = a savepoint.

        `options` go to asyncpg (isolation, readonly, deferrable). Whatever fails, COMMIT included,
        the connection goes back to the pool and the context is clean. Unavailable when the server is away or went
        away meanwhile (during COMMIT too: then it may be done or not), or no connection came free in time.
        """
        if parent := self.engine.current_transaction.get():
            with _told():
                async with parent.connection.transaction():
                    yield parent.connection
            return
        async with _connection(self.pool) as connection:
            current = PostgresTransaction(self.engine)
            current.connection = connection
            token = self.engine.current_transaction.set(current)
            try:
                with _told():
                    async with connection.transaction(**options):
                        yield connection
            finally:
                self.engine.current_transaction.reset(token)

    @asynccontextmanager
    async def aside(self) -> AsyncIterator[Connection]:
        """A transaction of its own beside the one that is open: to tell others how far that one is.

        Only with more than one connection; what it locks, the open one must not have.
        """
        token = self.engine.current_transaction.set(None)
        try:
            async with self.tx() as connection:
                yield connection
        finally:
            self.engine.current_transaction.reset(token)

    @asynccontextmanager
    async def reading(self, networks: Iterable[UUID]) -> AsyncIterator[Connection]:
        """A connection that sees only these networks' rows: the second tenant wall (ADR 0002).

        Every statement sees the newest committed state, as in any transaction of ours. Inside a
        transaction already open it is a savepoint of it, and the wall is taken down after it.
        """
        async with self._reading("crm_reader", networks) as connection:
            yield connection

    @asynccontextmanager
    async def reading_own(self, organisations: Iterable[UUID]) -> AsyncIterator[Connection]:
        """The same for who acts for organisations: it sees their rows, in whatever network, and nobody else's."""
        async with self._reading("crm_member", organisations) as connection:
            yield connection

    @asynccontextmanager
    async def _reading(self, role: str, visible: Iterable[UUID]) -> AsyncIterator[Connection]:
        seen = ",".join(sorted(map(str, visible)))
        if self.readers is not None and self.engine.current_transaction.get() is None:
            async with _connection(self.readers) as connection:
                await connection.put_before(seen, role)
                yield connection
            return
        async with self.tx() as connection:
            await connection.execute(f"set local role {role}; set local {WALLS[role]} = '{seen}'")
            yield connection
            await connection.execute(f"reset role; set local {WALLS[role]} = ''")


@asynccontextmanager
async def open_database(dsn: str, size: int = 8, keys: Sequence[str] = ()) -> AsyncIterator[Database]:
    """The database of a running service, with as many connections for reading as for deciding.

    `keys` seal the stored secrets (crm/vault.py); readers see none of them.
    """
    pool = await open_pool(dsn, size, keys)
    try:
        readers = await asyncpg.create_pool(
            dsn,
            min_size=0,  # the role is made by the first migration
            max_size=size,
            connection_class=Reader,
            init=_prepare_reader,
            reset=_nothing_to_reset,
            server_settings=_SERVER_SETTINGS,
        )
        try:
            yield Database(pool, readers)
        finally:
            await readers.close()
    finally:
        await close_pool(pool)


async def open_pool(dsn: str, size: int = 8, keys: Sequence[str] = ()) -> asyncpg.Pool:
    """Open the pool and hand it to Piccolo too."""
    DB.pool = await writing_pool(dsn, size, keys)
    return DB.pool


async def writing_pool(dsn: str, size: int, keys: Sequence[str] = ()) -> asyncpg.Pool:
    """Connections for deciding, on which JSONB is Python data on both sides."""
    vault = Vault(keys)

    async def prepare(connection: Writer) -> None:
        await _prepare(connection)
        connection.vault = vault

    return await asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=size,
        connection_class=Writer,
        init=prepare,
        reset=_nothing_to_reset,
        # Deciding is many small statements that are always alike: not planning them anew is a tenth faster. Plans are
        # often from when a table had a few rows: by index then too, for it grows.
        server_settings={**_SERVER_SETTINGS, "plan_cache_mode": "force_generic_plan", "random_page_cost": "1.1"},
    )


def vault_of(connection: Connection) -> Vault:
    """What the secrets that this connection reads and writes are sealed with."""
    vault: Vault = getattr(connection, "vault", CLEAR)
    return vault


async def close_pool(pool: asyncpg.Pool) -> None:
    """Close the pool and take it from Piccolo."""
    DB.pool = None
    await pool.close()


@asynccontextmanager
async def _connection(pool: asyncpg.Pool) -> AsyncIterator[Connection]:
    """A connection of the pool; that it cannot be had, or is lost while it is used, is `Unavailable`.

    A statement that the server stopped for the time it took is `TooSlow`.
    """
    try:
        connection = await pool.acquire(timeout=WAIT_SECONDS)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise Unavailable from error
    try:
        yield connection
    except asyncpg.QueryCanceledError as error:
        raise TooSlow from error
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        if _lost(connection):
            raise Unavailable from error
        raise
    except asyncpg.InternalClientError as error:  # the server has taken leave, and its last word is not read yet
        if not _lost(connection):
            connection.terminate()
        raise Unavailable from error
    finally:
        await pool.release(connection)


@contextmanager
def _told() -> Iterator[None]:
    """What the database itself refuses by a word of ours, as we say it."""
    try:
        yield
    except asyncpg.PostgresError as error:
        if error.sqlstate in OWN_REFUSALS:
            raise Refused(*OWN_REFUSALS[error.sqlstate]) from error
        raise


def _lost(connection: Connection) -> bool:
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:  # the pool has taken it back when it broke
        return True


async def _prepare_reader(connection: asyncpg.Connection) -> None:
    await _prepare(connection)
    await connection.execute("set role crm_reader; set default_transaction_read_only = on")


async def _nothing_to_reset(connection: asyncpg.Connection) -> None:
    """Writers' settings and locks are local to a transaction, readers' are tracked: nothing to forget, no trip."""


async def _prepare(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: msgspec.json.encode(value).decode(),
        decoder=msgspec.json.decode,
    )
