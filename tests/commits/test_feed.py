"""F11 and AC-25: naive cursors lose changes, ours loses none; a partner cut off anywhere ends with the register."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from crm.client import Incomplete, Mirror
from crm.cursors import START
from crm.reads import feed
from tests.crm.api.serving import served
from tests.seed import Keys

pytestmark = [pytest.mark.anyio, pytest.mark.commits]
NETWORK = "nora-industry-network"
WRITERS = 8
WRITING_SECONDS = 3.0
SEED = 20261122
MANY = 5000
FILL = """
create temporary table made on commit drop as
    select n as number, gen_random_uuid() as organisation, gen_random_uuid() as membership
    from generate_series(1, $1) n;
insert into organisation (id, name, family_id, created_at)
    select organisation, 'Many ' || number || ' AS', organisation, now() from made;
insert into organisation_profile (id, organisation_id, name, kind, country, employees, starts_on, recorded_at)
    select gen_random_uuid(), organisation, 'Many ' || number || ' AS', 'company', 'NO', 5, '2020-01-01', now()
    from made;
insert into membership (id, organisation_id, network_id, created_at)
    select membership, organisation, (select id from network where slug = 'nora-industry-network'), now() from made;
insert into membership_period (membership_id, network_id, organisation_id, tier, status, origin, starts_on, recorded_at)
    select membership, (select id from network where slug = 'nora-industry-network'), organisation, 'partner',
        'active', 'direct', '2024-01-01', now() from made;
select feed_publish(array(select membership from made), '2026-11-22');
"""
END = """
update membership_period set superseded_at = now() where membership_id = any($1) and superseded_at is null
"""
RETURN = """
insert into membership_period (membership_id, network_id, organisation_id, tier, status, origin, starts_on, recorded_at)
select id, network_id, organisation_id, 'partner', 'active', 'direct', '2025-01-01', now() from membership m
where id = any($1)
and not exists (select from membership_period p where p.membership_id = m.id and p.superseded_at is null)
"""
MEMBERS = """
select membership_id, organisation_id from feed_member f join network n on n.id = f.network_id
where n.slug = $1 and listed order by membership_id
"""


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def fill(dsn: str, count: int) -> list[asyncpg.Record]:
    async with connected(dsn) as db:
        async with db.transaction():
            for statement in FILL.replace("$1", str(count)).split(";\n"):
                if statement.strip():
                    await db.execute(statement)
        await db.execute("analyze")
        return await db.fetch(MEMBERS, NETWORK)


# --- F11: no change is lost


async def write(dsn: str, own: list[asyncpg.Record], drawn: random.Random, until: float) -> None:
    """Transactions of one to three changes; some stay open a little before they commit."""
    async with connected(dsn) as db:
        number = 0
        while monotonic() < until:
            async with db.transaction():
                await db.execute("set constraints all immediate")
                for row in drawn.sample(own, drawn.randint(1, 3)):
                    number += 1
                    await db.execute(
                        "update organisation set name = $2 where id = $1", row["organisation_id"], f"N {number} AS"
                    )
                if drawn.random() < 0.1:
                    await asyncio.sleep(0.03)


Seen = dict[str, set[tuple[UUID, int]]]


async def by_column(dsn: str, column: str, seen: Seen, writing: list[asyncio.Task[None]]) -> None:
    """A reader that trusts a sequence or a timestamp."""
    async with connected(dsn) as db:
        last = await db.fetchval(f"select max({column}) from feed")
        while True:
            done = all(task.done() for task in writing)
            rows = await db.fetch(
                f"select membership_id, version, {column} as at from feed where {column} > $1 order by {column}", last
            )
            for row in rows:
                seen[column].add((row["membership_id"], row["version"]))
                last = row["at"]
            if done and not rows:
                return
            await asyncio.sleep(0.002)


async def by_position(dsn: str, network: UUID, seen: Seen, writing: list[asyncio.Task[None]]) -> None:
    """Ours; each member's versions must come in order and without a hole."""
    after, newest = START, {}
    async with connected(dsn) as db:
        while True:
            done = all(task.done() for task in writing)
            page = await feed.changes(db, network, after, 200)
            after = page.last
            for entry in json.loads(bytes(page.items)):
                who, version = UUID(entry["id"]), entry["version"]
                assert newest.get(who, version - 1) == version - 1, "in order, and each once"
                newest[who] = version
                seen["ours"].add((who, version))
            if done and not page.count:
                return
            await asyncio.sleep(0.002)


async def test_f11_naive_cursors_lose_changes_and_ours_loses_none(own_database: str) -> None:
    members = await fill(own_database, WRITERS * 25)
    async with connected(own_database) as db:
        network = await db.fetchval("select id from network where slug = $1", NETWORK)
        old = set(map(tuple, await db.fetch("select membership_id, version from feed where network_id = $1", network)))
    until = monotonic() + WRITING_SECONDS
    writing = [
        asyncio.create_task(write(own_database, members[at::WRITERS], random.Random(SEED + at), until))
        for at in range(WRITERS)
    ]
    seen: Seen = {"seq": set(), "recorded_at": set(), "ours": set()}
    await asyncio.gather(
        *writing,
        by_column(own_database, "seq", seen, writing),
        by_column(own_database, "recorded_at", seen, writing),
        by_position(own_database, network, seen, writing),
    )
    async with connected(own_database) as db:
        rows = await db.fetch("select membership_id, version from feed where network_id = $1", network)
    written = set(map(tuple, rows))
    fresh = written - old
    assert len(fresh) > 500
    assert seen["ours"] == written
    assert fresh - seen["seq"], "control: a sequence loses changes"
    assert fresh - seen["recorded_at"], "control: a timestamp loses changes"


