"""`crm verify` names what is wrong with the ledger: one broken row of each kind, triggers switched off."""

from uuid import UUID

import pytest

from crm.actions import bank, payments, verify
from crm.actor import Actor
from crm.context import Context
from tests.crm.actions.test_payments import TODAY
from tests.crm.billing import bill, entry, kroner, notification

pytestmark = pytest.mark.anyio

OF = "transaction_id = (select id from ledger_transaction where object_id = '{invoice}' and phase = 'issued')"
NOT_PROPOSED = """
    insert into ledger_transaction (id, kind, host_id, currency, on_date, provider, object_id, phase, fact, actor,
        recorded_at)
    select gen_random_uuid(), 'writtenoff', host_id, 'NOK', now(), 'klynge', id::text, 'written_off', '{{}}', '', now()
    from write_off;
    insert into ledger_entry (transaction_id, host_id, currency, account, amount, code)
    select t.id, t.host_id, 'NOK', a, n, ''
    from ledger_transaction t, (values ('write_off', 1), ('bank', -1)) as v (a, n) where t.kind = 'writtenoff'
"""
PARKED = """
    insert into parked_fact (id, provider, object_id, phase, host_id, payment, fact, parked_at)
    select gen_random_uuid(), 'stripe', 're_1', 'refunded', host_id, id, '{{}}', now() from payment
    where id = '{payment}'
"""
STANDING = """
    insert into invoice_standing (invoice_id, host_id, starts_on, currency, balance, paid, credited, written_off,
        claimed, by_bank, by_card, organisation_id, issued_on, due_on, net, gross)
    select id, host_id, issued_on - 1, 'NOK', 0, gross, 0, 0, 0, 0, 0, organisation_id, issued_on, due_on, net, gross
    from invoice where id = '{invoice}'
"""
UNTOUCHED = """
    insert into invoice_untouched (invoice_id, host_id, organisation_id, currency, issued_on, due_on, net, gross)
    select id, host_id, organisation_id, currency, issued_on, due_on, net, gross from invoice where id = '{invoice}'
"""
UNTOUCHED_ANEW = """
    insert into invoice_untouched (invoice_id, host_id, organisation_id, tier, network, networks, currency, issued_on,
        due_on, net, gross) select * from invoices_untouched() u where u.invoice_id = $1
"""
OTHERWISE = "update invoice_standing set balance = balance + 1 where invoice_id = '{invoice}'"
ELSEWHERE = f"update ledger_entry set account = 'bank', network_id = null where account = 'income' and {OF}"
BROKEN = [
    ("ledger_balance", "add up to", f"update ledger_entry set amount = amount + 1 where account = 'income' and {OF}"),
    ("ledger_replay", "other entries", f"update ledger_entry set amount = 2 * amount where {OF}"),
    ("ledger_invoice", "{invoice}", f"update ledger_entry set amount = 2 * amount where {OF}"),
    ("ledger_replay", "other entries", ELSEWHERE),
    ("ledger_payment", "{payment}", "update payment set amount = amount + 1 where id = '{payment}'"),
    ("ledger_payment", "nothing", "delete from ledger_entry where payment_id = '{payment}'"),
    ("ledger_replay", "cannot be booked", "update ledger_transaction set fact = '{{}}' where object_id = '{invoice}'"),
    ("ledger_write_off", "not decided", NOT_PROPOSED),
    ("ledger_parked", "which is here", PARKED),
    ("ledger_standing", "what no booking does", STANDING),
    ("ledger_standing", "says otherwise", OTHERWISE),
    ("ledger_standing", "not said to stand", "delete from invoice_standing where invoice_id = '{invoice}'"),
    ("ledger_untouched", "was booked on", UNTOUCHED),
    ("ledger_bank_line", "no payment", "update bank_line set payment_id = null"),
]


@pytest.fixture
async def about(context: Context, actor: Actor) -> dict[str, UUID]:
    mine = await bill(context, actor, "Riktig AS")
    done = await payments.record(context, actor, mine.id, mine.gross - 100, "NOK", TODAY)
    await payments.propose_write_off(context, actor, mine.id, 50, "Øreavrunding")
    file = notification(entry("Z1", kroner(10), mine.kid))
    await bank.import_file(context, actor, mine.host, "z.xml", file)
    assert done.payment
    return {"invoice": mine.id, "payment": done.payment}


@pytest.mark.parametrize(("check", "said", "broken"), BROKEN)
async def test_a_broken_row_is_named(
    context: Context, about: dict[str, UUID], check: str, said: str, broken: str
) -> None:
    assert await verify.run(context) == []
    async with context.db.tx() as connection:
        await connection.execute("set local session_replication_role = replica")
        for statement in broken.format(**about).split(";"):
            await connection.execute(statement)
        await connection.execute("set local session_replication_role = origin")
    found = await verify.run(context)
    wanted = said.format(**about)
    assert [each for each in found if each.check == check and wanted in f"{each.row} {each.why}"], found


async def test_an_invoice_that_nothing_was_booked_on_is_told_as_it_is(context: Context, actor: Actor) -> None:
    mine = await bill(context, actor, "Urørt AS")
    for broken, said in (
        ("update invoice_untouched set tier = 'x' where invoice_id = $1", "says otherwise"),
        ("delete from invoice_untouched where invoice_id = $1", "is missing"),
    ):
        assert await verify.run(context) == []
        async with context.db.tx() as connection:
            await connection.execute(broken, mine.id)
        (found,) = await verify.run(context)
        assert (found.check, found.row) == ("ledger_untouched", f"invoice_untouched {mine.id}")
        assert said in found.why
        async with context.db.tx() as connection:
            await connection.execute("delete from invoice_untouched where invoice_id = $1", mine.id)
            await connection.execute(UNTOUCHED_ANEW, mine.id)
