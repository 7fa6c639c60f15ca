"""Money at the same time: payments of one invoice, a refund racing its payment, one file imported twice at once."""

import asyncio
from datetime import date

import pytest

from cluster_rules import money_facts
from cluster_rules.ledger import Part, Place
from cluster_rules.money_facts import Received, Refunded
from crm.actions import bank, payments, verify
from crm.context import Context
from crm.store import ledger
from crm.store import payments as store
from crm.store.payments import Told
from tests.commits.support import manager
from tests.conftest import context_on
from tests.crm.billing import Bill, bill, entry, notification

pytestmark = [pytest.mark.anyio, pytest.mark.commits]
ON = date(2026, 11, 20)
RACES = 12


async def owed(context: Context, about: Bill) -> int:
    async with context.db.tx() as connection:
        return (await ledger.owed(connection, [about.id]))[about.id]


async def test_payments_of_one_invoice_at_once(own_database: str) -> None:
    async with context_on(own_database) as context:
        actor = await manager(context)
        mine = await bill(context, actor, "Samtidig AS")
        part = mine.gross // 4
        await asyncio.gather(*(payments.record(context, actor, mine.id, part, "NOK", ON) for _ in range(8)))
        assert await owed(context, mine) == mine.gross - 8 * part
        kinds = await context.db.pool.fetch("select kind from invoice_event where invoice_id = $1", mine.id)
        assert [row["kind"] for row in kinds].count("paid") == 1
        assert await verify.run(context) == []


async def test_a_refund_that_races_its_payment_is_booked_once_and_never_lost(own_database: str) -> None:
    async with context_on(own_database) as context:
        actor = await manager(context)
        mine = await bill(context, actor, "Kappløp AS")
        common = {"host": mine.host, "currency": "NOK", "on": ON, "provider": "stripe", "rail": "card", "amount": 100}

        async def pay(name: str) -> None:
            parts = (Part(100, Place(mine.organisation, mine.id)),)
            async with context.db.tx() as connection:
                await store.receive(connection, Received(**common, object=name, parts=parts), Told(), "test")

        async def refund(name: str) -> None:
            fact = Refunded(**common, object=f"re_{name}", payment=money_facts.payment_id("stripe", name))
            async with context.db.tx() as connection:
                await ledger.post(connection, fact, "test")

        for n in range(RACES):
            await asyncio.gather(refund(f"ch_{n}"), pay(f"ch_{n}"), refund(f"ch_{n}"), pay(f"ch_{n}"))
        assert await owed(context, mine) == mine.gross
        booked = "select kind, count(*) from ledger_transaction where provider = 'stripe' group by kind order by kind"
        assert [tuple(row) for row in await context.db.pool.fetch(booked)] == [("received", RACES), ("refunded", RACES)]
        assert await context.db.pool.fetchval("select count(*) from parked_fact where booked_at is null") == 0
        assert await verify.run(context) == []


async def test_one_file_imported_twice_at_once(own_database: str) -> None:
    async with context_on(own_database) as context:
        actor = await manager(context)
        bills = [await bill(context, actor, f"Fil {n} AS") for n in range(3)]
        file = notification(*(entry(f"F{n}", "10.00", b.kid) for n, b in enumerate(bills)))
        done = await asyncio.gather(
            *(bank.import_file(context, actor, bills[0].host, f"{n}.xml", file) for n in range(3))
        )
        assert sorted((each.known, each.matched) for each in done) == [(0, 3), (3, 0), (3, 0)]
        assert [await owed(context, each) for each in bills] == [each.gross - 1000 for each in bills]
        assert await verify.run(context) == []
