"""The audit trail as a page: filters in the address, before and after, files of exactly that, the chain checked."""

import csv
import io
import re

import httpx
import pytest
from python_calamine import CalamineWorkbook

from crm.actor import Actor
from crm.context import Context
from crm.store import audit
from tests.crm.web.office import NORA, sign_in, text

pytestmark = pytest.mark.anyio
PAGE = f"{NORA}/setup/audit"
NUMBERS = re.compile(r"<code class=\"xs muted\"")


@pytest.fixture
async def written(context: Context) -> list[str]:
    """120 entries of one network and one of another; the last but one says what stood before."""
    async with context.db.tx() as connection:
        mine, other = [
            await connection.fetchval("select id from network where slug = $1", slug)
            for slug in ("nora-industry-network", "claire")
        ]
        telenor = await connection.fetchval("select id from organisation where name = 'Telenor'")
        for number in range(118):
            await audit.append(connection, Actor("Batch Botsen", "job"), "sizes_recorded", {"n": number}, mine)
        await audit.append(connection, Actor("Secret Stranger", "web"), "sizes_recorded", {}, other)
        detail = {"changes": {"name": ["Old <b>Name", "New Name"]}, "reason": "It said so"}
        await audit.append(connection, Actor("Kari =cmd()", "member"), "listing_saved", detail, mine, telenor)
        await audit.append(connection, Actor("Ola Nordmann", "api"), "sizes_recorded", {"n": 118}, mine)
    return ["Ola Nordmann", "Kari =cmd()"]


async def test_who_did_what_and_what_stood_before(client: httpx.AsyncClient, written: list[str]) -> None:
    await sign_in(client, language="en")
    page = await client.get(PAGE)
    shown = text(page)
    assert page.text.index(written[0]) < page.text.index("Kari =cmd()")
    assert "the member's own page" in shown and "Directory entry saved" in shown and "It said so" in shown
    assert "Old &lt;b&gt;Name" in page.text and "<ins>" in page.text
    assert "Secret Stranger" not in shown, "another network's"
    assert len(NUMBERS.findall(page.text)) == 50


async def test_older_entries_follow_without_a_gap(client: httpx.AsyncClient, written: list[str]) -> None:
    await sign_in(client, language="en")
    seen, address = 0, f"{PAGE}?q=botsen"
    while True:
        page = await client.get(address)
        seen += len(NUMBERS.findall(page.text))
        older = re.search(r'href="([^"]*before=\d+)"', page.text)
        if older is None:
            break
        address = older[1].replace("&amp;", "&")
    assert seen == 118


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("q=TELENOR&channel=member", 1),
        ("action=listing_saved&q=kari", 1),
        ("q=ola+nordmann&channel=web", 0),
        ("q=ola+nordmann&from=2999-01-01", 0),
        ("q=ola+nordmann&to=9999-12-31", 1),
        ("q=ola+nordmann&to=2001-01-01", 0),
        ("q=ola+nordmann&from=nonsense&before=-3", 1),
    ],
)
async def test_filters_of_the_address(client: httpx.AsyncClient, written: list[str], query: str, number: int) -> None:
    await sign_in(client)
    page = await client.get(f"{PAGE}?{query}")
    assert page.status_code == 200 and len(NUMBERS.findall(page.text)) == number


async def test_files_hold_exactly_that_and_are_written_down(client: httpx.AsyncClient, written: list[str]) -> None:
    await sign_in(client, language="en")
    sheet = list(csv.reader(io.StringIO((await client.get(f"{PAGE}/export.csv?q=kari")).text.removeprefix("\ufeff"))))
    assert len(sheet) == 2 and sheet[0][:3] == ["Number", "Moment", "Who"] and "New Name" in sheet[1][9]
    book = CalamineWorkbook.from_filelike(io.BytesIO((await client.get(f"{PAGE}/export.xlsx?q=botsen")).content))
    rows = book.get_sheet_by_index(0).to_python()
    assert len(rows) == 119 and isinstance(rows[1][0], float) and rows[1][2] == "Batch Botsen"
    assert "Audit trail downloaded" in text(await client.get(f"{PAGE}?action=audit_exported"))


async def test_the_chain_is_checked_and_a_changed_entry_named(
    client: httpx.AsyncClient, context: Context, written: list[str]
) -> None:
    await sign_in(client, language="en")
    assert "The chain is whole" in text(await client.get(f"{PAGE}?check=yes"))
    async with context.db.tx() as connection:
        await connection.execute("alter table audit disable trigger user")
        seq = await connection.fetchval("update audit set actor = 'Nobody' where actor = 'Ola Nordmann' returning seq")
    broken = text(await client.get(f"{PAGE}?check=yes"))
    assert "The chain is broken" in broken and str(seq) in broken


@pytest.mark.parametrize(("who", "status"), [("leser@klynge.example", 403), ("claire@klynge.example", 404)])
async def test_only_who_manages_the_network_reads_it(client: httpx.AsyncClient, who: str, status: int) -> None:
    await sign_in(client, who)
    for address in (PAGE, f"{PAGE}/export.csv", f"{PAGE}/export.xlsx"):
        assert (await client.get(address)).status_code == status
