"""A level that is paid first: approving issues the invoice, paying it starts the membership and what follows."""

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from crm.actions import applications, invoices, payments, verify
from crm.actions.invoices import Credit
from crm.actor import Actor
from crm.context import Context

pytestmark = pytest.mark.anyio

AGREED = date(2026, 11, 1)
TODAY = date(2026, 11, 22)
LEFT = """
select a.status, a.starts_on, (select count(*) from membership_decision d where d.application_id = a.id) as decisions,
    (select count(*) from membership_grant g where g.organisation_id = a.organisation_id) as grants,
    (select min(p.starts_on) from membership_period p where p.organisation_id = a.organisation_id) as since,
    (select count(*) from charge c where c.grant_id = a.decision_id) as charges,
    array(select e.kind from application_event e where e.application_id = a.id order by e.row_id) as events
from application a where a.id = $1
"""


@pytest.fixture
async def application(context: Context) -> UUID:
    """An application to become principal partner, where that is paid first."""
    async with context.db.tx() as connection:
        await connection.execute("set local session_replication_role = replica")
        await connection.execute(
            "update rulebook r set published_at = now(), body = jsonb_set(body, '{tiers}', (select jsonb_agg(case"
            " when t ->> 'code' = 'principal' then t || '{\"billing\": \"pay_first\"}' else t end)"
            " from jsonb_array_elements(body -> 'tiers') t)) from network n"
            " where n.id = r.network_id and n.slug = 'nora-industry-network'"
        )
        await connection.execute("set local session_replication_role = origin")
        return await connection.fetchval(
            "select a.id from application a join network n on n.id = a.network_id"
            " where n.slug = 'nora-industry-network' and a.tier = 'principal' and a.status = 'sent'"
        )


async def left(context: Context, application: UUID) -> dict[str, Any]:
    async with context.db.tx() as connection:
        return dict(await connection.fetchrow(LEFT, application))


async def gross(context: Context, invoice: UUID) -> int:
    async with context.db.tx() as connection:
        return await connection.fetchval("select gross from invoice where id = $1 and status = 'issued'", invoice)


async def told(context: Context, invoice: UUID) -> list[str]:
    async with context.db.tx() as connection:
        rows = await connection.fetch("select kind from invoice_event where invoice_id = $1 order by row_id", invoice)
    return [row["kind"] for row in rows]


async def test_paying_starts_the_membership_and_what_follows(context: Context, actor: Actor, application: UUID) -> None:
    made = await applications.approve(context, actor, application, AGREED)
    (invoice,) = made.invoices
    waits = await left(context, application)
    assert (waits["status"], waits["decisions"], waits["grants"], waits["since"]) == ("payment_due", 0, 0, None)
    assert waits["charges"] == 1
    assert await applications.approve(context, actor, application, AGREED) == made
    assert await verify.run(context) == []

    owed = await gross(context, invoice)
    await payments.record(context, actor, invoice, owed - 1, "NOK", TODAY)
    assert (await left(context, application))["status"] == "payment_due"
    await payments.record(context, actor, invoice, 1, "NOK", TODAY)
    stands = await left(context, application)
    assert (stands["status"], stands["starts_on"], stands["decisions"]) == ("approved", TODAY, 1)
    assert (stands["grants"], stands["since"], stands["charges"]) == (2, TODAY, 1)  # the linked one came along
    assert stands["events"] == ["sent", "payment_due", "approved"]
    assert await verify.run(context) == []


async def test_giving_the_whole_invoice_up_starts_nothing(context: Context, actor: Actor, application: UUID) -> None:
    (invoice,) = (await applications.approve(context, actor, application, AGREED)).invoices
    one, two = (msgspec.structs.replace(actor, id=uuid4(), name=name, channel="web") for name in ("Kari", "Ola"))
    proposed = await payments.propose_write_off(context, one, invoice, await gross(context, invoice), "Never paid")
    done = await payments.decide_write_off(context, two, proposed, True)
    assert (done.settled.paid, done.settled.memberships) == ((), ())
    assert (await left(context, application))["status"] == "payment_due"
    assert await told(context, invoice) == ["issued", "written_off"]
    assert await verify.run(context) == []


async def test_giving_up_the_last_of_it_starts_what_was_paid_for(
    context: Context, actor: Actor, application: UUID
) -> None:
    (invoice,) = (await applications.approve(context, actor, application, AGREED)).invoices
    await payments.record(context, actor, invoice, await gross(context, invoice) - 1, "NOK", TODAY)
    one, two = (msgspec.structs.replace(actor, id=uuid4(), name=name, channel="web") for name in ("Kari", "Ola"))
    proposed = await payments.propose_write_off(context, one, invoice, 1, "An øre")
    await payments.decide_write_off(context, two, proposed, True)
    assert (await left(context, application))["status"] == "approved"
    assert await told(context, invoice) == ["issued", "written_off"]
    assert await verify.run(context) == []


