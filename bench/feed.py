"""What partners' systems ask for: a page of the feed, a digest, the whole list as lines, each beside a baseline.

Pages of 1,000 are read at random places of 1,000,000 entries, as a partner's key (behind the tenant wall, JSON
encoded); baseline: the same bodies by one plain statement over the same rows. Whole requests of the same size go one
after the other over one HTTP connection to a server process of its own. The digest is of 10,000 members; baseline: the
same with every body hashed anew. The export is of 1,000,000 members by HTTP, plain, gzip and zstd (the server's memory
is watched); baseline: COPY of the same JSON by psql into nothing. Catching up: all changes from the first on, page by
page, by a bare consumer (every page decoded, each change's op, id and version looked at, nothing stored); beside it
crm/client.py, which keeps an SQLite copy. Processor time stands beside time: on a shared machine it is the steadier
figure. Run: python -m bench.feed [members]
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
from crm.client import Mirror
from crm.clock import FixedClock
from crm.cursors import Position
from crm.database import open_database
from crm.reads import feed
from tests.seed import seed

LARGE, SMALL = "nora-startup", "nora"
MEMBERS, SMALL_MEMBERS = 1_000_000, 10_000
PAGE, PAGES = 1000, 400
ROUNDS = 3
CODINGS = ("identity", "gzip", "zstd")
BARS = {"page": 2.0, "digest": 50.0, "export": 0.80, "memory": 32.0, "catching up": 200_000.0}
CLIENT_PAGES = 100  # of crm/client.py
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


def used(pid: int) -> float:
    """Processor time of a process so far, all its threads, in seconds."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


async def pages(dsn: str) -> bool:
    """A page as the API makes it, without HTTP; and the plain statement over the same rows, in turns."""
    drawn = random.Random(1)
    async with open_database(dsn, 2) as db:
        network = await db.pool.fetchval("select id from network where slug = $1", LARGE)
        first, last = await db.pool.fetchrow("select min(seq), max(seq) from feed where network_id = $1", network)
        places = [drawn.randint(first, last - PAGE - 1) for _ in range(PAGES)]
        ours, plain, spent = [], [], 0.0
        async with db.reading([network]) as connection:
            backend = await connection.fetchval("select pg_backend_pid()")
            for at, seq in enumerate(places):
                xid = await connection.fetchval("select xid::text from feed where seq = $1", seq)
                began = time.perf_counter()
                rows = await connection.fetch(
                    "select seq, member from feed where seq > $1 and network_id = $2 order by seq limit 1000",
                    seq,
                    network,
                )
                middle, before = time.perf_counter(), used(backend) + time.process_time()
                found = await feed.changes(connection, network, Position(int(xid), seq), PAGE)
                encoded = msgspec.json.encode(found.items)
                ended, after = time.perf_counter(), used(backend) + time.process_time()
                assert found.count == len(rows) == PAGE and found.more and len(encoded) > 300_000
                if at >= PAGES // 10:
                    plain.append((middle - began) * 1000)
                    ours.append((ended - middle) * 1000)
                    spent += after - before
    cpu = spent / len(ours) * 1000
    return told(
        f"feed page of {PAGE}, read and encoded",
        f"p50 {statistics.median(ours):.2f} ms, p95 {p95(ours):.2f} ms, processor time of both sides {cpu:.2f} ms",
        f"plain rows by seq p50 {statistics.median(plain):.2f} ms, p95 {p95(plain):.2f} ms",
        p95(ours) <= BARS["page"],
    )


class Change(msgspec.Struct):
    """What the bare consumer looks at."""

    op: str
    id: str
    version: int
    member: msgspec.Raw


