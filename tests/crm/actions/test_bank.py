"""Bank files into the ledger: AC-21 line by line, and M14 (twice, overlapping, in another order)."""

import random
from typing import Any
from uuid import UUID

import pytest

from cluster_rules.errors import RuleViolation
from crm.actions import bank, payments, verify
from crm.actions.payments import Share
from crm.actor import Actor
from crm.context import Context
from crm.store import ledger
from tests.crm.billing import Bill, bill, entry, kroner, notification

pytestmark = pytest.mark.anyio

M14_SEEDS = 12


async def owed(context: Context, about: Bill) -> int:
    async with context.db.tx() as connection:
        return (await ledger.owed(connection, [about.id]))[about.id]


async def balances(context: Context) -> dict[tuple[Any, ...], int]:
    async with context.db.tx() as connection:
        rows = await connection.fetch(
            "select account, organisation_id, network_id, code, currency, sum(amount)::bigint as amount"
            " from ledger_entry group by 1, 2, 3, 4, 5 having sum(amount) <> 0"
        )
    return {tuple(row)[:5]: row["amount"] for row in rows}


async def total(context: Context, account: str) -> int:
    return sum(amount for key, amount in (await balances(context)).items() if key[0] == account)


async def events(context: Context, invoice: UUID) -> list[str]:
    async with context.db.tx() as connection:
        rows = await connection.fetch("select kind from invoice_event where invoice_id = $1 order by row_id", invoice)
    return [row["kind"] for row in rows if row["kind"] in ("paid", "reopened")]


async def in_suspense(context: Context) -> list[tuple[UUID, int]]:
    async with context.db.tx() as connection:
        rows = await connection.fetch(
            "select payment_id, -sum(amount)::bigint from ledger_entry where account = 'suspense'"
            " group by payment_id having sum(amount) <> 0 order by 2"
        )
    return [tuple(row) for row in rows]


async def test_ac_21_a_bank_file_line_by_line(context: Context, actor: Actor) -> None:
    exact = await bill(context, actor, "Eksakt AS")
    short = await bill(context, actor, "Kort AS")
    over = await bill(context, actor, "Rund AS")
    first, second = await bill(context, actor, "Todelt AS"), await bill(context, actor, "Todelt Datter AS")
    back = await bill(context, actor, "Retur AS")
    file = notification(
        entry("R1", kroner(exact.gross), exact.kid),
        entry("R2", kroner(short.gross - 500_00), short.kid),
        entry("R3", kroner(over.gross + 250_00), over.kid),
        entry("R4", "777.00", "12345678903", text="Ukjent KID", payer="Ukjent AS"),
        entry("R5", kroner(first.gross + second.gross), [first.kid, second.kid], text="To fakturaer"),
        entry("R6", kroner(back.gross), back.kid),
    )
    done = await bank.import_file(context, actor, exact.host, "camt054.xml", file)
    assert (done.lines, done.known, done.matched, done.suspense) == (6, 0, 4, 2)

    assert (await owed(context, exact), await events(context, exact.id)) == (0, ["paid"])
    assert (await owed(context, short), await events(context, short.id)) == (500_00, [])
    assert (await owed(context, over), await total(context, "member_credit")) == (-250_00, -250_00)
    assert [amount for _, amount in await in_suspense(context)] == [777_00, first.gross + second.gross]
    assert await verify.run(context) == []

    before = await balances(context)
    again = await bank.import_file(context, actor, exact.host, "camt054 (1).xml", file)
    assert (again.known, again.matched, again.suspense, again.settled.paid) == (6, 0, 0, ())
    assert await balances(context) == before

    _, (split, _) = await in_suspense(context)
    shares = [Share(first.gross, first.id), Share(second.gross, second.id)]
    await payments.place(context, actor, split, shares, "Ringte Todelt, gjelder begge.")
    assert [await owed(context, each) for each in (first, second)] == [0, 0]
    assert [amount for _, amount in await in_suspense(context)] == [777_00]

    assert await events(context, back.id) == ["paid"]
    returned = notification(entry("R7", kroner(back.gross), returns="R6", day="2026-11-21"), message="M2")
    done = await bank.import_file(context, actor, exact.host, "camt053.xml", returned)
    assert (done.returned, done.settled.reopened) == (1, (back.id,))
    assert (await owed(context, back), await events(context, back.id)) == (back.gross, ["paid", "reopened"])
    assert sum((await balances(context)).values()) == 0
    assert await total(context, "bank") == sum(b.gross for b in (exact, short, over, first, second)) - 250_00 + 777_00
    assert await verify.run(context) == []


