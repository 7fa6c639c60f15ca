"""Money by hand: credit, refunds, undo, write-offs by two; what a payment sets going (AC-2f, on_payment, shares)."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from cluster_rules.errors import RuleViolation
from crm import catalogue
from crm.actions import invoices, memberships, payments, verify
from crm.actions.memberships import Change
from crm.actions.payments import Share
from crm.actor import Actor
from crm.clock import FixedClock
from crm.context import Context
from crm.errors import NotFound
from crm.store import fee_shares, ledger, settlement
from tests.crm.actions.test_bank import balances, events, owed, total
from tests.crm.billing import NETWORK, Bill, bill

pytestmark = pytest.mark.anyio
TODAY = date(2026, 11, 22)


async def paid(context: Context, actor: Actor, about: Bill, amount: int) -> payments.Done:
    return await payments.record(context, actor, about.id, amount, "NOK", TODAY, "Sett i nettbanken")


async def rewritten(context: Context, **rule: Any) -> None:
    """The link rules of NORA Industry Network's newest rulebook with other words."""
    async with context.db.tx() as connection:
        await connection.execute("alter table rulebook disable trigger no_change")
        rows = await connection.fetch(
            "select r.id, r.body from rulebook r join network n on n.id = r.network_id where n.slug = $1", NETWORK
        )
        for row in rows:
            body = row["body"]
            for each in body["link_rules"]:
                for part, values in rule.items():
                    each[part] = {**each.get(part, {}), **values}
            await connection.execute(
                "update rulebook set body = $2, published_at = now() where id = $1", row["id"], body
            )


async def about_it(context: Context, name: str) -> list[Any]:
    """What verify finds about one organisation: others' links stand on the rules as they were."""
    return [each for each in await verify.run(context) if f"({name} in" in each.row or each.check.startswith("ledger")]


async def linked(context: Context, organisation: UUID) -> list[tuple[str, date]]:
    async with context.db.tx() as connection:
        rows = await connection.fetch(
            "select n.slug, g.starts_on from membership_grant g join network n on n.id = g.network_id"
            " where g.organisation_id = $1 and g.kind = 'linked' and g.superseded_at is null",
            organisation,
        )
    return [tuple(row) for row in rows]


async def test_partly_paid_then_more_than_owed_then_credit_used(context: Context, actor: Actor) -> None:
    mine = await bill(context, actor, "Kreditt AS")
    await paid(context, actor, mine, mine.gross - 1)
    assert (await owed(context, mine), await events(context, mine.id)) == (1, [])
    done = await paid(context, actor, mine, 500_01)
    assert (await owed(context, mine), await total(context, "member_credit")) == (-500_00, -500_00)
    assert done.settled.paid == (mine.id,)
    assert await verify.run(context) == []
    other = await bill(context, actor, "En annen AS")
    with pytest.raises(RuleViolation, match="credit_short"):
        await payments.use_credit(context, actor, other.id, 100)


async def test_credit_pays_the_next_invoice_and_comes_back_when_undone(context: Context, actor: Actor) -> None:
    mine = await bill(context, actor, "Neste AS")
    await paid(context, actor, mine, mine.gross + 300_00)
    async with context.db.tx() as connection:
        next_one = await _another(connection, mine)
    used = await payments.use_credit(context, actor, next_one, 200_00)
    async with context.db.tx() as connection:
        assert await ledger.owed(connection, [mine.id, next_one]) == {mine.id: -100_00, next_one: 800_00}
    with pytest.raises(RuleViolation, match="credit_short"):
        await payments.use_credit(context, actor, next_one, 100_01)
    await payments.take_back(context, actor, used.transactions[0])
    async with context.db.tx() as connection:
        assert await ledger.owed(connection, [mine.id, next_one]) == {mine.id: -300_00, next_one: 1000_00}
    await payments.take_back(context, actor, used.transactions[0])  # once is enough
    async with context.db.tx() as connection:
        assert await ledger.owed(connection, [mine.id, next_one]) == {mine.id: -300_00, next_one: 1000_00}


async def _another(connection: Any, about: Bill) -> UUID:
    """A second invoice of the same organisation over 1 000 kr, booked as issuing books it."""
    made = uuid4()
    await connection.execute(
        "insert into invoice (id, host_id, organisation_id, status, currency, payment_days, created_at, kind,"
        " network_id) select $1, host_id, organisation_id, 'draft', currency, 30, now(), 'invoice', $3"
        " from invoice where id = $2",
        made,
        about.id,
        await connection.fetchval("select id from network where slug = 'nora-startup'"),
    )
    await connection.execute(
        "insert into invoice_series (id, host_id, series, last_number) values (gen_random_uuid(), $1, 'TEST', 1)",
        about.host,
    )
    await connection.execute(
        "update invoice set status = 'issued', series = 'TEST', number = 1, issued_on = '2026-11-22',"
        " due_on = '2026-12-22', net = 100000, vat = 0, gross = 100000 where id = $1",
        made,
    )
    from_nora = await connection.fetchval("select id from network where slug = 'nora-startup'")
    fact = payments.money_facts.Issued(
        host=about.host,
        currency="NOK",
        on=TODAY,
        invoice=made,
        organisation=about.organisation,
        lines=(payments.money_facts.Sold(from_nora, 1000_00, 0, "exempt_3_13"),),
    )
    await ledger.post(connection, fact, "Test")
    return made


