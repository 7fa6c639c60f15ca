"""The overview: its figures are those of the reports and lead to their rows; money is not for every reader."""

import html
import re
from datetime import date

import pytest

from crm.reads import invoice_list, reports
from crm.reports import Asked
from crm.web.overview import PERIODS, span_of
from tests.crm.books import World
from tests.crm.web.office import NORA, sign_in, text

pytestmark = pytest.mark.anyio

TODAY = date(2026, 11, 22)
MOST_STATEMENTS = 40  # the frame and the session among them
STARTUP = "/n/nora-startup"


@pytest.fixture
async def billed(context):
    """Three years of invoices and money in two networks of a host."""
    async with context.db.tx() as connection:
        world = await World(connection, 11, 14).begin()
        async for day in world.events():
            if day > TODAY:
                break


def links(page):
    """Every address in the page's main part."""
    main = page.partition("<main")[2]
    return sorted({html.unescape(each) for each in re.findall(r'href="(/n/[^"#]*)"', main)})


async def made(context, slug, name):
    """A report as its page makes it, and the network."""
    async with context.db.tx() as connection:
        network = await connection.fetchrow("select id, host_id from network where slug = $1", slug)
        source = reports.SOURCES[name]
        options = {each.code: each.default for each in source.options}
        asked = Asked((network["id"],), date(2026, 1, 1), date(2027, 1, 1), TODAY, options=options)
        return await reports.figures(connection, source, asked), network


def money(report, code):
    return [each for each in report.figures if each.measure == code and each.value]


@pytest.mark.parametrize("base", [NORA, STARTUP])
async def test_the_figures_are_those_of_the_reports(client, context, billed, base):
    await sign_in(client)
    page = await client.get(base)
    shown = text(page)
    aging, network = await made(context, base.removeprefix("/n/"), "aging")
    collected, _ = await made(context, base.removeprefix("/n/"), "collected")
    moves, _ = await made(context, base.removeprefix("/n/"), "movements")
    assert money(aging, "open") and money(aging, "overdue"), "somebody owes something"
    for report, code in ((aging, "open"), (aging, "overdue"), (collected, "received")):
        for figure in money(report, code):
            whole, cents = divmod(figure.value, 100)
            assert f"{figure.currency} {whole:,}{f'.{cents:02}' if cents else ''}" in shown, figure.code
    came = moves.figure("new").value + moves.figure("reinstated").value
    assert f"{came} came, {moves.figure('lapsed').value} left" in shown
    async with context.db.tx() as connection:
        for row in await invoice_list.unpaid(connection, network["id"], network["host_id"], TODAY):
            assert row.owed == sum(f.value for f in money(aging, "open") if f.currency == row.currency)
            assert row.overdue == sum(f.value for f in money(aging, "overdue") if f.currency == row.currency)


async def test_what_is_outstanding_by_age_is_in_the_list_it_leads_to(client, context, billed):
    await sign_in(client)
    page = (await client.get(NORA)).text
    bars = re.search(r'(?s)<ul class="hbars.*?</ul>', page)[0]
    aging, network = await made(context, "nora-industry-network", "aging")
    async with context.db.tx() as connection:
        wanted = invoice_list.Filter(network["id"], network["host_id"], TODAY, TODAY)
        of = await invoice_list.figures(connection, wanted)
        listed = {f.bucket: (f.owed, f.count) for f in of if f.currency == "NOK"}
    found = re.findall(r'state=(\w+)">NOK.([\d,.]+)</a><span class="xs muted">(\d+) invoice', bars)
    assert [bucket for bucket, _, _ in found] == ["open", "late30", "late60", "late90", "late"]
    for bucket, amount, count in found:
        owed = round(float(amount.replace(",", "")) * 100)
        assert (owed, int(count)) == listed.get(bucket, (0, 0)), bucket
    in_kroner = [row[3].value for row in aging.table("by_age").rows if row[1].value == "NOK"]
    assert sum(int(count) for _, _, count in found) == sum(in_kroner) > 0


