"""The list of invoices: every figure leads to its rows, as of a day, search, pages, export, drafts issued together."""

import csv
import io
import re
from datetime import date

import httpx
import pytest

from crm.actions import invoices, payments
from crm.actions.invoices import Credit
from crm.actor import Actor
from crm.context import Context
from crm.reads import invoice_list
from crm.web.csv_files import guarded
from tests.crm.billing import NETWORK, Bill, bill, draft
from tests.crm.web.office import CLAIRE, count, other_browser, send, sign_in, text, token

pytestmark = pytest.mark.anyio

HERE = f"/n/{NETWORK}/invoices"
NAMES = ("Anker AS", "Berg AS", "Celsius AS", "Dal AS")


@pytest.fixture
async def some(context: Context, actor: Actor) -> list[Bill]:
    """Four issued today: one paid, one credited whole, one written off in part, one untouched."""
    made = [await bill(context, actor, name) for name in NAMES]
    await payments.record(context, actor, made[0].id, made[0].gross, "NOK", date(2026, 11, 22), "x")
    await invoices.credit(context, actor, made[1].id, Credit("Feil nivå"))
    return made


def rows(answer: httpx.Response) -> list[str]:
    """The numbers in the table."""
    table = answer.text.partition("<tbody>")[2].partition("</tbody>")[0]
    return re.findall(r'href="[^"]*/invoices/[0-9a-f-]{36}">([^<]*)</a>', table)


def chips(answer: httpx.Response) -> dict[str, tuple[str, int]]:
    """Bucket -> (its address, its figure)."""
    pattern = r'class="card bucket" href="([^"]*)" data-bucket="(\w+)".*?class="value">([^<]*)<'
    found = re.findall(pattern, answer.text, re.S)
    return {
        code: (href.replace("&amp;", "&"), int(figure.replace("\N{NO-BREAK SPACE}", "")))
        for href, code, figure in found
    }


async def test_every_figure_leads_to_exactly_its_rows(client: httpx.AsyncClient, some: list[Bill]) -> None:
    await sign_in(client)
    for day in ("", "?as_of=2027-01-10", "?as_of=2027-06-01", "?as_of=2026-11-01"):
        shown = await client.get(HERE + day)
        assert shown.status_code == 200, shown.text
        figures = chips(shown)
        assert set(figures) >= {"draft", "open", "late30", "late60", "late90", "late", "paid", "credited"}
        for code, (href, figure) in figures.items():
            listed = await client.get(href)
            assert len(rows(listed)) == figure, (day, code)
            assert f"/export.csv{href.partition(HERE)[2].replace('&', '&amp;')}" in listed.text or not figure
        assert sum(figure for _, figure in figures.values()) == len(rows(shown)) or len(rows(shown)) == 50


async def test_ages_are_those_of_the_day(client: httpx.AsyncClient, some: list[Bill]) -> None:
    await sign_in(client)
    due = date(2026, 12, 22)
    for days, code in (
        (0, "open"),
        (1, "late30"),
        (30, "late30"),
        (31, "late60"),
        (60, "late60"),
        (61, "late90"),
        (90, "late90"),
        (91, "late"),
    ):
        on = date.fromordinal(due.toordinal() + days)
        listed = await client.get(f"{HERE}?as_of={on}&state={code}&q=NORA-")
        numbers = rows(listed)
        assert f"NORA-{some[2].number}" in numbers, (days, code)
        assert f"NORA-{some[0].number}" not in numbers
    before = await client.get(f"{HERE}?as_of=2026-11-21&q=Celsius")
    assert "No invoice fits." in text(before)


async def test_text_finds_numbers_kids_and_buyers_and_nothing_else(client: httpx.AsyncClient, some: list[Bill]) -> None:
    await sign_in(client)
    assert rows(await client.get(f"{HERE}?q={some[2].kid}")) == [f"NORA-{some[2].number}"]
    assert rows(await client.get(f"{HERE}?q=nora-{some[3].number}")) == [f"NORA-{some[3].number}"]
    assert rows(await client.get(f"{HERE}?q=celsius")) == [f"NORA-{some[2].number}"]
    for nothing in ("%25", "_", "' or 1=1", "\\"):
        assert "No invoice fits." in text(await client.get(HERE, params={"q": nothing}))
    assert (await client.get(f"{HERE}?state=x&sort=y&after=1_2_3&organisation=z&as_of=1")).status_code == 200


