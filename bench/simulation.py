"""A draft rulebook tried on a whole network: seconds, what others wait for meanwhile, and memory; none of it stored.

Every member is its own (bench/filling.py); the draft is dearer for everybody and gives up its link rules, so every fee
and every linked membership changes. While it is counted, a program asks the same web process for members, one request
after the other. Baseline, in the same run: the same facts loaded, and nothing decided.
Run: python -m bench.simulation [members ...]
"""

import asyncio
import gc
import resource
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from uuid import UUID

import msgspec
import uvloop

from bench import filling
from bench.members_list import served
from bench.setting import NOW, SETTINGS, own_server
from cluster_rules.networks import Rulebook
from crm import catalogue
from crm.actions import simulation
from crm.actor import Actor
from crm.app import create_app
from crm.catalogue import Catalogue
from crm.clock import FixedClock
from crm.context import Context
from crm.database import open_database
from crm.store import families
from crm.store.family_batches import batches
from tests.seed import Keys, seed

SIZES = (10_000, 100_000)
ROUNDS = 3
BAR_SECONDS = 10
BAR_AT = 100_000
PATH = f"/api/v1/networks/{filling.NETWORK}/members?limit=10"


async def main(sizes: list[int]) -> int:
    """Fill the network step by step; at each size load, then simulate."""
    missed = 0
    with own_server() as server:
        keys = await seed(server.dsn(), SETTINGS, FixedClock(NOW))
        async with open_database(server.dsn()) as db:
            context = Context(db, FixedClock(NOW), SETTINGS)
            async with served(create_app(SETTINGS, context)) as port:
                gc.collect()
                gc.freeze()  # as `crm serve` does
                there = 0
                for size in sizes:
                    await filling.fill(context, server.dsn(), there + 1, size)
                    there = size
                    missed += await _told(context, size, port, keys)
    return missed


async def _told(context: Context, size: int, port: int, keys: Keys) -> int:
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
    network = kept.network(filling.NETWORK).id
    actor, draft = Actor("Bench", "cli", manages=frozenset({network})), _draft(kept)
    loads, takes, waits, calm, found = [], [], [], [], []
    before = _memory()

    async def simulated() -> None:
        found.append(await simulation.simulate(context, actor, draft))

    for _ in range(ROUNDS):
        calm += await _waits(port, keys, lambda: asyncio.sleep(0.5))
        loads.append(await _timed(lambda: _load(context, network)))
        waits += await _waits(port, keys, simulated)
        takes.append(await _timed(simulated))
    best, fastest = min(takes)[0], min(loads)[0]
    print(f"{found[0].total.members_before:,} members, {found[0].changed:,} memberships change; {ROUNDS} rounds:")
    for name, took in (("load only", loads), ("simulate", takes)):
        seconds, used = zip(*took, strict=True)
        told = f"best {min(seconds):6.2f} s, median {statistics.median(seconds):6.2f} s"
        print(f"  {name:10} {told}; processor time of the web process {min(used):6.2f} s")
    print(f"  ratio      {best / fastest:5.2f}")
    for name, seen in (("meanwhile", waits), ("otherwise", calm)):
        cuts = statistics.quantiles(seen, n=100)
        told = " ".join(f"p{n} {cuts[n - 1] * 1000:6.1f} ms" for n in (50, 95, 99))
        print(f"  a request {name}: {told}, longest {max(seen) * 1000:6.1f} ms ({len(seen)} of them)")
    print(f"  memory at its highest {before} MB before, {_memory()} MB after")
    if size == BAR_AT:
        print(f"  bar: < {BAR_SECONDS} s: {'held' if best < BAR_SECONDS else 'MISSED'}", flush=True)
    return int(size == BAR_AT and best >= BAR_SECONDS)


def _draft(kept: Catalogue) -> Rulebook:
    """Dearer for everybody, and no link rule: every fee and every linked membership changes."""
    book = kept.rulebooks.of(filling.NETWORK)[-1]
    tiers = tuple(
        msgspec.structs.replace(
            tier, fees=tuple(msgspec.structs.replace(fee, amount=fee.amount + 100_00) for fee in tier.fees)
        )
        for tier in book.tiers
    )
    day = NOW.date().replace(year=NOW.year + 1)
    days = {"effective_from": day, "effective_from_existing": day}
    return msgspec.structs.replace(book, version=book.version + 1, tiers=tiers, link_rules=(), **days)


async def _load(context: Context, network: UUID) -> None:
    """The facts of every family, read and thrown away."""
    async with context.db.tx(isolation="repeatable_read", readonly=True) as connection:
        kept = await catalogue.load(connection)
        async with batches(connection, network, simulation.FAMILIES_AT_A_TIME, paid=False) as following:
            while batch := await following():
                for _ in families.read(kept, batch.families, batch.rows):
                    pass


async def _timed(call: Callable[[], Awaitable[None]]) -> tuple[float, float]:
    """(seconds, of them processor time of this process); the best round is the least disturbed one."""
    start, used = time.perf_counter(), time.process_time()
    await call()
    return time.perf_counter() - start, time.process_time() - used


async def _waits(port: int, keys: Keys, call: Callable[[], Awaitable[None]]) -> list[float]:
    """How long each request of one caller takes while `call` goes on."""
    out: list[float] = []
    request = f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {keys.manager_key}\r\n\r\n".encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    going = asyncio.create_task(_all_of(call))
    while not going.done():
        start = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
        out.append(time.perf_counter() - start)
        await asyncio.sleep(0.02)
    writer.close()
    await going
    return out


async def _all_of(call: Callable[[], Awaitable[None]]) -> None:
    await call()


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    raise SystemExit(uvloop.run(main([int(each) for each in sys.argv[1:]] or list(SIZES))))
