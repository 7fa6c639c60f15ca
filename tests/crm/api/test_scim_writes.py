"""SCIM, writing: a network's own system makes, changes and ends memberships; what it may not write is refused."""

from typing import Any

import httpx
import pytest

from crm.actions import keys
from crm.context import Context
from tests.crm.api.scim import SCHEMA, V2, Json, bearer, error_of
from tests.crm.api.support import approved, memberships, new_orgnr, verified

pytestmark = pytest.mark.anyio
NETWORK = "nora-industry-network"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@pytest.fixture
async def key(context: Context) -> dict[str, str]:
    """Of the network's own system."""
    _, text = await keys.create(context, "Our register", "partner", NETWORK, scopes=["members"])
    return bearer(text)


def somebody(**changes: Any) -> Json:
    who = {"name": "Fjellheim Robotikk AS", "kind": "company", "country": "NO", "website": "https://fjellheim.example"}
    body = {"schemas": [SCHEMA], "externalId": "m-1", "network": NETWORK, "tier": "partner", "organisation": who}
    return {**body, "identifiers": [f"no-orgnr:{new_orgnr()}"], **changes}


async def made(client: httpx.AsyncClient, key: dict[str, str], **changes: Any) -> Json:
    answer = await client.post(f"{V2}/Memberships", json=somebody(**changes), headers=key)
    assert answer.status_code == 201, answer.text
    return answer.json()


def operations(*listed: Json) -> Json:
    return {"schemas": [PATCH], "Operations": list(listed)}


def place(resource: Json) -> str:
    return f"{V2}/Memberships/{resource['id']}"


async def test_a_membership_is_made_and_the_register_agrees(
    client: httpx.AsyncClient, context: Context, key: dict[str, str], manager_headers: dict[str, str]
) -> None:
    body = somebody()
    answer = await client.post(
        f"{V2}/Memberships", json=body, headers={**key, "content-type": "application/scim+json; charset=utf-8"}
    )
    assert answer.status_code == 201, answer.text
    new = answer.json()
    assert (new["externalId"], new["tier"], new["identifiers"]) == ("m-1", "partner", body["identifiers"])
    assert {**new["organisation"], "id": None} == {**body["organisation"], "id": None}
    assert (new["status"], new["origin"], new["startsOn"]) == ("active", "direct", "2026-11-22")
    assert answer.headers["location"] == new["meta"]["location"]
    assert answer.headers["etag"] == new["meta"]["version"]
    assert (await client.get(place(new), headers=key)).json() == new
    stored = await memberships(client, manager_headers, new["organisation"]["id"])
    assert (stored[NETWORK]["id"], stored[NETWORK]["tier"]) == (new["id"], "partner")
    assert await verified(context) == []


async def test_who_is_a_member_already_is_a_conflict_and_nothing_is_stored(
    client: httpx.AsyncClient, context: Context, key: dict[str, str]
) -> None:
    first = await made(client, key)
    again = somebody(identifiers=first["identifiers"], tier="principal")
    told = error_of(await client.post(f"{V2}/Memberships", json=again, headers=key), 409, "uniqueness")
    assert first["id"] in told
    assert (await client.get(place(first), headers=key)).json() == first
    async with context.db.tx() as connection:
        assert await connection.fetchval("select count(*) from member_list") == 1


async def test_who_is_not_certain_waits_for_a_person(
    client: httpx.AsyncClient, context: Context, key: dict[str, str]
) -> None:
    listed = await client.get(f"{V2}/Memberships", params={"count": 1}, headers=key)
    there = {**listed.json()["Resources"][0]["organisation"], "website": ""}
    alike = somebody(externalId="m-2", organisation=there, identifiers=["pic:999912345"])
    told = error_of(await client.post(f"{V2}/Memberships", json=alike, headers=key), 409)
    assert "manager" in told
    async with context.db.tx() as connection:
        held = await connection.fetch("select external_id from held_row where closed_at is null")
    assert [row["external_id"] for row in held] == ["m-2"]