async def test_the_same_rows_come_page_by_page_in_every_order(context: Context, actor: Actor, some: list[Bill]) -> None:
    async with context.db.tx() as connection:
        network = await connection.fetchrow("select id, host_id from network where slug = $1", NETWORK)
    for sort in invoice_list.SORTS:
        wanted = invoice_list.Filter(
            network["id"], network["host_id"], date(2026, 11, 22), date(2026, 11, 22), sort=sort
        )
        async with context.db.reading(actor.sees) as connection:
            whole = await invoice_list.page(connection, wanted, limit=1000)
            stepped, after = [], None
            while True:
                one = await invoice_list.page(connection, wanted, after, limit=2)
                assert one.before == len(stepped)
                stepped += one.rows
                if not one.more:
                    break
                after = one.rows[-1].key
        assert list(whole.rows) == stepped
        assert len({row.id for row in stepped}) == len(stepped) >= 5


async def test_the_export_is_what_is_shown_and_no_formula(
    client: httpx.AsyncClient, context: Context, actor: Actor, some: list[Bill]
) -> None:
    await bill(context, actor, "=HYPERLINK(1) AS")
    await sign_in(client)
    shown = await client.get(f"{HERE}?sort=amount")
    exported = await client.get(f"{HERE}/export.csv?sort=amount")
    assert exported.headers["content-type"].startswith("text/csv")
    listed = list(csv.DictReader(io.StringIO(exported.content.decode("utf-8-sig"))))
    assert [row["Number"] or "Draft" for row in listed] == rows(shown)
    assert "'=HYPERLINK(1) AS" in {row["Organisation"] for row in listed}
    note = next(row for row in listed if row["Status"] == "Credit notes")
    assert float(note["Total"]) == -some[1].gross / 100
    await sign_in(client, language="nb")
    norwegian = (await client.get(f"{HERE}/export.csv?q=Celsius")).content.decode("utf-8-sig")
    assert norwegian.startswith("Nummer;KID;")
    assert f";{some[2].gross // 100},{some[2].gross % 100:02};" in norwegian
    for typed in ("=1", "+1", "-1", "@x", "\t=1", " =1"):
        assert guarded(typed).startswith("'")
    assert guarded("Fjord = Data") == "Fjord = Data"


async def test_drafts_are_issued_together_and_failures_come_first(
    client: httpx.AsyncClient, context: Context, actor: Actor, some: list[Bill]
) -> None:
    for name in ("Elv AS", "Foss AS"):
        await draft(context, actor, name)
    await draft(context, actor, "Gran kommune", kind="public_body")
    await sign_in(client)
    drafts = chips(await client.get(HERE))["draft"][1]
    assert drafts == 3
    assert "Issue these 3 drafts" in text(await client.get(f"{HERE}?state=draft"))
    asked = text(await client.get(f"{HERE}/issue"))
    assert "Issue 2 drafts?" in asked
    assert "One draft stays a draft" in asked
    assert asked.index("Gran kommune is a public body") < asked.index("Elv AS")
    asked = await client.get(f"{HERE}/issue")
    seen = re.search(r'name="seen" value="([^"]+)"', asked.text)[1]
    stale = await send(client, f"{HERE}/issue", seen="x")
    assert stale.status_code == 409
    assert "The drafts have changed meanwhile" in text(stale)
    before = await count(context, "select count(*) from invoice where status = 'issued'")
    done = await client.post(f"{HERE}/issue", data={"_csrf_token": await token(client), "seen": seen})
    assert done.status_code == 303, done.text
    result = await client.get(done.headers["location"])
    made = await count(context, "select count(*) from invoice where status = 'issued'") - before
    said = text(result)
    assert made == 2
    assert "2 invoices issued" in said
    assert said.index("One draft could not be issued") < said.index("Foss AS")
    assert chips(await client.get(HERE))["draft"][1] == 1
    assert "No draft can be issued" in text(await client.get(f"{HERE}/issue"))
    assert "Nothing was issued" in text(await client.get(f"{HERE}/issue/result?first=x-1&last=y-9"))


