"""The pages of reports: the index, every report in both languages, rows behind numbers, files, who may look."""

import io
import re
from html import unescape

import httpx
import pytest
from pypdf import PdfReader
from python_calamine import CalamineWorkbook

from crm.reads import reports
from tests.crm.web.office import NORA, sign_in, text

pytestmark = pytest.mark.anyio


async def test_the_index_names_every_report(client: httpx.AsyncClient) -> None:
    await sign_in(client)
    page = (await client.get(f"{NORA}/reports")).text
    for name in reports.SOURCES:
        assert f'href="{NORA}/reports/{name}"' in page, name


@pytest.mark.parametrize("language", ["en", "nb"])
async def test_every_report_shows_its_figures_with_definitions(client: httpx.AsyncClient, language: str) -> None:
    await sign_in(client, language=language)
    for name in reports.SOURCES:
        answer = await client.get(f"{NORA}/reports/{name}?compare=year")
        assert answer.status_code == 200, name
        found = re.findall(r'(?s)data-figure="([^"]+)".*?definition sm">(.*?)</dd>', answer.text)
        assert found and all(len(definition) > 20 for _, definition in found), name


async def test_a_number_leads_to_its_rows(client: httpx.AsyncClient) -> None:
    await sign_in(client)
    page = (await client.get(f"{NORA}/reports/members")).text
    href, number = re.search(r'(?s)data-figure="members">.*?<a href="([^"]+)">(\d+)</a>', page).groups()
    rows = await client.get(unescape(href))
    assert rows.status_code == 200
    assert rows.text.count("<tr>") - 1 == int(number) == 24
    assert "Organisations whose membership covers the day" in text(rows)


async def test_a_wrong_question_is_told_and_this_year_is_shown(client: httpx.AsyncClient) -> None:
    await sign_in(client)
    answer = await client.get(f"{NORA}/reports/members?period=own&from=2026-05-01&until=2026-04-01")
    assert answer.status_code == 422 and "A period ends after it begins" in text(answer)
    assert (await client.get(f"{NORA}/reports/members/rows?figure=nothing")).status_code == 422
    assert (await client.get(f"{NORA}/reports/nothing")).status_code == 404


async def test_files_hold_what_the_page_shows(client: httpx.AsyncClient) -> None:
    await sign_in(client, language="en")
    book = CalamineWorkbook.from_filelike(
        io.BytesIO((await client.get(f"{NORA}/reports/members/rows.xlsx?figure=members")).content)
    )
    rows = book.get_sheet_by_index(0).to_python()
    assert len(rows) == 25 and rows[0][:2] == ["Name", "Organisation number"]
    assert all(isinstance(row[1], str) for row in rows), "a number that names somebody is a text"
    whole = CalamineWorkbook.from_filelike(io.BytesIO((await client.get(f"{NORA}/reports/members/file.xlsx")).content))
    assert whole.sheet_names[:2] == ["Active members", "Figures"], "a report that is a list begins with it"
    assert whole.get_sheet_by_index(0).to_python() == rows
    assert whole.get_sheet_by_index(1).to_python()[1][:2] == ["Active members", 24.0]
    assert "rows?figure=listed" in (await client.get(f"{NORA}/reports/innovation-norway")).text
    table = (await client.get(f"{NORA}/reports/members/rows.csv?figure=members")).content.decode("utf-8-sig")
    assert table.count("\r\n") == 25


@pytest.mark.parametrize(("language", "title"), [("en", "Board report"), ("nb", "Styrerapport")])
async def test_the_board_report_is_a_page_and_a_few_sheets_of_paper(
    client: httpx.AsyncClient, language: str, title: str
) -> None:
    await sign_in(client, language=language)
    page = await client.get(f"{NORA}/reports/board?compare=year")
    assert page.status_code == 200 and title in text(page)
    paper = await client.get(f"{NORA}/reports/board.pdf?compare=year")
    assert paper.headers["content-type"] == "application/pdf"
    read = PdfReader(io.BytesIO(paper.content))
    said = " ".join(sheet.extract_text() for sheet in read.pages)
    assert 2 <= len(read.pages) <= 4 and title in said and "NORA Industry Network" in said
    one = PdfReader(io.BytesIO((await client.get(f"{NORA}/reports/composition/paper.pdf")).content))
    assert len(one.pages) >= 1


async def test_a_viewer_may_read_and_others_do_not_find_it(client: httpx.AsyncClient) -> None:
    await sign_in(client, email="leser@klynge.example")
    for path in ("", "/movements", "/movements/rows?figure=end", "/board", "/saved", "/members/file.xlsx"):
        assert (await client.get(f"{NORA}/reports{path}")).status_code == 200, path
        assert (await client.get(f"/n/nora/reports{path}")).status_code == 404, path
    both = (await client.get(f"{NORA}/reports/host")).text
    assert "CLAIRE" not in both, "networks one may not open are not asked about"