@pytest.mark.parametrize(
    ("changes", "keyword", "named"),
    [
        ({"identifiers": ["no-orgnr:123456789"]}, "invalidValue", "identifiers"),
        ({"identifiers": []}, "invalidValue", "identifiers"),
        ({"identifiers": ["923609016"]}, "invalidValue", "identifiers"),
        ({"identifiers": ["shoe:42"]}, "invalidValue", "scheme"),
        ({"identifiers": "no-orgnr:923609016"}, "invalidValue", "identifiers"),
        ({"tier": "gold"}, "invalidValue", ""),
        ({"tier": 3}, "invalidValue", "tier"),
        ({"tier": ""}, "invalidValue", "tier"),
        ({"network": "nowhere"}, "invalidValue", "network"),
        ({"organisation": None}, "invalidValue", "organisation"),
        ({"organisation": {"name": "X AS"}}, "invalidValue", "organisation.kind"),
        ({"organisation": {"name": "X AS", "kind": "castle", "country": "NO"}}, "invalidValue", "castle"),
        ({"organisation": {"name": "X AS", "kind": "company", "country": "Norway"}}, "invalidValue", ""),
        ({"externalId": "x" * 101}, "invalidValue", "externalId"),
        ({"externalId": "scim:mine"}, "invalidValue", "externalId"),
        ({"shoeSize": 42}, "invalidSyntax", "shoeSize"),
        ({"schemas": []}, "invalidSyntax", "schemas"),
    ],
)
async def test_what_cannot_be_made_is_refused(
    client: httpx.AsyncClient, key: dict[str, str], changes: Json, keyword: str, named: str
) -> None:
    answer = await client.post(f"{V2}/Memberships", json=somebody(**changes), headers=key)
    assert named in error_of(answer, 400, keyword)
    left = await client.get(f"{V2}/Memberships", params={"filter": 'externalId eq "m-1"'}, headers=key)
    assert left.json()["totalResults"] == 0


async def test_patches(client: httpx.AsyncClient, context: Context, key: dict[str, str]) -> None:
    new = await made(client, key)
    for body, tier, name in (
        (operations({"op": "Replace", "path": "tier", "value": "principal"}), "principal", "m-1"),
        (operations({"op": "remove", "path": "externalId"}), "principal", None),
        (operations({"op": "add", "value": {"externalId": "m-7", "tier": "partner"}}), "partner", "m-7"),
        (operations({"op": "add", "path": f"{SCHEMA}:EXTERNALID", "value": "m-8"},
                    {"op": "replace", "path": "organisation.name", "value": new["organisation"]["name"]}),
         "partner", "m-8"),
        (operations({"op": "replace", "path": "tier", "value": "partner"}), "partner", "m-8"),
    ):  # fmt: skip
        answer = await client.patch(place(new), json=body, headers=key)
        assert answer.status_code == 200, answer.text
        assert (answer.json()["tier"], answer.json().get("externalId")) == (tier, name)
        assert answer.headers["etag"] == answer.json()["meta"]["version"]
    assert await verified(context) == []


@pytest.mark.parametrize(
    ("operation", "keyword"),
    [
        ({"op": "replace", "path": "network", "value": "nora"}, "mutability"),
        ({"op": "replace", "path": "organisation.name", "value": "Another AS"}, "mutability"),
        ({"op": "remove", "path": "organisation.name"}, "mutability"),
        ({"op": "add", "path": "identifiers", "value": ["vat:NO923609016MVA"]}, "mutability"),
        ({"op": "remove", "path": "identifiers"}, "mutability"),
        ({"op": "replace", "path": "status", "value": "suspended"}, "mutability"),
        ({"op": "replace", "path": "endsOn", "value": "2027-01-01"}, "mutability"),
        ({"op": "replace", "path": "id", "value": "1"}, "mutability"),
        ({"op": "remove", "path": "tier"}, "mutability"),
        ({"op": "replace", "value": {"origin": "linked"}}, "mutability"),
        ({"op": "replace", "path": "shoeSize", "value": 42}, "invalidPath"),
        ({"op": "replace", "path": "organisation.mood", "value": "good"}, "invalidPath"),
        ({"op": "replace", "path": 'identifiers[value sw "x"]', "value": "good"}, "invalidPath"),
        ({"op": "replace", "path": 3, "value": "good"}, "invalidPath"),
        ({"op": "remove"}, "noTarget"),
        ({"op": "replace", "path": "tier"}, "invalidValue"),
        ({"op": "replace", "value": "x"}, "invalidValue"),
        ({"op": "replace", "path": "tier", "value": "gold"}, "invalidValue"),
        ({"op": "replace", "path": "externalId", "value": 3}, "invalidValue"),
        ({"op": "move", "path": "tier", "value": "x"}, "invalidSyntax"),
        ("x", "invalidSyntax"),
    ],
)
async def test_patches_that_are_refused_do_nothing_at_all(
    client: httpx.AsyncClient, key: dict[str, str], operation: Any, keyword: str
) -> None:
    new = await made(client, key)
    first = {"op": "replace", "path": "externalId", "value": "m-99"}
    error_of(await client.patch(place(new), json=operations(first, operation), headers=key), 400, keyword)
    assert (await client.get(place(new), headers=key)).json() == new


