"""The member list as a file: what is on the screen, no more and no less, in the same order; and that it was taken."""

import csv
import html
import io
import re
from datetime import date

import httpx
import pytest
import python_calamine

from crm.context import Context
from tests.crm.web.office import CLAIRE_ONLY, NORA, member, sign_in, text

pytestmark = pytest.mark.anyio


async def shown(client: httpx.AsyncClient, query: str) -> list[str]:
    """The names on the list, which has one page here."""
    answer = await client.get(f"{NORA}/members{query}")
    return [html.unescape(each) for each in re.findall(r'/members/[0-9a-f-]{36}[^"]*">([^<]+)</a></span>', answer.text)]


def of_xlsx(content: bytes) -> list[list[object]]:
    return python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()


@pytest.mark.parametrize(
    "query",
    ["", "?tier=principal", "?sort=since", "?q=a&sort=tier", "?state=ended", "?as_of=2020-07-01", "?q=nobody-at-all"],
)
async def test_a_file_is_what_is_on_the_screen(client: httpx.AsyncClient, query: str) -> None:
    await sign_in(client)
    page = await client.get(f"{NORA}/members{query}")
    names = await shown(client, query)
    links = [html.unescape(each) for each in re.findall(r'href="([^"]*/members/export\.\w+[^"]*)"', page.text)]
    if not names:
        assert links == [], "nothing to take along"
        links = [f"{NORA}/members/export.{kind}{query}" for kind in ("xlsx", "csv")]
    else:
        assert f"Download {len(names)} member" in text(page)
    book, sheet = [await client.get(link) for link in links]
    day = "2020-07-01" if "as_of" in query else "2026-11-22"
    for answer, kind in ((book, "xlsx"), (sheet, "csv")):
        name = f"nora-industry-network-{day}.{kind}"
        assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    head, *rows = of_xlsx(book.content)
    assert head[0] == "Name"
    assert [row[0] for row in rows] == names
    lines = list(csv.reader(io.StringIO(sheet.content.decode("utf-8-sig"))))
    assert [line[0] for line in lines[1:]] == names
    plain = [["" if v == "" else f"{v:.2f}" if isinstance(v, float) else str(v) for v in row] for row in rows]
    assert plain == lines[1:], "both files say the same"


async def test_days_are_days_and_words_are_the_readers(client: httpx.AsyncClient) -> None:
    await sign_in(client, language="nb")
    answer = await client.get(f"{NORA}/members/export.xlsx?tier=principal")
    head, first, *_ = of_xlsx(answer.content)
    assert head[:7] == ["Navn", "Nivå", "Status", "Opphav", "Nettverk", "Siden", "Ikke lenger medlem fra"]
    assert isinstance(first[5], date) and first[7] == 150_000
    assert first[1] == "Hovedpartner"
    plain = await client.get(f"{NORA}/members/export.csv?tier=principal")
    assert plain.content.decode("utf-8-sig").splitlines()[0].startswith("Navn;Nivå;")


async def test_a_name_like_a_formula_stays_a_name(client: httpx.AsyncClient, context: Context) -> None:
    await sign_in(client)
    who, _ = await member(context, (await shown(client, ""))[0])
    async with context.db.tx() as connection:
        await connection.execute("update organisation set name = '=1+1 AS' where id = $1", who)
    rows = of_xlsx((await client.get(f"{NORA}/members/export.xlsx?q=1%2B1")).content)
    assert rows[1][0] == "=1+1 AS"
    assert "'=1+1 AS" in (await client.get(f"{NORA}/members/export.csv?q=1%2B1")).text


async def test_who_takes_a_list_along_is_kept_and_only_who_may(client: httpx.AsyncClient, context: Context) -> None:
    await sign_in(client)
    await client.get(f"{NORA}/members/export.csv?tier=principal")
    async with context.db.tx() as connection:
        row = await connection.fetchrow("select actor, detail from audit where action = 'members_exported'")
    assert row["detail"] == {"kind": "csv", "day": "2026-11-22", "members": 8, "tiers": ["principal"]}
    await sign_in(client, CLAIRE_ONLY)
    assert (await client.get(f"{NORA}/members/export.csv")).status_code in (403, 404)
    client.cookies.clear()
    assert (await client.get(f"{NORA}/members/export.xlsx")).status_code in (302, 303)
