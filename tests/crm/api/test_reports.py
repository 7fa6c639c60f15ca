"""Reports by the API: figures with their definitions, rows behind each, files, several networks, who may ask."""

import io

import httpx
import pytest
from python_calamine import CalamineWorkbook

pytestmark = pytest.mark.anyio
BASE = "/api/v1/reports"
NORA, CLAIRE, NIN = "nora", "claire", "nora-industry-network"


async def ask(client: httpx.AsyncClient, headers: dict[str, str], path: str, **query: object) -> httpx.Response:
    return await client.get(f"{BASE}{path}", params=query, headers=headers)


async def test_every_report_is_listed_with_what_it_is_for(
    client: httpx.AsyncClient, manager_headers: dict[str, str]
) -> None:
    listed = (await ask(client, manager_headers, "")).json()["items"]
    assert {"members", "composition"} <= {each["name"] for each in listed}
    assert all(each["title"] and each["summary"] for each in listed)


async def test_a_figure_has_its_definition_and_the_address_of_its_rows(
    client: httpx.AsyncClient, manager_headers: dict[str, str]
) -> None:
    answer = await ask(client, manager_headers, "/members", network=NORA)
    assert answer.status_code == 200, answer.text
    figure = next(f for f in answer.json()["figures"] if f["code"] == "members")
    assert "membership covers the day" in figure["definition"]
    rows = (await client.get(figure["rows"] + "&limit=1000", headers=manager_headers)).json()
    assert len(rows["items"]) == figure["value"] > 0


async def test_rows_come_in_pages_and_as_files(client: httpx.AsyncClient, manager_headers: dict[str, str]) -> None:
    asked = {"network": NIN, "figure": "members"}
    first = await ask(client, manager_headers, "/members/rows", **asked, limit=20)
    assert first.json()["has_more"] and 'rel="next"' in first.headers["link"]
    following = first.headers["link"].partition("<")[2].partition(">")[0]
    second = (await client.get(following, headers=manager_headers)).json()
    names = [row["name"] for row in (*first.json()["items"], *second["items"])]
    assert len(names) == len(set(names)) == 24 and second["next_cursor"] is None
    table = (await ask(client, manager_headers, "/members/rows.csv", **asked)).text.splitlines()
    assert len(table) == 25 and table[0].startswith("name,orgnr,kind,")
    book = await ask(client, manager_headers, "/members/rows.xlsx", **asked)
    rows = CalamineWorkbook.from_filelike(io.BytesIO(book.content)).get_sheet_by_index(0).to_python()
    assert [row[0] for row in rows[1:]] == names


async def test_several_networks_of_a_host_count_an_organisation_once(
    client: httpx.AsyncClient, manager_headers: dict[str, str]
) -> None:
    """AC-14 by API, with the rows of those in several networks."""
    both = ["sin-applied-ai", "nce-smart-energy-markets"]
    answer = (await ask(client, manager_headers, "/host", network=both)).json()
    figures = {each["code"]: each for each in answer["figures"]}
    assert (figures["members"]["value"], figures["memberships"]["value"]) == (106, 115)
    rows = (await client.get(figures["in_several"]["rows"], headers=manager_headers)).json()
    assert len(rows["items"]) == figures["in_several"]["value"] == 9
    mixed = await ask(client, manager_headers, "/host", network=["nora", CLAIRE])
    assert mixed.status_code == 422 and mixed.json()["errors"][0]["rule"] == "report_hosts"


@pytest.mark.parametrize(
    ("query", "rule"),
    [
        ({"from": "2026-05-01", "to": "2026-05-01"}, "report_period"),
        ({"from": "1800-01-01"}, "report_period"),
        ({"compare": "last"}, "report_compare"),
        ({"option": "grace:3"}, "report_option_unknown"),
        ({"as_of": "2026-02-30"}, "date_format"),
        ({"known_at": "yesterday"}, "moment_format"),
        ({"to": "9999-12-31"}, "report_period"),
    ],
)
async def test_what_cannot_be_asked_is_refused_by_name(
    client: httpx.AsyncClient, manager_headers: dict[str, str], query: dict[str, str], rule: str
) -> None:
    answer = await ask(client, manager_headers, "/members", network=NORA, **query)
    assert answer.status_code == 422 and answer.json()["errors"][0]["rule"] == rule, answer.text


async def test_options_are_checked_and_said(client: httpx.AsyncClient, manager_headers: dict[str, str]) -> None:
    answer = await ask(client, manager_headers, "/cohorts", network=NIN, option="grace:60")
    assert answer.json()["options"] == {"grace": "60"}
    wrong = await ask(client, manager_headers, "/cohorts", network=NIN, option="grace:soon")
    assert wrong.status_code == 422 and "0–365" in wrong.json()["detail"]


async def test_a_key_reads_reports_of_its_own_network_alone(
    client: httpx.AsyncClient, partner_keys: dict[str, str]
) -> None:
    mine = {"authorization": f"Bearer {partner_keys[CLAIRE]}"}
    assert (await ask(client, mine, "/members", network=CLAIRE)).status_code == 200
    other = await ask(client, mine, "/members", network=NIN)
    assert other.status_code == 404 and other.json() == (await ask(client, mine, "/members", network="none")).json() | {
        "instance": other.json()["instance"]
    }
    together = await ask(client, mine, "/links", network=[CLAIRE, NIN])
    assert together.status_code == 404
    assert (await ask(client, {}, "/members", network=CLAIRE)).status_code == 401
