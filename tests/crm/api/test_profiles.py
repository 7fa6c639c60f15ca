"""What is told of an organisation changes by API: previewed, all derived again, taken back (peers.md 2.5 item 15)."""

from typing import Any

import httpx
import pytest

from crm.context import Context
from tests.crm.api.support import CLAIRE, NORA, V1, approved, memberships, verified, wrong

pytestmark = pytest.mark.anyio

DAY = "2027-06-01"
Headers = dict[str, str]


async def post(client: httpx.AsyncClient, headers: Headers, path: str, **body: Any) -> httpx.Response:
    return await client.post(f"{V1}{path}", json=body, headers=headers)


async def member(client: httpx.AsyncClient, headers: Headers, **changes: Any) -> str:
    """A new principal partner of NORA Industry Network since 1 January 2026, with the link to CLAIRE."""
    sent, _ = await approved(client, headers, starts_on="2026-01-01", **changes)
    return sent["organisation_id"]


async def changed(client: httpx.AsyncClient, headers: Headers, wanted: str, **body: Any) -> dict[str, Any]:
    answer = await post(client, headers, f"/organisations/{wanted}/profiles", **body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def mails(context: Context, kind: str) -> list[Any]:
    async with context.db.tx() as connection:
        return await connection.fetch("select * from mail where kind = $1", kind)


async def test_item_15_a_company_that_moves_to_sweden_loses_the_dual_membership(
    client: httpx.AsyncClient, context: Context, manager_headers: Headers
) -> None:
    one = await member(client, manager_headers)
    assert set(await memberships(client, manager_headers, one, as_of=DAY)) == {NORA, CLAIRE}
    body = {"effective_on": "2026-12-01", "country": "SE", "municipality": "Göteborg", "reason": "Moved its seat"}
    seen = await post(client, manager_headers, f"/organisations/{one}/profiles/preview", **body)
    assert seen.status_code == 200, seen.text
    assert any("CLAIRE" in text and "30 Nov 2026" in text for text in seen.json()["words"]), seen.json()["words"]
    assert set(await memberships(client, manager_headers, one, as_of=DAY)) == {NORA, CLAIRE}, "only looked"
    assert await mails(context, "facts_changed") == []

    made = await changed(client, manager_headers, one, **body)
    assert set(await memberships(client, manager_headers, one, as_of="2026-11-30")) == {NORA, CLAIRE}
    assert set(await memberships(client, manager_headers, one, as_of="2026-12-01")) == {NORA}
    assert await verified(context) == []
    told = {(mail["language"], mail["organisation_id"] is not None) for mail in await mails(context, "facts_changed")}
    assert told and all(about for _, about in told)

    listed = await client.get(f"{V1}/organisations/{one}/profiles", headers=manager_headers)
    assert [fact["new"] for fact in listed.json()["items"][0]["facts"]] == ["Sweden", "Göteborg"]
    back = await client.delete(f"{V1}/profile-changes/{made['id']}", headers=manager_headers)
    assert back.status_code == 200, back.text
    assert set(await memberships(client, manager_headers, one, as_of=DAY)) == {NORA, CLAIRE}
    assert await verified(context) == []
    again = await client.delete(f"{V1}/profile-changes/{made['id']}", headers=manager_headers)
    assert again.status_code == 404
    listed = await client.get(f"{V1}/organisations/{one}/profiles", headers=manager_headers)
    assert listed.json()["items"][0]["withdrawn_at"]


async def test_a_swedish_company_that_moves_to_norway_gets_the_link(
    client: httpx.AsyncClient, context: Context, manager_headers: Headers
) -> None:
    one = await member(client, manager_headers, organisation__country="SE", organisation__identifiers=[])
    assert set(await memberships(client, manager_headers, one, as_of=DAY)) == {NORA}
    await changed(client, manager_headers, one, effective_on="2026-10-01", country="NO")
    held = await memberships(client, manager_headers, one, as_of=DAY)
    assert held[CLAIRE]["starts_on"] == "2026-10-01"
    assert await verified(context) == []


async def test_a_level_that_does_not_fit_any_more_goes_to_review_at_once(
    client: httpx.AsyncClient, context: Context, manager_headers: Headers
) -> None:
    one = await member(
        client, manager_headers, tier="startup", organisation__founded_on="2025-01-01", organisation__employees=9
    )
    body = {"effective_on": "2026-11-01", "kind": "public_body"}
    seen = await post(client, manager_headers, f"/organisations/{one}/profiles/preview", **body)
    assert [(r["tier"], r["rule"]) for r in seen.json()["reviews"]] == [("startup", "kind_not_open")]
    async with context.db.tx() as connection:
        query = "select count(*) from membership_review where organisation_id = $1::uuid and closed_at is null"
        assert await connection.fetchval(query, one) == 0
    made = await changed(client, manager_headers, one, **body)
    assert made["reviews"] == seen.json()["reviews"]
    async with context.db.tx() as connection:
        assert await connection.fetchval(query, one) == 1
    await client.delete(f"{V1}/profile-changes/{made['id']}", headers=manager_headers)
    async with context.db.tx() as connection:
        assert await connection.fetchval(query, one) == 0, "settled: it fits again"


async def test_changes_of_one_fact_are_taken_back_the_newest_first(
    client: httpx.AsyncClient, context: Context, manager_headers: Headers
) -> None:
    one = await member(client, manager_headers)
    first = await changed(client, manager_headers, one, effective_on="2026-03-01", country="SE")
    other = await changed(client, manager_headers, one, effective_on="2026-04-01", county="46", website="https://a.no")
    second = await changed(client, manager_headers, one, effective_on="2026-05-01", country="DK")
    refused = await client.delete(f"{V1}/profile-changes/{first['id']}", headers=manager_headers)
    assert wrong(refused, 409) == [("id", "changed_since")]
    for each in (second, first, other):
        answer = await client.delete(f"{V1}/profile-changes/{each['id']}", headers=manager_headers)
        assert answer.status_code == 200, answer.text
    shown = (await client.get(f"{V1}/organisations/{one}", headers=manager_headers)).json()
    assert (shown["country"], shown["county"], shown["website"]) == ("NO", "", "")
    async with context.db.tx() as connection:
        query = "select count(*) from organisation_profile where organisation_id = $1::uuid and superseded_at is null"
        assert await connection.fetchval(query, one) == 1
    assert await verified(context) == []


async def test_a_unit_gets_another_parent(
    client: httpx.AsyncClient, context: Context, manager_headers: Headers
) -> None:
    one = await member(client, manager_headers, organisation__name="Enhet")
    old = await member(client, manager_headers, organisation__name="Gammel AS")
    new = await member(client, manager_headers, organisation__name="Ny AS")
    await changed(client, manager_headers, one, effective_on="2026-06-01", parent=old)
    made = await changed(client, manager_headers, one, effective_on="2026-09-01", parent=new)
    shown = (await client.get(f"{V1}/organisations/{one}", headers=manager_headers)).json()
    assert shown["parent_id"] == new
    assert await verified(context) == []
    circle = await post(client, manager_headers, f"/organisations/{new}/profiles", effective_on=DAY, parent=old)
    assert wrong(circle, 422) == [("parent", "parent_wrong")]
    itself = await post(client, manager_headers, f"/organisations/{old}/profiles", effective_on=DAY, parent=old)
    assert wrong(itself, 422) == [("parent", "parent_wrong")]
    await client.delete(f"{V1}/profile-changes/{made['id']}", headers=manager_headers)
    shown = (await client.get(f"{V1}/organisations/{one}", headers=manager_headers)).json()
    assert shown["parent_id"] == old
    assert await verified(context) == []


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ({"effective_on": "2026-12-01"}, 409, ("effective_on", "facts_same")),
        ({"effective_on": "2026-12-01", "country": "NO"}, 409, ("effective_on", "facts_same")),
        ({"effective_on": "1999-12-01", "country": "SE"}, 422, ("effective_on", "date_out_of_range")),
        ({"effective_on": "2026-12-01", "country": "XX"}, 422, ("country", "country_unknown")),
        ({"effective_on": "2026-12-01", "kind": "guild"}, 422, ("kind", "value_unknown")),
        ({"effective_on": "2026-12-01", "website": "javascript:x"}, 422, ("website", "website_format")),
        ({"effective_on": "2026-12-01", "founded_on": "3000-01-01"}, 422, ("founded_on", "date_out_of_range")),
        ({"effective_on": "2026-12-01", "employees": -1}, 422, ("employees", "number_out_of_range")),
        ({"effective_on": "2026-12-01", "town": "Oslo"}, 422, ("town", "field_unknown")),
        ({"country": "SE"}, 422, ("effective_on", "field_missing")),
    ],
)
async def test_bad_facts_are_refused_and_nothing_is_stored(
    client: httpx.AsyncClient,
    context: Context,
    manager_headers: Headers,
    body: dict[str, Any],
    status: int,
    expected: tuple[str, str],
) -> None:
    one = await member(client, manager_headers)
    answer = await post(client, manager_headers, f"/organisations/{one}/profiles", **body)
    assert wrong(answer, status) == [expected]
    async with context.db.tx() as connection:
        assert await connection.fetchval("select count(*) from profile_change") == 0


