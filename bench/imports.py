"""Members by file: a CSV of 100,000 rows read, judged, stored by the rules; beside it the same rows copied plainly.

    python -m bench.imports [rows]

Every row is a new organisation with number, contact and level; every fifth is at the level whose link rule gives a
linked membership, every tenth has an opening balance and every twentieth a credit, which are booked. All of it is
committed. Figures by the clock, and microseconds of a processor for each row, of Python and of the database.
"""

import asyncio
import os
import resource
import sys
import time
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import uvloop

from bench.filling import NETWORK
from bench.setting import NOW, SETTINGS, own_server
from cluster_rules.check_digits import mod11
from crm.actions import member_imports, verify
from crm.actor import Actor
from crm.clock import FixedClock
from crm.context import Context
from crm.database import open_database
from crm.store import member_imports as stored
from tests.seed import seed

ROWS = 100_000
HEAD = "Org.nr.;Navn;Nivå;Innmeldt;Ansatte;Kommune;Kontaktperson;E-post;Inngående saldo;Forfall;Fakturanr;Til gode\n"
FIRST = date(2015, 1, 1)


def file_of(rows: int) -> bytes:
    """The file: numbers with their check digit, days and levels that differ."""
    out, number, made = [HEAD], 100_000_00, 0
    while made < rows:
        number += 1
        digit = mod11(f"8{number % 10_000_000:07d}")
        if len(digit) != 1 or not digit.isdigit():
            continue
        joined = FIRST + timedelta(days=made * 7919 % 4200)
        level = "principal" if made % 5 == 0 else "partner"
        owed = f"{made % 900 + 100},50;{joined.day:02d}.{joined.month:02d}.2026;F-{made}" if made % 10 == 0 else ";;"
        credit = f"{made % 700 + 50},00" if made % 20 == 5 else ""
        out.append(
            f"8{number % 10_000_000:07d}{digit};Medlem {made} AS;{level};{joined:%d.%m.%Y};{made % 500};Halden;"
            f"Person {made};post{made}@bench.example;{owed};{credit}\n"
        )
        made += 1
    return "".join(out).encode()


async def main(rows: int) -> None:
    """One import, whole."""
    with own_server() as server:
        await seed(server.dsn(), SETTINGS, FixedClock(NOW))
        content = file_of(rows)
        async with open_database(server.dsn(), 8) as db:
            context = Context(db, FixedClock(NOW), SETTINGS)
            await _measure(context, content, rows)


async def _measure(context: Context, content: bytes, rows: int) -> None:
    ids = frozenset(row["id"] for row in await context.db.pool.fetch("select id from network"))
    actor = Actor("Bench", "cli", manages=ids, reads=ids)
    begun = time.perf_counter()
    wanted = await member_imports.upload(context, actor, NETWORK, "members.csv", content)
    await member_imports.map_columns(context, actor, wanted, None)
    uploaded = time.perf_counter() - begun
    begun, before = time.perf_counter(), await _processors(context)
    await member_imports.check(context, wanted)
    checked, judging = time.perf_counter() - begun, _since(before, await _processors(context), rows)
    await member_imports.confirm(context, actor, wanted)
    begun, before = time.perf_counter(), await _processors(context)
    watched = asyncio.create_task(_watch(context, wanted))
    await member_imports.load(context, wanted)
    loaded, storing = time.perf_counter() - begun, _since(before, await _processors(context), rows)
    steps = await watched
    async with context.db.tx() as connection:
        found = await stored.get(connection, wanted)
    assert found.status == "done", (found.status, await context.db.pool.fetchval("select problem from member_import"))
    bare = await _bare(context, wanted)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{rows:,} rows, {len(content) / 1e6:.1f} MB: uploaded in {uploaded:.1f} s, judged in {checked:.1f} s,")
    print(
        f"  stored in {loaded:.1f} s ({rows / loaded:,.0f}/s), all {checked + loaded:.1f} s; {steps} steps of progress"
    )
    print(f"  of a processor, µs a row (Python + database): {judging} to judge it, {storing} to store it")
    print(f"  the same rows into bare tables: {bare:.1f} s, ratio {loaded / bare:.1f}; memory {peak:.0f} MB at most")
    print(f"  {found.counts['links']} booked {found.counts['booked']}, credit {found.counts['credited']}")
    if rows <= 20_000:
        print(f"  verify: {len(await verify.run(context))} differences", flush=True)


async def _processors(context: Context) -> tuple[float, float]:
    """Seconds of a processor until now: ours, and of all backends of the server."""
    server = _stat(await context.db.pool.fetchval("select pg_backend_pid()"))[1]
    return time.process_time(), _of_children(server)


def _of_children(server: int) -> float:
    """Seconds of a processor of all processes that a process has started and that still are."""
    found = [fields for place in Path("/proc").iterdir() if place.name.isdigit() and (fields := _stat(place.name))]
    return sum(each[11] + each[12] for each in found if each[1] == server) / os.sysconf("SC_CLK_TCK")


def _stat(process: object) -> list[int]:
    """What the kernel counts of a process, after its name and state; nothing when it has ended meanwhile."""
    try:
        told = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
    return [0, *(int(each) for each in told[1:])]


def _since(before: tuple[float, float], after: tuple[float, float], rows: int) -> str:
    return " + ".join(f"{(b - a) / rows * 1e6:.0f}" for a, b in zip(before, after, strict=True))


async def _watch(context: Context, wanted: UUID) -> int:
    """How often the progress is another one, as somebody who looks at the page sees it."""
    seen: set[int] = set()
    while True:
        row = await context.db.pool.fetchrow("select status, done from member_import where id = $1", wanted)
        seen.add(row["done"])
        if row["status"] != "loading":
            return len(seen)
        await asyncio.sleep(0.2)


async def _bare(context: Context, wanted: UUID) -> float:
    """The rows that came of it, once more: into tables with nothing on them."""
    tables = ("organisation", "organisation_profile", "identifier", "contact", "membership", "membership_decision",
              "membership_grant", "membership_period", "feed_member", "feed", "audit")  # fmt: skip
    spent = 0.0
    async with context.db.tx() as connection:
        await connection.execute("set local statement_timeout = 0")
        for table in tables:
            await connection.execute(f"create temp table bare_{table} as select * from {table} with no data")
            begun = time.perf_counter()
            await connection.execute(f"insert into bare_{table} select * from {table}")
            spent += time.perf_counter() - begun
    return spent


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS))
