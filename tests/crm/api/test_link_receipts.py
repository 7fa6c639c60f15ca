"""A network's own system acknowledges linked memberships and objects to them; a person decides, both sides see it."""

from typing import Any

import httpx
import pytest

from crm.actions import keys
from crm.context import Context
from tests.crm.actions.test_payments import rewritten
from tests.crm.api.support import CLAIRE, NORA, V1, approved, memberships, problem_of, verified, wrong

pytestmark = pytest.mark.anyio
Headers = dict[str, str]
REASON = {"reason": "The company competes with a founding member", "on": "2027-06-01"}


@pytest.fixture
async def claire(context: Context) -> Headers:
    _, text = await keys.create(context, "CLAIRE's system", "partner", CLAIRE, scopes=["links"])
    return {"authorization": f"Bearer {text}"}


@pytest.fixture
async def linked(client: httpx.AsyncClient, manager_headers: Headers) -> tuple[str, str]:
    """(organisation, its linked membership in CLAIRE)"""
    sent, _ = await approved(client, manager_headers, "2027-03-01")
    stands = await memberships(client, manager_headers, sent["organisation_id"])
    return sent["organisation_id"], stands[CLAIRE]["id"]


async def post(client: httpx.AsyncClient, path: str, headers: Headers, **body: Any) -> dict[str, Any]:
    answer = await client.post(V1 + path, json=body, headers=headers)
    assert answer.is_success, answer.text
    return answer.json()


async def listed(client: httpx.AsyncClient, slug: str, headers: Headers, query: str = "") -> list[dict[str, Any]]:
    answer = await client.get(f"{V1}/networks/{slug}/link-receipts{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def test_received_is_said_once_and_both_sides_see_it(
    client: httpx.AsyncClient,
    claire: Headers,
    linked: tuple[str, str],
    partner_keys: dict[str, str],
    context: Context,
) -> None:
    first = await post(client, f"/memberships/{linked[1]}/acknowledgements", claire)
    again = await post(client, f"/memberships/{linked[1]}/acknowledgements", claire)
    assert [i["id"] for i in first["items"]] == [i["id"] for i in again["items"]]
    (receipt,) = first["items"]
    assert (receipt["word"], receipt["network"], receipt["source"]) == ("acknowledged", CLAIRE, NORA)
    nora = {"authorization": f"Bearer {partner_keys[NORA]}"}
    assert [i["id"] for i in await listed(client, NORA, nora)] == [receipt["id"]]
    async with context.db.tx() as connection:
        rows = await connection.fetch(
            "select actor, channel, network_id from audit where action = 'link_acknowledged' order by seq"
        )
    assert len({r["network_id"] for r in rows}) == len(rows) == 2
    assert {r["channel"] for r in rows} == {"api"} and all(r["actor"].startswith("CLAIRE's system (") for r in rows)


async def test_an_objection_waits_for_a_person_and_ends_the_link_when_it_is_upheld(
    client: httpx.AsyncClient, claire: Headers, linked: tuple[str, str], manager_headers: Headers, context: Context
) -> None:
    organisation, membership = linked
    objection = await post(client, f"/memberships/{membership}/objections", claire, **REASON)
    assert objection["outcome"] is None
    same = await post(client, f"/memberships/{membership}/objections", claire, **REASON)
    assert same["id"] == objection["id"]
    assert (await memberships(client, manager_headers, organisation))[CLAIRE]["ends_on"] is None
    path = f"/link-receipts/{objection['id']}/decision"
    assert wrong(await client.post(V1 + path, json={"outcome": "decline"}, headers=claire), 403)
    decided = await post(client, path, manager_headers, outcome="decline")
    assert decided["outcome"] == "declined" and decided["closed_by"]
    assert (await memberships(client, manager_headers, organisation))[CLAIRE]["ends_on"] == "2027-06-01"
    closed = await client.post(V1 + path, json={"outcome": "decline"}, headers=manager_headers)
    assert wrong(closed, 409) == [("receipt_id", "objection_closed")]
    assert await verified(context) == []


