"""Connections that only read: behind the tenant wall whoever used them before, and unable to write."""

import asyncio
import random
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from crm.database import Database, open_database

pytestmark = [pytest.mark.anyio, pytest.mark.commits]

POOL_SIZE = 2
REQUESTS = 300
MEMBERS = "select array_agg(distinct network_id) from membership_decision d join membership m on m.id = d.membership_id"


@pytest.fixture
async def db(own_database: str) -> AsyncIterator[Database]:
    async with open_database(own_database, POOL_SIZE) as found:
        yield found


@pytest.fixture
async def networks(db: Database) -> list[UUID]:
    async with db.tx() as connection:
        return [row["id"] for row in await connection.fetch("select id from network order by slug")]


async def test_three_hundred_readers_on_two_connections_see_only_their_own(db: Database, networks: list[UUID]) -> None:
    """Any mix of tenants, one in ten given up half-way: nobody ever sees another's rows."""
    chance = random.Random(20261122)

    async def read(mine: list[UUID]) -> None:
        async with db.reading(mine) as connection:
            assert set(await connection.fetchval(MEMBERS) or []) == set(mine)

    async def given_up(mine: list[UUID]) -> None:
        try:
            async with asyncio.timeout(0.002), db.reading(mine) as connection:
                await connection.execute("select pg_sleep(0.05)")
        except TimeoutError:
            return

    calls = [
        (given_up if chance.random() < 0.1 else read)(chance.sample(networks, chance.randint(0, 3)))
        for _ in range(REQUESTS)
    ]
    await asyncio.gather(*calls)
    assert db.readers is not None and db.readers.get_size() <= POOL_SIZE


async def test_a_reader_cannot_write_nor_see_secrets(db: Database, networks: list[UUID]) -> None:
    async with db.reading(networks) as connection:
        assert await connection.fetchval("select current_user") == "crm_reader"
        with pytest.raises(asyncpg.PostgresError):
            await connection.execute("insert into rate_limit (key, window_start, hits) values ('x', now(), 1)")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("select password_hash from account")


async def test_a_wall_that_could_not_be_set_is_set_again(db: Database, networks: list[UUID]) -> None:
    """When putting up the wall fails, the connection does not count as being behind it."""
    async with db.reading(networks[:1]) as connection:
        assert connection.before == str(networks[0])
        with pytest.raises(asyncpg.PostgresError):
            await connection.put_before("\0")
        assert connection.before is None
    async with db.reading(networks[:1]) as connection:
        assert set(await connection.fetchval(MEMBERS)) == {networks[0]}


async def test_control_without_the_wall_everybody_is_seen(db: Database, networks: list[UUID]) -> None:
    """What the tests above would report if reading were ordinary: several networks at once."""
    async with db.tx() as connection:
        assert len(await connection.fetchval(MEMBERS)) > 1