async def test_m14_overlapping_files_and_another_order_give_the_same_ledger(context: Context, actor: Actor) -> None:
    bills = [await bill(context, actor, f"Medlem {n} AS") for n in range(3)]
    lines = [entry(f"A{n}", kroner(b.gross + n * 100), b.kid) for n, b in enumerate(bills)]
    plain = "<AcctSvcrRef>A9</AcctSvcrRef>"
    lines += [entry("A9", "10.00", text="Kaffe").replace(plain, "")] * 2  # two alike, without any reference
    lines.append(entry("A7", kroner(bills[0].gross), returns="A0", day="2026-11-21"))
    files = {
        "all": [notification(*lines)],
        "turned round": [notification(*reversed(lines))],
        "one by one": [notification(*lines[3:5]), *(notification(line) for line in (*lines[:3], lines[5]))],
        "the return first": [notification(lines[5]), notification(*lines[2:5]), notification(*lines)],
        "notified and stated": [notification(*lines[:2]), notification(*lines, version="camt.053.001.08")],
    }
    files |= {f"seed {seed}": _overlapping(lines, random.Random(seed)) for seed in range(M14_SEEDS)}
    seen = {}
    for name, some in files.items():
        async with context.db.tx() as connection:
            outer = connection.transaction()
            await outer.start()
            for content in some:
                await bank.import_file(context, actor, bills[0].host, f"{name}.xml", content)
            seen[name] = await balances(context)
            assert await verify.run(context) == []
            await outer.rollback()
    assert all(each == seen["all"] for each in seen.values())
    assert -sum(a for key, a in seen["all"].items() if key[0] == "suspense") == 20_00
    assert -sum(a for key, a in seen["all"].items() if key[0] == "member_credit") == 3_00


def _overlapping(lines: list[str], drawn: random.Random) -> list[bytes]:
    """Every line in one file at least, some in several, in any order; the two alike stand in a file together."""
    parts = [[line] for line in (*lines[:3], lines[5])] + [lines[3:5]]
    some = [drawn.sample(parts, drawn.randint(1, len(parts))) for _ in range(3)] + [[part] for part in parts]
    drawn.shuffle(some)
    return [notification(*(line for part in each for line in part)) for each in some]


async def test_a_return_that_nobody_can_tell_waits_for_a_person(context: Context, actor: Actor) -> None:
    first, second = await bill(context, actor, "En AS"), await bill(context, actor, "To AS")
    file = notification(entry("B1", "100.00", first.kid), entry("B2", "100.00", second.kid))
    await bank.import_file(context, actor, first.host, "a.xml", file)
    back = notification(entry("B3", "100.00", returns="UNKNOWN"))
    done = await bank.import_file(context, actor, first.host, "b.xml", back)
    assert (done.returned, done.unknown_returns) == (0, 1)
    async with context.db.tx() as connection:
        line = await connection.fetchrow("select id from bank_line where problem = 'reversal_unknown'")
        payment = await connection.fetchval("select payment_id from bank_line where servicer_reference = 'B2'")
    await bank.returned(context, actor, line["id"], payment)
    assert [await owed(context, each) for each in (first, second)] == [first.gross - 100_00, second.gross]
    with pytest.raises(RuleViolation, match="return_placed"):
        await bank.returned(context, actor, line["id"], payment)


async def test_a_file_about_somebody_elses_account_is_refused_whole(context: Context, actor: Actor) -> None:
    mine = await bill(context, actor, "Min AS")
    file = notification(entry("C1", kroner(mine.gross), mine.kid), account="NO9386011117947")
    with pytest.raises(RuleViolation, match="bank_account_other"):
        await bank.import_file(context, actor, mine.host, "c.xml", file)
    assert await owed(context, mine) == mine.gross


async def test_another_currency_waits_in_suspense(context: Context, actor: Actor) -> None:
    mine = await bill(context, actor, "Euro AS")
    file = notification(entry("D1", kroner(mine.gross), mine.kid, currency="EUR"))
    done = await bank.import_file(context, actor, mine.host, "d.xml", file)
    assert (done.matched, done.suspense) == (0, 1)
    assert await owed(context, mine) == mine.gross
    ((payment, _),) = await in_suspense(context)
    with pytest.raises(RuleViolation, match="currency_mixed"):
        await payments.place(context, actor, payment, [Share(1, mine.id)])


async def test_the_host_is_found_by_its_code_or_by_the_account_in_the_file(context: Context, actor: Actor) -> None:
    mine = await bill(context, actor, "Vert AS")
    file = notification(entry("H1", "1.00", mine.kid))
    for code in ("nora", ""):
        host, networks = await bank.host_of(context, code, file)
        assert host == mine.host
        assert networks < actor.manages
    for code, content in (("nobody", file), ("", notification(entry("H1", "1.00"), account="NO9386011117947"))):
        with pytest.raises(RuleViolation, match="host_unknown"):
            await bank.host_of(context, code, content)
