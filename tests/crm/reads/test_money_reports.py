"""Reports of money: rows sum to figures, totals to grand totals, the past stays, and the ledger says the same."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from cluster_rules import fees
from cluster_rules.explanations import Step
from crm.actions import payments
from crm.reads import reports
from crm.reads.reports import aging
from crm.reports import OTHERS, Asked
from tests.broken_files import FIRST, HEAD, csv
from tests.crm.actions.test_member_imports import NETWORK, imported
from tests.crm.books import World

pytestmark = pytest.mark.anyio

MONEY = [name for name, source in reports.SOURCES.items() if source.area == "money"]
DAYS = [date(2024, 3, 1), date(2024, 12, 31), date(2025, 6, 30), date(2026, 2, 1), date(2026, 11, 22)]
SEEDS = (1, 2, 3)
HALF = {"part": 1, "whole": 2}


def ask(networks, day, start=None, **options):
    first = start or date(day.year, 1, 1)
    return Asked(tuple(networks), first, date(day.year + 1, 1, 1), day, options=options)


async def make(connection, name, asked):
    source = reports.SOURCES[name]
    options = {each.code: each.default for each in source.options} | asked.options
    return await reports.figures(connection, source, msgspec.structs.replace(asked, options=options))


async def plain(connection, name, asked):
    """All of a report that is figures: as data that can be compared."""
    made = await make(connection, name, asked)
    tables = {t.code: [[c.value for c in row] for row in t.rows] for t in made.tables}
    return {f.code: f.value for f in made.figures}, tables


@pytest.mark.parametrize("seed", SEEDS)
async def test_what_comes_later_changes_no_figure_of_a_past_day(context, seed):
    async with context.db.tx() as connection:
        world = await World(connection, seed).begin()
        seen = {}
        async for day in world.events():
            for past in DAYS:
                if past < day and past not in seen:
                    seen[past] = {name: await plain(connection, name, ask(world.all, past)) for name in MONEY}
        assert len(seen) == 4
        for past, told in seen.items():
            for name in MONEY:
                assert await plain(connection, name, ask(world.all, past)) == told[name], (past, name)


@pytest.mark.parametrize("seed", SEEDS)
async def test_every_figure_is_the_sum_of_its_rows_and_every_table_of_its_total(context, seed):
    async with context.db.tx() as connection:
        world = await World(connection, seed).begin()
        async for _ in world.events():
            pass
        something = set()
        for day in DAYS[1::2]:
            for name in MONEY:
                made = await make(connection, name, ask(world.all, day))
                for figure in made.figures:
                    if figure.rows:
                        assert await rows_of(connection, made, figure.code) == figure.value, figure.code
                    if figure.value:
                        something.add((name, figure.code.partition("/")[0]))
                for table in made.tables:
                    await check(connection, made, table)
        assert len(something) >= 25, "the world has something of nearly everything"


async def check(connection, made, table):
    """A table's columns add up to the figures of their measures, by currency; some cells are counted row by row."""
    source = reports.SOURCES[made.name]
    codes = [each.code for each in table.columns]
    for at, column in enumerate(table.columns):
        measure = source.measure(column.code)
        if measure is None:
            continue
        sums = defaultdict(int)
        for row in table.rows:
            sums[row[codes.index("currency")].value] += row[at].value
        for currency, total in sums.items():
            code = f"{measure.code}/currency={currency}"
            assert await rows_of(connection, made, code) == total, (made.name, table.code, column.code)
        for row in table.rows[:2]:
            if row[at].figure:
                assert await rows_of(connection, made, row[at].figure) == row[at].value, row[at].figure


async def rows_of(connection, made, code):
    found = await reports.rows(connection, reports.SOURCES[made.name], made.asked, code)
    assert found.after is None
    return len(found.rows) if found.measured is None else sum(row[found.measured] for row in found.rows)


