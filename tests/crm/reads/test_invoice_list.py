"""The list of invoices found by what is kept: the same rows and figures as by looking at every document."""

from collections import defaultdict
from datetime import date, timedelta

import msgspec
import pytest

from crm.actions import invoices, payments
from crm.actions.invoices import Credit
from crm.reads import invoice_list, invoice_matches
from crm.reads.invoice_list import LATE, UNPAID, Filter
from tests.broken_files import FIRST, HEAD, csv
from tests.crm.actions.test_member_imports import NETWORK, imported, undone
from tests.crm.billing import bill, draft
from tests.crm.books import World

pytestmark = pytest.mark.anyio

DAYS = (date(2024, 2, 20), date(2024, 12, 31), date(2026, 2, 1), date(2026, 11, 22))
STATES = ((), UNPAID, LATE, ("open",), ("late",), ("draft",), ("paid",), ("credited",), ("written_off",))
STATES += (("credit_note",), ("credited", "written_off"), ("paid", "draft"), ("paid", "credit_note", "late30"))
WHOLE = invoice_list.MOST_SEARCHED  # so many rows are found by looking at all


async def compare(connection, wanted):
    """Every state in every order, page by page, against the whole list; and the figures against its rows."""
    whole = (await invoice_list.page(connection, wanted, limit=WHOLE)).rows
    sums = defaultdict(lambda: [0, 0, 0])
    for row in whole:
        found = sums[row.bucket, row.currency, row.delivery in ("failed", "rejected")]
        for at, value in enumerate((1, row.gross, row.owed)):
            found[at] += value
    told = await invoice_list.figures(connection, wanted)
    assert {(f.bucket, f.currency, f.undelivered): [f.count, f.gross, f.owed] for f in told} == sums
    for sort in invoice_list.SORTS:
        for buckets in STATES:
            for lost in (False, True)[: 1 + (buckets in ((), UNPAID))]:
                asked = msgspec.structs.replace(wanted, sort=sort, buckets=buckets, undelivered=lost)
                plain = (await invoice_list.page(connection, asked, limit=WHOLE)).rows
                assert {row.id for row in plain} == {
                    row.id for row in whole if (row.bucket in buckets or not buckets)
                    and (not lost or row.delivery in ("failed", "rejected"))
                }  # fmt: skip
                assert await stepped(connection, asked, max(3, len(plain) // 3)) == list(plain), (asked, sort)
    return {row.bucket for row in whole}


async def stepped(connection, asked, limit):
    rows, after = [], None
    while True:
        page = await invoice_list.page(connection, asked, after, limit, len(rows))
        assert page.before == (len(rows) if page.rows else 0)
        rows += page.rows
        if not page.more:
            return rows
        after = page.rows[-1].key


async def test_what_is_found_is_what_is_there_on_any_day(context):
    seen = set()
    async with context.db.tx() as connection:
        world = await World(connection, 2, 14).begin()
        async for _ in world.events():
            pass
        for network in world.networks:
            for day in DAYS:
                seen |= await compare(connection, Filter(network, world.host, day, DAYS[-1]))
    assert seen >= {"open", "late", "paid", "written_off", "credit_note"}


async def test_drafts_what_did_not_arrive_and_what_was_taken_back(context, actor):
    today = DAYS[-1]
    made = [await bill(context, actor, name) for name in ("Anker AS", "Berg AS", "Celsius AS", "Dal AS")]
    await payments.record(context, actor, made[0].id, made[0].gross + 100, "NOK", today, "x")
    await invoices.credit(context, actor, made[1].id, Credit("Feil nivå"))
    await draft(context, actor, "Elv AS")
    head = (*HEAD, "Inngående saldo", "Forfall", "Fakturanr")
    source = await imported(context, actor, csv((*FIRST, "1000", "01.09.2026", "F-1"), head=head))
    async with context.db.tx() as connection:
        for lost in (made[0], made[3]):
            await connection.execute("update invoice_delivery set status = 'failed' where invoice_id = $1", lost.id)
    days = (today - timedelta(days=30), today, today + timedelta(days=45))
    assert await on_days(context, days) >= {"draft", "late30", "paid", "credited", "credit_note", "late90", "late"}
    await undone(context, actor, source)
    assert "late90" not in await on_days(context, days)


async def on_days(context, days):
    async with context.db.tx() as connection:
        network = await connection.fetchrow("select id, host_id from network where slug = $1", NETWORK)
        found = [await compare(connection, Filter(*network, day, DAYS[-1])) for day in days]
    return set().union(*found)


async def test_a_text_is_found_wherever_it_stands(context, monkeypatch):
    """By index what looking at every document finds: numbers of one to four digits, series, KIDs and names."""
    async with context.db.tx() as connection:
        world = await World(connection, 3, 14).begin()
        async for _ in world.events():
            pass
        await connection.execute("set local session_replication_role = replica")
        await connection.execute(
            "update invoice set number = number * 37 % 10007, kid = case when number % 3 = 0"
            " then lpad((number * 7919)::text, 8, '0') else '' end where status = 'issued' and series = 'T'"
        )
        await connection.execute("set local session_replication_role = origin")
        wanted = Filter(world.networks[0], world.host, DAYS[-1], DAYS[-1])
        rows = (await invoice_list.page(connection, wanted, limit=WHOLE)).rows
        texts = {
            "t-",
            "-",
            "T-1",
            "t-0",
            "0",
            "00",
            "10",
            "-7",
            "",
            "%",
            "_",
            "æ",
            "nothing",
            rows[0].organisation[1:5],
        }
        texts |= {row.number for row in rows[:3]} | {row.number[-3:] for row in rows[:9]} | {"1", "12", "00791"}
        texts |= {row.kid for row in rows[:9]} | {row.kid[2:6] for row in rows[:9]}
        found = 0
        for text in sorted(texts):
            asked = msgspec.structs.replace(wanted, text=text)
            plain = [
                row for row in rows if text.lower() in f"{row.number}".lower() or text in row.kid
                or text.lower() in row.organisation.lower()
            ]  # fmt: skip
            for most in (invoice_matches.MOST_MATCHES, 0):
                monkeypatch.setattr(invoice_matches, "MOST_MATCHES", most)
                assert list((await invoice_list.page(connection, asked)).rows) == plain[: invoice_list.PAGE], text
                assert sum(each.count for each in await invoice_list.figures(connection, asked)) == len(plain), text
            monkeypatch.undo()
            found += bool(plain)
        assert found > 12
