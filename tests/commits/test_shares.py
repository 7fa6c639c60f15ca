"""Eight writers, new members and changing terms at once: the share loses nothing and leaks nothing; controls do."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from crm.cursors import START
from crm.database import close_pool, writing_pool
from crm.reads import shares as reads
from crm.store import shares
from tests.commits.test_feed import NETWORK, SEED, WRITERS, connected, fill
from tests.conftest import NOW

pytestmark = [pytest.mark.anyio, pytest.mark.commits]
SECONDS = 3.0
ALL = ("name", "country", "kind", "website", "tier", "status", "starts_on")
NEW = """
with made as (select gen_random_uuid() as organisation, gen_random_uuid() as membership),
o as (insert into organisation (id, name, family_id, created_at)
      select organisation, $1, organisation, now() from made),
p as (insert into organisation_profile (id, organisation_id, name, kind, country, employees, starts_on, recorded_at)
      select gen_random_uuid(), organisation, $1, 'company', 'NO', 5, '2020-01-01', now() from made),
n as (select id from network where slug = 'nora-industry-network'),
m as (insert into membership (id, organisation_id, network_id, created_at)
      select membership, organisation, n.id, now() from made, n)
insert into membership_period (membership_id, network_id, organisation_id, tier, status, origin, starts_on, recorded_at)
select membership, n.id, organisation, 'partner', 'active', 'direct', '2024-01-01', now() from made, n
returning membership_id
"""
# The list without a look at the state, as a reader would have it who trusts the row.
NAIVE = "select body from share where disclosure_id = $1 and op = 'upsert'"


@asynccontextmanager
async def prepared(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the product has it."""
    pool = await writing_pool(dsn, 1)
    try:
        async with pool.acquire() as db:
            yield db
    finally:
        await close_pool(pool)


async def join(db: asyncpg.Connection, name: str) -> UUID:
    made: UUID = await db.fetchval(NEW, name)
    await db.execute("select feed_publish($1, '2026-11-22')", [made])
    return made


async def write(dsn: str, own: list[asyncpg.Record], drawn: random.Random, until: float) -> None:
    """Names change and members join; some transactions stay open a little before they commit."""
    async with connected(dsn) as db:
        number = 0
        while monotonic() < until:
            number += 1
            async with db.transaction():
                if drawn.random() < 0.1:
                    await join(db, f"New {drawn.random()} AS")
                else:
                    await db.execute("set constraints all immediate")
                    row = drawn.choice(own)
                    await db.execute(
                        "update organisation set name = $2 where id = $1", row["organisation_id"], f"N {number} AS"
                    )
                if drawn.random() < 0.15:
                    await asyncio.sleep(0.03)


async def rescope(dsn: str, disclosure: UUID, drawn: random.Random, until: float) -> int:
    """Other terms again and again."""
    changed = 0
    async with prepared(dsn) as db:
        while monotonic() < until:
            version = await db.fetchval(
                "select max(version) + 1 from disclosure_terms where disclosure_id = $1", disclosure
            )
            fields = tuple(each for each in ALL if drawn.random() < 0.6)
            async with db.transaction():
                await shares.add_terms(db, disclosure, version, made(fields), "", "")
                await shares.turn(db, NOW, None)
            changed += 1
            await asyncio.sleep(0.1)
    return changed


def made(fields: tuple[str, ...]) -> shares.Terms:
    return shares.Terms(NOW.date(), fields, (), False, {"en": "x", "nb": "x"}, "contract", {}, "", 1)


def named(member: dict[str, Any]) -> set[str]:
    outer = {*member} - {"id", "agreement", "network", "version", "organisation"}
    return outer | ({*member["organisation"]} - {"id"})


async def follow(dsn: str, disclosure: UUID, writing: list[asyncio.Task[Any]]) -> dict[str, dict[str, Any]]:
    """Ours: what is stale is mended before it is read; nothing on a page is outside the terms of that moment."""
    after, held, versions = START, {}, {}
    async with prepared(dsn) as db:
        while True:
            done = all(task.done() for task in writing)
            async with db.transaction(isolation="repeatable_read", readonly=True):
                head = await reads.head(db, disclosure, NOW)
                page = await reads.changes(db, disclosure, after, 200)
                terms = (await reads.terms(db, disclosure))[0]
            assert head is not None
            after = page.last
            for entry in json.loads(bytes(page.items)):
                assert versions.get(entry["id"], 0) < entry["version"], "in order"
                versions[entry["id"]] = entry["version"]
                if entry["op"] == "remove":
                    held.pop(entry["id"], None)
                else:
                    assert named(entry["member"]) <= set(terms.fields), "nothing outside the terms"
                    held[entry["id"]] = entry["member"]
            if head.stale:
                async with db.transaction():
                    await shares.turn(db, NOW, [head.network])
            elif done and not page.count:
                return held
            await asyncio.sleep(0.002)


async def disclosure_of(db: asyncpg.Connection) -> UUID:
    found: UUID = await db.fetchval(
        "select d.id from disclosure d join network n on n.id = d.network_id where n.slug = $1", NETWORK
    )
    return found


