"""Reports by the API: figures with their definitions, rows behind each, files, several networks, who may ask."""

import httpx
import pytest

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
