"""The public directory page at 10,000 and 100,000 organisations: text, filters, all counts, 50 rows, map.

One uvicorn worker, one connection, one question after the other, none of them twice. Beside it in the same run a bare
route: the same 50 rows by one plain statement (text by its index, no counts) into one plain template, no session,
language, filters or map. So the ratio is what counting, filtering and the page's furniture cost.
Run: python -m bench.directory [organisations ...]     (1000000 takes some minutes to fill)
"""

import asyncio
import logging
import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import uvicorn
from jinja2 import Environment
from litestar import Litestar, MediaType, get
from litestar.datastructures import State

from bench import filling
from bench.setting import SETTINGS, seeded
from crm.app import create_app
from crm.context import Context

SIZES = (10_000, 100_000)
BARS = {10_000: (6, 10), 100_000: (12, 25), 1_000_000: (40, 90)}  # ms: p50, p95
QUESTIONS = 300
BARE_QUESTIONS = 60  # a common word takes it seconds among a million
AT_A_TIME = 50_000
TOLD_AT_A_TIME = 5_000
FILLED = ("organisation", "organisation_profile", "listing", "membership_period")
_FILL = """
insert into organisation (id, name, family_id, website, fields, created_at)
select id, name, id, 'https://example.org',
    to_jsonb(array[(array['energy','health','language','maritime','public','vision'])[1 + n % 6],
    (array['finance','food','climate','security'])[1 + n % 4]]), now()
from (select n, md5('o' || n)::uuid as id, initcap((array['nord','fjord','havn','lys','berg','data','kraft','vann',
    'skog','tind'])[1 + n % 10] || left(md5('a' || n), 4) || ' ' || (array['energi','robotikk','sjømat','språk',
    'transport','bygg','helse','finans'])[1 + n / 10 % 8] || ' ' || n) as name
    from generate_series($1::int, $2::int) n) made
"""
_PROFILE = """
insert into organisation_profile (id, organisation_id, name, kind, country, municipality, county, employees, starts_on,
    recorded_at)
select gen_random_uuid(), md5('o' || n)::uuid, 'x', (array['company','company','company','research_institute',
    'public_body'])[1 + n % 5], (array['NO','NO','NO','SE','DK'])[1 + n % 5], (array['Oslo','Bergen','Tromsø','Halden'])
    [1 + n % 4], (array['03','46','55','31','50','11','15','18','32','33','34','39','40','42','56'])[1 + n % 15],
    n % 400, '2020-01-01', now() from generate_series($1::int, $2::int) n
"""
_MEMBER = """
with network as (select row_number() over (order by slug) - 1 as place, id, slug from network where slug in
    ('nora-industry-network', 'nora-startup', 'sin-applied-ai', 'nce-smart-energy-markets')),
made as (insert into membership (id, organisation_id, network_id, created_at)
    select gen_random_uuid(), md5('o' || n)::uuid, w.id, now() from generate_series($1::int, $2::int) n
    join network w on w.place = n % 4 returning id, organisation_id, network_id)
insert into membership_period (membership_id, network_id, organisation_id, tier, status, origin, starts_on, recorded_at)
select id, network_id, organisation_id, 'member', 'active', 'direct', date '2020-01-01' + (random() * 2000)::int, now()
from made
"""
_LISTING = """
insert into listing (id, organisation_id, summary, offers, languages, changed_at)
select gen_random_uuid(), md5('o' || n)::uuid,
    jsonb_build_object('nb', 'Arbeider med modeller for ' || left(md5('s' || n), 6)),
    to_jsonb(array[(array['data','compute','pilots','courses'])[1 + n % 4]]), '["nb", "en"]', now()
from generate_series($1::int, $2::int) n
"""
ROWS = (_FILL, _PROFILE, _LISTING, _MEMBER)  # what makes organisations from $1 to $2, in this order
_BULK = "set session_replication_role = replica; set statement_timeout = 0; set maintenance_work_mem = '512MB'"
_ORDINARY = "reset session_replication_role; reset statement_timeout; reset maintenance_work_mem"
_TELL = """
select directory_publish(array(select md5('o' || n)::uuid from generate_series($1::int, $2::int) n),
    (select day from directory_state))
"""
_BARE = """
select name, slug, body::text as raw from directory_entry where shown and doc @@ $1::text::tsquery
order by sort_name, organisation_id limit 50
"""
_PAGE = Environment(autoescape=True).from_string(
    "<!doctype html><title>Members</title><ul>{% for row in rows %}<li><a href='/members/{{ row.slug }}'>{{ row.name }}"
    "</a> {{ row.raw }}</li>{% endfor %}</ul>"
)
TEXTS = ("energi", "robotikk", "nord", "sjømat", "fjord", "data", "skog", "helse", "transport", "lys")


@get("/bare", media_type=MediaType.HTML)
async def bare(state: State, q: str) -> str:
    """What one statement and one template cost."""
    async with state.pool.acquire() as connection:
        rows = await connection.fetch(_BARE, " & ".join(f"'{word}':*" for word in q.split()))
    return _PAGE.render(rows=rows)


def question(number: int) -> list[tuple[str, str]]:
    """A text of one or two words, of which the second is rarer the further on; every other with filters."""
    text = TEXTS[number % len(TEXTS)] + (f" {number // 7}" if number % 3 else "")
    out = [("q", text)]
    if number % 2:
        out += [("county", ("03", "46", "31")[number % 3]), ("kind", "company")]
    if number % 4 == 3:
        out += [("network", "nora-startup"), ("size", "50-249"), ("size", "10-49")]
    return out


