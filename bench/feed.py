"""What partners' systems ask for: a page of the feed, a digest, the whole list as lines, each beside a baseline.

Pages of 1,000 are read at random places of 1,000,000 entries, as a partner's key (behind the tenant wall, JSON
encoded); baseline: the same bodies by one plain statement over the same rows. The digest is of 10,000 members;
baseline: the same with every body hashed anew. The export is of 1,000,000 members, by HTTP from a server process of
its own (its memory is watched); baseline: COPY of the same JSON, read and counted. Run: python -m bench.feed [members]
"""

import asyncio
import http.client
import os
import random
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import msgspec
import uvicorn

from bench.setting import NOW, SETTINGS, own_server
from crm.app import create_app
from crm.clock import FixedClock
from crm.cursors import Position
from crm.database import open_database
from crm.reads import feed
from tests.seed import seed

LARGE, SMALL = "nora-startup", "nora"
MEMBERS, SMALL_MEMBERS = 1_000_000, 10_000
PAGE, PAGES = 1000, 400
ROUNDS = 3
BARS = {"page": 2.0, "digest": 50.0, "export": 0.80, "memory": 32.0}
A_TRANSACTION = 1000  # entries with the same xid

# Members made up as the product writes them; $1 network, $2 how many.
_FILL = """
insert into feed_member (membership_id, network_id, organisation_id, version, op, listed, origin, shown_on, bucket,
    body, body_hash, moved_xid)
select id, $1, id, 1, 'upsert', true, 'direct', '2026-11-22', get_byte(sha256(id::text::bytea), 0), body,
    sha256(convert_to(body, 'UTF8')), (3 + n / {per})::text::xid8
from (select n, id, '{{"ends_on":null,"id":"' || id || '","network":"nora-startup","organisation":{{"country":"NO",'
    || '"id":"' || id || '","identifiers":[{{"scheme":"no-orgnr","value":"' || 300000000 + n || '"}}],"kind":"company",'
    || '"name":"Bench ' || n || ' Øst AS",'
    || '"website":"https://www.bench' || n || '.example"}},"origin":"direct","starts_on":"2024-01-01",'
    || '"status":"active","tier":"member","version":1}}' as body
    from (select n, gen_random_uuid() as id from generate_series(1, $2) n) made) bodies
"""
_TELL = """
insert into feed (network_id, organisation_id, membership_id, op, reason, version, recorded_at, xid, member)
select network_id, organisation_id, membership_id, op, 'joined', version, now(), moved_xid, body
from feed_member where network_id = $1 order by moved_xid
"""
_ANEW = """
select bucket, count(*), encode(sha256(string_agg(convert_to(membership_id || '|' || version || '|'
    || encode(sha256(convert_to(body, 'UTF8')), 'hex') || e'\\n', 'UTF8'), '' order by membership_id)), 'hex')
from feed_member where network_id = $1 and listed group by bucket
"""


async def fill(dsn: str, members: int) -> None:
    """Both networks; triggers and foreign keys asleep."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("set session_replication_role = replica; delete from feed; delete from feed_member")
    for _ in range(members // A_TRANSACTION + 3):
        await connection.execute("select pg_current_xact_id()")  # so that the entries' xids are in the past
    for slug, count in ((LARGE, members), (SMALL, SMALL_MEMBERS)):
        network = await connection.fetchval("select id from network where slug = $1", slug)
        await connection.execute(_FILL.format(per=A_TRANSACTION), network, count)
        await connection.execute(_TELL, network)
    await connection.execute("vacuum analyze feed, feed_member")
    await connection.execute("checkpoint")
    await connection.close()


def told(name: str, ours: str, baseline: str, held: bool) -> bool:
    print(f"{name}: {ours}; baseline {baseline}: {'held' if held else 'NOT held'}", flush=True)
    return held


def p95(taken: list[float]) -> float:
    return statistics.quantiles(taken, n=20)[-1]


async def pages(dsn: str) -> bool:
    """A page as the API makes it, without HTTP; and the plain statement over the same rows, in turns."""
    drawn = random.Random(1)
    async with open_database(dsn, 2) as db:
        network = await db.pool.fetchval("select id from network where slug = $1", LARGE)
        first, last = await db.pool.fetchrow("select min(seq), max(seq) from feed where network_id = $1", network)
        places = [drawn.randint(first, last - PAGE - 1) for _ in range(PAGES)]
        ours, plain = [], []
        async with db.reading([network]) as connection:
            for at, seq in enumerate(places):
                xid = await connection.fetchval("select xid::text from feed where seq = $1", seq)
                began = time.perf_counter()
                rows = await connection.fetch(
                    "select seq, member from feed where seq > $1 and network_id = $2 order by seq limit 1000",
                    seq,
                    network,
                )
                middle = time.perf_counter()
                found = await feed.changes(connection, network, Position(int(xid), seq), PAGE)
                encoded = msgspec.json.encode(found.items)
                ended = time.perf_counter()
                assert found.count == len(rows) == PAGE and found.more and len(encoded) > 300_000
                if at >= PAGES // 10:
                    plain.append((middle - began) * 1000)
                    ours.append((ended - middle) * 1000)
    return told(
        f"feed page of {PAGE}",
        f"p50 {statistics.median(ours):.2f} ms, p95 {p95(ours):.2f} ms",
        f"plain rows by seq p50 {statistics.median(plain):.2f} ms, p95 {p95(plain):.2f} ms",
        p95(ours) <= BARS["page"],
    )


async def digests(dsn: str) -> bool:
    """The digest of the small network, and the same with bodies hashed anew."""
    async with open_database(dsn, 2) as db:
        network = await db.pool.fetchval("select id from network where slug = $1", SMALL)
        ours, anew = [], []
        async with db.reading([network]) as connection:
            for _ in range(12):
                began = time.perf_counter()
                answer = await feed.digest(connection, SMALL, NOW)
                middle = time.perf_counter()
                await connection.fetch(_ANEW, network)
                ours.append((middle - began) * 1000)
                anew.append((time.perf_counter() - middle) * 1000)
                assert answer and sum(b.count for b in answer[1]) == SMALL_MEMBERS
    figure = statistics.median(ours[2:])
    return told(
        f"digest of {SMALL_MEMBERS}", f"{figure:.1f} ms", f"hashed anew {statistics.median(anew[2:]):.1f} ms",
        figure <= BARS["digest"],
    )  # fmt: skip


@contextmanager
def serving(dsn: str) -> Iterator[tuple[int, int]]:
    """The application in a process of its own: (port, process)."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.feed", "serve", dsn], stdout=subprocess.PIPE, text=True, env={**os.environ}
    )
    try:
        assert process.stdout
        yield int(process.stdout.readline()), process.pid
    finally:
        process.kill()
        process.communicate()


