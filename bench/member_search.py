"""The member list of the office at 100,000 members: a page with every filter's count and totals; a bulk tag of all.

The baseline, in the same run and on the same rows, is the thinnest statement that could draw half of such a page: how
many members of each level there are, and the first fifty by name. Reads are behind the tenant wall (crm_reader), as
in the office. Run: python -m bench.member_search [members] [rounds]
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from bench import filling
from bench.setting import NOW, SETTINGS, own_server
from crm import catalogue
from crm.actions import bulk_runs, tags
from crm.actor import Actor
from crm.clock import FixedClock
from crm.context import Context
from crm.database import open_database
from crm.reads import member_search
from crm.reads.member_search import Filters, Order, Search
from tests.seed import seed

_BASE = """
with s as materialized (select p.organisation_id, p.tier from membership_period p where p.network_id = $1
    and p.superseded_at is null and p.starts_on <= $2 and (p.ends_on is null or p.ends_on > $2))
select tier, count(*)::text as n from s group by 1 union all
(select '', name from s join organisation o on o.id = s.organisation_id order by o.sort_name, o.id limit 50)
"""


async def main(members: int, rounds: int) -> None:
    """Fill, ask each question in turn several times, then tag everybody."""
    with own_server() as server:
        await seed(server.dsn(), SETTINGS, FixedClock(NOW))
        async with open_database(server.dsn(), 4) as db:
            context = Context(db, FixedClock(NOW), SETTINGS)
            start = time.perf_counter()
            await filling.fill(context, server.dsn(), 1, members)
            print(f"  {members} members made in {time.perf_counter() - start:.0f} s")
            search, network = await _search(context)
            await _reading(context, search, rounds)
            await _tagging(context, network)


async def _search(context: Context) -> tuple[Search, Any]:
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
    network = kept.by_slug[filling.NETWORK]
    tiers = [tier.code for tier in kept.rulebooks.of(network.slug)[-1].tiers]
    search = Search(network.id, network.host_id, "NOK", filling.TODAY, tiers)
    search = member_search.with_prices(search, kept.rulebooks, network.slug)
    return search, network


async def _reading(context: Context, search: Search, rounds: int) -> None:
    def asked(**more: Any) -> Search:
        return Search(**{n: getattr(search, n) for n in Search.__struct_fields__} | more)

    partner = Filters(picked={"tier": (search.tiers[-1],)})
    async with context.db.reading({search.network}) as connection:
        questions: dict[str, Callable[[], Awaitable[Any]]] = {
            "baseline: counts by level, 50 names": lambda: connection.fetch(_BASE, search.network, search.day),
            "first page, all counts and totals": lambda: member_search.search(connection, search),
            "all of them, by fee": lambda: member_search.search(connection, search, Order("fee")),
            "one level, by fee": lambda: member_search.search(connection, asked(filters=partner), Order("fee")),
            "a text": lambda: member_search.search(connection, asked(filters=Filters(text="9999"))),
            "all that are shown, as a selection": lambda: member_search.ids(connection, search),
        }
        for name, question in questions.items():
            times = []
            for _ in range(rounds + 1):
                start = time.perf_counter()
                await question()
                times.append((time.perf_counter() - start) * 1e3)
            print(f"  {name:40} p50 {statistics.median(times[1:]):7.1f} ms")


async def _tagging(context: Context, network: Any) -> None:
    mine = frozenset({network.id})
    actor = Actor("Bench", "web", manages=mine, reads=mine)
    tag = await tags.create(context, actor, network.id, tags.TagForm("Bench"))
    async with context.db.tx() as connection:
        rows = await connection.fetch("select id from membership where network_id = $1", network.id)
    start = time.perf_counter()
    wanted = bulk_runs.Wanted("tag", tag=tag)
    run = await bulk_runs.begin(context, actor, network.id, wanted, [row["id"] for row in rows], uuid4())
    begun = time.perf_counter() - start
    await bulk_runs.settle(context, run)
    took = time.perf_counter() - start
    print(f"  {len(rows)} members tagged in {took:.1f} s ({begun:.1f} s until the page answers)")


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:]]
    asyncio.run(main(*(given + [100_000, 5][len(given) :])))
