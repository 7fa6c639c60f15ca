"""Made-up members: the protocol of the real feed, every kind of change, and nothing of it among the real members."""

from typing import Any, get_args

import httpx
import pytest

from crm import client as partner
from crm.api.feed_shapes import Change
from crm.api.rehearsals import Kind
from crm.context import Context
from tests.crm.api.support import CLAIRE, NORA, V1, wrong

pytestmark = pytest.mark.anyio
HERE = f"{V1}/networks/{NORA}/rehearsal"
REASONS = get_args(Change.__annotations__["reason"])


class Copy:
    """A partner's copy, kept as docs/sync.md says."""

    def __init__(self, client: httpx.AsyncClient, key: str) -> None:
        self.client, self.headers = client, {"authorization": f"Bearer {key}"}
        self.members: dict[str, Any] = {}
        self.cursor = ""
        self.reasons: list[str] = []

    async def ask(self, path: str, **query: Any) -> httpx.Response:
        return await self.client.get(f"{HERE}/{path}", params=query, headers=self.headers)

    async def begin(self) -> None:
        first = (await self.ask("members", limit=5)).json()
        self.cursor, page = first["as_of_cursor"], first
        self.members = {m["id"]: m for m in first["items"]}
        while page["has_more"]:
            page = (await self.ask("members", limit=5, cursor=page["next_cursor"])).json()
            self.members |= {m["id"]: m for m in page["items"]}

    async def happen(self, kind: str) -> httpx.Response:
        return await self.client.post(f"{HERE}/changes", json={"kind": kind}, headers=self.headers)

    async def follow(self) -> list[dict[str, Any]]:
        page = (await self.ask("changes", after=self.cursor, limit=1000)).json()
        for change in page["items"]:
            self.members.pop(change["id"], None)
            if change["op"] == "upsert":
                self.members[change["id"]] = change["member"]
        self.cursor = page["next_cursor"]
        return page["items"]

    async def proven(self) -> bool:
        told = (await self.ask("digest")).json()
        ours = partner.digests([m for m in self.members.values() if m["status"] != "pending"])
        return {each["bucket"]: each["hash"] for each in told["buckets"]} == ours


@pytest.fixture
async def copy(client: httpx.AsyncClient, partner_keys: dict[str, str]) -> Copy:
    return Copy(client, partner_keys[NORA])


async def test_every_kind_of_change_can_be_made_followed_and_proven(copy: Copy) -> None:
    await copy.begin()
    assert len(copy.members) == 12 and await copy.proven()
    for kind in REASONS:
        assert (await copy.happen(kind)).status_code == 201
        seen = await copy.follow()
        assert seen[-1]["reason"] == kind
        assert await copy.proven(), kind
    assert set(REASONS) | {"cursor_expired", "begin"} == set(get_args(Kind))


async def test_it_happens_even_when_nobody_is_there_any_more(copy: Copy) -> None:
    await copy.begin()
    for _ in range(5):
        await copy.happen("link_ended")
    assert [c["reason"] for c in (await copy.follow())[-2:]] == ["joined", "link_ended"]
    assert await copy.proven()


@pytest.mark.parametrize("kind", ["cursor_expired", "begin"])
async def test_an_old_cursor_gets_410_and_the_list_is_the_way_back(copy: Copy, kind: str) -> None:
    await copy.begin()
    before = copy.cursor
    await copy.happen("left")
    assert (await copy.happen(kind)).status_code == 201
    gone = await copy.ask("changes", after=before)
    assert wrong(gone, 410) == [("after", "cursor-expired")]
    assert gone.headers["link"] == f'<{HERE}/members>; rel="start"'
    await copy.begin()
    assert await copy.follow() == [] and await copy.proven()


async def test_made_up_members_are_nowhere_else(
    copy: Copy, client: httpx.AsyncClient, manager_headers: dict[str, str], context: Context
) -> None:
    real = f"{V1}/networks/{NORA}/members?limit=1000"
    before = (await client.get(real, headers=manager_headers)).json()["items"]
    await copy.begin()
    for kind in REASONS:
        await copy.happen(kind)
    assert (await client.get(real, headers=manager_headers)).json()["items"] == before
    async with context.db.tx() as connection:
        for table in ("organisation", "membership", "feed", "feed_member", "share", "mail"):
            found = f"select count(*) from {table} t where t::text like '%Example Aquaculture%'"
            assert await connection.fetchval(found) == 0
    assert wrong(await client.get(f"{V1}/networks/{NORA}/changes?after={copy.cursor}", headers=copy.headers), 422)


async def test_only_keys_of_the_network_have_it_and_what_is_unknown_is_refused(
    copy: Copy, partner_keys: dict[str, str]
) -> None:
    other = Copy(copy.client, partner_keys[CLAIRE])
    assert (await other.ask("members")).status_code == 404
    assert (await other.happen("left")).status_code == 404
    assert [rule for _, rule in wrong(await copy.happen("exploded"), 422)]


async def test_the_whole_list_as_lines(copy: Copy) -> None:
    answer = await copy.client.get(f"{HERE}/members", headers=copy.headers | {"accept": "application/x-ndjson"})
    assert answer.status_code == 200 and answer.text.count("\n") == 12
    assert answer.headers["klynge-as-of-cursor"]
