"""The member list of the office at 100,000 members: a page with every filter's count and totals; a bulk tag of all.

Members have tags, answers to custom fields, somebody who looks after them, and every fourth an open invoice. The
baseline, in the same run and on the same rows, is the thinnest statement that could draw half of such a page: how many
members of each level there are, and the first fifty by name. Reads are behind the tenant wall (crm_reader), as in the
office. Beside the median: seconds of the application's processor for each. Run: python -m bench.member_search
[members] [rounds]
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import msgspec

from bench import filling
from bench.setting import NOW, SETTINGS, own_server
from crm import catalogue
from crm.actions import bulk_runs, tags
from crm.actor import Actor
from crm.clock import FixedClock
from crm.context import Context
from crm.database import open_database
from crm.reads import custom_fields, member_index, member_search
from crm.reads.member_query import Field
from crm.reads.member_search import Filters, Order, Search
from tests.seed import seed

_BASE = """
with s as materialized (select p.organisation_id, p.tier from membership_period p where p.network_id = $1
    and p.superseded_at is null and p.starts_on <= $2 and (p.ends_on is null or p.ends_on > $2))
select tier, count(*)::text as n from s group by 1 union all
(select '', name from s join organisation o on o.id = s.organisation_id order by o.sort_name, o.id limit 50)
"""


_RENAME = """
update organisation set name = name || 'x' where id in
    (select organisation_id from membership where network_id = $1 order by md5(id::text || random()) limit $2)
