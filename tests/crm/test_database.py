"""One way to open a transaction, and what the database itself refuses: the wall, history, overlaps."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from piccolo.engine.postgres import PostgresTransaction

from crm.actions import applications
from crm.actor import Actor
from crm.context import Context
from crm.database import Database, open_pool

pytestmark = pytest.mark.anyio

# A family that does not exist is only noticed at COMMIT: the constraint is deferred.
ORPHAN = (
    "insert into organisation (id, name, family_id, website, fields, created_at)"
    " values (gen_random_uuid(), 'Orphan', gen_random_uuid(), '', '[]', now())"
)
MARK = "insert into rate_limit (key, window_start, hits) values ($1, now(), 1)"
POOL_SIZE = 4


@pytest.fixture
async def db(own_database: str) -> AsyncIterator[Database]:
    """A pool of its own: some of these tests break it."""
    pool = await open_pool(own_database, POOL_SIZE)
    yield Database(pool)
    pool.terminate()


async def marks(db: Database, key: str) -> int:
    return int(await db.pool.fetchval("select count(*) from rate_limit where key = $1", key))


def idle(db: Database) -> bool:
    return db.pool.get_idle_size() == db.pool.get_size()


async def marked_and_failed(db: Database, key: str) -> None:
    with pytest.raises(ZeroDivisionError):
        async with db.tx() as connection:
            await connection.execute(MARK, key)
            raise ZeroDivisionError


@pytest.mark.commits
async def test_a_failing_commit_leaks_nothing_and_the_next_transaction_is_real(db: Database) -> None:
    for _ in range(2 * POOL_SIZE):
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            async with db.tx() as connection:
                await connection.execute(ORPHAN)
        assert db.engine.current_transaction.get() is None
        assert idle(db)
    await marked_and_failed(db, "after")
    assert await marks(db, "after") == 0


@pytest.mark.commits
async def test_control_piccolos_own_transaction_falls_into_the_trap(db: Database) -> None:
    async def trap() -> None:
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            async with db.engine.transaction():
                await db.engine.current_transaction.get().connection.execute(ORPHAN)
        assert isinstance(db.engine.current_transaction.get(), PostgresTransaction)  # dead, but still there
        assert not idle(db)  # the connection is lost
        with pytest.raises(ZeroDivisionError):
            async with db.engine.transaction():
                await db.engine.current_transaction.get().connection.execute(MARK, "trapped")
                raise ZeroDivisionError

    await asyncio.create_task(trap())  # what it leaves behind stays in the task's own context
    assert await marks(db, "trapped") == 1  # not rolled back


@pytest.mark.commits
async def test_piccolo_and_raw_sql_share_one_transaction(db: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with db.tx():
            await db.engine.run_ddl("insert into rate_limit values ('ddl', now(), 1)")
            raise ZeroDivisionError
    assert await marks(db, "ddl") == 0


@pytest.mark.commits
async def test_nested_is_a_savepoint(db: Database) -> None:
    async with db.tx() as outer:
        await outer.execute(MARK, "kept")
        with pytest.raises(ZeroDivisionError):
            async with db.tx() as inner:
                assert inner is outer
                await inner.execute(MARK, "undone")
                raise ZeroDivisionError
        await outer.execute(MARK, "kept too")
    assert [await marks(db, key) for key in ("kept", "undone", "kept too")] == [1, 0, 1]


@pytest.mark.commits
async def test_tasks_have_transactions_of_their_own(db: Database) -> None:
    async def backend(wait: asyncio.Barrier) -> int:
        async with db.tx() as connection:
            await wait.wait()
            return int(await connection.fetchval("select pg_backend_pid()"))

    barrier = asyncio.Barrier(POOL_SIZE)
    assert len(set(await asyncio.gather(*(backend(barrier) for _ in range(POOL_SIZE))))) == POOL_SIZE


# The tenant wall

# Rows of other networks a network may see, by table: SQL for "this row is network $1's business".
LINKED_FROM = "exists (select from membership_grant g where g.membership_id = t.{id} and g.source_network_id = $1)"
BY_MEMBERSHIP = "exists (select from membership m where m.id = t.membership_id and m.network_id = $1)"
BY_APPLICATION = "exists (select from application a where a.id = t.application_id and a.network_id = $1)"
BY_DISCLOSURE = "t.disclosure_id in (select id from disclosure where $1 in (network_id, to_network_id))"
OWN = {
    "application": "t.network_id = $1",
    "application_event": BY_APPLICATION,
    "consent": BY_APPLICATION,
    "membership": "t.network_id = $1 or " + LINKED_FROM.format(id="id"),
    "membership_period": "t.network_id = $1 or " + LINKED_FROM.format(id="membership_id"),
    "membership_course": "t.network_id = $1",
    "membership_grant": "t.network_id = $1 or t.source_network_id = $1",
    "membership_decision": BY_MEMBERSHIP,
    "contact": "exists (select from membership m where m.organisation_id = t.organisation_id and m.network_id = $1)",
    "invoice": "exists (select from network n where n.host_id = t.host_id and n.id = $1)",
    "charge": BY_MEMBERSHIP,
    "fee_waiver": BY_MEMBERSHIP,
    "link_answer": "t.source_network_id = $1",
    "feed": "t.network_id = $1",
    "feed_member": "t.network_id = $1",
    "disclosure": "$1 in (t.network_id, t.to_network_id)",
    "share": BY_DISCLOSURE,
    "mail": "t.network_id = $1",
    "audit": "t.network_id = $1 or t.network_id is null and exists (select from membership m"
    " where m.organisation_id = t.organisation_id and m.network_id = $1)",
}
# What everybody may read: no row of these is one member's or one network's secret.
OPEN = {"host", "network", "rulebook", "agreement", "terms", "organisation", "organisation_profile", "identifier"}
OPEN |= {"known_name", "main_unit", "feed_head", "feed_epoch"}
OPEN |= {"directory_entry", "directory_slug", "directory_state"}  # what anybody may see, and nothing else
OPEN |= {"register_unit"}  # what Enhetsregisteret publishes of legal entities
UNGUARDED = """
    select c.relname from pg_class c join pg_namespace s on s.oid = c.relnamespace
    where s.nspname = 'public' and c.relkind in ('r', 'p', 'v', 'm')
    and has_table_privilege('crm_reader', c.oid, 'select')
    and not (c.relrowsecurity and exists (select from pg_policy p where p.polrelid = c.oid))
