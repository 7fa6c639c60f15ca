"""Card payments end to end against the fake provider: AC-22, M9, M11, M12, M13, and standing that follows policy."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from cluster_rules.errors import RuleViolation
from cluster_rules.money_facts import payment_id
from crm.actions import card_books, card_events, cards, payments, verify
from crm.actor import Actor
from crm.context import Context
from crm.errors import Refused
from crm.gateways.stripe import Accounts
from tests.crm.actions.test_bank import events, owed, total
from tests.crm.billing import Bill, bill
from tests.crm.cards import bring, provider
from tests.fakes.stripe import Fake
from tests.fakes.stripe_state import Object

pytestmark = pytest.mark.anyio
BACK = "https://klynge.example/en/pay/token"
Setting = tuple[Fake, Accounts, Context]


@pytest.fixture
async def setting(context: Context) -> AsyncIterator[Setting]:
    async with provider(context) as made:
        yield made


async def opened(setting: Setting, mine: Bill) -> Object:
    """The card form of an invoice, as the provider has it."""
    fake, accounts, context = setting
    url = await cards.open_form(context, accounts, mine.id, BACK, f"Invoice {mine.number}")
    return fake.state.find("checkout.session", url.rsplit("/", 1)[1])


async def charged(setting: Setting, mine: Bill) -> Object:
    """The invoice's card form, paid; its events are held back."""
    session = setting[0].state.pay(await opened(setting, mine))
    intent = setting[0].state.find("payment_intent", session["payment_intent"])
    return setting[0].state.find("charge", intent["latest_charge"])


def kinds(fake: Fake, *wanted: str) -> list[Object]:
    return [e for kind in wanted for e in fake.held if e["type"] == kind]


async def payments_of(context: Context) -> int:
    async with context.db.tx() as connection:
        return await connection.fetchval("select count(*) from payment where provider = 'stripe'")


async def test_ac_22_five_times_and_out_of_order_is_one_payment(setting: Setting, actor: Actor) -> None:
    fake, accounts, context = setting
    mine = await bill(context, actor, "Kort AS")
    await charged(setting, mine)
    (completed,) = kinds(fake, "checkout.session.completed")
    (succeeded,) = kinds(fake, "payment_intent.succeeded")
    said = await bring(context, accounts, fake, [completed, succeeded, completed, completed, completed, completed])
    assert said == ["kept", "kept", "known", "known", "known", "known"]
    assert (await payments_of(context), await owed(context, mine)) == (1, 0)
    assert await events(context, mine.id) == ["paid"]
    assert await total(context, "card_clearing") == mine.gross
    assert await verify.run(context) == []


async def test_ac_22_a_bad_signature_and_a_late_one_are_kept_nowhere(setting: Setting, actor: Actor) -> None:
    fake, accounts, context = setting
    mine = await bill(context, actor, "Kort AS")
    await charged(setting, mine)
    (completed,) = kinds(fake, "checkout.session.completed")
    fake.faults.bad_signature = True
    assert await bring(context, accounts, fake, [completed]) == ["unsigned"]
    fake.faults.bad_signature, fake.faults.age = False, 600
    assert await bring(context, accounts, fake, [completed]) == ["unsigned"]
    async with context.db.tx() as connection:
        assert await connection.fetchval("select count(*) from card_event") == 0
    assert await payments_of(context) == 0
    fake.faults.age = 0
    assert await bring(context, accounts, fake, [completed]) == ["kept"]
    assert await owed(context, mine) == 0


async def test_ac_22_stripe_down_invoices_are_issued_and_kid_works(setting: Setting, actor: Actor) -> None:
    fake, accounts, context = setting
    fake.faults.statuses = [500] * 20
    mine = await bill(context, actor, "Kort AS")
    with pytest.raises(Refused, match="card_busy"):
        await cards.open_form(context, accounts, mine.id, BACK, "Invoice")
    await payments.record(context, actor, mine.id, mine.gross, "NOK", datetime(2026, 11, 22, tzinfo=UTC).date(), "Bank")
    assert await owed(context, mine) == 0
    with pytest.raises(Refused, match="invoice_paid"):
        await cards.open_form(context, accounts, mine.id, BACK, "Invoice")


async def test_clicking_twice_is_the_same_form_and_another_amount_another_one(setting: Setting, actor: Actor) -> None:
    _fake, _accounts, context = setting
    mine = await bill(context, actor, "Kort AS")
    first = await opened(setting, mine)
    assert await opened(setting, mine) == first
    await payments.record(context, actor, mine.id, 100_00, "NOK", datetime(2026, 11, 22, tzinfo=UTC).date(), "Bank")
    second = await opened(setting, mine)
    assert (first["status"], second["status"]) == ("expired", "open")
    assert second["amount_total"] == mine.gross - 100_00