def requests(port: int, key: str, pid: int) -> None:
    """Whole requests for pages, one after the other; told beside the reading, no bar of its own."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    taken, after, spent = [], "", 0.0
    for at in range(PAGES):
        before, began = used(pid), time.perf_counter()
        body = asked(line, key, f"changes?limit={PAGE}{after}")
        taken.append((time.perf_counter() - began) * 1000)
        spent += (used(pid) - before) if at >= PAGES // 10 else 0.0
        page = msgspec.json.decode(body, type=_Place)
        after = f"&after={page.next_cursor}" if page.has_more else ""
    counted = taken[PAGES // 10 :]
    print(
        f"the same page, whole request over HTTP: p50 {statistics.median(counted):.2f} ms, p95 {p95(counted):.2f} ms,"
        f" processor time of the application {spent / len(counted) * 1000:.2f} ms",
        flush=True,
    )


def catching_up(port: int, key: str, members: int) -> bool:
    """All changes from the first on, by the bare consumer; then as many pages by crm/client.py."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    seen: dict[str, int] = {}
    began, body = time.perf_counter(), asked(line, key, f"changes?limit={PAGE}")
    more = True
    while more:
        page = msgspec.json.decode(body, type=_Place)
        more = page.has_more
        if more:  # the next page is on its way while this one is taken in
            send(line, key, f"changes?limit={PAGE}&after={page.next_cursor}")
        for change in msgspec.json.decode(page.items, type=list[Change]):
            if seen.get(change.id, 0) < change.version:
                seen[change.id] = change.version
        if more:
            body = received(line)
    rate = members / (time.perf_counter() - began)
    assert len(seen) == members, "every member once"
    copy = Mirror(f"http://127.0.0.1:{port}", LARGE, key, ":memory:")
    cursor, began = None, time.perf_counter()
    for _ in range(min(CLIENT_PAGES, members // PAGE)):
        found = copy._get("changes", after=cursor, limit=PAGE)
        copy._apply(found)
        cursor = found["next_cursor"]
    client = min(CLIENT_PAGES, members // PAGE) * PAGE / (time.perf_counter() - began)
    return told(
        f"catching up with {members} changes",
        f"{rate:,.0f} changes/s by a bare consumer",
        f"crm/client.py into SQLite {client:,.0f} changes/s",
        rate >= BARS["catching up"],
    )


class _Place(msgspec.Struct):
    """Of a page first of all where the next one is."""

    items: msgspec.Raw
    next_cursor: str
    has_more: bool


def asked(line: http.client.HTTPConnection, key: str, path: str) -> bytes:
    send(line, key, path)
    return received(line)


def send(line: http.client.HTTPConnection, key: str, path: str) -> None:
    line.request("GET", f"/api/v1/networks/{LARGE}/{path}", headers={"authorization": f"Bearer {key}"})


def received(line: http.client.HTTPConnection) -> bytes:
    answer = line.getresponse()
    body = answer.read()
    assert answer.status == 200, body[:300]
    return body


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


def export(port: int, key: str, coding: str) -> int:
    """All of the list; how many bytes came."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    headers = {"authorization": f"Bearer {key}", "accept": "application/x-ndjson", "accept-encoding": coding}
    line.request("GET", f"/api/v1/networks/{LARGE}/members", headers=headers)
    answer = line.getresponse()
    assert answer.status == 200, answer.read()
    assert answer.headers.get("content-encoding", "identity") == coding
    size = 0
    while chunk := answer.read(1 << 20):
        size += len(chunk)
    return size


def copied(dsn: str, psql: Path) -> None:
    """COPY of the same JSON by psql, into nothing."""
    network = f"(select id from network where slug = '{LARGE}')"
    sql = f"copy (select body from feed_member where network_id = {network} and listed) to stdout"
    subprocess.run([psql, dsn, "-q", "-v", "ON_ERROR_STOP=1", "-c", sql], stdout=subprocess.DEVNULL, check=True)


def memory(pid: int) -> float:
    """Resident, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return max(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def exports(dsn: str, psql: Path, port: int, pid: int, key: str, members: int) -> bool:
    """In turns; the middle of the ratios counts, and the peak of memory over that before the first export."""
    asked(http.client.HTTPConnection("127.0.0.1", port), key, "members")
    before, held = memory(pid), True
    for coding in CODINGS:
        ratios = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            copied(dsn, psql)
            middle, spent = time.perf_counter(), used(pid)
            size = export(port, key, coding)
            ended, spent = time.perf_counter(), used(pid) - spent
            ratios.append((middle - began) / (ended - middle))
            print(
                f"  psql COPY {middle - began:.2f} s, export {coding} {ended - middle:.2f} s ({size >> 20} MB,"
                f" processor time of the application {spent:.2f} s)",
                flush=True,
            )
        figure = f"{members / (ended - middle):,.0f} members/s, {statistics.median(ratios):.2f} of it"
        fast = statistics.median(ratios) >= BARS["export"]
        held = told(f"export of {members}, {coding}", figure, "psql COPY", fast) and held
    grown = memory(pid) - before
    return told("memory growth", f"{grown:.1f} MB", f"{before:.0f} MB before", grown <= BARS["memory"]) and held


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
    """All of them; 1 when a bar is not held."""
    members = int(sys.argv[1]) if len(sys.argv) > 1 else MEMBERS
    with own_server() as server:
        dsn = server.dsn()
        keys = asyncio.run(seed(dsn, SETTINGS, FixedClock(NOW)))
        asyncio.run(fill(dsn, members))
        held = [asyncio.run(pages(dsn)), asyncio.run(digests(dsn))]
        with serving(dsn) as (port, pid):
            key = keys.partner_keys[LARGE]
            held.append(exports(dsn, server.bin_dir / "psql", port, pid, key, members))
            requests(port, key, pid)
            held.append(catching_up(port, key, members))
    return int(not all(held))


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve(sys.argv[2]))
    else:
        raise SystemExit(main())