# --- AC-25: cut off anywhere


class Cut(Exception):
    """The line went dead."""


class Answer:
    """What was answered, up to a byte."""

    def __init__(self, answer: Any, budget: list[int]) -> None:
        self._answer, self._budget, self.headers = answer, budget, answer.headers

    def read(self, most: int | None = None) -> bytes:
        found: bytes = self._answer.read(most) if most else self._answer.read()
        self._budget[0] -= len(found)
        if self._budget[0] < 0:
            raise Cut
        return found

    def __enter__(self) -> "Answer":
        return self

    def __exit__(self, *_: object) -> None:
        self._answer.close()


class Unlucky(Mirror):
    """A partner whose line goes dead after so many bytes, or that dies before it has stored what it got."""

    def __init__(self, *arguments: str, bytes_left: int, pages_left: int) -> None:
        super().__init__(*arguments)
        self._left, self._pages = [bytes_left], pages_left

    def _open(self, path: str, headers: dict[str, str]) -> Any:
        return Answer(super()._open(path, headers), self._left)

    def _move(self, cursor: str) -> None:
        self._pages -= 1
        if self._pages < 0:
            raise Cut  # everything was written, nothing committed
        super()._move(cursor)


def follow(address: str, key: str, path: Path, drawn: random.Random, stopped: list[bool]) -> int:
    """Start, be cut off, start again with what is in the file; how many times, until all is quiet."""
    cuts = 0
    while True:
        quiet = stopped[0]
        most = drawn.choice((500, 20_000, 300_000, 10_000_000))
        copy = Unlucky(
            address, NETWORK, key, str(path), bytes_left=drawn.randrange(most), pages_left=drawn.randint(0, 3)
        )
        try:
            copy.sync()
            if quiet:
                return cuts
        except (Cut, Incomplete):
            cuts += 1
        finally:
            copy.close()


async def change(dsn: str, members: list[asyncpg.Record], drawn: random.Random, seconds: float) -> None:
    """Names change, memberships end and come back."""
    until = monotonic() + seconds
    async with connected(dsn) as db:
        gone: list[asyncpg.Record] = []
        while monotonic() < until:
            await db.execute(
                "update organisation set name = name || $2 where id = any($1)",
                [row["organisation_id"] for row in drawn.sample(members, 40)],
                drawn.choice("åbc"),
            )
            leaving = drawn.sample(members, 5)
            for statement, rows in ((END, leaving), (RETURN, gone)):
                ids = [row["membership_id"] for row in rows]
                async with db.transaction():
                    await db.execute(statement, ids)
                    await db.execute("select feed_publish($1, '2026-11-22')", ids)
            gone = leaving


@pytest.fixture
def address(own_database: str) -> Iterator[str]:
    with served(own_database) as place:
        yield place


async def register(address: str, key: str) -> tuple[list[dict[str, Any]], str]:
    """The whole list by pages, and the cursor that came with its first page."""
    out: list[dict[str, Any]] = []
    cursor, begun = None, ""
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=30) as api:
        while True:
            given = {"limit": 400, **({"cursor": cursor} if cursor else {})}
            page = (await api.get(f"/api/v1/networks/{NETWORK}/members", params=given)).json()
            begun = begun or page["as_of_cursor"]
            out += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return sorted(out, key=lambda m: m["id"]), begun


async def test_ac_25_a_partner_cut_off_anywhere_ends_with_the_register(
    own_database: str, address: str, seeded: Keys, tmp_path: Path
) -> None:
    members = await fill(own_database, MANY)
    assert len(members) > MANY
    key, drawn, stopped = seeded.partner_keys[NETWORK], random.Random(SEED), [False]
    path = tmp_path / "members.sqlite"
    following = asyncio.create_task(asyncio.to_thread(follow, address, key, path, drawn, stopped))
    await change(own_database, members, random.Random(SEED + 1), 6.0)
    stopped[0] = True
    assert await following > 5, "it was cut off"
    whole, _ = await register(address, key)
    assert len(whole) > MANY - 100

    def copied() -> tuple[list[dict[str, Any]], list[str]]:
        copy = Mirror(address, NETWORK, key, str(path))
        try:
            return copy.members(), copy.prove()
        finally:
            copy.close()

    held, repaired = await asyncio.to_thread(copied)
    assert held == whole
    assert repaired == []


async def test_pages_and_then_the_changes_lose_nothing_while_others_write(
    own_database: str, address: str, seeded: Keys
) -> None:
    members = await fill(own_database, 1500)
    key = seeded.partner_keys[NETWORK]
    writing = asyncio.create_task(change(own_database, members, random.Random(SEED), 2.0))
    listed, cursor = await register(address, key)
    held = {each["id"]: each for each in listed}
    await writing
    moved = 0
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=30) as api:
        more = True
        while more:
            page = (await api.get(f"/api/v1/networks/{NETWORK}/changes", params={"after": cursor, "limit": 50})).json()
            for item in page["items"]:
                moved += 1
                if item["op"] == "remove":
                    held.pop(item["id"], None)
                else:
                    held[item["id"]] = item["member"]
            cursor, more = page["next_cursor"], page["has_more"]
    assert moved > 50
    assert sorted(held.values(), key=lambda m: m["id"]) == (await register(address, key))[0]