async def test_clicking_again_before_the_event_of_a_payment_never_asks_for_the_money_twice(
    setting: Setting, actor: Actor
) -> None:
    fake, accounts, context = setting
    mine = await bill(context, actor, "Kort AS")
    await charged(setting, mine)
    for _ in range(3):
        assert await cards.open_form(context, accounts, mine.id, BACK, "Invoice") == f"{BACK}?card=paid"
    assert len([o for o in fake.state.objects.values() if o["object"] == "checkout.session"]) == 1
    assert await bring(context, accounts, fake, list(fake.held)) == ["kept"] * 3
    assert await owed(context, mine) == 0
    with pytest.raises(Refused, match="invoice_paid"):
        await cards.open_form(context, accounts, mine.id, BACK, "Invoice")


async def test_m13_a_form_nobody_heard_of_is_asked_for_again_with_the_same_key(setting: Setting, actor: Actor) -> None:
    fake, accounts, context = setting
    mine = await bill(context, actor, "Kort AS")
    accounts.named("nora")._http._timeout = 0.4
    fake.faults.hang_after = [1.0] * 3
    with pytest.raises(Refused, match="card_busy"):
        await cards.open_form(context, accounts, mine.id, BACK, "Invoice")
    await cards.open_form(context, accounts, mine.id, BACK, "Invoice")
    assert len([o for o in fake.state.objects.values() if o["object"] == "checkout.session"]) == 1
    assert len({key for method, _, key in fake.requests if method == "POST"}) == 1


async def test_coming_back_books_without_any_event(setting: Setting, actor: Actor) -> None:
    fake, accounts, context = setting
    mine = await bill(context, actor, "Kort AS")
    await card_events.look(context, accounts, mine.id)
    await charged(setting, mine)
    await card_events.look(context, accounts, mine.id)
    assert await owed(context, mine) == 0
    assert await bring(context, accounts, fake, list(fake.held)) == ["kept"] * 3
    assert await payments_of(context) == 1


async def test_declined_leaves_everything_as_it_was(setting: Setting, actor: Actor) -> None:
    fake, accounts, context = setting
    mine = await bill(context, actor, "Kort AS")
    session = await opened(setting, mine)
    fake.state.pay(session, declined=True)
    await bring(context, accounts, fake, list(fake.held))
    assert (await owed(context, mine), await payments_of(context)) == (mine.gross, 0)
    fake.state.pay(session)
    await bring(context, accounts, fake, list(fake.held))
    assert await owed(context, mine) == 0


# What comes later: refunds and disputes, in any order


async def test_a_refund_asked_for_here_is_owed_again(setting: Setting, actor: Actor) -> None:
    fake, accounts, context = setting
    mine = await bill(context, actor, "Kort AS")
    charge = await charged(setting, mine)
    await bring(context, accounts, fake, list(fake.held))
    payment = payment_id("stripe", charge["id"])
    await cards.refund(context, accounts, actor, payment, 500_00, "Too much")
    assert (await owed(context, mine), charge["amount_refunded"]) == (500_00, 500_00)
    with pytest.raises(RuleViolation, match="refund_exceeds"):
        await cards.refund(context, accounts, actor, payment, mine.gross, "All of it")
    await bring(context, accounts, fake, list(fake.held))
    assert await owed(context, mine) == 500_00, "its events say nothing new"
    assert await verify.run(context) == []


async def test_m13_a_refund_nobody_heard_of_is_asked_again_by_its_job(setting: Setting, actor: Actor) -> None:
    fake, accounts, context = setting
    mine = await bill(context, actor, "Kort AS")
    charge = await charged(setting, mine)
    await bring(context, accounts, fake, list(fake.held))
    accounts.named("nora")._http._timeout = 0.4
    fake.faults.hang_after = [1.0] * 3
    made = await cards.refund(context, accounts, actor, payment_id("stripe", charge["id"]), 500_00, "Too much")
    assert (charge["amount_refunded"], await owed(context, mine)) == (500_00, 0)
    with pytest.raises(RuleViolation, match="refund_exceeds"):
        await cards.refund(context, accounts, actor, payment_id("stripe", charge["id"]), mine.gross, "All of it")
    assert await cards.ask_refund(context, accounts, made) is None
    assert (charge["amount_refunded"], await owed(context, mine)) == (500_00, 500_00)
    assert await cards.ask_refund(context, accounts, made) is None, "and never again"


async def balances(context: Context) -> dict[str, int]:
    async with context.db.tx() as connection:
        rows = await connection.fetch("select account, sum(amount)::bigint as amount from ledger_entry group by 1")
    return {row["account"]: row["amount"] for row in rows if row["amount"]}