async def test_a_put_is_the_whole_of_it(client: httpx.AsyncClient, key: dict[str, str]) -> None:
    new = await made(client, key)
    changed = {**new, "tier": "principal", "status": "suspended", "origin": "linked"}
    del changed["externalId"]
    answer = await client.put(place(new), json=changed, headers=key)
    assert answer.status_code == 200, answer.text
    after = answer.json()
    assert (after["tier"], after.get("externalId")) == ("principal", None)
    assert (after["status"], after["origin"]) == ("active", "direct"), "what is read only is ignored"
    other = {**new, "organisation": {**new["organisation"], "name": "Another AS"}}
    error_of(await client.put(place(new), json=other, headers=key), 400, "mutability")
    error_of(await client.put(place(new), json={**new, "network": "nora"}, headers=key), 400, "mutability")


async def test_an_outside_id_is_one_organisations(client: httpx.AsyncClient, key: dict[str, str]) -> None:
    await made(client, key)
    who = {"name": "Sjøbris Data AS", "kind": "company", "country": "NO"}
    other = await made(client, key, externalId="m-2", organisation=who)
    body = operations({"op": "replace", "path": "externalId", "value": "m-1"})
    error_of(await client.patch(place(other), json=body, headers=key), 409, "uniqueness")
    unnamed = await made(client, key, externalId=None, organisation={**who, "name": "Havblikk Robotikk AS"})
    assert "externalId" not in unnamed


async def test_if_match(client: httpx.AsyncClient, key: dict[str, str]) -> None:
    new = await made(client, key)
    body = operations({"op": "replace", "path": "tier", "value": "principal"})
    stale = {**key, "if-match": 'W/"0"'}
    for answer in (
        await client.patch(place(new), json=body, headers=stale),
        await client.put(place(new), json=new, headers=stale),
        await client.delete(place(new), headers=stale),
    ):
        error_of(answer, 412)
    assert (await client.get(place(new), headers=key)).json() == new
    good = await client.patch(place(new), json=body, headers={**key, "if-match": new["meta"]["version"]})
    assert good.status_code == 200
    again = await client.patch(place(new), json=body, headers={**key, "if-match": new["meta"]["version"]})
    error_of(again, 412)


async def test_delete_gives_notice_by_the_rulebook(
    client: httpx.AsyncClient, context: Context, key: dict[str, str]
) -> None:
    """Who writes after 1 November counts for the year after next: it runs on until then."""
    new = await made(client, key)
    answer = await client.delete(place(new), headers=key)
    assert answer.status_code == 202, answer.text
    assert answer.json()["endsOn"] == "2028-01-01"
    again = await client.delete(place(new), headers=key)
    assert (again.status_code, again.json()) == (202, answer.json()), "twice is as good as once"
    assert await verified(context) == []


async def test_delete_where_no_notice_is_asked_for_ends_it_today(
    client: httpx.AsyncClient, context: Context, seeded: Any
) -> None:
    _, text = await keys.create(context, "Our register", "partner", "nora", scopes=["members"])
    own = bearer(text)
    who = {"name": "Universitetet på Svalbard", "kind": "university", "country": "NO"}
    new = await made(client, own, network="nora", tier="partner", organisation=who)
    answer = await client.delete(place(new), headers=own)
    assert (answer.status_code, answer.content) == (204, b"")
    error_of(await client.get(place(new), headers=own), 404)
    error_of(await client.delete(place(new), headers=own), 404)
    assert await verified(context) == []


async def test_who_may_write(
    client: httpx.AsyncClient, key: dict[str, str], partner_keys: dict[str, str], manager_headers: dict[str, str]
) -> None:
    new = await made(client, key)
    reader = bearer(partner_keys[NETWORK])
    other = await client.get(f"{V2}/Memberships", params={"count": 1}, headers=bearer(partner_keys["claire"]))
    error_of(await client.delete(place(new), headers=reader), 403)
    error_of(await client.post(f"{V2}/Memberships", json=somebody(externalId="m-3"), headers=reader), 403)
    error_of(await client.post(f"{V2}/Memberships", json=somebody(network="claire"), headers=key), 404)
    error_of(await client.delete(place(other.json()["Resources"][0]), headers=key), 404)
    shared = f"{V2}/agreements/nora-claire-2021/Memberships"
    error_of(await client.post(shared, json=somebody(), headers=key), 403)
    await approved(client, manager_headers, "2026-11-22")
    linked = await client.get(
        f"{V2}/Memberships",
        params={"filter": 'origin eq "linked" and network eq "claire-innovation-network"', "count": 1},
        headers=manager_headers,
    )
    error_of(await client.delete(place(linked.json()["Resources"][0]), headers=manager_headers), 403)