async def test_if_match_and_the_same_request_twice(
    client: httpx.AsyncClient, context: Context, manager_headers: Headers
) -> None:
    one = await member(client, manager_headers)
    read = await client.get(f"{V1}/organisations/{one}", headers=manager_headers)
    headers = manager_headers | {"if-match": read.headers["etag"], "idempotency-key": "moved-1"}
    body = {"effective_on": "2026-11-01", "county": "46"}
    first = await client.post(f"{V1}/organisations/{one}/profiles", json=body, headers=headers)
    again = await client.post(f"{V1}/organisations/{one}/profiles", json=body, headers=headers)
    assert first.status_code == again.status_code == 201 and first.json() == again.json()
    stale = headers | {"idempotency-key": "moved-2"}
    answer = await client.post(f"{V1}/organisations/{one}/profiles", json=body | {"county": "50"}, headers=stale)
    assert wrong(answer, 412) == [("if-match", "version_stale")]


async def test_a_partner_key_changes_nothing(
    client: httpx.AsyncClient, manager_headers: Headers, partner_keys: dict[str, str]
) -> None:
    one = await member(client, manager_headers)
    made = await changed(client, manager_headers, one, effective_on="2026-11-01", county="46")
    key = {"authorization": f"Bearer {next(iter(partner_keys.values()))}"}
    answer = await post(client, key, f"/organisations/{one}/profiles", effective_on="2026-12-01", country="SE")
    assert answer.status_code in (403, 404), answer.text
    assert (await client.delete(f"{V1}/profile-changes/{made['id']}", headers=key)).status_code in (403, 404)


@pytest.mark.parametrize("on", ["2021-02-01", "2026-11-22", "2027-06-01"])
@pytest.mark.parametrize("way", ["", "/preview"])
async def test_nothing_new_is_refused_on_any_day(
    client: httpx.AsyncClient, manager_headers: dict[str, str], on: str, way: str
) -> None:
    listed = await client.get(f"{V1}/networks/{NORA}/members", params={"limit": "3"}, headers=manager_headers)
    for member in listed.json()["items"]:
        path = f"{V1}/organisations/{member['organisation']['id']}/profiles{way}"
        answer = await client.post(path, json={"effective_on": on}, headers=manager_headers)
        assert wrong(answer, 409) == [("effective_on", "facts_same")]