"""
_WORDS = (
    "insert into tag (id, network_id, name, created_at) select lpad(n::text, 32, '0')::uuid, $1, 'Tag ' || n, now()"
    " from generate_series(0, 4) n",
    "insert into custom_field (id, network_id, code, names, kind, choices, created_at) values"
    " (md5('f0')::uuid, $1, 'agreed', '{}', 'yes_no', '[]', now()),"
    " (md5('f1')::uuid, $1, 'source', '{}', 'choice', jsonb_build_array(jsonb_build_object('code', 'a', 'names',"
    " '{}'::jsonb), jsonb_build_object('code', 'b', 'names', '{}'::jsonb)), now())",
    "create temporary table who as select id, organisation_id, row_number() over (order by id) as n from membership"
    " where network_id = $1",
    "insert into membership_tag (id, membership_id, tag_id, network_id, added_at)"
    " select gen_random_uuid(), id, lpad(t::text, 32, '0')::uuid, $1, now() from who, generate_series(0, 4) t"
    " where n % (t + 3) = 0",
    "insert into custom_value (id, membership_id, field_id, network_id, value, changed_at)"
    " select gen_random_uuid(), id, md5('f0')::uuid, $1, to_jsonb(n % 4 = 1), now() from who where n % 2 = 1 union all"
    " select gen_random_uuid(), id, md5('f1')::uuid, $1, to_jsonb(chr(97 + (n / 3 % 2)::int)), now() from who"
    " where n % 3 = 0",
    "insert into membership_responsible select w.id, $1, a.id, now(), '' from who w join (select id, row_number()"
    " over (order by email) - 1 as n from account) a on w.n % 5 = a.n",
    "insert into invoice (id, host_id, organisation_id, status, currency, payment_days, network_id, kind, series,"
    " number, issued_on, due_on, net, vat, gross, created_at) select md5('i' || n)::uuid, $2, organisation_id,"
    " 'issued', 'NOK', 14, $1, 'invoice', 'B', n, date '2026-10-01' + (n % 50)::int, date '2026-10-15' + (n % 50)::int,"
    " 100000, 0, 100000, now() from who where n % 4 = 0",
    "insert into ledger_transaction (id, host_id, currency, kind, on_date, provider, object_id, phase, fact,"
    " actor, recorded_at) select md5('l' || n)::uuid, $2, 'NOK', 'issued', date '2026-10-01' + (n % 50)::int, 'klynge',"
    " 'b' || n, 'issued', '{}', 'Bench', now() from who where n % 4 = 0",
    "insert into ledger_entry (transaction_id, host_id, currency, account, organisation_id, network_id, code,"
    " invoice_id, amount) select md5('l' || n)::uuid, $2, 'NOK', 'receivable', organisation_id, null, '',"
    " md5('i' || n)::uuid, 100000 from who where n % 4 = 0 union all"
    " select md5('l' || n)::uuid, $2, 'NOK', 'income', null, $1, '3000', md5('i' || n)::uuid, -100000 from who"
    " where n % 4 = 0",
    "drop table who",
)


async def main(members: int, rounds: int) -> None:
    """Fill, ask each question in turn several times, then tag everybody."""
    with own_server() as server:
        await seed(server.dsn(), SETTINGS, FixedClock(NOW))
        async with open_database(server.dsn(), 4) as db:
            context = Context(db, FixedClock(NOW), SETTINGS)
            start = time.perf_counter()
            await filling.fill(context, server.dsn(), 1, members)
            print(f"  {members} members made in {time.perf_counter() - start:.0f} s")
            await _said_of_them(context)
            search, network = await _search(context)
            await _reading(context, search, rounds)
            await _tagging(context, network)


async def _said_of_them(context: Context) -> None:
    """What the network says of its members, and what some owe."""
    async with context.db.tx() as connection:
        network = (await catalogue.load(connection)).by_slug[filling.NETWORK]
        await connection.execute("set local session_replication_role = replica; set local statement_timeout = 0")
        for statement in _WORDS:
            named = statement.replace("$1", f"'{network.id}'::uuid").replace("$2", f"'{network.host_id}'::uuid")
            await connection.execute(named)
    async with context.db.pool.acquire() as connection:
        await connection.execute("vacuum analyze")


async def _search(context: Context) -> tuple[Search, Any]:
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
    network = kept.by_slug[filling.NETWORK]
    tiers = [tier.code for tier in kept.rulebooks.of(network.slug)[-1].tiers]
    async with context.db.reading({network.id}) as connection:
        fields = await custom_fields.of_network(connection, network.id)
    asked = [Field(each.id, each.code, each.kind) for each in fields]
    search = Search(network.id, network.host_id, "NOK", filling.TODAY, tiers, fields=asked)
    search = member_search.with_prices(search, kept.rulebooks, network.slug)
    return search, network


async def _reading(context: Context, search: Search, rounds: int) -> None:
    def asked(**filters: Any) -> Search:
        return msgspec.structs.replace(search, filters=Filters(**filters))

    network = search.network
    level, tag = {"tier": (search.tiers[-1],)}, {"tag": (str(UUID(int=0)),)}
    async with context.db.reading({network}) as connection, context.db.pool.acquire() as writing:

        async def page(s: Search = search, order: Order = member_search.BY_NAME, key: Any = None) -> Any:
            return await member_search.search(connection, s, order, key)

        async def anew() -> None:
            member_index.forget()
            await page()

        async def shown() -> None:
            found = await page()
            await member_search.members(connection, search, [each.id for each in found.page.places])

        async def after(count: int) -> None:
            await writing.execute(_RENAME, network, count)
            started.append((time.perf_counter(), time.process_time()))
            await page()

        started: list[tuple[float, float]] = []
        second = (await page()).page.places[-1].key
        questions: dict[str, Callable[[], Awaitable[Any]]] = {
            "baseline: counts by level, 50 names": lambda: connection.fetch(_BASE, network, search.day),
            "first page, all counts and totals": page,
            "the same with its fifty rows": shown,
            "the second page": lambda: page(key=second),
            "all of them, by fee": lambda: page(order=Order("fee")),
            "all of them, by last contact, turned": lambda: page(order=Order("contact", True)),
            "one level, by fee": lambda: page(asked(picked=level), Order("fee")),
            "a text": lambda: page(asked(text="9999")),
            "a level, a tag, a text, joined since": lambda: page(
                asked(text="9", picked=level | tag, joined_from=date(2020, 1, 1))
            ),
            "all that are shown, as a selection": lambda: member_search.ids(connection, search),
            "first page after one has changed": lambda: after(1),
            "first page after a thousand have": lambda: after(1000),
            "first page of a process: all read": anew,
        }
        for name, question in questions.items():
            walls, cores = [], []
            for _ in range(rounds + 1):
                started.append((time.perf_counter(), time.process_time()))
                await question()
                wall, core = started[-1]
                walls.append((time.perf_counter() - wall) * 1e3)
                cores.append((time.process_time() - core) * 1e3)
            middle, core = statistics.median(walls[1:]), statistics.median(cores[1:])
            print(f"  {name:40} p50 {middle:7.1f} ms, {core:7.1f} of a core (first {walls[0]:7.1f})", flush=True)


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