"""


# Policies that neither ask for the reader's networks or hosts, nor for a row of a table ($1) whose policy does.
NOT_BY_READER = """
    select c.relname from pg_policy p join pg_class c on c.oid = p.polrelid,
        lateral (select pg_get_expr(p.polqual, p.polrelid) as condition) q
    where q.condition !~ 'crm[_.](networks|hosts|organisations)' and not exists (
        select from unnest($1::text[]) t where q.condition ~ ('EXISTS.* FROM ' || t || '[ \n]'))
"""


@pytest.fixture
async def everything(context: Context, actor: Actor) -> Context:
    """At least one row in every table behind the wall."""
    async with context.db.tx() as connection:
        wanted = await connection.fetchval(
            "select a.id from application a join network n on n.id = a.network_id"
            " where n.slug = 'nora-industry-network' and a.tier = 'principal' and a.status = 'sent'"
        )
        made = await applications.approve(context, actor, wanted, date(2026, 12, 1))
        await connection.execute(
            "insert into fee_waiver (id, membership_id, grant_id, starts_on, recorded_at)"
            " values (gen_random_uuid(), $1, gen_random_uuid(), '2027-01-01', now())",
            made.memberships[0],
        )
        await connection.execute(
            "insert into link_answer (id, organisation_id, source_network_id, rule, answer, on_date, actor,"
            " recorded_at) select gen_random_uuid(), organisation_id, network_id, 'r', 'declined', '2027-01-01', 'a',"
            " now() from application where id = $1",
            wanted,
        )
    return context


@pytest.mark.parametrize("table", OWN)
async def test_a_network_sees_its_own_rows_and_no_others(everything: Context, actor: Actor, table: str) -> None:
    async with everything.db.tx() as connection:
        total = await connection.fetchval(f"select count(*) from {table}")
        expected = {
            network: await connection.fetchval(f"select count(*) from {table} t where {OWN[table]}", network)
            for network in actor.manages
        }
    seen = {}
    for network in actor.manages:
        async with everything.db.reading([network]) as connection:
            seen[network] = await connection.fetchval(f"select count(*) from {table}")
    assert seen == expected
    assert max(seen.values()) > 0
    assert min(seen.values()) < total


async def test_without_networks_nothing_is_seen(everything: Context) -> None:
    async with everything.db.reading([]) as connection:
        assert {table: await connection.fetchval(f"select count(*) from {table}") for table in OWN} == dict.fromkeys(
            OWN, 0
        )


async def test_every_table_a_reader_may_see_is_behind_the_wall_or_open_to_all(context: Context) -> None:
    async with context.db.tx() as connection:
        unguarded = {row["relname"] for row in await connection.fetch(UNGUARDED)}
        guarded = {
            row["relname"] for row in await connection.fetch("select relname from pg_class where relrowsecurity")
        }
        await connection.execute("create table forgotten (network_id uuid); grant select on forgotten to crm_reader")
        control = {row["relname"] for row in await connection.fetch(UNGUARDED)}
        await connection.execute("alter table forgotten enable row level security")
        await connection.execute("create policy any_row on forgotten for select to crm_reader using (true)")
        open_policies = {row["relname"] for row in await connection.fetch(NOT_BY_READER, sorted(guarded))}
    assert unguarded == OPEN
    assert guarded >= set(OWN)
    assert control - unguarded == {"forgotten"}
    assert open_policies == {"forgotten"}, "every other policy asks who reads"


async def test_a_reader_cannot_write_nor_read_secrets(context: Context, actor: Actor) -> None:
    for sql in (
        "update application set tier = ''",
        "delete from feed",
        "select * from account",
        "select * from session",
        "select * from api_key",
        "select * from idempotency_key",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with context.db.reading(actor.sees) as connection:
                await connection.execute(sql)


@pytest.mark.commits
async def test_the_wall_falls_with_its_transaction(db: Database) -> None:
    async def who(connection: Any) -> tuple[str, str]:
        row = await connection.fetchrow("select current_user, coalesce(current_setting('crm.networks', true), '')")
        return row[0], row[1]

    network = uuid4()
    async with db.pool.acquire() as connection:
        before = await who(connection)
    async with db.reading([network]) as connection:
        assert await who(connection) == ("crm_reader", str(network))
    for _ in range(POOL_SIZE):
        async with db.pool.acquire() as connection:
            assert await who(connection) == before
    async with db.tx() as connection:
        async with db.reading([network]) as inner:
            assert await who(inner) == ("crm_reader", str(network))
        assert await who(connection) == before
        with pytest.raises(ZeroDivisionError):
            async with db.reading([network]):
                raise ZeroDivisionError
        assert await who(connection) == before


@pytest.mark.commits
async def test_cancelled_at_any_moment_nothing_is_left_on_a_connection(db: Database) -> None:
    """A closed browser cancels its request wherever it is: the next one must not inherit wall or transaction."""

    async def read() -> None:
        async with db.reading([uuid4()]) as connection:
            await connection.fetchval("select count(*), pg_sleep(0.002) from membership")

    async def write(key: str) -> None:
        async with db.tx() as connection:
            await connection.execute(MARK, key)
            await connection.execute("select pg_sleep(0.002)")
            await connection.execute("select 1 / 0")

    for step in range(60):
        tries = [asyncio.create_task(read()), asyncio.create_task(write(f"cancelled {step}"))]
        await asyncio.sleep(step / 10_000)
        for each in tries:
            each.cancel()
        await asyncio.gather(*tries, return_exceptions=True)
        async with db.pool.acquire() as connection:
            assert await connection.fetchval("select current_user") == "crm"
            assert await connection.fetchval("select coalesce(current_setting('crm.networks', true), '')") == ""
            assert not connection.is_in_transaction()
    assert idle(db)
    assert await db.pool.fetchval("select count(*) from rate_limit where key like 'cancelled%'") == 0


# History and overlaps

UNCHANGEABLE = ("charge", "feed", "audit", "rulebook")
ONLY_SOME_COLUMNS = {
    "membership_decision": ("reason", "withdrawn_at"),
    "membership_grant": ("tier", "superseded_at"),
    "membership_period": ("tier", "superseded_at"),
    "organisation_profile": ("name", "superseded_at"),
    "consent": ("purpose", "actor"),  # who it was may be forgotten, not what was agreed to
    "application_event": ("kind", "note"),
}


async def refused(context: Context, sql: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        async with context.db.tx() as connection:
            await connection.execute(sql)


@pytest.mark.parametrize("table", [*UNCHANGEABLE, *ONLY_SOME_COLUMNS])
async def test_history_is_not_edited(everything: Context, table: str) -> None:
    column = ONLY_SOME_COLUMNS.get(table, ("",))[0]
    async with everything.db.tx() as connection:
        assert await connection.fetchval(f"select count(*) from {table}") > 0
        names = [r[0] for r in await connection.fetch(COLUMNS, table)]
    for name in [column] if column else names:
        await refused(everything, f"update {table} set {name} = {name}" + (" || 'x'" if column else ""), HISTORY)
    await refused(everything, f"delete from {table}", HISTORY)
    await refused(everything, f"truncate {table} cascade", HISTORY)


HISTORY = asyncpg.RestrictViolationError
COLUMNS = (
    "select column_name from information_schema.columns where table_name = $1 and is_generated = 'NEVER'"
    " order by ordinal_position limit 3"
)


@pytest.mark.parametrize("table", ONLY_SOME_COLUMNS)
async def test_a_fact_may_be_superseded(everything: Context, table: str) -> None:
    async with everything.db.tx() as connection:
        await connection.execute(f"update {table} set {ONLY_SOME_COLUMNS[table][1]} = now()")


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        (
            "membership_grant",
            "gen_random_uuid(), membership_id, network_id, organisation_id, kind, tier, starts_on, ends_on,"
            " source_network_id, rule, rulebook_version, agreement, cause_id, reason, now()",
        ),
        (
            "membership_period",
            "membership_id, network_id, organisation_id, tier, status, origin, starts_on, ends_on, now()",
        ),
        (
            "organisation_profile",
            "gen_random_uuid(), organisation_id, name, kind, country, municipality, county, employees,"
            " employees_as_of, founded_on, parent_id, starts_on, ends_on, now()",
        ),
    ],
)
async def test_two_of_one_kind_never_overlap(context: Context, table: str, columns: str) -> None:
    first = {"membership_grant": "id, ", "organisation_profile": "id, "}.get(table, "")
    names = first + columns.removeprefix("gen_random_uuid(), ").replace("now()", "recorded_at")
    again = f"insert into {table} ({names}) select {columns} from {table} where superseded_at is null limit 1"
    await refused(context, again, asyncpg.ExclusionViolationError)
    async with context.db.tx() as connection:  # control: what is superseded is in nobody's way
        await connection.execute(f"update {table} set superseded_at = now()")
        await connection.execute(again.replace("superseded_at is null", "true"))


async def test_an_application_opens_one_membership(everything: Context) -> None:
    await refused(
        everything,
        "insert into membership_decision (id, membership_id, kind, effective_on, tier, application_id, actor,"
        " channel, recorded_at) select gen_random_uuid(), membership_id, kind, effective_on, tier, application_id,"
        " actor, channel, now() from membership_decision where application_id is not null",
        asyncpg.UniqueViolationError,
    )


async def test_jsonb_is_data_on_both_sides(context: Context) -> None:
    given = {"æ": [1, None, {"id": str(UUID(int=1))}]}
    async with context.db.tx() as connection:
        assert await connection.fetchval("select $1::jsonb", given) == given
