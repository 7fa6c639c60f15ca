"""What the database itself refuses of the ledger, whatever the code does: M1, M2, M3 and M17, and write-offs by one."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from crm.actor import Actor
from crm.context import Context
from crm.store import ledger
from tests.crm.billing import Bill, bill

pytestmark = pytest.mark.anyio
Try = Callable[..., Awaitable[None]]


@pytest.fixture
async def mine(context: Context, actor: Actor) -> Bill:
    return await bill(context, actor, "Streng AS")


async def refused(context: Context, error: type[Exception], sql: str, *values: Any) -> None:
    """The statement fails, at once or (deferred) when it would be committed; nothing of it stays."""
    async with context.db.tx() as connection:
        await connection.execute("set constraints all immediate; set constraints all deferred")  # what stands is whole
        inner = connection.transaction()
        await inner.start()
        try:
            with pytest.raises(error):
                await connection.execute(sql, *values)
                await connection.execute("set constraints all immediate")
        finally:
            await inner.rollback()


async def booked(context: Context, about: Bill) -> dict[str, Any]:
    async with context.db.tx() as connection:
        return dict(await connection.fetchrow("select * from ledger_transaction where object_id = $1", str(about.id)))


TRANSACTION = """
insert into ledger_transaction (id, kind, host_id, currency, on_date, provider, object_id, phase, fact, actor,
    recorded_at, reverses_id)
values ('{id}', '{kind}', '{host}', 'NOK', now(), '{provider}', '{object}', '{phase}', '{{}}', '', now(), {reverses});
"""
ENTRY = """
insert into ledger_entry (transaction_id, host_id, currency, account, amount, code)
select '{id}', '{host}', '{currency}', a, n, '' from (values {values}) as v (a, n);
"""


def transaction(about: Bill, made: UUID, **other: Any) -> str:
    values = {"kind": "received", "provider": "x", "object": made, "phase": "received", "reverses": "null"} | other
    return TRANSACTION.format(id=made, host=about.host, **values)


def entries(about: Bill, made: UUID, *amounts: int, currency: str = "NOK", host: UUID | None = None) -> str:
    values = ", ".join(f"('bank', {amount}::bigint)" for amount in amounts)
    return ENTRY.format(id=made, host=host or about.host, currency=currency, values=values)


async def test_m01_a_posting_that_does_not_balance_is_refused(context: Context, mine: Bill) -> None:
    made = uuid4()
    whole = asyncpg.CheckViolationError
    await refused(context, whole, transaction(mine, made))  # no entries: found when committed
    await refused(context, whole, transaction(mine, made) + entries(mine, made, 100))
    await refused(context, whole, transaction(mine, made) + entries(mine, made, 100, -99))
    await refused(context, whole, transaction(mine, made) + entries(mine, made, 100, 0, -100))
    await refused(context, whole, transaction(mine, made) + entries(mine, made, 100, -60) + entries(mine, made, -40, 0))
    earlier = (await booked(context, mine))["id"]
    await refused(context, whole, entries(mine, earlier, 5, -5))  # nothing is added to a posting afterwards
    async with context.db.tx() as connection:  # the control: a whole one is taken
        await connection.execute(transaction(mine, made) + entries(mine, made, 100, -100))
        await connection.execute("set constraints all immediate")


async def test_m02_nothing_is_changed_or_deleted(context: Context, mine: Bill) -> None:
    stays = asyncpg.RestrictViolationError
    for table in (
        "ledger_transaction",
        "ledger_entry",
        "payment",
        "bank_file",
        "bank_line",
        "write_off",
        "parked_fact",
    ):
        await refused(context, stays, f"truncate {table} cascade")
    for sql in (
        "update ledger_entry set amount = -amount",
        "delete from ledger_entry",
        "update ledger_transaction set actor = 'somebody else'",
        "delete from ledger_transaction",
    ):
        await refused(context, stays, sql)


async def test_m02_one_reversal_each(context: Context, mine: Bill) -> None:
    original = (await booked(context, mine))["id"]
    one, two = uuid4(), uuid4()
    reversal = {"kind": "reversal", "phase": "reversed", "reverses": f"'{original}'"}
    both = transaction(mine, one, **reversal) + transaction(mine, two, **reversal)
    await refused(context, asyncpg.UniqueViolationError, both)
    unnamed = transaction(mine, one, kind="reversal")
    await refused(context, asyncpg.CheckViolationError, unnamed)
    nobody = transaction(mine, one, **{**reversal, "reverses": f"'{uuid4()}'"})
    await refused(context, asyncpg.ForeignKeyViolationError, nobody)


async def test_m03_a_fact_is_booked_once(context: Context, mine: Bill) -> None:
    twice = transaction(mine, uuid4(), provider="klynge", object=mine.id, phase="issued")
    await refused(context, asyncpg.UniqueViolationError, twice)


async def test_m17_an_entry_is_in_its_postings_currency_and_book(context: Context, mine: Bill) -> None:
    made = uuid4()
    other = asyncpg.ForeignKeyViolationError
    await refused(context, other, transaction(mine, made) + entries(mine, made, 100, -100, currency="EUR"))
    async with context.db.tx() as connection:
        host = await connection.fetchval("select id from host where id <> $1", mine.host)
    await refused(context, other, transaction(mine, made) + entries(mine, made, 100, -100, host=host))


async def test_a_write_off_approved_by_who_proposed_it_is_refused(context: Context, mine: Bill) -> None:
    sql = """
        insert into write_off (id, host_id, organisation_id, invoice_id, amount, currency, reason, proposed_by,
            proposed_by_id, proposed_at, decision, decided_by, decided_by_id, decided_at)
        values (gen_random_uuid(), $1, $2, $3, 1, 'NOK', 'x', 'Kari', $4, now(), 'approved', $5, $6, now())
    """
    kari = uuid4()
    about = (mine.host, mine.organisation, mine.id, kari)
    for name, who in (("Kari", uuid4()), ("Ola", kari), ("Ola", None)):
        await refused(context, asyncpg.CheckViolationError, sql, *about, name, who)
    async with context.db.tx() as connection:
        await connection.execute(sql, *about, "Ola", uuid4())


async def test_owed_is_what_the_entries_say(context: Context, mine: Bill) -> None:
    async with context.db.tx() as connection:
        assert await ledger.owed(connection, [mine.id]) == {mine.id: mine.gross}