async def test_a_dismissed_objection_says_why_and_acknowledging_takes_an_open_one_back(
    client: httpx.AsyncClient, claire: Headers, linked: tuple[str, str], manager_headers: Headers
) -> None:
    path = f"/memberships/{linked[1]}/objections"
    first = await post(client, path, claire, **REASON)
    decision = f"{V1}/link-receipts/{first['id']}/decision"
    assert wrong(await client.post(decision, json={"outcome": "dismiss"}, headers=manager_headers), 422) == [
        ("note", "required")
    ]
    await post(client, f"/link-receipts/{first['id']}/decision", manager_headers, outcome="dismiss", note="They agreed")
    told = (await client.get(f"{V1}/link-receipts/{first['id']}", headers=claire)).json()
    assert (told["outcome"], told["note"]) == ("dismissed", "They agreed")
    second = await post(client, path, claire, **REASON | {"reason": "Still"})
    assert second["id"] != first["id"]
    await post(client, f"/memberships/{linked[1]}/acknowledgements", claire)
    assert await listed(client, CLAIRE, claire, "?state=open") == []
    assert {i["outcome"] for i in await listed(client, CLAIRE, claire, "?state=objected")} == {"dismissed", "withdrawn"}


async def test_where_the_network_decides_its_own_system_declines_and_accepts(
    client: httpx.AsyncClient, claire: Headers, manager_headers: Headers, context: Context
) -> None:
    await rewritten(context, policy={"acceptance": "target_decides"})
    sent, _ = await approved(client, manager_headers, "2027-03-01")
    organisation = sent["organisation_id"]
    word = {"network": NORA, "rule": "principal-joins-claire", "answer": "accepted", "on": "2027-03-01"}
    given = await post(client, f"/organisations/{organisation}/link-answers", claire, **word)
    (membership,) = [m["id"] for m in given["memberships"]]
    objection = await post(client, f"/memberships/{membership}/objections", claire, **REASON)
    assert objection["outcome"] == "declined"
    assert (await memberships(client, manager_headers, organisation))[CLAIRE]["ends_on"] == "2027-06-01"


async def test_bad_words_are_named_and_nothing_is_stored(
    client: httpx.AsyncClient,
    claire: Headers,
    linked: tuple[str, str],
    partner_keys: dict[str, str],
    manager_headers: Headers,
    context: Context,
) -> None:
    organisation, membership = linked
    own = (await memberships(client, manager_headers, organisation))[NORA]["id"]
    path = f"{V1}/memberships/{membership}/objections"
    for body, status, said in (
        ({"reason": " "}, 422, ("reason", "required")),
        ({"reason": "x", "on": "1990-01-01"}, 422, ("on", "date_out_of_range")),
        ({"reason": "x", "grant_id": membership}, 422, ("grant_id", "not_linked")),
        ({"reason": "x", "why": 1}, 422, ("why", "field_unknown")),
    ):
        assert wrong(await client.post(path, json=body, headers=claire), status) == [said], body
    other = await client.post(f"{V1}/memberships/{own}/objections", json={"reason": "x"}, headers=claire)
    assert wrong(other, 404) == [("membership_id", "not_found")]
    manager = await client.post(f"{V1}/memberships/{own}/objections", json={"reason": "x"}, headers=manager_headers)
    assert wrong(manager, 422) == [("membership_id", "not_linked")]
    without = {"authorization": f"Bearer {partner_keys[CLAIRE]}"}
    problem = problem_of(await client.post(path, json={"reason": "x"}, headers=without), 403)
    assert [(e["rule"], "links" in e["message"]) for e in problem["errors"]] == [("scope_missing", True)]
    source = {"authorization": f"Bearer {partner_keys[NORA]}"}
    assert (await client.post(path, json={"reason": "x"}, headers=source)).status_code == 404
    async with context.db.tx() as connection:
        assert await connection.fetchval("select count(*) from link_receipt") == 0
