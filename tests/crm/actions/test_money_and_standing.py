"""M9 as a property: whatever happens to money, in any order, no membership ends, lapses or is put on hold by it."""

import random
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from cluster_rules.errors import RuleViolation
from cluster_rules.ledger import Part, Place
from cluster_rules.money_facts import Disputed, MoneyFact, Received, Refunded, payment_id
from crm import catalogue
from crm.actions import dunning, invoices, payments, verify
from crm.actions.invoices import Credit
from crm.actor import SYSTEM, Actor
from crm.context import Context
from crm.store import ledger, settlement
from crm.store import payments as store
from crm.store.payments import Told
from tests.crm.billing import NETWORK, Bill, bill
from tests.crm.dunning import LADDER, at, value, with_ladder

pytestmark = pytest.mark.anyio
TODAY = date(2026, 11, 22)
EVENTS = ("card", "failed", "disputed", "won", "lost", "card_refund", "bank", "bank_back", "undo", "credit")
_STANDS = """
select n.slug, p.tier, p.origin, p.status, p.starts_on, p.ends_on from membership_period p
join network n on n.id = p.network_id where p.organisation_id = $1 and p.superseded_at is null order by 1, 5
"""
_DECISIONS = """
select d.kind, count(*)::int from membership_decision d join membership m on m.id = d.membership_id
where m.organisation_id = $1 and d.withdrawn_at is null group by 1
"""


class Life:
    """One invoice and all that can happen to its money."""

    def __init__(self, context: Context, actor: Actor, about: Bill, dice: random.Random) -> None:
        self.context, self.actor, self.about, self.dice = context, actor, about, dice
        self.cards: list[str] = []
        self.done: list[UUID] = []

    def fact(self, kind: type, card: str, **more: Any) -> MoneyFact:
        return kind(host=self.about.host, currency="NOK", on=TODAY, provider="stripe", object=card, **more)

    async def post(self, fact: MoneyFact) -> None:
        """As events of the card provider are booked: the fact, and what it sets going."""
        async with self.context.db.tx() as connection:
            kept = await catalogue.load(connection)
            await settlement.lock(connection, [self.about.organisation])
            if isinstance(fact, Received):
                booked = await store.receive(connection, fact, Told(), SYSTEM.name)
            else:
                booked = await ledger.post(connection, fact, SYSTEM.name)
            await settlement.settle(connection, kept, booked, SYSTEM, self.context.clock.now(), TODAY)

    async def happen(self, event: str) -> None:
        amount = self.dice.choice([1_00, self.about.gross // 2, self.about.gross, self.about.gross + 500_00])
        card = self.dice.choice(self.cards) if self.cards else ""
        about = {"rail": "card", "payment": payment_id("stripe", card), "amount": amount}
        if event == "card":
            self.cards.append(f"ch_{len(self.cards)}_{self.about.id}")
            parts = (Part(amount, Place(self.about.organisation, self.about.id)),)
            await self.post(self.fact(Received, self.cards[-1], rail="card", amount=amount, parts=parts))
        elif event == "bank":
            done = await payments.record(self.context, self.actor, self.about.id, amount, "NOK", TODAY, "Bank")
            self.done += done.transactions
        elif event == "undo" and self.done:
            await payments.take_back(self.context, self.actor, self.done.pop())
        elif event == "credit":
            await invoices.credit(self.context, self.actor, self.about.id, Credit("Feil", "amount", amount=1_00))
        elif event in ("disputed", "won", "lost") and card:
            phase = {"disputed": "opened"}.get(event, event)
            given = {"phase": phase, "payment": about["payment"], "amount": 1_00}
            await self.post(self.fact(Disputed, f"dp_{card}", **given))
        elif event == "card_refund" and card:
            await self.post(self.fact(Refunded, f"re_{self.dice.random()}", **about))

    async def stands(self) -> tuple[list[Any], dict[str, int]]:
        async with self.context.db.tx() as connection:
            periods = [tuple(row) for row in await connection.fetch(_STANDS, self.about.organisation)]
            return periods, dict(await connection.fetch(_DECISIONS, self.about.organisation))


@pytest.mark.parametrize("seed", range(6))
async def test_m09_no_event_of_money_ends_or_suspends(context: Context, actor: Actor, seed: int) -> None:
    """A failed card is no event at all here: nothing is booked, so nothing can follow (event "failed")."""
    dice = random.Random(seed)
    life = Life(context, actor, await bill(context, actor, f"Uro {seed} AS", "principal"), dice)
    before = await life.stands()
    assert {each[3] for each in before[0]} == {"active"} and before[1] == {"joining": 1}
    for _ in range(14):
        try:
            await life.happen(dice.choice(EVENTS))
        except RuleViolation:
            continue  # refused: more than is there
        assert await life.stands() == before
    assert await verify.run(context) == []


async def test_the_control_a_decided_suspension_is_seen_by_the_same_look(context: Context, actor: Actor) -> None:
    """Were money to put somebody on hold, the property above would see it."""
    await with_ladder(context, (LADDER[2],))
    mine = await bill(context, actor, "Kontroll AS", "principal")
    life = Life(context, actor, mine, random.Random(1))
    before = await life.stands()
    await dunning.run(at(context, 45), actor, NETWORK)
    assert await life.stands() == before
    step = await value(context, "select id from dunning_step where outcome = 'waiting'")
    await dunning.decide(at(context, 45), actor, step, "carry_out")
    assert await life.stands() != before


async def test_m09_a_dispute_stops_the_steps_and_its_end_lets_them_go_on(context: Context, actor: Actor) -> None:
    await with_ladder(context)
    mine = await bill(context, actor, "Uenig AS", "principal")
    life = Life(context, actor, mine, random.Random(2))
    life.cards = ["ch_1"]
    parts = (Part(1_000_00, Place(mine.organisation, mine.id)),)
    await life.post(life.fact(Received, "ch_1", rail="card", amount=1_000_00, parts=parts))
    given = {"payment": payment_id("stripe", "ch_1"), "amount": 1_000_00}
    await life.post(life.fact(Disputed, "dp_1", phase="opened", **given))
    assert (await dunning.run(at(context, 14), actor, NETWORK)).steps == 0
    await life.post(life.fact(Disputed, "dp_1", phase="lost", **given))
    assert (await dunning.run(at(context, 14), actor, NETWORK)).letters == {"reminder": 1}
