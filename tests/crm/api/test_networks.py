"""Networks and member lists: AC-14's counts, pages that lose and repeat nobody, days, origins, cursors."""

from collections import Counter

import httpx
import pytest

from tests.crm.api.support import CLAIRE, NORA, V1, approved, wrong
from tests.demo_data.files import MEMBERSHIPS, SLUGS, TODAY, members

pytestmark = pytest.mark.anyio
Headers = dict[str, str]


async def _all_pages(client: httpx.AsyncClient, headers: Headers, path: str, **query: str) -> list[dict]:
    """Follow `Link: rel=next` to the end."""
    out: list[dict] = []
    following = str(httpx.URL(path, params=query))
    while following:
        answer = await client.get(following, headers=headers)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert set(body) - {"as_of_cursor"} == {"items", "next_cursor", "has_more"}
        first = not out and "/members" in path and "as_of" not in query
        assert ("as_of_cursor" in body) == first, "where the changes go on: told once, with the first of today's"
        out += body["items"]
        following = answer.links["next"]["url"] if body["has_more"] else ""
        assert bool(following) == bool(body["next_cursor"]) == ("link" in answer.headers)
    return out


async def test_all_networks_with_levels_rules_and_counts(client: httpx.AsyncClient, manager_headers: Headers) -> None:
    listed = (await client.get(f"{V1}/networks", headers=manager_headers)).json()
    assert {n["slug"] for n in listed["items"]} == SLUGS
    assert (listed["next_cursor"], listed["has_more"]) == (None, False)
    by_slug = {n["slug"]: n for n in listed["items"]}
    nora = by_slug[NORA]
    assert [t["code"] for t in nora["tiers"]] == ["principal", "partner", "startup"]
    fee = nora["tiers"][0]["fees"][0]
    assert (fee["amount"], fee["example"]) == ({"amount": 15000000, "currency": "NOK"}, True)
    (rule,) = nora["link_rules"]
    assert rule["grants"] == {"network": CLAIRE, "tier": "member"}
    assert rule["words"].startswith("Organisations of the kind company in Norway that are Principal partner")
    for network in listed["items"]:
        counts = network["counts"]
        assert counts["members"] == counts["direct"] + counts["linked"]


async def test_networks_page_too(client: httpx.AsyncClient, manager_headers: Headers) -> None:
    paged = await _all_pages(client, manager_headers, f"{V1}/networks", limit="3")
    assert [n["slug"] for n in paged] == sorted(SLUGS)


async def test_ac_14_counts_of_the_host_with_two_clusters(client: httpx.AsyncClient, manager_headers: Headers) -> None:
    counts = {}
    listed: dict[str, set[str]] = {}
    for slug in ("sin-applied-ai", "nce-smart-energy-markets"):
        shown = await client.get(f"{V1}/networks/{slug}", headers=manager_headers)
        counts[slug] = shown.json()["counts"]["members"]
        rows = await _all_pages(client, manager_headers, f"{V1}/networks/{slug}/members", limit="7")
        listed[slug] = {row["organisation"]["id"] for row in rows}
    assert counts == {slug: len(members(slug, TODAY)) for slug in counts}
    assert counts == {slug: len(ids) for slug, ids in listed.items()}
    assert len(listed["sin-applied-ai"] & listed["nce-smart-energy-markets"]) == 9
    assert len(set.union(*listed.values())) == sum(counts.values()) - 9


async def test_pages_hold_everybody_once_whatever_their_size(
    client: httpx.AsyncClient, manager_headers: Headers
) -> None:
    path = f"{V1}/networks/{CLAIRE}/members"
    whole = await _all_pages(client, manager_headers, path, limit="1000")
    assert len(whole) > 10
    assert Counter(m["id"] for m in whole).most_common(1)[0][1] == 1
    for limit in ("1", "5", str(len(whole)), str(len(whole) - 1)):
        assert await _all_pages(client, manager_headers, path, limit=limit) == whole
    by_origin = [
        await _all_pages(client, manager_headers, path, limit="4", origin=o) for o in ("direct", "linked", "both")
    ]
    assert Counter(m["id"] for rows in by_origin for m in rows) == Counter(m["id"] for m in whole)
    assert all(by_origin)