async def test_refund_takes_credit_first_and_then_owes_the_invoice_again(context: Context, actor: Actor) -> None:
    mine = await bill(context, actor, "Tilbake AS")
    done = await paid(context, actor, mine, mine.gross + 100_00)
    await payments.refund(context, actor, done.payment, 100_00, TODAY, "Betalt for mye")
    assert (await owed(context, mine), await total(context, "member_credit")) == (0, 0)
    await payments.refund(context, actor, done.payment, 1_00, TODAY, "Feil")
    assert (await owed(context, mine), await events(context, mine.id)) == (1_00, ["paid", "reopened"])
    with pytest.raises(RuleViolation, match="refund_exceeds"):
        await payments.refund(context, actor, done.payment, mine.gross, TODAY, "For mye")
    assert await verify.run(context) == []


async def test_a_wrong_payment_is_undone_by_a_reversal(context: Context, actor: Actor) -> None:
    mine = await bill(context, actor, "Feilført AS")
    before = await balances(context)
    done = await paid(context, actor, mine, mine.gross)
    undone = await payments.take_back(context, actor, done.transactions[0])
    assert undone.settled.reopened == (mine.id,)
    assert await balances(context) == before
    async with context.db.tx() as connection:
        kinds = await connection.fetch("select kind from ledger_transaction where seq > 0 order by seq desc limit 2")
    assert [row["kind"] for row in kinds] == ["reversal", "received"]
    issued = await _issued(context, mine)
    with pytest.raises(RuleViolation, match="not_reversible"):
        await payments.take_back(context, actor, issued)


async def _issued(context: Context, about: Bill) -> UUID:
    async with context.db.tx() as connection:
        return await connection.fetchval(
            "select id from ledger_transaction where object_id = $1 and phase = 'issued'", str(about.id)
        )


async def test_a_write_off_needs_another_person(context: Context, actor: Actor) -> None:
    mine = await bill(context, actor, "Konkurs AS")
    one, two = (msgspec.structs.replace(actor, name=name, id=uuid4()) for name in ("Kari Nordby", "Ola Vik"))
    proposed = await payments.propose_write_off(context, one, mine.id, mine.gross, "Konkurs åpnet")
    with pytest.raises(RuleViolation, match="write_off_open"):
        await payments.propose_write_off(context, two, mine.id, 1, "Enda en")
    for same in (one, msgspec.structs.replace(two, channel="api"), msgspec.structs.replace(two, id=None)):
        with pytest.raises(RuleViolation, match="second_person"):
            await payments.decide_write_off(context, same, proposed, True)
    assert await owed(context, mine) == mine.gross
    await payments.decide_write_off(context, two, proposed, True)
    assert (await owed(context, mine), await total(context, "write_off")) == (0, mine.gross)
    with pytest.raises(RuleViolation, match="write_off_decided"):
        await payments.decide_write_off(context, two, proposed, True)
    assert await verify.run(context) == []


async def test_a_link_that_waits_for_payment_starts_with_the_first_invoice(context: Context, actor: Actor) -> None:
    await rewritten(context, policy={"start": "on_payment"})
    mine = await bill(context, actor, "Hovedpartner AS", tier="principal")
    assert await linked(context, mine.organisation) == []
    await paid(context, actor, mine, mine.gross - 1)
    assert await linked(context, mine.organisation) == []
    last = await paid(context, actor, mine, 1)
    assert await linked(context, mine.organisation) == [("claire-innovation-network", date(2026, 12, 1))]
    assert len(last.settled.memberships) == 1
    assert await about_it(context, "Hovedpartner AS") == []
    async with context.db.tx() as connection:
        told = await connection.fetch(
            "select kind from mail where organisation_id = $1 and kind like 'linked%' order by kind", mine.organisation
        )
    assert {row["kind"] for row in told} == {"linked_membership_paid", "linked_membership_started"}
    await payments.refund(context, actor, last.payment, 1, TODAY, "Money that goes back decides nothing (M9)")
    assert len(await linked(context, mine.organisation)) == 1


async def test_a_payment_by_mistake_takes_back_what_it_started(context: Context, actor: Actor) -> None:
    await rewritten(context, policy={"start": "on_payment"})
    mine = await bill(context, actor, "Feil Hovedpartner AS", tier="principal")
    done = await paid(context, actor, mine, mine.gross)
    assert len(await linked(context, mine.organisation)) == 1
    await payments.take_back(context, actor, done.transactions[0])
    assert await linked(context, mine.organisation) == []
    assert await about_it(context, "Feil Hovedpartner AS") == []