@pytest.mark.parametrize("won", [True, False])
async def test_m06_m09_m11_any_order_and_number_of_events_gives_the_same(
    setting: Setting, actor: Actor, won: bool
) -> None:
    """Refund and dispute may come before the payment: they are parked. Each event twice, in many orders."""
    fake, accounts, context = setting
    expected: dict[str, int] = {}
    for place, seed in enumerate(range(6)):
        mine = await bill(context, actor, f"Kort {place} AS")
        before = await balances(context)
        charge = await charged(setting, mine)
        fake.state.refund({"charge": charge["id"], "amount": 100_00})
        fake.state.close_dispute(fake.state.dispute(charge, 1_000_00), won)
        told = [*fake.held, *fake.held]
        if seed:
            Random(seed).shuffle(told)
        fake.held.clear()
        await bring(context, accounts, fake, told)
        after = await balances(context)
        changed = {name: after.get(name, 0) - before.get(name, 0) for name in {*after, *before}}
        changed = {name: amount for name, amount in changed.items() if amount}
        assert changed == (expected or changed), f"order {seed}"
        expected = changed
        assert await owed(context, mine) == 100_00 + (0 if won else 1_000_00)
    assert "dispute_reserve" not in expected
    assert await verify.run(context) == []


async def test_m09_an_open_dispute_reserves_and_decides_nothing_about_the_membership(
    setting: Setting, actor: Actor
) -> None:
    fake, accounts, context = setting
    mine = await bill(context, actor, "Kort AS")
    charge = await charged(setting, mine)
    fake.state.dispute(charge)
    await bring(context, accounts, fake, list(fake.held))
    assert (await owed(context, mine), await total(context, "dispute_reserve")) == (0, mine.gross)
    async with context.db.tx() as connection:
        found = await connection.fetch(
            "select d.kind from membership_decision d join membership m on m.id = d.membership_id"
            " where m.organisation_id = $1",
            mine.organisation,
        )
    assert [row["kind"] for row in found] == ["joining"]


async def test_an_event_about_nobody_here_is_ignored(setting: Setting, actor: Actor) -> None:
    fake, accounts, context = setting
    mine = await bill(context, actor, "Kort AS")
    charge = await charged(setting, mine)
    charge["metadata"] = {}
    await bring(context, accounts, fake, kinds(fake, "charge.succeeded"))
    async with context.db.tx() as connection:
        assert await connection.fetchval("select status from card_event") == "ignored"
    assert await payments_of(context) == 0


async def test_an_event_is_tried_again_while_the_provider_is_away(setting: Setting, actor: Actor) -> None:
    fake, accounts, context = setting
    mine = await bill(context, actor, "Kort AS")
    await charged(setting, mine)
    (completed,) = kinds(fake, "checkout.session.completed")
    await card_events.receive(context, accounts, *fake.signed(completed))
    fake.faults.statuses = [503] * 3
    assert await card_events.handle(context, accounts, completed["id"]) == timedelta(seconds=card_events.WAITS[0])
    assert await owed(context, mine) == mine.gross
    assert await card_events.handle(context, accounts, completed["id"]) is None
    assert await owed(context, mine) == 0


# The books


async def compared(setting: Setting) -> card_books.Compared:
    _, accounts, context = setting
    today = datetime.now(UTC).date()
    (found,) = await card_books.compare(context, accounts, today - timedelta(days=1), today + timedelta(days=1))
    return found


async def differences(context: Context) -> list[tuple[Any, ...]]:
    async with context.db.tx() as connection:
        rows = await connection.fetch("select kind, theirs, ours from card_difference where is_open order by kind")
    return [tuple(row) for row in rows]


async def test_m12_what_no_event_told_of_is_booked_by_comparing_the_books(setting: Setting, actor: Actor) -> None:
    fake, _accounts, context = setting
    mine = await bill(context, actor, "Kort AS")
    charge = await charged(setting, mine)
    fake.state.refund({"charge": charge["id"], "amount": 100_00})
    fake.state.pay_out()
    fake.held.clear()
    done = await compared(setting)
    assert (done.lines, done.repaired, done.found) == (3, 3, 0)
    assert await owed(context, mine) == 100_00
    assert await total(context, "card_clearing") == 0, "everything is paid out, fees are a cost"
    assert await total(context, "provider_cost") == mine.gross * 24 // 1000 + 200
    again = await compared(setting)
    assert (again.repaired, again.found, again.closed) == (0, 0, 0)
    assert await verify.run(context) == []


async def test_m12_a_difference_is_named_until_it_is_gone_or_explained(setting: Setting, actor: Actor) -> None:
    fake, accounts, context = setting
    mine, other = await bill(context, actor, "Kort AS"), await bill(context, actor, "Annet AS")
    stranger = await charged(setting, mine)
    stranger["metadata"] = {}  # somebody sold something else by the same account
    lost = await charged(setting, other)
    await bring(context, accounts, fake, list(fake.held))
    line = next(t for t in fake.state.ledger if t["source"] == lost["id"])
    fake.state.ledger.remove(line)
    done = await compared(setting)
    assert done.found == 2
    assert await differences(context) == [("received", mine.gross, None), ("received", None, other.gross)]
    fake.state.ledger.append(line)
    assert (await compared(setting)).closed == 1
    async with context.db.tx() as connection:
        (wanted,) = await connection.fetch("select id from card_difference where is_open")
    await card_books.close(context, actor, wanted["id"], "A conference ticket")
    assert await differences(context) == []