@pytest.mark.parametrize("seed", SEEDS)
async def test_what_is_outstanding_less_credit_is_what_the_ledger_says(context, seed):
    async with context.db.tx() as connection:
        world = await World(connection, seed).begin()
        async for _ in world.events():
            pass
        for day in DAYS:
            books = await connection.fetch(
                "select e.currency, e.account, sum(e.amount)::bigint as amount from ledger_entry e"
                " join ledger_transaction t on t.id = e.transaction_id where e.host_id = $1 and t.on_date <= $2"
                " and e.account in ('receivable', 'member_credit') group by 1, 2",
                world.host,
                day,
            )
            said = {(row["currency"], row["account"]): row["amount"] for row in books}
            made = await make(connection, "aging", ask(world.all, day))
            values = {each.code: each.value for each in made.figures}
            for currency in {currency for currency, _ in said}:
                # Facts are booked in the order of their days here, so each account is what the positions add up to.
                assert values.get(f"open/currency={currency}", 0) == said.get((currency, "receivable"), 0), day
                assert values.get(f"credit/currency={currency}", 0) == -said.get((currency, "member_credit"), 0), day


async def test_an_invoice_and_its_claims_are_paid_credited_given_up_or_owed(context):
    async with context.db.tx() as connection:
        world = await World(connection, 4).begin()
        async for _ in world.events():
            pass
        made = await make(connection, "collected", ask(world.all, DAYS[-1], date(2024, 1, 1)))
        value = {each.code: each.value for each in made.figures}
        for currency in ("NOK", "EUR"):
            of = {code: value.get(f"{code}/currency={currency}", 0) for code in
                  ("invoiced", "claimed", "paid", "credited", "written_off", "owed", "due", "due_paid")}  # fmt: skip
            assert of["invoiced"] + of["claimed"] == of["paid"] + of["credited"] + of["written_off"] + of["owed"]
            assert of["invoiced"] > 0
            rate = value[f"collection_rate/currency={currency}"]
            assert rate == (of["due_paid"] / of["due"] if of["due"] else None)
        assert value["received/currency=NOK"] == value["paid/currency=NOK"], "all of it came in these three years"


async def test_an_opening_balance_is_owed_but_was_invoiced_elsewhere(context, actor):
    head = (*HEAD, "Inngående saldo", "Forfall", "Fakturanr")
    await imported(context, actor, csv((*FIRST, "1000", "01.09.2026", "F-1"), head=head))
    async with context.db.tx() as connection:
        here = ask([await connection.fetchval("select id from network where slug = $1", NETWORK)], DAYS[-1])
        told = [each for name in ("collected", "aging") for each in (await plain(connection, name, here))[0].items()]
    sums = defaultdict(int)
    for code, value in told:
        sums[code.partition("/")[0]] += value or 0
    assert (sums["invoiced"], sums["invoices"], sums["billed_12"], sums["open"]) == (0, 0, 0, 100000)
    assert sums["due"] == 100000, "it fell due here, and is collected here"


async def test_an_opening_credit_is_credit_and_pays_without_being_received(context, actor):
    head = (*HEAD, "Inngående saldo", "Forfall", "Fakturanr", "Til gode")
    wanted = await imported(context, actor, csv((*FIRST, "1000", "01.09.2026", "F-1", "1500"), head=head))
    async with context.db.tx() as connection:
        here = ask([await connection.fetchval("select id from network where slug = $1", NETWORK)], DAYS[-1])
        item = await connection.fetchval("select invoice_id from opening_item where import_id = $1", wanted)
        before = await of_both(connection, here)
    assert (before["open"], before["credit"], before["received"]) == (100000, 150000, 0)
    await payments.use_credit(context, actor, item, 100000)
    async with context.db.tx() as connection:
        after = await of_both(connection, here)
        known = await of_both(connection, msgspec.structs.replace(here, known_at=datetime.now(UTC)))
    assert (after["open"], after["credit"], after["due_paid"], after["received"]) == (0, 50000, 100000, 0)
    assert after == known, "from the ledger as from what is kept"


async def of_both(connection, asked):
    """The figures of both reports, all currencies together."""
    sums = defaultdict(int)
    for name in ("collected", "aging"):
        for code, value in (await plain(connection, name, asked))[0].items():
            if isinstance(value, int):
                sums[code.partition("/")[0]] += value
    return sums


