"""SCIM 2.0, reading: filters, pages, chosen attributes, ETags, errors, and what the service says of itself."""

import random
from datetime import date
from typing import Any

import httpx
import pytest

from crm import scim_filter
from crm.actions import shares as share_actions
from crm.actor import Actor
from crm.context import Context
from crm.reads import scim as reads
from crm.scim_filter import All, Any_, Compare, Not, Present, Tree, Within
from crm.store.shares import Terms
from tests.crm.api.scim import SCHEMA, V2, Json, bearer, error_of, fits, values
from tests.crm.test_scim_filter import written

pytestmark = pytest.mark.anyio
NETWORK = "nora-industry-network"
AGREEMENT = "nora-claire-2021"
SHARED = f"/agreements/{AGREEMENT}"


async def got(client: httpx.AsyncClient, path: str, key: str, **asked: Any) -> Json:
    answer = await client.get(V2 + path, params=asked, headers=bearer(key))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/scim+json")
    return answer.json()


async def everybody(client: httpx.AsyncClient, key: str) -> list[Json]:
    return (await got(client, "/Memberships", key, count=1000))["Resources"]


# --- filters


NAMES = (
    "id", "externalid", "network", "tier", "status", "origin", "startson", "endson", "organisation.id",
    "organisation.name", "organisation.kind", "organisation.country", "organisation.website", "identifiers",
    "identifiers.value",
)  # fmt: skip
ODD = ("", "%", "_", "\\", "'", "2024-01-01", "Ø")


class Drawn:
    """Filters at random: values that are there, parts of them, and values that are not."""

    def __init__(self, resources: list[Json]) -> None:
        self.random = random.Random(20261122)
        told = (v for r in resources for v in (*r.values(), *r["organisation"].values(), *r["identifiers"]))
        self.resources = resources
        self.there = sorted({each for each in told if isinstance(each, str)})

    def tree(self, depth: int = 3) -> Tree:
        kind = self.random.choice(("leaf", "leaf", "not", "all", "any") if depth else ("leaf",))
        if kind == "leaf":
            return self.leaf()
        if kind == "not":
            return Not(self.tree(depth - 1))
        several = tuple(self.tree(depth - 1) for _ in range(self.random.randint(2, 3)))
        return All(several) if kind == "all" else Any_(several)

    def leaf(self) -> Tree:
        name, kind = self.random.choice(NAMES), self.random.randrange(8)
        if kind == 0:
            return Present(name)
        if kind == 1:
            return Compare(name, self.random.choice(("eq", "ne")), None)
        if kind == 2:
            pair = (self.compare("value"), self.compare("value"))
            return Within("identifiers", self.random.choice((All, Any_))(pair))
        return self.compare(name)

    def compare(self, name: str) -> Compare:
        near = values(name, self.random.choice(self.resources)) if name != "value" else []
        text = self.random.choice(near if near and self.random.randrange(4) else self.there)
        if self.random.randrange(2):
            at = self.random.randint(0, 12)
            text = text[at : at + self.random.randint(0, 6)]
        manner = self.random.choice((str, str, str.swapcase))
        text = self.random.choice(ODD) if self.random.randrange(6) == 0 else manner(text)
        return Compare(name, self.random.choice(sorted(scim_filter.OPERATORS)), text)


async def test_a_filter_gives_those_whom_it_means(client: httpx.AsyncClient, partner_keys: dict[str, str]) -> None:
    """100 filters, each beside the same filter worked out in Python over the whole list."""
    key = partner_keys[NETWORK]
    members = await everybody(client, key)
    drawn, partly = Drawn(members), 0
    for _ in range(100):
        tree = drawn.tree()
        found = await got(
            client, "/Memberships", key, filter=written(tree, schema=SCHEMA), attributes="tier", count=1000
        )
        meant = [each["id"] for each in members if fits(tree, each)]
        assert [each["id"] for each in found["Resources"]] == meant, written(tree)
        assert found["totalResults"] == len(meant)
        partly += 0 < len(meant) < len(members)
    assert partly >= 15, "filters that give some and not all"


