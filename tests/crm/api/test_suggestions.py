"""A partner suggests corrections; the home network accepts them field by field, and stale ones say so."""

from typing import Any

import httpx
import pytest

from crm.actions import keys
from crm.context import Context
from tests.crm.api.support import CLAIRE, NORA, V1, approved, verified, wrong

pytestmark = pytest.mark.anyio
Headers = dict[str, str]
PATH = f"{V1}/networks/{CLAIRE}/suggestions"


@pytest.fixture
async def claire(context: Context) -> Headers:
    _, text = await keys.create(context, "CLAIRE's system", "partner", CLAIRE, scopes=["profiles"])
    return {"authorization": f"Bearer {text}"}


@pytest.fixture
async def organisation(client: httpx.AsyncClient, manager_headers: Headers) -> str:
    """A member of CLAIRE by the link from NORA, its home."""
    sent, _ = await approved(client, manager_headers, "2026-11-22")
    return str(sent["organisation_id"])


async def suggested(
    client: httpx.AsyncClient, headers: Headers, organisation: str, reason: str = "", **values: Any
) -> dict[str, Any]:
    body = {"organisation_id": organisation, "values": values, "reason": reason}
    answer = await client.post(PATH, json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def told(client: httpx.AsyncClient, headers: Headers, organisation: str) -> dict[str, Any]:
    return (await client.get(f"{V1}/organisations/{organisation}", headers=headers)).json()


async def test_accepted_field_by_field_and_the_sender_reads_what_became_of_it(
    client: httpx.AsyncClient, claire: Headers, organisation: str, manager_headers: Headers, context: Context
) -> None:
    before = await told(client, manager_headers, organisation)
    new = {"name": "Fjellheim Autonomi AS", "website": "https://fjellheim.example", "country": "SE"}
    made = await suggested(client, claire, organisation, "They wrote to us", **new)
    assert (made["owner"], made["network"], made["status"]) == (NORA, CLAIRE, "open")
    assert {f["field"]: (f["then"], f["wanted"]) for f in made["fields"]} == {
        name: (before[name], value) for name, value in new.items()
    }
    same = await suggested(client, claire, organisation, **new)
    assert same["id"] == made["id"]
    assert (await told(client, manager_headers, organisation))["website"] == before["website"]
    decision = f"{V1}/suggestions/{made['id']}/decision"
    accept = {"accept": ["website", "name"], "note": "Sweden is the parent"}
    assert (await client.post(decision, json=accept, headers=claire)).status_code == 403
    answer = await client.post(decision, json=accept, headers=manager_headers)
    assert answer.status_code == 200, answer.text
    after = await told(client, manager_headers, organisation)
    assert (after["name"], after["website"], after["country"]) == (new["name"], new["website"], "NO")
    assert [n["name"] for n in after["former_names"]] == [before["name"]]
    read = (await client.get(f"{V1}/suggestions/{made['id']}", headers=claire)).json()
    assert {f["field"]: f["outcome"] for f in read["fields"]} == {
        "name": "accepted",
        "website": "accepted",
        "country": "declined",
    }
    assert (read["status"], read["note"]) == ("decided", "Sweden is the parent")
    again = await client.post(decision, json=accept, headers=manager_headers)
    assert wrong(again, 409) == [("suggestion_id", "suggestion_closed")]
    assert await verified(context) == []


async def test_a_stale_value_is_accepted_only_by_who_has_seen_what_is_told_now(
    client: httpx.AsyncClient, claire: Headers, organisation: str, manager_headers: Headers
) -> None:
    made = await suggested(client, claire, organisation, website="https://theirs.example")
    changed = {"effective_on": "2026-11-22", "website": "https://ours.example"}
    done = await client.post(f"{V1}/organisations/{organisation}/profiles", json=changed, headers=manager_headers)
    assert done.status_code == 201, done.text
    decision = f"{V1}/suggestions/{made['id']}/decision"
    stale = await client.post(decision, json={"accept": ["website"]}, headers=manager_headers)
    assert wrong(stale, 409) == [("seen.website", "suggestion_stale")]
    seen = {"accept": ["website"], "seen": {"website": "https://ours.example"}}
    assert (await client.post(decision, json=seen, headers=manager_headers)).status_code == 200
    assert (await told(client, manager_headers, organisation))["website"] == "https://theirs.example"


async def test_another_suggestion_replaces_the_open_one_and_one_can_be_taken_back(
    client: httpx.AsyncClient, claire: Headers, organisation: str
) -> None:
    first = await suggested(client, claire, organisation, website="https://one.example")
    second = await suggested(client, claire, organisation, website="https://two.example")
    listed = (await client.get(f"{PATH}?status=withdrawn", headers=claire)).json()["items"]
    assert [i["id"] for i in listed] == [first["id"]]
    gone = await client.delete(f"{V1}/suggestions/{second['id']}", headers=claire)
    assert gone.json()["status"] == "withdrawn"
    assert wrong(await client.delete(f"{V1}/suggestions/{second['id']}", headers=claire), 409)


async def test_only_shared_fields_of_own_members_and_only_with_the_scope(
    client: httpx.AsyncClient,
    claire: Headers,
    organisation: str,
    partner_keys: dict[str, str],
    manager_headers: Headers,
    context: Context,
) -> None:
    body = {"organisation_id": organisation, "values": {"website": "https://one.example"}}
    without = {"authorization": f"Bearer {partner_keys[CLAIRE]}"}
    assert wrong(await client.post(PATH, json=body, headers=without), 403) == [("authorization", "scope_missing")]
    nobody = "0190b000-0000-7000-8000-000000000000"
    before = await told(client, manager_headers, organisation)
    for change, status, said in (
        ({"values": {"employees": 7}}, 422, ("values.employees", "field_not_shared")),
        ({"values": {}}, 422, ("values", "suggestion_empty")),
        ({"values": {"country": "XX"}}, 422, ("values.country", "country_unknown")),
        ({"values": {"name": " "}}, 422, ("values.name", "required")),
        ({"values": {"website": before["website"]}}, 409, ("values", "suggestion_same")),
        ({"values": {"tier": "full"}}, 422, ("values.tier", "field_unknown")),
        ({"organisation_id": nobody}, 404, ("organisation_id", "not_found")),
    ):
        assert wrong(await client.post(PATH, json={**body, **change}, headers=claire), status) == [said], change
    other = await client.post(f"{V1}/networks/{NORA}/suggestions", json=body, headers=claire)
    assert wrong(other, 404) == [("slug", "not_found")]
    async with context.db.tx() as connection:
        assert await connection.fetchval("select count(*) from profile_suggestion") == 0


async def test_of_a_member_that_is_not_disclosed_nothing_is_suggested(
    client: httpx.AsyncClient, claire: Headers, organisation: str, context: Context
) -> None:
    body = {"organisation_id": organisation, "values": {"website": "https://one.example"}}
    async with context.db.tx() as connection:
        await connection.execute("update disclosure set in_force = 0")
    refused = await client.post(PATH, json=body, headers=claire)
    assert wrong(refused, 422) == [("values.website", "field_not_shared")]
