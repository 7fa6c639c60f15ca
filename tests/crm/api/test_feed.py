"""What a partner's system reads of the served application: list, changes, digest; refusals; waiting; the client."""

import asyncio
import gzip
import hashlib
import json
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from crm import client as partner
from crm.actions import days
from crm.clock import FixedClock
from crm.store import feed
from tests.conftest import NOW, context_on
from tests.crm.api.serving import served
from tests.crm.api.support import CLAIRE, NORA, V1, wrong
from tests.seed import Keys

pytestmark = [pytest.mark.anyio, pytest.mark.commits]
MEMBERS = f"{V1}/networks/{NORA}/members"
CHANGES = f"{V1}/networks/{NORA}/changes"
EARLY_SECONDS = 10  # of a wait of 20: on a busy machine, too
DIGEST = f"{V1}/networks/{NORA}/digest"
RENAME = "update organisation set name = $2 where id = $1"


@pytest.fixture
def address(own_database: str) -> Iterator[str]:
    with served(own_database) as place:
        yield place


@pytest.fixture
async def db(own_database: str, address: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(own_database)
    yield connection
    await connection.close()


@pytest.fixture
async def api(address: str, seeded: Keys) -> AsyncIterator[httpx.AsyncClient]:
    key = {"authorization": f"Bearer {seeded.partner_keys[NORA]}"}
    async with httpx.AsyncClient(base_url=address, headers=key, timeout=40) as opened:
        yield opened


def mirror(address: str, seeded: Keys, path: Any = ":memory:") -> partner.Mirror:
    return partner.Mirror(address, NORA, seeded.partner_keys[NORA], str(path))


async def ok(api: httpx.AsyncClient, path: str, **query: Any) -> dict[str, Any]:
    answer = await api.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def replayed(api: httpx.AsyncClient, after: str | None = None, limit: int = 7) -> tuple[dict[str, dict], str]:
    """Every change from the beginning, applied as it comes without a look at versions; and the last cursor."""
    out: dict[str, dict] = {}
    while True:
        page = await ok(api, CHANGES, limit=limit, **({"after": after} if after else {}))
        for item in page["items"]:
            if item["op"] == "remove":
                assert item["member"] is None
                out.pop(item["id"], None)
            else:
                assert (item["member"]["id"], item["member"]["version"]) == (item["id"], item["version"])
                out[item["id"]] = item["member"]
        assert page["next_cursor"]
        after = page["next_cursor"]
        if not page["has_more"]:
            return out, after


async def paged(api: httpx.AsyncClient, limit: int = 6) -> tuple[list[dict], str]:
    """The list by pages, and the cursor that came with the first."""
    page = await ok(api, MEMBERS, limit=limit)
    cursor, out = page["as_of_cursor"], page["items"]
    while page["next_cursor"]:
        page = await ok(api, MEMBERS, limit=limit, cursor=page["next_cursor"])
        assert "as_of_cursor" not in page
        out += page["items"]
    return out, cursor


async def streamed(api: httpx.AsyncClient) -> list[dict]:
    answer = await api.get(MEMBERS, headers={"accept": "application/x-ndjson"})
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert answer.headers["klynge-as-of-cursor"]
    return [json.loads(line) for line in answer.text.split("\n")[:-1]]


def today(register: dict[str, dict]) -> list[dict]:
    return sorted((m for m in register.values() if m["status"] != "pending"), key=lambda m: m["id"])


def by_id(members: list[dict]) -> list[dict]:
    return sorted(members, key=lambda m: m["id"])


async def somebody(db: asyncpg.Connection) -> UUID:
    """An organisation that is a member today."""
    return await db.fetchval(
        "select organisation_id from feed_member f join network n on n.id = f.network_id"
        " where n.slug = $1 and listed order by organisation_id limit 1",
        NORA,
    )


# --- one list, four ways


async def test_pages_stream_and_changes_replayed_are_the_same_list(
    api: httpx.AsyncClient, db: asyncpg.Connection
) -> None:
    for number, name in enumerate(('Fjord «Kraft» "AS"', "Å\\B 😀 \t|", "Ærø & Co\u2028")):
        ids = await db.fetch("select organisation_id from feed_member where listed order by organisation_id")
        await db.execute(RENAME, ids[number]["organisation_id"], name)
        pages, cursor = await paged(api)
        register, last = await replayed(api)
        assert len(pages) > 10
        assert by_id(pages) == today(register) == by_id(await streamed(api))
        assert cursor == last, "nothing has changed between"
        live = await ok(api, MEMBERS, as_of="2026-11-22", limit=1000)
        unversioned = [{**m, "version": None} for m in pages]
        assert live["items"] == unversioned, "what was told is what stands"


async def test_the_digest_is_what_anybody_computes_from_the_list(api: httpx.AsyncClient) -> None:
    pages, cursor = await paged(api)
    told = await ok(api, DIGEST)
    assert {b["bucket"]: b["hash"] for b in told["buckets"]} == partner.digests(pages)
    assert (told["count"], told["settled"], told["as_of_cursor"]) == (len(pages), True, cursor)
    lines = "".join(f"{b['bucket']}|{b['hash']}\n" for b in told["buckets"])
    assert told["hash"] == hashlib.sha256(lines.encode()).hexdigest()
    one = told["buckets"][0]
    bucket = await ok(api, f"{DIGEST}/{one['bucket']}")
    assert (bucket["hash"], bucket["count"], len(bucket["items"])) == (one["hash"], one["count"], one["count"])
    assert partner.digests(bucket["items"]) == {one["bucket"]: one["hash"]}
    empty = next(f"{n:02x}" for n in range(256) if f"{n:02x}" not in partner.digests(pages))
    nobody = await ok(api, f"{DIGEST}/{empty}")
    assert (nobody["count"], nobody["items"]) == (0, [])
    assert wrong(await api.get(f"{DIGEST}/xyz"), 404) == [("bucket", "not_found")]


# --- what a change is


async def test_a_version_grows_with_what_is_seen_and_only_with_that(
    api: httpx.AsyncClient, db: asyncpg.Connection
) -> None:
    _, cursor = await replayed(api)
    who = await somebody(db)
    await db.execute(RENAME, who, "Nytt navn AS")
    await db.execute("update organisation set sort_name = default where id = $1", who)
    await db.execute(RENAME, who, "Nytt navn AS")
    page = await ok(api, CHANGES, after=cursor)
    (item,) = page["items"]
    assert (item["op"], item["reason"], item["member"]["organisation"]["name"]) == ("upsert", "changed", "Nytt navn AS")
    assert item["version"] > 1
    again = await ok(api, CHANGES, after=cursor)
    assert again == page, "asked again, the same answer"
    empty = await ok(api, CHANGES, after=page["next_cursor"])
    assert (empty["items"], empty["next_cursor"], empty["has_more"]) == ([], page["next_cursor"], False)


async def test_joining_ahead_is_planned_and_then_joined_and_at_last_left(
    api: httpx.AsyncClient, address: str, own_database: str, seeded: Keys, db: asyncpg.Connection
) -> None:
    _, cursor = await replayed(api)
    manager = {"authorization": f"Bearer {seeded.manager_key}"}
    wanted = await db.fetchval(
        "select a.id from application a join network n on n.id = a.network_id"
        " where n.slug = $1 and a.tier = 'principal' and a.status = 'sent'",
        NORA,
    )
    body = {"starts_on": "2026-12-01"}
    made = await api.post(f"{V1}/applications/{wanted}/approval", json=body, headers=manager)
    assert made.status_code == 201, made.text
    membership = made.json()["memberships"][0]["id"]
    (planned,) = (await ok(api, CHANGES, after=cursor))["items"]
    assert (planned["reason"], planned["member"]["status"], planned["id"]) == ("planned", "pending", membership)
    assert membership not in {m["id"] for m in (await paged(api))[0]}
    ending = {"effective_on": "2028-01-01", "reason": "Leaves"}
    assert (await api.post(f"{V1}/memberships/{membership}/endings", json=ending, headers=manager)).status_code == 201
    for day, reason in (((2026, 12, 1), "joined"), ((2028, 1, 1), "left")):
        async with context_on(own_database, FixedClock(datetime(*day, 9, tzinfo=UTC))) as later:
            await days.turn(later)
            assert await days.turn(later) == 0, "the day is turned once"
        entries = await db.fetch(
            "select op, reason, version from feed where membership_id = $1 order by version", UUID(membership)
        )
        assert entries[-1]["reason"] == reason
    assert [(e["op"], e["reason"], e["version"]) for e in entries] == [
        ("upsert", "planned", 1), ("upsert", "changed", 2), ("upsert", "joined", 3), ("remove", "left", 4),
    ]  # fmt: skip
    linked = await db.fetchval(
        "select reason from feed f join network n on n.id = f.network_id where n.slug = $1 and op = 'remove'"
        " order by seq desc limit 1",
        CLAIRE,
    )
    assert linked == "link_ended"


async def test_a_later_day_is_turned_by_who_reads_first(own_database: str, seeded: Keys) -> None:
    async with context_on(own_database) as context:
        before = await context.db.pool.fetchval("select count(*) from feed")
    async with context_on(own_database, FixedClock(NOW + timedelta(days=365 * 30))) as later:
        await days.turn_feed(later, await later.db.pool.fetchval("select id from network where slug = $1", NORA))
        turned = await later.db.pool.fetch(
            "select n.slug from feed_head h join network n on n.id = network_id where h.turned_on > '2050-01-01'"
        )
        assert [row["slug"] for row in turned] == [NORA]
        assert await later.db.pool.fetchval("select count(*) from feed") >= before


# --- refusals


async def test_bad_cursors_are_named(api: httpx.AsyncClient, seeded: Keys, address: str) -> None:
    cursor = (await ok(api, CHANGES, limit=1))["next_cursor"]
    flipped = ("B" if cursor[20] != "B" else "C").join((cursor[:20], cursor[21:]))
    for bad in ("abc", "æøå", flipped, cursor + "A", cursor[:-1], "A" * 120, "=" * 8):
        assert wrong(await api.get(CHANGES, params={"after": bad}), 422) == [("after", "cursor_foreign")], bad
    too_long = await api.get(CHANGES, params={"after": "A" * 121})
    assert wrong(too_long, 422) == [("after", "length_out_of_range")]
    other = f"{V1}/networks/{CLAIRE}/changes"
    assert wrong(await api.get(other, params={"after": cursor}), 422) == [("after", "cursor_foreign")]
    for key in (seeded.partner_keys[CLAIRE], seeded.manager_key):
        answer = await api.get(CHANGES, params={"after": cursor}, headers={"authorization": f"Bearer {key}"})
        assert wrong(answer, 422) == [("after", "cursor_foreign")]
    assert wrong(await api.get(CHANGES, headers={"authorization": "Bearer kly_x_y"}), 401)
    for query in ({"wait": 26}, {"wait": -1}, {"limit": 0}, {"limit": 1001}, {"since": 1}):
        assert (await api.get(CHANGES, params=query)).status_code == 422
    assert wrong(await api.get(f"{V1}/networks/nowhere/changes"), 404) == [("slug", "not_found")]
    assert wrong(await api.get(f"{V1}/networks/nowhere/digest"), 404) == [("slug", "not_found")]
    lines = {"accept": "application/x-ndjson"}
    assert wrong(await api.get(MEMBERS, params={"as_of": "2026-01-01"}, headers=lines), 422) == [
        ("accept", "stream_whole")
    ]


async def test_who_neither_sees_a_network_nor_has_an_agreement_is_shown_nothing(
    api: httpx.AsyncClient, seeded: Keys
) -> None:
    stranger = {"authorization": f"Bearer {seeded.partner_keys['nora-startup']}"}
    for path in (CHANGES, MEMBERS, f"{DIGEST}/00"):
        answer = await api.get(path, headers=stranger)
        assert (answer.status_code, answer.json()["items"]) == (200, []), path
    assert (await api.get(MEMBERS, headers=stranger | {"accept": "application/x-ndjson"})).content == b""


async def test_410_after_the_retention_with_a_way_back(
    api: httpx.AsyncClient, own_database: str, db: asyncpg.Connection, address: str, seeded: Keys
) -> None:
    copy = mirror(address, seeded)
    copy.sync()
    first = (await ok(api, CHANGES, limit=1))["next_cursor"]
    _, last = await replayed(api)
    with pytest.raises(asyncpg.RestrictViolationError):
        await db.execute("set crm.feed = 'prune'; delete from feed")
    await db.execute("reset crm.feed")
    await db.execute("set session_replication_role = replica")
    await db.execute("update feed set recorded_at = recorded_at - interval '91 days'")
    await db.execute("set session_replication_role = origin")
    who = await somebody(db)
    await db.execute(RENAME, who, "Etter opprydding AS")
    async with context_on(own_database, FixedClock(datetime.now(UTC))) as context:
        assert await days.prune_feed(context) > 10
        assert await days.prune_feed(context) == 0
    for query in ({"after": first}, {}):
        gone = await api.get(CHANGES, params=query)
        assert wrong(gone, 410) == [("after", "cursor-expired")]
        assert gone.links["start"]["url"] == MEMBERS
        assert gone.json()["type"] == "/problems/cursor-expired"
    (kept,) = (await ok(api, CHANGES, after=last))["items"]
    assert kept["member"]["organisation"]["name"] == "Etter opprydding AS"
    pages, cursor = await paged(api)
    assert (await ok(api, CHANGES, after=cursor))["items"] == []
    assert copy.sync() == 1, "who kept up notices nothing"
    assert copy.members() == by_id(pages)


async def test_another_server_is_another_epoch(api: httpx.AsyncClient, db: asyncpg.Connection, address: str,
                                               seeded: Keys) -> None:  # fmt: skip
    copy = mirror(address, seeded)
    copy.sync()
    _, cursor = await replayed(api)
    assert await feed.renew_epoch(db) is False
    await db.execute("update feed_epoch set server = 'another/1'")
    async with db.transaction():
        assert await feed.renew_epoch(db) is True
    assert wrong(await api.get(CHANGES, params={"after": cursor}), 410) == [("after", "cursor-expired")]
    await db.execute(RENAME, await somebody(db), "I ny epoke AS")
    copy.sync()
    assert copy.members() == by_id((await paged(api))[0])


# --- unchanged, compressed, waited for


async def test_a_list_one_has_is_not_sent_again(api: httpx.AsyncClient, db: asyncpg.Connection) -> None:
    for headers in ({}, {"accept": "application/x-ndjson"}):
        first = await api.get(MEMBERS, headers=headers)
        again = await api.get(MEMBERS, headers={**headers, "if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
        await db.execute(RENAME, await somebody(db), f"Endret {time.monotonic()} AS")
        after = await api.get(MEMBERS, headers={**headers, "if-none-match": first.headers["etag"]})
        assert after.status_code == 200
        assert after.headers["etag"] != first.headers["etag"]


async def test_a_stream_is_gzip_when_asked(api: httpx.AsyncClient) -> None:
    lines = {"accept": "application/x-ndjson"}
    async with api.stream("GET", MEMBERS, headers={**lines, "accept-encoding": "gzip"}) as answer:
        raw = b"".join([chunk async for chunk in answer.aiter_raw()])
    plain = await api.get(MEMBERS, headers={**lines, "accept-encoding": "gzip;q=0"})
    assert (answer.headers["content-encoding"], plain.headers.get("content-encoding")) == ("gzip", None)
    assert gzip.decompress(raw) == plain.content
    head = await api.head(MEMBERS, headers=lines)
    assert (head.status_code, head.content) == (200, b"")


async def test_waiting_ends_when_something_is_new(api: httpx.AsyncClient, db: asyncpg.Connection) -> None:
    _, cursor = await replayed(api)
    began = time.monotonic()
    assert (await ok(api, CHANGES, after=cursor, wait=1))["items"] == []
    assert 0.9 < time.monotonic() - began < EARLY_SECONDS
    who = await somebody(db)
    waiting = [asyncio.create_task(ok(api, CHANGES, after=cursor, wait=20)) for _ in range(5)]
    await asyncio.sleep(0.5)
    began = time.monotonic()
    await db.execute(RENAME, who, "Ventet på AS")
    pages = await asyncio.gather(*waiting)
    assert time.monotonic() - began < EARLY_SECONDS
    assert {page["items"][0]["member"]["organisation"]["name"] for page in pages} == {"Ventet på AS"}


async def test_waiting_holds_back_what_an_older_transaction_could_still_precede(
    api: httpx.AsyncClient, db: asyncpg.Connection, own_database: str
) -> None:
    _, cursor = await replayed(api)
    older = await asyncpg.connect(own_database)
    opened = older.transaction()
    await opened.start()
    await older.execute("select pg_current_xact_id()")
    await db.execute(RENAME, await somebody(db), "Yngre AS")
    page = await ok(api, CHANGES, after=cursor, wait=1)
    told = await ok(api, DIGEST)
    assert (page["items"], page["next_cursor"], told["settled"]) == ([], cursor, False)
    waiting = asyncio.create_task(ok(api, CHANGES, after=cursor, wait=20))
    await asyncio.sleep(0.3)
    await opened.rollback()  # rings no bell
    began = time.monotonic()
    assert len((await waiting)["items"]) == 1
    assert time.monotonic() - began < EARLY_SECONDS
    await older.close()


async def test_one_members_versions_come_in_order_though_its_transactions_do_not(
    api: httpx.AsyncClient, db: asyncpg.Connection, own_database: str
) -> None:
    _, cursor = await replayed(api)
    who = await somebody(db)
    first = await asyncpg.connect(own_database)
    opened = first.transaction()
    await opened.start()
    await first.execute("select pg_current_xact_id()")  # the older transaction ...
    await db.execute(RENAME, who, "Først AS")
    await first.execute(RENAME, who, "Sist AS")  # ... changes it last
    await opened.commit()
    await first.close()
    items = (await ok(api, CHANGES, after=cursor))["items"]
    assert [i["member"]["organisation"]["name"] for i in items] == ["Først AS", "Sist AS"]
    assert items[0]["version"] + 1 == items[1]["version"]