async def test_every_link_leads_somewhere(client, billed):
    await sign_in(client, language="nb")
    assert "Innbetalt kontingent" in text(await client.get(STARTUP))
    followed = links((await client.get(f"{NORA}?period=months_12")).text)
    for href in followed:
        answer = await client.get(href)
        assert answer.status_code in (200, 303), href
    assert len(followed) > 40


@pytest.mark.parametrize("name", [*PERIODS, "whatever"])
async def test_a_period_is_chosen_in_the_address(client, name):
    await sign_in(client)
    answer = await client.get(f"{NORA}?period={name}")
    assert answer.status_code == 200
    assert answer.text.count('aria-current="true"') >= 1
    assert "How networks connect" in answer.text


def test_what_is_drawn_are_the_days_before_and_in_the_period():
    year = span_of("this_year", TODAY)
    assert (year.start, year.end, year.day) == (date(2026, 1, 1), date(2027, 1, 1), TODAY)
    assert year.days[:2] == (date(2025, 12, 31), date(2026, 1, 31))
    assert year.days[-2:] == (date(2026, 10, 31), TODAY)
    assert span_of("last_year", TODAY).days[-1] == date(2025, 12, 31)
    assert span_of("months_12", TODAY).days[0] == date(2025, 11, 30)
    five = span_of("years_5", TODAY)
    assert five.days[0] == date(2021, 12, 31) and five.days[-1] == TODAY and len(five.days) == 21
    assert span_of("last_month", TODAY) == year, "not one of the overview's"
    assert span_of("this_year", date(2026, 1, 1)).days == (date(2025, 12, 31), date(2026, 1, 1))
    assert five.query == "period=own&from=2022-01-01&until=2026-12-31"


async def test_who_keeps_no_books_sees_no_money(client, billed):
    await sign_in(client, "leser@klynge.example")
    answer = await client.get(NORA)
    shown = text(answer)
    assert answer.status_code == 200
    assert "Active members 24" in shown and "Applications waiting 4" in shown and "Linked memberships 5" in shown
    for word in ("NOK", "EUR", "Overdue", "Fees paid", "Outstanding", '/dunning">Remind'):
        assert word not in shown.partition("Overview of")[2], word
    await sign_in(client, "kasserer@klynge.example")
    assert "Fees paid" in text(await client.get(NORA))


async def test_a_page_asks_the_database_few_things(client, context):
    await sign_in(client)
    asked = []

    def heard(record):
        if record.query.lstrip().startswith(("select", "with")):
            asked.append(record.query)

    async with context.db.tx() as connection:
        connection.add_query_logger(heard)
        await client.get(NORA)
        connection.remove_query_logger(heard)
    assert 10 < len(asked) <= MOST_STATEMENTS, len(asked)


async def test_a_network_that_is_new_begins_with_what_invoices_and_members_need(client, context):
    await sign_in(client)
    assert "Import your members" not in text(await client.get(NORA)), "who has members is not told to get some"
    async with context.db.tx() as connection:
        await connection.execute("update host set organisation_number = '', vat_number = null, street = ''")
    told = text(await client.get(NORA))
    assert "Tell what invoices need of" in told and "lacks organisation number, address" in told


async def test_bars_of_money_are_as_high_as_the_amounts_beside_them(client, billed):
    """Pictures of reports are drawn in whole kroner, as their tables say it."""
    await sign_in(client)
    page = (await client.get(f"{STARTUP}/reports/collected?period=last_year")).text
    picture = page.split('<svg class="chart')[1].split("</svg>")[0]
    said = re.findall(r"<text[^>]*>([^<]*)</text>", picture)
    ticks = [int(each.replace(",", "")) for each in said if re.fullmatch(r"[\d,]+", each)]
    table = page.split('id="table-by_month"')[1].split("</table>")[0]
    amounts = [float(each.replace(",", "")) for each in re.findall(r"NOK\W*([\d,.]+)", table)]
    assert max(ticks) < 3 * max(amounts), "not in øre"
    assert "in a picture" in page and ", NOK" in page
    assert 'class="chart-key"' in page, "what the two colours mean"