async def test_months_of_a_line_add_up_to_the_line_and_together_as_one_by_one(context):
    async with context.db.tx() as connection:
        world = await World(connection, 5).begin()
        async for _ in world.events():
            pass
        asked = ask(world.all, date(2026, 12, 31), date(2024, 1, 1))
        made = await make(connection, "deferred", msgspec.structs.replace(asked, end=date(2027, 1, 1)))
        for currency in ("NOK", "EUR"):
            months = [row for row in made.table("by_month").rows if row[1].value == currency]
            lines = await connection.fetchval(
                "select sum(c.net) - coalesce((select sum(l.net) from credit_line l join charge d on d.id = l.charge_id"
                " where d.currency = $1), 0) from charge c where c.currency = $1",
                currency,
            )
            assert sum(row[2].value for row in months) == lines
            assert made.figure(f"recognised/currency={currency}").value == lines
            for row in months[:3]:
                assert await rows_of(connection, made, row[2].figure) == row[2].value
        assert made.figure("deferred/currency=NOK").value == 0, "nothing was invoiced for days after 2026"


async def test_fees_before_and_what_moved_them_are_the_fees_after(context):
    async with context.db.tx() as connection:
        world = await World(connection, 6, 9).begin()
        async for _ in world.events():
            pass
        for start, end in ((date(2025, 1, 1), date(2026, 1, 1)), (date(2024, 2, 1), date(2026, 11, 23))):
            last = end - timedelta(days=1)
            before, made = [
                {each.code.partition("/")[0]: each.value for each in found.figures if "EUR" not in each.code}
                for found in (
                    await make(connection, "revenue", ask(world.all, start - timedelta(days=1))),
                    await make(connection, "revenue", Asked(tuple(world.all), start, end, last)),
                )
            ]
            gained = made["new"] + made["reactivation"] + made["expansion"]
            assert before["arr"] + gained - made["contraction"] - made["churn"] == made["arr"] == made["closing"]
            assert made["opening"] == before["arr"]
            assert made["mrr"] == round(made["arr"] / 12)


async def test_ages_begin_on_the_first_day_late(context):
    async with context.db.tx() as connection:
        world = await World(connection, 7, 1).begin()
        async for _ in world.events():
            if world.bills:
                break
        due = world.bills[0].on + timedelta(days=30)
        network = [world.own[0]["network_id"]]
        ages = {-5: "not_due", 0: "not_due", 1: "d001_030", 30: "d001_030", 31: "d031_060", 60: "d031_060"}
        ages |= {61: "d061_090", 91: "d091_120", 120: "d091_120", 121: "d121"}
        for late, age in ages.items():
            made = await make(connection, "aging", ask(network, due + timedelta(days=late)))
            said = {row[0].value: row[2].value for row in made.table("by_age").rows}
            assert said == {age: world.bills[0].gross}
        assert list(aging.AGES) == sorted(aging.AGES, key=lambda age: (age != "not_due", age))


async def test_ages_stand_in_their_order_however_much_they_are(context):
    async with context.db.tx() as connection:
        world = await World(connection, SEEDS[0]).begin()
        async for _ in world.events():
            pass
        shown = set()
        for bill in world.bills:
            made = await make(connection, "aging", ask(world.all, bill.on))
            told = [row[0].value for row in made.table("by_age").rows if row[1].value == bill.currency]
            assert told == sorted(told, key=list(aging.AGES).index)
            shown |= {tuple(told)}
        assert any(len(ages) > 2 and ages[0] == "not_due" for ages in shown)


def fixed(amount):
    return Step("fixed", {"amount": amount})


def percentage(of, basis_points, floor, cap):
    return Step("percentage", {"of": of, "basis_points": basis_points, "floor": floor, "cap": cap})


