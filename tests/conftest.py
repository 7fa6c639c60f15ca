"""The database of the test run and what every test is given.

One throwaway server for the run; the demo data is loaded once into a template database. Ordinary tests
share one copy and run inside one rolled-back transaction each; tests marked `commits` get a copy of their own.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest
from argon2 import PasswordHasher
from litestar import Litestar
from piccolo.engine.postgres import PostgresTransaction

from crm import passwords
from crm.actor import Actor
from crm.app import create_app, state_of
from crm.clock import FixedClock
from crm.context import Context
from crm.database import Database, open_database, writing_pool
from crm.settings import Settings
from piccolo_conf import DB
from tests.postgres import Server, throwaway_server
from tests.seed import Keys, seed

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
TEMPLATE = "klynge_seeded"
SETTINGS = Settings(development=True, base_url="http://klynge.test")
LONGEST = (
    *("test_pages_browser.py", "test_norwegian_browser.py", "test_signup_browser.py", "test_fee_editor_browser.py"),
    *("test_schemathesis.py", "test_rounds.py", "test_cli.py", "test_feed.py", "test_processes.py", "test_mails.py"),
    *("test_kill_9.py", "test_cards.py", "test_postgres.py", "test_member_lists.py", "test_generated_clients.py"),
    *("test_scim_judge.py", "test_sign_in.py", "test_guide.py", "test_worker.py", "test_migrate.py"),
)
_numbers = count(1)

# Thousands of tests sign in, and to prove a password takes 0.1 s of a core, as it should. Here it is quick;
# test_sessions.py looks at the costs in use.
passwords.NOBODY = (quick := PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)).hash("nobody")
passwords._HASHER = quick


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first: of two processes none is left alone with them at the end."""
    items.sort(key=lambda item: not item.path.name.endswith(LONGEST))


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """asyncio on uvloop, as in production."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with throwaway_server() as started:
        yield started


@pytest.fixture(scope="session")
def seeded(server: Server) -> Keys:
    """The template database with the demo data, and the keys made in it."""
    dsn = server.create_database(TEMPLATE)
    return asyncio.run(seed(dsn, SETTINGS, FixedClock(NOW)))


@pytest.fixture(scope="session")
def shared_dsn(server: Server, seeded: Keys) -> str:
    return server.create_database("klynge_shared", TEMPLATE)


@pytest.fixture
def own_database(server: Server, seeded: Keys) -> Iterator[str]:
    """A fresh copy of the seeded database, for tests that commit."""
    name = f"klynge_own_{next(_numbers)}"
    yield server.create_database(name, TEMPLATE)
    server.drop_database(name)


@asynccontextmanager
async def context_on(dsn: str, clock: Any = None, size: int = 8) -> AsyncIterator[Context]:
    """A context with a pool of its own; for tests that commit."""
    async with open_database(dsn, size) as db:
        yield Context(db, clock or FixedClock(NOW), SETTINGS)


class _OneConnection:
    """Stands where a pool stands, and always gives the test's own connection."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[asyncpg.Connection]:
        yield self.connection


@pytest.fixture(scope="session")
async def shared_pool(shared_dsn: str, anyio_backend: Any) -> AsyncIterator[asyncpg.Pool]:
    """One warm connection for all tests that are rolled back: a new one would plan everything anew each time."""
    pool = await writing_pool(shared_dsn, 1)
    try:
        yield pool
    finally:
        await pool.close()


@pytest.fixture
async def context(shared_pool: asyncpg.Pool) -> AsyncIterator[Context]:
    """Work on the seeded database; whatever the test does is rolled back."""
    db = Database(shared_pool)
    before, DB.pool = DB.pool, shared_pool
    async with shared_pool.acquire() as connection:
        outer = connection.transaction()
        await outer.start()
        current = PostgresTransaction(db.engine)
        current.connection = connection
        token = db.engine.current_transaction.set(current)
        try:
            yield Context(db, FixedClock(NOW), SETTINGS)
        finally:
            db.engine.current_transaction.reset(token)
            await outer.rollback()
            DB.pool = before


@pytest.fixture
async def actor(context: Context) -> Actor:
    """A manager of every network."""
    async with context.db.tx() as connection:
        ids = frozenset(row["id"] for row in await connection.fetch("select id from network"))
    return Actor("Test Manager", "web", manages=ids, reads=ids)


@pytest.fixture(scope="session")
def application() -> Litestar:
    """The application without its state. Making all its routes takes a fifth of a second: once a run."""
    return create_app(SETTINGS)


@pytest.fixture
async def client(application: Litestar, context: Context) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the whole application, in this test's own event loop and transaction."""
    application.state = state_of(context.settings, context)
    transport = httpx.ASGITransport(app=application, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=SETTINGS.base_url) as opened:
        yield opened


@pytest.fixture
def manager_key(seeded: Keys) -> str:
    return seeded.manager_key


@pytest.fixture
def manager_headers(seeded: Keys) -> dict[str, str]:
    return {"authorization": f"Bearer {seeded.manager_key}"}


@pytest.fixture
def partner_keys(seeded: Keys) -> dict[str, str]:
    return seeded.partner_keys


def shown(value: Any) -> Any:
    """Structs as plain data, for readable assertion messages."""
    return msgspec.to_builtins(value)
