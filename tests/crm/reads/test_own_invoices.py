"""What an organisation sees of its own invoices: states, what is owed, its credit, and a link to pay with."""

from datetime import date, timedelta
from uuid import uuid4

import pytest

from crm.actions import invoices, pay_links, payments
from crm.actions.invoices import Credit
from crm.actor import Actor
from crm.context import Context
from crm.errors import NotFound
from crm.reads import own_invoices
from tests.crm.billing import bill, draft

pytestmark = pytest.mark.anyio

TODAY = date(2026, 11, 22)


async def shown(context: Context, organisation: object, on: date = TODAY) -> list[tuple[str, int, int]]:
    async with context.db.tx() as connection:
        rows = await own_invoices.of_organisation(connection, organisation, on)  # type: ignore[arg-type]
    return [(row.bucket, row.gross, row.owed) for row in rows]


async def test_what_is_owed_comes_first_and_every_state_is_told(context: Context, actor: Actor) -> None:
    mine = await bill(context, actor, "Egen AS")
    assert await shown(context, mine.organisation) == [("open", mine.gross, mine.gross)]
    assert await shown(context, mine.organisation, TODAY + timedelta(days=45)) == [("late30", mine.gross, mine.gross)]
    await payments.record(context, actor, mine.id, 1_000_00, "NOK", TODAY)
    assert await shown(context, mine.organisation) == [("open", mine.gross, mine.gross - 1_000_00)]
    await invoices.credit(context, actor, mine.id, Credit("Feil"))
    assert await shown(context, mine.organisation) == [("credit_note", -mine.gross, 0), ("credited", mine.gross, 0)]
    async with context.db.tx() as connection:
        (credit,) = await own_invoices.credit_of(connection, mine.organisation)
    assert (credit.currency, credit.amount) == ("NOK", 1_000_00)
    async with context.db.tx() as connection:
        (row, _) = await own_invoices.of_organisation(connection, mine.organisation, TODAY)
    assert (row.host, row.number.startswith("NORA-"), row.issued_on) == ("NORA", True, TODAY)


async def test_paid_is_told_and_drafts_and_others_are_not(context: Context, actor: Actor) -> None:
    mine = await bill(context, actor, "Egen AS")
    await payments.record(context, actor, mine.id, mine.gross, "NOK", TODAY)
    assert await shown(context, mine.organisation) == [("paid", mine.gross, 0)]
    waits = await draft(context, actor, "Utkast AS")
    async with context.db.tx() as connection:
        other = await connection.fetchval("select organisation_id from invoice where id = $1", waits)
    assert await shown(context, other) == []
    assert await shown(context, uuid4()) == []


async def test_who_acts_for_the_payer_gets_a_link_to_pay_with(context: Context, actor: Actor) -> None:
    mine = await bill(context, actor, "Egen AS")
    person = Actor("Kari", "web", acts_for=frozenset({mine.organisation}))
    token = await pay_links.mine(context, person, mine.id)
    found = await pay_links.open_with(context, token)
    assert (found.invoice, found.owed, found.state) == (mine.id, mine.gross, "open")
    stranger = Actor("Ola", "web", acts_for=frozenset({uuid4()}))
    waits = await draft(context, actor, "Utkast AS")
    for who, wanted in ((stranger, mine.id), (actor, mine.id), (person, waits), (person, uuid4())):
        with pytest.raises(NotFound):
            await pay_links.mine(context, who, wanted)