@pytest.mark.parametrize(
    ("steps", "net"),
    [
        ((fixed(45_000_33), Step("prorated_days", {"part": 41, "whole": 365})), 5_054_83),
        ((Step("band", {"amount": 90_000_00}), Step("discount_percent", {"percent": 33})), 60_300_00),
        ((fixed(10_001), Step("discount_amount", {"amount": 500}), Step("prorated_half_year", HALF)), 4_751),
        ((Step("band"), percentage(123_456_789, 7, 0, 0)), 86_420),
        ((Step("band"), percentage(1, 7, 500_00, 900_00), Step("prorated_months", {"part": 5, "whole": 12})), 20_833),
        ((Step("band"), percentage(10**12, 700, 0, 900_00)), 900_00),
        ((Step("work"), Step("hours_as_money", {"hours": 40, "value": 950_00})), 38_000_00),
        ((fixed(100_00), Step("unused_days"), Step("withdrawn")), 100_00),
    ],
)
async def test_the_yearly_fee_of_a_line_is_what_its_explanation_says(context, steps, net):
    """The same as `fees.as_billed`, which takes it from the same words."""
    line = fees.FeeLine("n", "t", "c", {}, None, net, "", 0, 0, "NOK", steps=tuple(steps))
    whole = fees.as_billed(line, None)
    async with context.db.tx() as connection:
        said = await connection.fetchval(
            "select charge_yearly($1, '2026-01-01', '2027-01-01', $2)", net, msgspec.to_builtins(steps)
        )
    assert said == (whole.net if steps[-1].code != "withdrawn" else 100_00)


@pytest.mark.parametrize(
    ("net", "days", "steps", "yearly"),
    [
        (-100, 365, [], None),  # given back
        (0, 365, [], None),
        (500, 365, [fixed(1000), Step("link_percent", {"percent": 50})], None),  # of a link
        (500, 182, [fixed(1000), Step("half_of_year", {"half": 1})], 1000),
        (900, 365, [], 900),  # nothing is explained
        (900, 73, [Step("who_knows")], 4500),
        (3000, 1095, [fixed(3000)], 1000),  # three years at once
    ],
)
async def test_lines_that_are_no_year_are_taken_by_their_days(context, net, days, steps, yearly):
    plain_steps = msgspec.to_builtins(steps)
    async with context.db.tx() as connection:
        said = await connection.fetchval(
            "select charge_yearly($1, '2026-01-01', date '2026-01-01' + $3::int, $2)", net, plain_steps, days
        )
    assert said == yearly


async def test_who_owes_least_is_told_together_and_nothing_is_lost(context):
    """The largest are listed, the others are one row for each currency; beside another period the same in both."""
    async with context.db.tx() as connection:
        world = await World(connection, 1).begin()
        async for _ in world.events():
            pass
        asked = ask(world.all, DAYS[2])
        source = reports.SOURCES["aging"]
        cuts = tuple(msgspec.structs.replace(c, most=2) if c.code == "by_member" else c for c in source.cuts)
        whole = (await make(connection, "aging", asked)).table("by_member")
        few = await reports.figures(connection, msgspec.structs.replace(source, cuts=cuts), asked)
        beside = msgspec.structs.replace(asked, compare=(date(2024, 1, 1), date(2025, 1, 1)))
        compared = await reports.figures(connection, msgspec.structs.replace(source, cuts=cuts), beside)
        all_of_them = (await make(connection, "aging", beside)).table("by_member")
    short = few.table("by_member")
    assert len(whole.rows) > 4 and short.rows[:2] == whole.rows[:2] and short.total == whole.total
    others = short.rows[2:]
    assert others and all(row[0].value == OTHERS and not any(cell.figure for cell in row) for row in others)
    for row in others:
        left = [each for each in whole.rows[2:] if each[1] == row[1]]
        assert [cell.value for cell in row[2:]] == [sum(each[at].value for each in left) for at in (2, 3, 4)]
    both = compared.table("by_member")
    listed = [row for row in both.rows if row[0].value != OTHERS]
    assert [row[:5] for row in listed] == list(short.rows[:2]) and both.total == all_of_them.total
    assert all(row in all_of_them.rows for row in listed), "each with what it was then"
    for at in (2, 5):
        for currency in {row[1].value for row in all_of_them.rows}:
            sums = [sum(row[at].value for row in t.rows if row[1].value == currency) for t in (both, all_of_them)]
            assert sums[0] == sums[1], "nothing is lost"