async def fill(context: Context, first: int, last: int) -> float:
    """Organisations with these numbers, members all, and the directory told of them; seconds it took.

    As one loads a million anywhere: without triggers and indexes while the rows are written, then the directory's own
    statement for all of them on two connections.
    """
    started = time.perf_counter()
    async with context.db.pool.acquire() as connection:
        rebuilding = await filling.without_indexes(connection, FILLED)
        batches = [(at, min(at + AT_A_TIME - 1, last)) for at in range(first, last + 1, AT_A_TIME)]
        await _by_two(context, [(statement, *batch) for batch in batches for statement in ROWS])
        await _by_two(context, [(statement,) for statement in rebuilding])
        await _by_two(context, [(f"vacuum analyze membership, {', '.join(FILLED)}",)])
        rebuilding = await filling.without_indexes(connection, ["directory_entry"])
        batches = [(at, min(at + TOLD_AT_A_TIME - 1, last)) for at in range(first, last + 1, TOLD_AT_A_TIME)]
        await _by_two(context, [(_TELL, *batch) for batch in batches])
        await _by_two(context, [(statement,) for statement in sorted(rebuilding, key=lambda said: "gin" not in said)])
        await _by_two(context, [("vacuum analyze directory_entry, directory_slug",)])
        await connection.execute("checkpoint")
    return time.perf_counter() - started


async def _by_two(context: Context, jobs: Sequence[tuple[Any, ...]]) -> None:
    """Statements with their values, each on whichever of two connections is free; no trigger acts on them."""
    waiting = iter(jobs)

    async def work() -> None:
        async with context.db.pool.acquire() as connection:
            await connection.execute(_BULK)
            for job in waiting:
                await connection.execute(*job)
            await connection.execute(_ORDINARY)

    await asyncio.gather(work(), work())


async def measure(
    client: httpx.AsyncClient, path: str, only_text: bool, shift: int, questions: int = QUESTIONS
) -> list[float]:
    """Milliseconds of each question."""
    out = []
    for number in range(shift, shift + questions):
        asked = question(number)[:1] if only_text else question(number)
        started = time.perf_counter()
        answer = await client.get(f"{path}?{urlencode(asked)}")
        out.append((time.perf_counter() - started) * 1000)
        assert answer.status_code == 200, answer.text[:300]
    return out


def shown(name: str, times: list[float]) -> str:
    """p50 and p95."""
    return f"{name}: p50 {statistics.median(times):.1f} ms, p95 {statistics.quantiles(times, n=20)[18]:.1f} ms"


async def main(sizes: tuple[int, ...]) -> int:
    """Grow the directory step by step, measuring at each."""
    missed = 0
    logging.disable(logging.INFO)  # httpx would tell of every question
    async with seeded() as (context, _):
        app = create_app(SETTINGS, context)
        plain = Litestar([bare], state=State({"pool": context.db.pool}), openapi_config=None)
        servers = [uvicorn.Server(uvicorn.Config(each, port=0, log_level="error")) for each in (app, plain)]
        running = [asyncio.create_task(server.serve()) for server in servers]
        await asyncio.to_thread(_wait, servers)
        ports = [server.servers[0].sockets[0].getsockname()[1] for server in servers]
        have = 0
        for size in sizes:
            took = await fill(context, have + 1, size)
            have = size
            async with httpx.AsyncClient(timeout=120) as client:
                ours, base = f"http://127.0.0.1:{ports[0]}/en/members", f"http://127.0.0.1:{ports[1]}/bare"
                loading = time.perf_counter()
                await client.get(ours)
                loading = time.perf_counter() - loading
                cold = [await _timed(client, f"{ours}?q={quote(text)}") for text in TEXTS]
                await measure(client, ours, False, 10_000)
                page = await measure(client, ours, False, 0)
                whole = [await _timed(client, f"{ours}?sort=joined&x={n}") for n in range(50)]
                p50, p95 = BARS.get(size, (0, 0))
                rate, filled = size / max(took, 0.001), f"filled in {took:.0f} s"
                print(f"{size:,} organisations ({filled}, {rate:,.0f}/s; index loaded in {loading:.2f} s)")
                print("  " + shown("text + facets + counts", page) + f"  (bar {p50}/{p95})")
                print("  " + shown("everybody, newest first", whole))
                first = f"median {statistics.median(cold):.0f} ms"
                print(f"  a common word, the first time in a process: {first}", flush=True)
                plainly = await measure(client, base, True, 0, BARE_QUESTIONS)
            print("  " + shown("bare SQL + template, text only", plainly))
            print(f"  ratio of the medians: {statistics.median(page) / statistics.median(plainly):.2f}", flush=True)
            missed += bool(p50) and (statistics.median(page) > p50 or statistics.quantiles(page, n=20)[18] > p95)
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*running)
    return int(missed > 0)


def _wait(servers: list[uvicorn.Server]) -> None:
    while not all(server.started for server in servers):
        time.sleep(0.05)


async def _timed(client: httpx.AsyncClient, address: str) -> float:
    started = time.perf_counter()
    await client.get(address)
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main(tuple(map(int, sys.argv[1:])) or SIZES)))
