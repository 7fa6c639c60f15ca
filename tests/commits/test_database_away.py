"""The database goes away in the middle: 503 and when to come back, never 500; and the pool is whole again at once."""

import asyncpg
import httpx
import pytest

from crm.app import create_app
from crm.context import Context
from crm.errors import TooSlow, Unavailable
from tests.conftest import SETTINGS, context_on
from tests.crm.api.support import V1, company, problem_of, wrong

pytestmark = [pytest.mark.anyio, pytest.mark.commits]

OTHERS = (
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
    " and pid <> pg_backend_pid() and application_name = 'klynge'"
)


async def cut(dsn: str) -> int:
    """Every connection of ours is broken off, as when the server is stopped; how many there were."""
    other = await asyncpg.connect(dsn)
    try:
        return len(await other.fetch(OTHERS))
    finally:
        await other.close()


async def test_a_transaction_that_loses_its_connection_says_so(own_database: str) -> None:
    async with context_on(own_database, size=2) as context:
        with pytest.raises(Unavailable):
            async with context.db.tx() as connection:
                assert await cut(own_database)
                await connection.fetchval("select 1")
        with pytest.raises(Unavailable):
            async with context.db.reading([]) as connection:
                assert await cut(own_database)
                await connection.fetchval("select 1")
        for _ in range(3):  # as asyncpg says it when the server's leave has come and the connection is still open
            with pytest.raises(Unavailable):
                async with context.db.tx():
                    raise asyncpg.InternalClientError("cannot switch to state 11; another operation (2) is in progress")
        async with context.db.tx() as connection:
            assert await connection.fetchval("select 1") == 1
        with pytest.raises(asyncpg.DivisionByZeroError):  # control: any other error stays what it is
            async with context.db.tx() as connection:
                await connection.fetchval("select 1 / 0")
        assert context.db.engine.current_transaction.get() is None


async def test_a_request_without_database_is_503_with_when_to_come_back(
    own_database: str, manager_headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with context_on(own_database, size=2) as context:
        transport = httpx.ASGITransport(app=create_app(SETTINGS, context), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=SETTINGS.base_url) as client:
            headers = manager_headers | {"idempotency-key": "once"}
            with monkeypatch.context() as patched:
                patched.setattr(asyncpg.Pool, "acquire", _refused)
                answer = await client.post(f"{V1}/applications", json=company(), headers=headers)
                assert wrong(answer, 503) == [("database", "unavailable")]
                assert answer.headers["retry-after"] == str(Unavailable.seconds)
                page = await client.get("/en/networks")
                assert (page.status_code, page.headers["retry-after"]) == (503, str(Unavailable.seconds))
                assert "The database cannot be reached right now" in page.text
                assert problem_of(await client.get("/readyz"), 503)
            answer = await client.post(f"{V1}/applications", json=company(), headers=headers)
            assert answer.status_code == 201
            assert await _applications(context) == 1


async def test_a_statement_that_takes_too_long_is_stopped_and_said_to_be(
    own_database: str, manager_headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with context_on(own_database, size=2) as context:
        with pytest.raises(TooSlow):
            async with context.db.tx() as connection:
                await connection.execute("set local statement_timeout = 10")
                await connection.execute("select pg_sleep(60)")
        transport = httpx.ASGITransport(app=create_app(SETTINGS, context), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=SETTINGS.base_url) as client:
            with monkeypatch.context() as patched:
                patched.setattr(asyncpg.Connection, "fetch", _stopped)
                answer = await client.get(f"{V1}/networks/nora-industry-network/members", headers=manager_headers)
                assert wrong(answer, 503) == [("database", "too_slow")]
                page = await client.get("/nb/networks")
                assert page.status_code == 503
                assert "Det tar for lang tid" in page.text
            assert (await client.get("/nb/networks")).status_code == 200, "the connections are as good as before"


async def _stopped(*_: object, **__: object) -> None:
    raise asyncpg.QueryCanceledError("canceling statement due to statement timeout")


async def _refused(*_: object, **__: object) -> None:
    raise ConnectionRefusedError


async def _applications(context: Context) -> int:
    return int(await context.db.pool.fetchval("select count(*) from idempotency_key where key = 'once'"))
