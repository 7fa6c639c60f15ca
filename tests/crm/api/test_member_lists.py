"""A partner's system pushes its list: verdicts row by row, twice is once, doubts wait for a person, guards hold."""

from typing import Any

import httpx
import pytest

from crm.actions import keys
from crm.context import Context
from tests.crm.api.support import NORA, V1, new_orgnr, verified

pytestmark = pytest.mark.anyio
Headers = dict[str, str]
PATH = f"{V1}/networks/{NORA}/member-lists"


@pytest.fixture
async def headers(context: Context) -> Headers:
    """The key of the network's own system."""
    _, text = await keys.create(context, "Own system", "partner", NORA, scopes=["members"])
    return {"authorization": f"Bearer {text}"}


def member(number: int, **changes: Any) -> dict[str, Any]:
    """A row of a company nobody knows."""
    return {
        "external_id": f"C-{number}",
        "name": f"Utenfor Allfarvei {number} AS",
        "country": "NO",
        "tier": "partner",
        "identifiers": [{"scheme": "no-orgnr", "value": new_orgnr()}],
        **changes,
    }


async def pushed(client: httpx.AsyncClient, headers: Headers, rows: list[Any], query: str = "") -> dict[str, Any]:
    answer = await client.post(PATH + query, json={"members": rows}, headers=headers)
    assert answer.status_code == 201, answer.text
    run: dict[str, Any] = answer.json()
    assert run["status"] == "done"
    return run


async def verdicts(client: httpx.AsyncClient, headers: Headers, run: dict[str, Any]) -> list[str]:
    return [row["verdict"] for row in await rows_of(client, headers, run)]


async def rows_of(client: httpx.AsyncClient, headers: Headers, run: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await client.get(f"{V1}/member-lists/{run['id']}/rows?limit=1000", headers=headers)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_a_list_is_taken_in_and_the_second_time_nothing_changes(
    client: httpx.AsyncClient, headers: Headers, context: Context
) -> None:
    rows = [member(1), member(2, tier="principal", starts_on="2024-03-01"), member(3, employees=7)]
    looked = await pushed(client, headers, rows, "?dry_run=true")
    assert looked["counts"] == {"created": 3}
    assert [r["organisation_id"] for r in await rows_of(client, headers, looked)] == [None] * 3
    first = await pushed(client, headers, rows)
    assert first["counts"] == {"created": 3}
    second = await pushed(client, headers, list(reversed(rows)))
    assert second["counts"] == {"unchanged": 3}
    stored = await rows_of(client, headers, first)
    listed = await client.get(f"{V1}/networks/{NORA}/members?limit=1000", headers=headers)
    members = {m["id"]: m for m in listed.json()["items"]}
    assert [members[r["membership_id"]]["tier"] for r in stored] == ["partner", "principal", "partner"]
    links = await client.get(f"{V1}/organisations/{stored[1]['organisation_id']}/memberships", headers=headers)
    assert {m["network"] for m in links.json()["items"]} == {NORA, "claire-innovation-network"}
    assert await verified(context) == []