async def test_a_member_list_is_of_a_day(client: httpx.AsyncClient, manager_headers: Headers) -> None:
    path = f"{V1}/networks/nora/members"
    sizes = {
        day: len(await _all_pages(client, manager_headers, path, as_of=day))
        for day in ("2018-11-20", "2018-11-21", "2019-04-01", "2021-07-01", "2021-12-31")
    }
    assert list(sizes.values()) == [0, 7, 9, 13, 15]


async def test_a_member_has_since_when_without_a_break(client: httpx.AsyncClient, manager_headers: Headers) -> None:
    sent, made = await approved(client, manager_headers, "2026-11-22", tier="partner")
    path = f"{V1}/memberships/{made['memberships'][0]['id']}"
    change = {"tier": "principal", "effective_on": "2027-01-01"}
    assert (await client.post(f"{path}/tier-changes", json=change, headers=manager_headers)).status_code == 201
    ending = {"effective_on": "2027-07-01"}
    assert (await client.post(f"{path}/endings", json=ending, headers=manager_headers)).status_code == 201
    for day, tier in (("2026-12-01", "partner"), ("2027-02-01", "principal")):
        rows = await _all_pages(client, manager_headers, f"{V1}/networks/{NORA}/members", as_of=day)
        (row,) = [r for r in rows if r["organisation"]["id"] == sent["organisation_id"]]
        assert (row["tier"], row["starts_on"], row["ends_on"]) == (tier, "2026-11-22", "2027-07-01")
        whole = await client.get(path, headers=manager_headers)
        assert (whole.json()["starts_on"], whole.json()["ends_on"]) == (row["starts_on"], row["ends_on"])


async def test_every_line_of_the_demo_data_is_listed(client: httpx.AsyncClient, manager_headers: Headers) -> None:
    rows = await _all_pages(client, manager_headers, f"{V1}/networks/{NORA}/members", limit="10")
    own = [m for m in rows if m["origin"] in ("direct", "both")]
    assert len(own) == len(members(NORA, TODAY))
    assert len([m for m in MEMBERSHIPS if m["network"] == NORA]) >= len(own)
    first = rows[0]
    assert set(first["organisation"]) == {"id", "name", "kind", "country", "website", "identifiers"}


async def test_a_cursor_is_good_for_its_own_list_only(client: httpx.AsyncClient, manager_headers: Headers) -> None:
    path = f"{V1}/networks/{CLAIRE}/members"
    cursor = (await client.get(path, params={"limit": 2}, headers=manager_headers)).json()["next_cursor"]
    for other, query in (
        (f"{V1}/networks/nora/members", {}),
        (path, {"origin": "linked"}),
        (path, {"as_of": "2021-01-01"}),
    ):
        answer = await client.get(other, params={"cursor": cursor, **query}, headers=manager_headers)
        assert wrong(answer, 422) == [("cursor", "cursor_invalid")]


async def test_a_network_is_fetched_with_its_etag(client: httpx.AsyncClient, manager_headers: Headers) -> None:
    tags = {}
    for language in ("en", "nb"):
        headers = manager_headers | {"accept-language": language}
        shown = await client.get(f"{V1}/networks/{NORA}", headers=headers)
        tags[language] = shown.headers["etag"]
        same = await client.get(f"{V1}/networks/{NORA}", headers=headers | {"if-none-match": tags[language]})
        assert same.status_code == 304
    assert tags["en"] != tags["nb"], "two languages are two representations"


async def test_head_is_answered_where_get_is(client: httpx.AsyncClient, manager_headers: Headers) -> None:
    answer = await client.head(f"{V1}/networks/{NORA}", headers=manager_headers)
    assert answer.status_code == 200
    assert answer.headers["etag"]