async def test_others_see_nothing_of_it(client: httpx.AsyncClient, some: list[Bill]) -> None:
    assert (await client.get(HERE)).status_code == 303
    async with other_browser(client, "claire@klynge.example") as claire:
        assert (await claire.get(HERE)).status_code == 404
        assert (await claire.get(f"{HERE}/export.csv")).status_code == 404
        theirs = await claire.get(f"{CLAIRE}/invoices?q=NORA-{some[2].number}")
        assert f"NORA-{some[2].number}</a>" not in theirs.text


async def test_a_member_s_page_and_the_overview_lead_to_the_same_sums(
    client: httpx.AsyncClient, context: Context, actor: Actor, some: list[Bill]
) -> None:
    """What is unpaid is one figure, wherever it stands."""
    await payments.record(context, actor, some[3].id, some[3].gross + 700_00, "NOK", date(2026, 11, 22), "x")
    await sign_in(client)
    overview = await client.get(f"/n/{NETWORK}")
    listed = text(await client.get(f"{HERE}?state=unpaid"))
    unpaid = re.search(r"unpaid (NOK [\d,.]+)", listed)[1]
    assert f"nothing is overdue of {unpaid} outstanding" in text(overview)
    assert f'href="{HERE}?state=open"' in overview.text
    async with context.db.tx() as connection:
        network = await connection.fetchrow("select id, host_id from network where slug = $1", NETWORK)
        for on in (date(2026, 11, 22), date(2026, 12, 23), date(2027, 4, 1), date(2026, 1, 1)):
            wanted = invoice_list.Filter(network["id"], network["host_id"], on, on)
            sums = await invoice_list.unpaid(connection, wanted.network, wanted.host, on)
            figures = await invoice_list.figures(connection, wanted)
            assert sum(each.owed for each in sums) == sum(f.owed for f in figures)
            assert sum(each.overdue for each in sums) == sum(f.owed for f in figures if f.bucket in invoice_list.LATE)
    member = await client.get(f"/n/{NETWORK}/members/{some[2].organisation}")
    assert f"NORA-{some[2].number}" in text(member)
    owed = re.search(r"Unpaid (NOK [\d,.]+)", text(member))[1]
    href = f"{HERE}?organisation={some[2].organisation}&state=unpaid"
    assert href.replace("&", "&amp;") in member.text
    shown = text(await client.get(href))
    assert f"unpaid {owed}" in shown
    assert "Organisation: Celsius AS" in shown
    rich = text(await client.get(f"/n/{NETWORK}/members/{some[3].organisation}"))
    assert "Has NOK 700 to its credit" in rich
    await send(client, f"{HERE}/billing/{some[2].organisation}", email="faktura@celsius.example")
    assert "faktura@celsius.example" in text(await client.get(f"/n/{NETWORK}/members/{some[2].organisation}"))


async def test_what_is_owed_to_the_host_for_another_network_is_no_bill_of_this_one(
    client: httpx.AsyncClient, context: Context, actor: Actor
) -> None:
    made = await bill(context, actor, "Anker AS", "principal")
    async with context.db.tx() as connection:
        await connection.execute("update network set host_id = $1 where slug = 'claire-innovation-network'", made.host)
    await sign_in(client)
    linked = await client.get(f"{CLAIRE}/members/{made.organisation}")
    said = re.search(r"Unpaid to the same host for other networks: (NOK [\d,.]+)", text(linked))
    assert said and "Nothing is billed here yet." in text(linked)
    assert "state=unpaid" not in linked.text, "no list that would be empty"
    here = await client.get(f"/n/{NETWORK}/members/{made.organisation}")
    assert f"Unpaid {said[1]}" in text(here)