def export(port: int, key: str) -> int:
    """All of the list; how many bytes."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    headers = {"authorization": f"Bearer {key}", "accept": "application/x-ndjson"}
    line.request("GET", f"/api/v1/networks/{LARGE}/members", headers=headers)
    answer = line.getresponse()
    assert answer.status == 200, answer.read()
    size = 0
    while chunk := answer.read(1 << 20):
        size += len(chunk)
    return size


async def copied(dsn: str) -> int:
    """COPY of the same JSON, read and counted; how many bytes."""
    connection = await asyncpg.connect(dsn)
    size = 0

    async def count(chunk: bytes) -> None:
        nonlocal size
        size += len(chunk)

    network = await connection.fetchval("select id from network where slug = $1", LARGE)
    await connection.copy_from_query(
        "select body from feed_member where network_id = $1 and listed", network, output=count
    )
    await connection.close()
    return size


def memory(pid: int) -> float:
    """Resident, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return max(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def exports(dsn: str, key: str, members: int) -> bool:
    """In turns; the middle of the ratios counts, and the peak of memory over that before the first export."""
    ratios = []
    with serving(dsn) as (port, pid):
        line = http.client.HTTPConnection("127.0.0.1", port)
        line.request("GET", f"/api/v1/networks/{LARGE}/members", headers={"authorization": f"Bearer {key}"})
        assert line.getresponse().status == 200
        before = memory(pid)
        for _ in range(ROUNDS):
            began = time.perf_counter()
            asyncio.run(copied(dsn))
            middle = time.perf_counter()
            size = export(port, key)
            ended = time.perf_counter()
            ratios.append((middle - began) / (ended - middle))
            print(f"  COPY {middle - began:.2f} s, export {ended - middle:.2f} s ({size >> 20} MB)", flush=True)
        grown = memory(pid) - before
    rate = members / (ended - middle)
    fast = told(f"export of {members}", f"{rate:,.0f} members/s, {statistics.median(ratios):.2f} of it", "COPY",
                statistics.median(ratios) >= BARS["export"])  # fmt: skip
    return told("memory growth", f"{grown:.1f} MB", f"{before:.0f} MB before", grown <= BARS["memory"]) and fast


async def serve(dsn: str) -> None:
    """The child: the whole application, its port on the first line."""
    app = create_app(msgspec.structs.replace(SETTINGS, database_url=dsn))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False))
    place = socket.socket()
    place.bind(("127.0.0.1", 0))
    place.listen()  # who calls before the application is up waits
    print(place.getsockname()[1], flush=True)
    await server.serve([place])


def main() -> int:
    """All three; 1 when a bar is not held."""
    members = int(sys.argv[1]) if len(sys.argv) > 1 else MEMBERS
    with own_server() as server:
        dsn = server.dsn()
        keys = asyncio.run(seed(dsn, SETTINGS, FixedClock(NOW)))
        asyncio.run(fill(dsn, members))
        held = [asyncio.run(pages(dsn)), asyncio.run(digests(dsn)), exports(dsn, keys.partner_keys[LARGE], members)]
    return int(not all(held))


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve(sys.argv[2]))
    else:
        raise SystemExit(main())