async def test_ac_02f_paying_lifts_a_suspension_for_want_of_payment(context: Context, actor: Actor) -> None:
    mine = await bill(context, actor, "Treg Hovedpartner AS", tier="principal")
    async with context.db.tx() as connection:
        membership = await connection.fetchval(
            "select m.id from membership m join network n on n.id = m.network_id"
            " where m.organisation_id = $1 and n.slug = $2",
            mine.organisation,
            NETWORK,
        )
    change = Change("suspension", date(2027, 2, 1), reason="Ubetalt faktura")
    made = await memberships.make(context, actor, membership, change)
    async with context.db.tx() as connection:
        await settlement.suspended_for(connection, made.decision, mine.id)
    later = Context(context.db, FixedClock(datetime(2027, 2, 20, 9, tzinfo=UTC)), context.settings)
    done = await payments.record(later, actor, mine.id, mine.gross, "NOK", date(2027, 2, 20))
    assert done.settled.lifted == (made.decision,)
    async with context.db.tx() as connection:
        rows = await connection.fetch(
            "select n.slug, p.starts_on, p.ends_on from membership_period p join network n on n.id = p.network_id"
            " where p.organisation_id = $1 and p.status = 'suspended' and p.superseded_at is null order by 1",
            mine.organisation,
        )
    lasted = (date(2027, 2, 1), date(2027, 2, 20))
    assert [tuple(row) for row in rows] == [("claire-innovation-network", *lasted), (NETWORK, *lasted)]
    assert await verify.run(context) == []


async def test_item_13_networks_share_what_is_collected(context: Context, actor: Actor) -> None:
    await rewritten(context, fee={"share_percent": 10, "share_vat": "outside"})
    mine = await bill(context, actor, "Delt AS", tier="principal")
    async with context.db.tx() as connection:
        net = await connection.fetchval("select net from invoice where id = $1", mine.id)
    assert await total(context, "share_cost") == 0
    part = await paid(context, actor, mine, mine.gross // 3)
    one = await total(context, "share_cost")
    assert abs(one * 30 - net) <= 30
    await paid(context, actor, mine, mine.gross - mine.gross // 3)
    whole = await total(context, "share_cost")
    assert whole == (net * 10 * 2 + 100) // 200
    assert [await total(context, a) for a in ("share_payable", "share_receivable", "share_income")] == [
        -whole,
        whole,
        -whole,
    ]
    await payments.refund(context, actor, part.payment, mine.gross // 3, TODAY, "Angret")
    assert abs(await total(context, "share_cost") - (whole - one)) <= 1
    assert await verify.run(context) == []


async def test_nobody_books_at_another_host(context: Context, actor: Actor) -> None:
    mine = await bill(context, actor, "Vegg AS")
    async with context.db.tx() as connection:
        other = await connection.fetchval("select id from network where slug = 'claire'")
    stranger = Actor("Fremmed", "web", manages=frozenset({other}), reads=frozenset({other}), id=uuid4())
    with pytest.raises(NotFound):
        await payments.record(context, stranger, mine.id, 100, "NOK", TODAY)
    done = await paid(context, actor, mine, 100)
    with pytest.raises(NotFound):
        await payments.place(context, stranger, done.payment, [Share(1, mine.id)])
    async with context.db.reading(stranger.sees) as connection:
        for table in ("ledger_transaction", "ledger_entry", "payment"):
            assert await connection.fetchval(f"select count(*) from {table} where host_id = $1", mine.host) == 0
    async with context.db.reading(actor.sees) as connection:
        assert await connection.fetchval("select count(*) from payment where host_id = $1", mine.host) == 1


async def test_item_13_a_credit_note_takes_its_part_of_the_share_back(context: Context, actor: Actor) -> None:
    await rewritten(context, fee={"share_percent": 10, "share_vat": "standard"})
    mine = await bill(context, actor, "Kreditert AS", tier="principal")
    await paid(context, actor, mine, mine.gross)
    whole = await total(context, "share_cost")
    assert whole > 0
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        network = kept.network(NETWORK).id
        (leg,) = await fee_shares.statement(connection, kept, network, TODAY, date(2026, 11, 23))
        assert (leg.net, leg.vat) == (whole, (whole * 25 + 50) // 100)
        assert await fee_shares.statement(connection, kept, network, date(2026, 11, 23), date(2026, 12, 31)) == ()
        half = await connection.fetchval("select net / 2 from invoice where id = $1", mine.id)
    await invoices.credit(context, actor, mine.id, invoices.Credit("Halvt år", "amount", amount=half))
    assert abs(await total(context, "share_cost") * 2 - whole) <= 2
    assert await total(context, "member_credit") < 0
    assert await verify.run(context) == []