async def test_filters_as_people_write_them(client: httpx.AsyncClient, partner_keys: dict[str, str]) -> None:
    key = partner_keys[NETWORK]
    members = await everybody(client, key)
    one = next(each for each in members if each["identifiers"])
    number, name = one["identifiers"][0], one["organisation"]["name"]
    for text in (
        f'identifiers eq "{number}"',
        f'{SCHEMA}:identifiers[value eq "{number}" and value sw "no-orgnr:"]',
        f'Organisation.Name EQ "{name.upper()}"',
        f'id eq "{one["id"]}" and not (tier eq "none" or status ne "{one["status"]}")',
    ):
        found = await got(client, "/Memberships", key, filter=text)
        assert [each["id"] for each in found["Resources"]] == [one["id"]], text


@pytest.mark.parametrize(
    "text",
    ["tier eq", "nothing pr", 'organisation eq "x"', "tier eq 1", "tier gt null", 'identifiers[tier eq "x"]',
     'tier[value eq "x"]', 'meta.lastModified gt "2026-01-01T00:00:00Z"', 'tier eq "\\u0000"', "tier eq true"],
)  # fmt: skip
async def test_what_is_no_filter_is_refused(client: httpx.AsyncClient, partner_keys: dict[str, str], text: str) -> None:
    answer = await client.get(f"{V2}/Memberships", params={"filter": text}, headers=bearer(partner_keys[NETWORK]))
    error_of(answer, 400, "invalidFilter")


async def test_a_filter_that_takes_too_long_is_too_many(
    client: httpx.AsyncClient, context: Context, partner_keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(reads.COLUMNS, "tier", reads.Column("(select pg_sleep(5)::text)"))
    async with context.db.tx() as connection:
        await connection.execute("set local statement_timeout = '50ms'")
    answer = await client.get(f"{V2}/Memberships", params={"filter": "tier pr"}, headers=bearer(partner_keys[NETWORK]))
    error_of(answer, 400, "tooMany")


# --- pages


async def test_pages_by_index_and_by_cursor_are_the_list(
    client: httpx.AsyncClient, partner_keys: dict[str, str]
) -> None:
    key = partner_keys[NETWORK]
    members = await everybody(client, key)
    assert len(members) > 10
    by_index, start = [], 1
    while True:
        page = await got(client, "/Memberships", key, startIndex=start, count=7)
        assert (page["totalResults"], page["startIndex"]) == (len(members), start)
        assert page["itemsPerPage"] == len(page["Resources"]) <= 7
        by_index += page["Resources"]
        start += 7
        if not page["Resources"]:
            break
    by_cursor: list[Json] = []
    asked: dict[str, Any] = {"cursor": "", "count": 7}
    while True:
        page = await got(client, "/Memberships", key, **asked)
        assert page["totalResults"] == len(members)
        assert "startIndex" not in page
        by_cursor += page["Resources"]
        if "nextCursor" not in page:
            break
        asked["cursor"] = page["nextCursor"]
    assert by_index == by_cursor == members


async def test_odd_counts(client: httpx.AsyncClient, partner_keys: dict[str, str]) -> None:
    key = partner_keys[NETWORK]
    whole = await got(client, "/Memberships", key, count=5000)
    assert (await got(client, "/Memberships", key, count=-3))["Resources"] == []
    assert (await got(client, "/Memberships", key, count=0))["totalResults"] == whole["totalResults"]
    assert (await got(client, "/Memberships", key, startIndex=-1, count=1))["Resources"] == whole["Resources"][:1]
    beyond = await got(client, "/Memberships", key, startIndex=100000)
    assert (beyond["Resources"], beyond["totalResults"]) == ([], whole["totalResults"])


@pytest.mark.parametrize(
    ("asked", "keyword"),
    [
        ({"cursor": "nonsense"}, "invalidCursor"),
        ({"cursor": "æ"}, "invalidCursor"),
        ({"cursor": "", "count": "0"}, "invalidCount"),
        ({"cursor": "", "startIndex": "2"}, "invalidValue"),
        ({"count": "many"}, "invalidValue"),
        ({"startIndex": "1e3"}, "invalidValue"),
        ({"startIndex": "9999999999"}, "invalidValue"),
        ({"sortBy": "tier"}, "invalidValue"),
        ({"attributes": "tier", "excludedAttributes": "id"}, "invalidValue"),
        ({"attributes": "shoeSize"}, "invalidValue"),
        ({"attributes": "organisation.mood"}, "invalidValue"),
        ({"attributes": "tier.x"}, "invalidValue"),
    ],
)
async def test_what_cannot_be_asked_is_refused(
    client: httpx.AsyncClient, partner_keys: dict[str, str], asked: dict[str, str], keyword: str
) -> None:
    answer = await client.get(f"{V2}/Memberships", params=asked, headers=bearer(partner_keys[NETWORK]))
    error_of(answer, 400, keyword)


async def test_a_cursor_is_of_one_filter_and_one_list(client: httpx.AsyncClient, partner_keys: dict[str, str]) -> None:
    key = partner_keys[NETWORK]
    cursor = (await got(client, "/Memberships", key, cursor="", count=1))["nextCursor"]
    for path, asked in (
        ("/Memberships", {"filter": "tier pr"}),
        ("/Memberships", {"filter": "id pr"}),
    ):
        answer = await client.get(V2 + path, params={"cursor": cursor, **asked}, headers=bearer(key))
        error_of(answer, 400, "invalidCursor")


async def test_search_by_a_body_is_the_same_search(client: httpx.AsyncClient, partner_keys: dict[str, str]) -> None:
    key = partner_keys[NETWORK]
    asked = {"filter": 'origin ne "linked"', "startIndex": 3, "count": 4, "attributes": ["tier", "organisation.name"]}
    by_query = await got(client, "/Memberships", key, **{**asked, "attributes": "tier,organisation.name"})
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], **asked}
    for path in ("/.search", "/Memberships/.search"):
        answer = await client.post(V2 + path, json=body, headers=bearer(key))
        assert answer.json() == by_query, answer.text
    for wrong in ([], {"schemas": []}, {**body, "count": True}, {**body, "filter": 3}, {**body, "attributes": [1]}):
        assert (await client.post(V2 + "/.search", json=wrong, headers=bearer(key))).status_code == 400
    plain = await client.post(V2 + "/.search", content="x", headers={**bearer(key), "content-type": "text/plain"})
    error_of(plain, 415)


