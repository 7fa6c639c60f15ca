"""What the database itself refuses of the ledger, whatever the code does: M1, M2, M3 and M17, and write-offs by one."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest

from crm.actor import Actor
from crm.context import Context
from crm.store import ledger
from tests.crm.billing import Bill, bill, draft

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
values ('{id}', '{kind}', '{host}', 'NOK', now(), '{provider}', '{object}', '{phase}', '{{}}', '', now(), {reverses})
"""
ENTRY = """
insert into ledger_entry (transaction_id, host_id, currency, account, amount, code)
select '{id}', '{host}', '{currency}', a, n, '' from (values {values}) as v (a, n)
"""


def transaction(about: Bill, made: UUID, **other: Any) -> str:
    values = {"kind": "received", "provider": "x", "object": made, "phase": "received", "reverses": "null"} | other
    return TRANSACTION.format(id=made, host=about.host, **values)


def entries(about: Bill, made: UUID, *amounts: int, currency: str = "NOK", host: UUID | None = None) -> str:
    values = ", ".join(f"('bank', {amount}::bigint)" for amount in amounts)
    return ENTRY.format(id=made, host=host or about.host, currency=currency, values=values)


def posting(about: Bill, made: UUID, *amounts: int, of: dict[str, Any] | None = None, **other: Any) -> str:
    """Both by one command, as the store writes them."""
    return f"with t as ({transaction(about, made, **(of or {}))}) {entries(about, made, *amounts, **other)};"


async def test_m01_a_posting_that_does_not_balance_is_refused(context: Context, mine: Bill) -> None:
    made = uuid4()
    whole = asyncpg.CheckViolationError
    await refused(context, whole, transaction(mine, made))
    await refused(context, whole, transaction(mine, made) + ";" + entries(mine, made, 100, -100))  # entries of later
    await refused(context, whole, posting(mine, made, 100))
    await refused(context, whole, posting(mine, made, 100, -99))
    await refused(context, whole, posting(mine, made, 100, 0, -100))
    await refused(context, whole, posting(mine, made, 100, -60) + entries(mine, made, -40))
    earlier = (await booked(context, mine))["id"]
    await refused(context, whole, entries(mine, earlier, 5, -5))  # nothing is added to a posting afterwards
    async with context.db.tx() as connection:  # the control: a whole one is taken
        await connection.execute(posting(mine, made, 100, -100))
        found = await connection.fetchval("select sum(amount) from ledger_entry where transaction_id = $1", made)
        assert found == 0


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
    both = posting(mine, one, 1, -1, of=reversal) + posting(mine, two, 1, -1, of=reversal)
    await refused(context, asyncpg.UniqueViolationError, both)
    unnamed = posting(mine, one, 1, -1, of={"kind": "reversal"})
    await refused(context, asyncpg.CheckViolationError, unnamed)
    nobody = posting(mine, one, 1, -1, of={**reversal, "reverses": f"'{uuid4()}'"})
    await refused(context, asyncpg.ForeignKeyViolationError, nobody)


async def test_m03_a_fact_is_booked_once(context: Context, mine: Bill) -> None:
    twice = posting(mine, uuid4(), 1, -1, of={"provider": "klynge", "object": mine.id, "phase": "issued"})
    await refused(context, asyncpg.UniqueViolationError, twice)


async def test_m17_an_entry_is_in_its_postings_currency_and_book(context: Context, mine: Bill) -> None:
    made = uuid4()
    other = asyncpg.ForeignKeyViolationError
    await refused(context, other, posting(mine, made, 100, -100, currency="EUR"))
    async with context.db.tx() as connection:
        host = await connection.fetchval("select id from host where id <> $1", mine.host)
    await refused(context, other, posting(mine, made, 100, -100, host=host))


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


