"""Two clocks: memberships as of a day, and as they were known at a moment. Commits, because now() must move."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
import pytest

from crm.app import create_app
from crm.i18n import TIME_ZONE
from tests.conftest import SETTINGS, context_on
from tests.crm.api.support import CLAIRE, NORA, V1, approved, memberships, wrong

pytestmark = [pytest.mark.anyio, pytest.mark.commits]
Headers = dict[str, str]


@asynccontextmanager
async def _client(dsn: str) -> AsyncIterator[httpx.AsyncClient]:
    async with context_on(dsn) as context:
        transport = httpx.ASGITransport(app=create_app(SETTINGS, context), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=SETTINGS.base_url) as client:
            yield client


async def _moment() -> str:
    """Now, with a little room on both sides."""
    await asyncio.sleep(0.05)
    now = datetime.now(UTC).isoformat()
    await asyncio.sleep(0.05)
    return now


async def test_what_was_known_before_a_decision_stays_what_was_known(
    own_database: str, manager_headers: Headers
) -> None:
    async with _client(own_database) as client:
        before = await _moment()
        sent, made = await approved(client, manager_headers, "2026-11-22")
        organisation = sent["organisation_id"]
        joined = await _moment()
        path = f"{V1}/memberships/{made['memberships'][0]['id']}/tier-changes"
        change = {"tier": "partner", "effective_on": "2028-01-01"}
        decision = (await client.post(path, json=change, headers=manager_headers)).json()["id"]
        changed = await _moment()
        assert (await client.delete(f"{path}/{decision}", headers=manager_headers)).status_code == 200

        async def known(at: str, day: str) -> dict[str, tuple[str, str | None]]:
            found = await memberships(client, manager_headers, organisation, as_of=day, known_at=at)
            return {network: (m["tier"], m["ends_on"]) for network, m in found.items()}

        assert await known(before, "2026-12-01") == {}
        assert await known(joined, "2026-12-01") == {NORA: ("principal", None), CLAIRE: ("member", None)}
        assert await known(changed, "2026-12-01") == {NORA: ("principal", None), CLAIRE: ("member", "2028-01-01")}
        assert await known(changed, "2028-01-01") == {NORA: ("partner", None)}
        now = await memberships(client, manager_headers, organisation, as_of="2028-01-01")
        assert {n: m["tier"] for n, m in now.items()} == {NORA: "principal", CLAIRE: "member"}
        grants = await memberships(client, manager_headers, organisation, known_at=changed)
        assert [g["tier"] for g in grants[NORA]["grants"]] == ["principal", "partner"]


async def test_a_plain_day_means_its_end(own_database: str, manager_headers: Headers) -> None:
    async with _client(own_database) as client:
        sent, _ = await approved(client, manager_headers, "2026-11-22")
        today = datetime.now(TIME_ZONE).date().isoformat()
        assert set(await memberships(client, manager_headers, sent["organisation_id"], known_at=today)) == {
            NORA,
            CLAIRE,
        }
        long_ago = await memberships(client, manager_headers, sent["organisation_id"], known_at="2020-01-01")
        assert long_ago == {}


async def test_status_follows_the_day(own_database: str, manager_headers: Headers) -> None:
    async with _client(own_database) as client:
        sent, made = await approved(client, manager_headers, "2027-03-01")
        found = await memberships(client, manager_headers, sent["organisation_id"])
        assert {m["status"] for m in found.values()} == {"pending"}
        assert await memberships(client, manager_headers, sent["organisation_id"], as_of="2027-02-28") == {}
        path = f"{V1}/memberships/{made['memberships'][0]['id']}/endings"
        assert (
            await client.post(path, json={"effective_on": "2027-03-02"}, headers=manager_headers)
        ).status_code == 201
        last = await memberships(client, manager_headers, sent["organisation_id"], as_of="2027-03-01")
        assert {n: (m["status"], m["ends_on"]) for n, m in last.items()} == {
            NORA: ("active", "2027-03-02"),
            CLAIRE: ("active", "2027-03-02"),
        }


async def test_lists_and_counts_as_they_were_known(own_database: str, manager_headers: Headers) -> None:
    async with _client(own_database) as client:
        before = await _moment()
        sent, made = await approved(client, manager_headers, "2026-11-22")
        joined = await _moment()
        path = f"{V1}/memberships/{made['memberships'][0]['id']}/endings"
        backdated = {"effective_on": "2026-11-22", "reason": "Never began"}
        assert (await client.post(path, json=backdated, headers=manager_headers)).status_code == 201

        async def known(at: str) -> tuple[dict[str, int], list[bool]]:
            when = {"as_of": "2026-12-01", "known_at": at}
            listed = (await client.get(f"{V1}/networks", params=when, headers=manager_headers)).json()["items"]
            counts = {n["slug"]: n["counts"]["members"] for n in listed if n["slug"] in (NORA, CLAIRE)}
            there = []
            for slug in (NORA, CLAIRE):
                rows: list[dict] = []
                following = str(httpx.URL(f"{V1}/networks/{slug}/members", params={**when, "limit": "7"}))
                while following:
                    answer = await client.get(following, headers=manager_headers)
                    assert answer.status_code == 200, answer.text
                    rows += answer.json()["items"]
                    following = answer.links["next"]["url"] if answer.json()["has_more"] else ""
                assert len(rows) == counts[slug], "a count and its list say the same"
                shown = await client.get(f"{V1}/networks/{slug}", params=when, headers=manager_headers)
                assert shown.json()["counts"]["members"] == counts[slug]
                there.append(sent["organisation_id"] in {row["organisation"]["id"] for row in rows})
            return counts, there

        first, absent = await known(before)
        second, present = await known(joined)
        third, gone = await known(await _moment())
        assert (absent, present, gone) == ([False, False], [True, True], [False, False])
        assert second == {slug: n + 1 for slug, n in first.items()}
        assert third == first


async def test_a_cursor_is_good_for_one_moment_only(own_database: str, manager_headers: Headers) -> None:
    async with _client(own_database) as client:
        at = await _moment()
        path = f"{V1}/networks/{CLAIRE}/members"
        page = (await client.get(path, params={"limit": "2", "known_at": at}, headers=manager_headers)).json()
        other = {"limit": "2", "cursor": page["next_cursor"]}
        assert wrong(await client.get(path, params=other, headers=manager_headers), 422) == [
            ("cursor", "cursor_invalid")
        ]
