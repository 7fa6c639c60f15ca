"""What a transaction has touched is told once, at its end (ADR 0032): counted in calls and rows, not in seconds."""

from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest

from crm.context import Context
from crm.database import Connection

pytestmark = pytest.mark.anyio
TOLD = ("touched_tell", "feed_publish_some", "share_publish", "directory_publish_some")
READ = ("organisation", "organisation_profile", "membership", "membership_period", "membership_grant", "listing",
        "directory_entry", "directory_slug", "feed_member", "share", "identifier")  # fmt: skip
CALLS = "select funcname, calls from pg_stat_xact_user_functions where funcname = any($1)"
ROWS = """
select sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::int from pg_stat_xact_user_tables
where relname = any($1)
"""


class Counted:
    """What was called and read since the last look."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.calls = dict.fromkeys(TOLD, 0)
        self.rows = 0

    async def since(self) -> tuple[dict[str, int], int]:
        calls = dict.fromkeys(TOLD, 0) | dict(await self.connection.fetch(CALLS, TOLD))
        rows = await self.connection.fetchval(ROWS, READ)
        before, self.calls, self.rows = (self.calls, self.rows), calls, rows
        return {name: calls[name] - before[0][name] for name in TOLD}, rows - before[1]


async def counted(connection: Connection) -> Counted:
    await connection.execute("set local track_functions = 'pl'; set constraints all immediate")
    await connection.execute("set constraints all deferred")
    out = Counted(connection)
    await out.since()
    return out


async def shown(connection: Connection, most: int) -> list[UUID]:
    rows = await connection.fetch(
        "select organisation_id as id from directory_entry where shown order by organisation_id limit $1", most
    )
    return [row["id"] for row in rows]


async def rename(connection: Connection, whose: Sequence[UUID], name: str) -> None:
    """By a statement each, as imports and decisions do."""
    await connection.executemany(
        "update organisation set name = $2 || ' ' || id::text where id = $1", [(one, name) for one in whose]
    )


async def settle(connection: Connection) -> None:
    await connection.execute("set constraints all immediate; set constraints all deferred")


async def test_a_hundred_changes_are_told_like_one(context: Context) -> None:
    async with context.db.tx() as connection:
        many = await shown(connection, 120)
        assert len(many) == 120
        count = await counted(connection)
        await rename(connection, many[:1], "One")
        await settle(connection)
        one, _ = await count.since()
        await rename(connection, many, "Many")
        await settle(connection)
        all_of_them, _ = await count.since()
        assert one == all_of_them == dict.fromkeys(TOLD, 1)
        left = await connection.fetchval(
            "select count(*) from directory_entry e join organisation o on o.id = e.organisation_id"
            " where e.organisation_id = any($1) and e.name <> o.name",
            many,
        )
        told = await connection.fetchval(
            "select count(*) from feed_member where organisation_id = any($1) and op = 'upsert'"
            " and (body::json -> 'organisation' ->> 'name') not like 'Many %'",
            many,
        )
        assert (left, told) == (0, 0)


async def test_told_at_once_each_change_is_told_alone(context: Context) -> None:
    """The control: what is counted grows when it is not kept for the end."""
    async with context.db.tx() as connection:
        few = await shown(connection, 5)
        count = await counted(connection)
        await connection.execute("set constraints all immediate")
        await rename(connection, few, "Each")
        calls, _ = await count.since()
        assert calls == dict.fromkeys(TOLD, 5)


async def test_the_cost_of_each_does_not_grow_with_how_many_there_are(context: Context) -> None:
    async with context.db.tx() as connection:
        many = await shown(connection, 130)
        count = await counted(connection)
        reads = []
        for size in (10, 120):
            await rename(connection, many[-size:], f"Of {size}")
            await count.since()  # what the renaming itself has read
            await settle(connection)
            _, rows = await count.since()
            reads.append(rows / size)
        assert reads[0] > 5, "something was read at all"
        assert 0.67 < reads[1] / reads[0] < 1.5


async def test_a_savepoint_takes_its_notes_with_it(context: Context) -> None:
    async with context.db.tx() as connection:
        kept, gone = await shown(connection, 2)
        with pytest.raises(ZeroDivisionError):
            async with connection.transaction():
                await rename(connection, [gone], "Never")
                raise ZeroDivisionError
        await rename(connection, [kept], "Kept")
        await settle(connection)
        assert await connection.fetchval("select count(*) from touched") == 0
        names = dict(
            await connection.fetch(
                "select organisation_id, name from directory_entry where organisation_id = any($1)", [kept, gone]
            )
        )
        assert names[kept].startswith("Kept ")
        assert not names[gone].startswith("Never ")


async def test_who_is_new_and_unchanged_takes_no_place(context: Context) -> None:
    """Places are bits of an index in memory: what is looked at again must not use them up."""
    async with context.db.tx() as connection:
        many = await shown(connection, 50)
        await settle(connection)
        before = await connection.fetchval("select last_value from directory_place")
        await rename(connection, many, "Again")
        await settle(connection)
        await connection.execute(
            "insert into listing (id, organisation_id, offers, changed_at) values ($2, $1, '[\"data\"]', now())"
            " on conflict (organisation_id) do update set offers = excluded.offers", many[0], uuid4(),
        )  # fmt: skip
        await settle(connection)
        assert await connection.fetchval("select last_value from directory_place") == before