# --- attributes


async def test_chosen_attributes(client: httpx.AsyncClient, partner_keys: dict[str, str]) -> None:
    key = partner_keys[NETWORK]
    whole = (await got(client, "/Memberships", key, count=1))["Resources"][0]

    async def one(**asked: str) -> Json:
        return await got(client, f"/Memberships/{whole['id']}", key, **asked)

    fixed = {"schemas": whole["schemas"], "id": whole["id"]}
    assert await one() == whole
    assert await one(attributes="TIER") == {**fixed, "tier": whole["tier"]}
    name = {"name": whole["organisation"]["name"]}
    assert await one(attributes=f"{SCHEMA}:organisation.name") == {**fixed, "organisation": name}
    both = await one(attributes="organisation.name,organisation")
    assert both == {**fixed, "organisation": whole["organisation"]}
    less = await one(excludedAttributes="id,meta,organisation.name,tier")
    rest = {n: v for n, v in whole["organisation"].items() if n != "name"}
    without = {n: v for n, v in whole.items() if n not in ("meta", "tier")}
    assert less == {**without, "organisation": rest}


# --- one, and its version


async def test_etag_and_304(client: httpx.AsyncClient, partner_keys: dict[str, str]) -> None:
    key = partner_keys[NETWORK]
    one = (await got(client, "/Memberships", key, count=1))["Resources"][0]
    answer = await client.get(one["meta"]["location"], headers=bearer(key))
    tag = answer.headers["etag"]
    assert (answer.json(), tag) == (one, one["meta"]["version"])
    for known in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        again = await client.get(one["meta"]["location"], headers={**bearer(key), "if-none-match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    other = await client.get(one["meta"]["location"], headers={**bearer(key), "if-none-match": '"other"'})
    assert other.status_code == 200


# --- who may


async def test_without_a_key_and_beyond_it(client: httpx.AsyncClient, partner_keys: dict[str, str]) -> None:
    own = partner_keys["nora"]
    answer = await client.get(f"{V2}/Memberships")
    error_of(answer, 401)
    assert answer.headers["www-authenticate"].startswith("Bearer")
    theirs = (await got(client, "/Memberships", partner_keys["claire"], count=1))["Resources"][0]
    error_of(await client.get(f"{V2}/Memberships/{theirs['id']}", headers=bearer(own)), 404)
    error_of(await client.get(f"{V2}/Memberships/nonsense", headers=bearer(own)), 404)
    error_of(await client.get(f"{V2}/agreements/nothing/Memberships", headers=bearer(own)), 404)
    error_of(await client.get(f"{V2}/Users", headers=bearer(own)), 404)
    assert {each["network"] for each in await everybody(client, own)} == {"nora"}


TERMS = Terms(
    date(2026, 11, 22), ("name", "identifiers", "tier"), ("principal",), False, {"en": "Sync", "nb": "Synk"},
    "contract", {"en": "The agreement.", "nb": "Avtalen."}, "", 30,
)  # fmt: skip


async def test_what_another_network_discloses_and_no_more(
    client: httpx.AsyncClient, context: Context, actor: Actor, partner_keys: dict[str, str]
) -> None:
    """AC-12: fields that the agreement does not name are not there; the answer is in the disclosure log."""
    await share_actions.set_terms(context, actor, AGREEMENT, NETWORK, TERMS)
    key = partner_keys["claire-innovation-network"]
    found = await got(client, SHARED + "/Memberships", key)
    own = {each["id"]: each for each in await everybody(client, partner_keys[NETWORK])}
    assert (
        {each["id"] for each in found["Resources"]} == {i for i, m in own.items() if m["tier"] == "principal"} != set()
    )
    for each in found["Resources"]:
        same = own[each["id"]]
        assert set(each) == {"schemas", "id", "network", "tier", "organisation", "identifiers", "agreement", "meta"}
        assert each["organisation"] == {name: same["organisation"][name] for name in ("id", "name")}
        assert (each["identifiers"], each["agreement"]) == (same["identifiers"], AGREEMENT)
    one = found["Resources"][0]
    assert one["meta"]["location"].endswith(f"{SHARED}/Memberships/{one['id']}")
    assert (await client.get(one["meta"]["location"], headers=bearer(key))).json() == one
    hidden = await got(client, SHARED + "/Memberships", key, filter='status eq "active" or startsOn pr')
    assert hidden["totalResults"] == 0, "a filter tells nothing of what is not disclosed"
    error_of(await client.get(f"{V2}/Memberships/{one['id']}", headers=bearer(key)), 404)
    error_of(await client.get(V2 + SHARED + "/Memberships", headers=bearer(partner_keys["nora"])), 404)
    async with context.db.tx() as connection:
        log = await connection.fetch("select members from share_reading where kind = 'scim' order by row_id")
    assert [row["members"] for row in log] == [len(found["Resources"]), 1]


# --- what the service says of itself


async def test_discovery_is_honest(client: httpx.AsyncClient, partner_keys: dict[str, str]) -> None:
    key = partner_keys[NETWORK]
    said = await got(client, "/ServiceProviderConfig", key)
    assert {n: said[n]["supported"] for n in ("patch", "bulk", "filter", "changePassword", "sort", "etag")} == {
        "patch": True, "bulk": False, "filter": True, "changePassword": False, "sort": False, "etag": True,
    }  # fmt: skip
    assert (said["pagination"]["cursor"], said["pagination"]["index"]) == (True, True)
    types = await got(client, "/ResourceTypes", key)
    assert [each["name"] for each in types["Resources"]] == ["Membership"]
    schema = await got(client, f"/Schemas/{SCHEMA}", key)
    offered = {each["name"]: each for each in schema["attributes"]}
    assert offered["network"]["canonicalValues"] == [NETWORK]
    assert set(offered["tier"]["canonicalValues"]) == {"principal", "partner", "startup"}
    for each in await everybody(client, key):
        assert set(each) <= {*offered, "schemas", "id", "meta"}
    answer = await client.get(f"{V2}/Schemas", params={"filter": "name pr"}, headers=bearer(key))
    error_of(answer, 403)


async def test_methods_that_are_not_there(client: httpx.AsyncClient, partner_keys: dict[str, str]) -> None:
    for path in ("/Schemas", "/ResourceTypes", "/ServiceProviderConfig", "/Memberships"):
        answer = await client.delete(V2 + path, headers=bearer(partner_keys[NETWORK]))
        error_of(answer, 405)
        assert "GET" in answer.headers["allow"]
