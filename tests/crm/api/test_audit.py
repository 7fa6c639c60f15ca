"""The audit trail by API: pages by cursor, filters, and the head of the chain; only for keys that manage."""

import httpx
import pytest

from crm.actor import Actor
from crm.context import Context
from crm.store import audit
from tests.crm.api.support import CLAIRE, NORA

pytestmark = pytest.mark.anyio
CALL = f"/api/v1/networks/{NORA}/audit"


async def test_pages_follow_without_a_gap_and_end(
    client: httpx.AsyncClient, context: Context, manager_headers: dict[str, str]
) -> None:
    async with context.db.tx() as connection:
        network = await connection.fetchval("select id from network where slug = $1", NORA)
        for number in range(7):
            await audit.append(connection, Actor("Lister", "api"), "sizes_recorded", {"n": number}, network)
    seen, address = [], f"{CALL}?text=lister&action=sizes_recorded&channel=api&limit=3"
    while address:
        page = await client.get(address, headers=manager_headers)
        body = page.json()
        seen += [each["detail"]["n"] for each in body["items"]]
        link = page.headers.get("link", "")
        assert bool(link) == body["has_more"] == (body["next_cursor"] is not None)
        address = link[1 : link.index(">")] if link else ""
    assert seen == [6, 5, 4, 3, 2, 1, 0]
    head = (await client.get(f"{CALL}/head", headers=manager_headers)).json()
    newest = (await client.get(f"{CALL}?limit=1", headers=manager_headers)).json()["items"][0]
    assert head == {"number": newest["number"], "hash": newest["hash"]} and newest["words"] == "Sizes recorded"


@pytest.mark.parametrize(
    ("query", "field"), [("cursor=x1", "cursor"), ("from=0001-01-01", "from"), ("organisation_id=7", "organisation_id")]
)
async def test_wrong_questions_are_named(
    client: httpx.AsyncClient, manager_headers: dict[str, str], query: str, field: str
) -> None:
    answer = await client.get(f"{CALL}?{query}", headers=manager_headers)
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == field


async def test_partners_do_not_read_it(client: httpx.AsyncClient, partner_keys: dict[str, str]) -> None:
    for key, status in ((NORA, 403), (CLAIRE, 404)):
        headers = {"authorization": f"Bearer {partner_keys[key]}"}
        for address in (CALL, f"{CALL}/head"):
            assert (await client.get(address, headers=headers)).status_code == status