async def test_crediting_the_whole_invoice_starts_nothing_and_a_person_decides_again(
    context: Context, actor: Actor, application: UUID
) -> None:
    made = await applications.approve(context, actor, application, AGREED)
    await invoices.credit(context, actor, made.invoices[0], Credit("They changed their mind"))
    waits = await left(context, application)
    assert (waits["status"], waits["grants"], waits["events"]) == (
        "sent",
        0,
        ["sent", "payment_due", "payment_credited"],
    )
    assert await verify.run(context) == []
    again = await applications.approve(context, actor, application, AGREED)
    assert again.invoices != made.invoices and (await left(context, application))["status"] == "payment_due"
    await payments.record(context, actor, again.invoices[0], await gross(context, again.invoices[0]), "NOK", TODAY)
    stands = await left(context, application)
    assert (stands["status"], stands["grants"], stands["since"]) == ("approved", 2, TODAY)
    assert await verify.run(context) == []


async def test_credited_and_billed_anew_it_waits_for_the_new_invoice(
    context: Context, actor: Actor, application: UUID
) -> None:
    made = await applications.approve(context, actor, application, AGREED)
    credited = await invoices.credit(context, actor, made.invoices[0], Credit("Wrong address", again=True))
    assert (await left(context, application))["status"] == "payment_due"
    assert credited.again
    await invoices.issue(context, actor, credited.again)
    await payments.record(context, actor, credited.again, await gross(context, credited.again), "NOK", TODAY)
    assert (await left(context, application))["status"] == "approved"
    assert await verify.run(context) == []


@pytest.mark.parametrize("paid_first", [True, False])
async def test_what_is_paid_and_what_is_credited_start_it_together(
    context: Context, actor: Actor, application: UUID, paid_first: bool
) -> None:
    (invoice,) = (await applications.approve(context, actor, application, AGREED)).invoices
    owed, less = await gross(context, invoice), 5_000_00
    steps = [
        lambda: payments.record(context, actor, invoice, owed - less, "NOK", TODAY),
        lambda: invoices.credit(context, actor, invoice, Credit("A discount", "amount", amount=less)),
    ]
    for step in steps if paid_first else reversed(steps):
        assert (await left(context, application))["status"] == "payment_due"
        await step()
    stands = await left(context, application)
    assert (stands["status"], stands["since"]) == ("approved", TODAY)
    assert await verify.run(context) == []


async def test_paid_in_part_and_credited_whole_the_money_is_the_members_credit(
    context: Context, actor: Actor, application: UUID
) -> None:
    (invoice,) = (await applications.approve(context, actor, application, AGREED)).invoices
    await payments.record(context, actor, invoice, 5_000_00, "NOK", TODAY)
    await invoices.credit(context, actor, invoice, Credit("They changed their mind"))
    assert (await left(context, application))["status"] == "sent"
    async with context.db.tx() as connection:
        credit = await connection.fetchval(
            "select sum(e.amount) from ledger_entry e join application a on a.organisation_id = e.organisation_id"
            " where a.id = $1 and e.account = 'member_credit'",
            application,
        )
    assert credit == -5_000_00
    assert await verify.run(context) == []


async def test_who_has_applied_anew_since_then_has_the_credited_one_closed(
    context: Context, actor: Actor, application: UUID
) -> None:
    (invoice,) = (await applications.approve(context, actor, application, AGREED)).invoices
    async with context.db.tx() as connection:
        await connection.execute(
            "insert into application select (jsonb_populate_record(a, jsonb_build_object('id', gen_random_uuid(),"
            " 'status', 'sent', 'decision_id', null, 'token_hash', null, 'reference', 'ANEW2345'))).*"
            " from application a where a.id = $1",
            application,
        )
    await invoices.credit(context, actor, invoice, Credit("They changed their mind"))
    closed = await left(context, application)
    assert (closed["status"], closed["events"][-2:]) == ("withdrawn", ["payment_credited", "withdrawn"])


async def test_control_other_levels_start_on_the_day_agreed(context: Context, actor: Actor) -> None:
    async with context.db.tx() as connection:
        wanted = await connection.fetchval(
            "select a.id from application a join network n on n.id = a.network_id"
            " where n.slug = 'nora-industry-network' and a.tier = 'principal' and a.status = 'sent'"
        )
    made = await applications.approve(context, actor, wanted, AGREED)
    found = await left(context, wanted)
    assert (found["status"], found["since"]) == ("approved", AGREED)
    assert await gross(context, made.invoices[0]) is None  # a draft, for a person or the run to issue