ABOUT_AN_INVOICE = [
    "insert into invoice_document (invoice_id, document) values ('{invoice}', '{{}}')",
    "insert into invoice_event (invoice_id, kind, recorded_at) values ('{invoice}', 'paid', now())",
    "insert into invoice_delivery (id, invoice_id, channel, recipient, send_after, created_at, updated_at)"
    " values (gen_random_uuid(), '{invoice}', 'email', 'x', now(), now(), now())",
    "insert into charge select gen_random_uuid(), '{invoice}', membership_id, gen_random_uuid(), tier, component,"
    " names, starts_on, ends_on, net, vat_code, vat_percent, vat, currency from charge limit 1",
    "with h as (select host_id from invoice limit 1), t as ("
    " insert into ledger_transaction (id, kind, host_id, currency, on_date, provider, object_id, phase, fact, actor,"
    " recorded_at) select '{made}', 'moved', host_id, 'NOK', now(), 'x', 'x', 'x', '{{}}', '', now() from h)"
    " insert into ledger_entry (transaction_id, host_id, currency, account, amount, code, invoice_id)"
    " select '{made}', host_id, 'NOK', 'bank', n, '', '{invoice}' from h, (values (1), (-1)) v (n)",
]


@pytest.mark.parametrize("sql", ABOUT_AN_INVOICE)
async def test_what_is_about_an_invoice_needs_one(context: Context, actor: Actor, mine: Bill, sql: str) -> None:
    """Looked up by statement and not by a foreign key (ADR 0021), and refused alike."""
    there = await draft(context, actor, "Finnes AS")
    await refused(context, asyncpg.ForeignKeyViolationError, sql.format(invoice=uuid4(), made=uuid4()))
    async with context.db.tx() as connection:  # the control: it is only the invoice that is missing
        await connection.execute(sql.format(invoice=there, made=uuid4()))


@pytest.mark.parametrize(
    "sql",
    [
        "delete from invoice where id = '{draft}'",
        "update invoice set id = gen_random_uuid() where id = '{draft}'",
        "update invoice_delivery set invoice_id = '{draft}'",
        "update invoice_event set invoice_id = '{draft}'",
    ],
)
async def test_what_an_invoice_is_called_stays(context: Context, actor: Actor, mine: Bill, sql: str) -> None:
    """What the statements above may rely on: no invoice vanishes, and nothing comes to be about another one."""
    there = await draft(context, actor, "Finnes AS")
    await refused(context, asyncpg.RestrictViolationError, sql.format(draft=there))


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("update invoice set host_id = gen_random_uuid() where id = '{draft}'", asyncpg.RestrictViolationError),
        ("update invoice set network_id = gen_random_uuid() where id = '{draft}'", asyncpg.RestrictViolationError),
        ("delete from host", asyncpg.RestrictViolationError),
        ("delete from network", asyncpg.RestrictViolationError),
        ("update host set id = gen_random_uuid()", asyncpg.RestrictViolationError),
        ("update network set id = gen_random_uuid()", asyncpg.RestrictViolationError),
        (
            "insert into invoice (id, host_id, organisation_id, currency, created_at)"
            " select gen_random_uuid(), gen_random_uuid(), organisation_id, 'SEK', now() from invoice limit 1",
            asyncpg.ForeignKeyViolationError,
        ),
        (
            "insert into invoice (id, host_id, organisation_id, currency, created_at, network_id) select"
            " gen_random_uuid(), host_id, organisation_id, 'SEK', now(), gen_random_uuid() from invoice limit 1",
            asyncpg.ForeignKeyViolationError,
        ),
    ],
)
async def test_hosts_and_networks_last(
    context: Context, actor: Actor, mine: Bill, sql: str, error: type[Exception]
) -> None:
    await refused(context, error, sql.format(draft=await draft(context, actor, "Finnes AS")))


async def test_the_books_are_a_hosts_and_a_networks(context: Context, mine: Bill) -> None:
    made = uuid4()
    elsewhere = msgspec.structs.replace(mine, host=uuid4())
    await refused(context, asyncpg.ForeignKeyViolationError, posting(elsewhere, made, 1, -1))
    sold = posting(mine, made, 1, -1).replace("account, amount", "account, network_id, amount")
    sold = sold.replace("{}", "{{}}").replace("a, n, ''", "'income', {to}, n, ''")
    await refused(context, asyncpg.ForeignKeyViolationError, sold.format(to="gen_random_uuid()"))
    async with context.db.tx() as connection:  # the control: it is only the network that is missing
        await connection.execute(sold.format(to="(select id from network limit 1)"))