async def test_writers_and_a_changing_scope_at_once_lose_nothing_and_leak_nothing(own_database: str) -> None:
    members = await fill(own_database, WRITERS * 25)
    async with prepared(own_database) as db:
        disclosure = await disclosure_of(db)
        async with db.transaction():
            await shares.add_terms(db, disclosure, 2, made(ALL), "", "")
            await shares.turn(db, NOW)
    until = monotonic() + SECONDS
    writing: list[asyncio.Task[Any]] = [
        asyncio.create_task(write(own_database, members[at::WRITERS], random.Random(SEED + at), until))
        for at in range(WRITERS)
    ]
    scoping = asyncio.create_task(rescope(own_database, disclosure, random.Random(SEED), until))
    held, *_ = await asyncio.gather(follow(own_database, disclosure, [*writing, scoping]), *writing)
    assert await scoping > 5
    async with connected(own_database) as db:
        rows = await db.fetch("select membership_id, version, body from share where disclosure_id = $1", disclosure)
        count = await db.fetchval("select count(*) from feed_member f join network n on n.id = f.network_id"
                                  " where listed and n.slug = $1", NETWORK)  # fmt: skip
        wrong = await db.fetch("select 1 from share s join share_view(array(select membership_id from feed_member)) v"
                               " using (disclosure_id, membership_id) where s.body is distinct from"
                               " feed_versioned(v.body, s.version)")  # fmt: skip
    assert wrong == [], "what stands is what the newest terms give"
    assert held == {str(r["membership_id"]): json.loads(r["body"]) for r in rows if r["body"]}
    last = await terms_of(own_database, disclosure)
    assert len(held) == (count if last else 0)


async def terms_of(dsn: str, disclosure: UUID) -> list[str]:
    async with prepared(dsn) as db:
        return (await reads.terms(db, disclosure))[0].fields


async def test_who_trusts_the_sequence_loses_what_commits_late_and_ours_does_not(own_database: str) -> None:
    naive = "select membership_id, seq from share where disclosure_id = $1 and op <> 'none' and seq > $2 order by seq"
    rename = "update organisation set name = $2 where id = $1"
    async with prepared(own_database) as db, connected(own_database) as other:
        disclosure = await disclosure_of(db)
        first, second = await db.fetch(
            "select membership_id, organisation_id from share where disclosure_id = $1 and op = 'upsert'"
            " order by 1 limit 2",
            disclosure,
        )
        head = await reads.head(db, disclosure, NOW)
        assert head is not None
        last, seen, ours = head.position.seq, set(), set()
        late = other.transaction()
        await late.start()
        await other.execute("set constraints all immediate")
        await other.execute(rename, first["organisation_id"], "Late AS")
        await db.execute(rename, second["organisation_id"], "Soon AS")
        after = head.position
        for once in (True, False):
            for row in await db.fetch(naive, disclosure, last):
                seen.add(row["membership_id"])
                last = row["seq"]
            page = await reads.changes(db, disclosure, after, 10)
            after = page.last
            ours |= {UUID(each["id"]) for each in json.loads(bytes(page.items))}
            if once:
                await late.commit()
        assert ours == {first["membership_id"], second["membership_id"]}
        assert seen == {second["membership_id"]}, "control: the naive reader never hears of the first"


async def test_who_joined_under_the_terms_of_before_is_shown_to_nobody_until_looked_at_again(own_database: str) -> None:
    async with prepared(own_database) as db, connected(own_database) as other:
        disclosure = await disclosure_of(db)
        async with db.transaction():
            await shares.add_terms(db, disclosure, 2, made(ALL), "", "")
            await shares.turn(db, NOW)
        before = await reads.count(db, disclosure)
        joining = other.transaction()
        await joining.start()
        await other.execute("set constraints all immediate")
        who = await join(other, "SECRETNAME AS")
        async with db.transaction():
            await shares.add_terms(db, disclosure, 3, made(("tier",)), "", "")
            await shares.turn(db, NOW)
        head = await reads.head(db, disclosure, NOW)
        assert head is not None and not head.stale
        await joining.commit()
        assert "SECRETNAME" in "".join(r["body"] for r in await db.fetch(NAIVE, disclosure)), "control: it is there"
        head = await reads.head(db, disclosure, NOW)
        assert head is not None and head.stale and not head.settled and not head.of_today
        page = await reads.changes(db, disclosure, START, 1000)
        listed, _ = await reads.listed(db, disclosure, None, UUID(int=0), 1000)
        lines = b"".join([chunk async for chunk in reads.stream(db, disclosure, None)])
        assert b"SECRETNAME" not in bytes(page.items) + lines + msgspec.json.encode(listed)
        assert (page.count, len(listed), lines.count(b"\n")) == (0, before, before), "what came after it waits"
        async with db.transaction():
            assert await shares.turn(db, NOW) == 1
        told = json.loads(bytes((await reads.changes(db, disclosure, page.last, 1000)).items))
        (entry,) = [each for each in told if each["id"] == str(who)]
        assert len(told) == before + 1
        assert (entry["version"], named(entry["member"]), entry["member"]["tier"]) == (2, {"tier"}, "partner")


async def test_who_changes_terms_waits_for_nobody_who_changes_members(own_database: str) -> None:
    async with prepared(own_database) as db, connected(own_database) as other:
        disclosure = await disclosure_of(db)
        one = await db.fetchrow("select membership_id, organisation_id from share where disclosure_id = $1"
                                " and op = 'upsert' order by 1 limit 1", disclosure)  # fmt: skip
        changing = other.transaction()
        await changing.start()
        await other.execute("set constraints all immediate")
        await other.execute("update organisation set name = 'Held AS' where id = $1", one["organisation_id"])
        async with db.transaction():
            await db.execute("set local lock_timeout = '2s'")
            await shares.add_terms(db, disclosure, 2, made(("country",)), "", "")
            await shares.turn(db, NOW)
        left = await reads.count(db, disclosure)
        await changing.commit()
        async with db.transaction():
            assert await shares.turn(db, NOW) == 1
        assert await reads.count(db, disclosure) == left + 1
        body = await db.fetchval("select body from share where disclosure_id = $1 and membership_id = $2", disclosure,
                                 one["membership_id"])  # fmt: skip
        assert named(json.loads(body)) == {"country"}
