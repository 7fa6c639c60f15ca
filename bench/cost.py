"""What one organisation's recomputation costs, load + decide + apply, committed, in networks of very different size.

One server, a database for each size, every table and index filled as the product would (bench/filling.py). At each
size members are drawn from the whole network and leave, change level or are suspended; the sizes take turns, one
decision each, so that whatever else the machine does hits all of them alike. Baseline: the smallest network of the
same run. Exit status 1 when the largest costs more than the bar. Run: python -m bench.cost [members ...]
"""

import asyncio
import gc
import random
import statistics
import sys
import time
from contextlib import AsyncExitStack
from datetime import date
from itertools import cycle
from uuid import UUID, uuid4

import asyncpg

from bench import filling
from bench.setting import NOW, SETTINGS, own_server
from cluster_rules import cascades
from cluster_rules.memberships import Decision, Facts
from crm import catalogue
from crm.clock import FixedClock
from crm.context import Context
from crm.database import open_database
from crm.gateways.postgres import EmbeddedPostgres
from crm.store import decisions, families
from crm.store.apply import apply
from tests.seed import seed

SIZES = (1_000, 100_000, 1_000_000)
BAR = 1.2
WARMED_UP = 60  # decisions at each size before anything counts
COUNTED = 300
DAY = date(2027, 3, 1)
PARTS = ("load", "decide", "apply", "whole")


class Network:
    """One database, and what was measured in it, in milliseconds."""

    def __init__(self, size: int, context: Context, drawn: random.Random) -> None:
        self.size = size
        self.context = context
        self.turns = cycle(drawn.sample(range(1, size + 1), k=min(size, 3 * (WARMED_UP + COUNTED))))
        self.kinds = drawn
        self.took: dict[str, list[float]] = {part: [] for part in PARTS}

    async def decide_one(self, counts: bool) -> None:
        """The next family with somebody to decide about: its recomputation as an action does it."""
        while not await self._decided(filling.entity(next(self.turns)), counts):
            pass

    async def _decided(self, family: UUID, counts: bool) -> bool:
        start = time.perf_counter()
        async with self.context.db.tx() as connection:
            kept = await catalogue.load(connection)
            facts = await families.load(connection, kept, await families.lock(connection, family))
            loaded = time.perf_counter()
            decision = _decision(facts, family, self.kinds)
            if decision is None:
                return False
            intents = cascades.decide(facts, decision, NOW.date()).intents
            decided = time.perf_counter()
            membership = await connection.fetchval(
                "select m.id from membership m join network n on n.id = m.network_id"
                " where m.organisation_id = $1 and n.slug = $2",
                family,
                filling.NETWORK,
            )
            await decisions.record(connection, membership, decision, filling.ACTOR)
            await apply(connection, kept, facts, intents, family)
        end = time.perf_counter()
        if counts:
            moments = (loaded - start, decided - loaded, end - decided, end - start)
            for part, seconds in zip(PARTS, moments, strict=True):
                self.took[part].append(seconds * 1000)
        return True


def _decision(facts: Facts, who: UUID, drawn: random.Random) -> Decision | None:
    """It changes level, is suspended or leaves; None when it is no member any more."""
    held = [g for g in facts.grants if g.organisation == who and g.kind == "direct" and g.period.covers(DAY)]
    if not held:
        return None
    kind = drawn.choice(("tier_change", "suspension", "ending"))
    tier = filling.other(held[0].tier) if kind == "tier_change" else ""
    until = date(2027, 6, 1) if kind == "suspension" else None
    recorded = families.moment(facts, NOW)
    return Decision(uuid4(), who, filling.NETWORK, kind, DAY, recorded, tier, until)


async def main(sizes: list[int]) -> int:
    """Fill, measure in turns, print."""
    with own_server() as server:
        await seed(server.dsn(), SETTINGS, FixedClock(NOW))
        async with AsyncExitStack() as stack:
            networks = [await _filled(server, size, stack) for size in sizes]
            gc.collect()
            gc.freeze()  # as `crm serve` does
            await _measured(networks)
        return _told(networks)


async def _filled(server: EmbeddedPostgres, size: int, stack: AsyncExitStack) -> Network:
    name = f"members_{size}"
    admin = await asyncpg.connect(server.dsn("postgres"))
    await admin.execute(f"create database {name} template {server.dsn().split('@/')[1].split('?')[0]}")
    await admin.close()
    start = time.perf_counter()
    db = await stack.enter_async_context(open_database(server.dsn(name), 1))
    context = Context(db, FixedClock(NOW), SETTINGS)
    await filling.fill(context, server.dsn(name), 1, size)
    async with db.tx() as connection:
        told = await connection.fetchval("select pg_size_pretty(pg_database_size(current_database()))")
    print(f"{size:9,} members filled in {time.perf_counter() - start:6.1f} s, {told}", flush=True)
    return Network(size, context, random.Random(size))


async def _measured(networks: list[Network]) -> None:
    for turn in range(WARMED_UP + COUNTED):
        for network in networks if turn % 2 else reversed(networks):
            await network.decide_one(counts=turn >= WARMED_UP)


def _told(networks: list[Network]) -> int:
    print(f"\nmilliseconds for one organisation, median (90th percentile) of {COUNTED}, one at a time:")
    print(f"{'members':>9}  " + "".join(f"{part:>18}" for part in PARTS))
    for network in networks:
        cells = [
            f"{statistics.median(took):9.2f} ({statistics.quantiles(took, n=10)[-1]:5.2f})"
            for took in network.took.values()
        ]
        print(f"{network.size:9,}  " + "".join(f"{cell:>18}" for cell in cells))
    smallest, largest = networks[0], networks[-1]
    ratio = statistics.median(largest.took["whole"]) / statistics.median(smallest.took["whole"])
    held = "held" if ratio <= BAR else "MISSED"
    print(f"{largest.size:,} members cost {ratio:.2f} x {smallest.size:,}; bar <= {BAR}: {held}")
    return int(ratio > BAR)


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main([int(each) for each in sys.argv[1:]] or list(SIZES))))
