"""Every report of members at 100,000 members over five years, and cohorts at a million memberships.

Asked as a page asks: behind the tenant wall (row-level security), figures and tables together, beside the period a year
before nothing. Baseline in the same run: a bare count of the members of a day by SQL, without wall or report.
Run: python -m bench.reports [members] [memberships of the cohorts]
"""

import asyncio
import statistics
import sys
import time
from datetime import date

from bench.setting import seeded
from crm.context import Context
from crm.database import Connection
from crm.reads import reports
from crm.reports import Asked

ROUNDS = 5
MEMBERS, MEMBERSHIPS = 100_000, 1_000_000
BARS = {"cohorts": 0.5}
BAR = 0.6
SMALL, LARGE = "nora-industry-network", "nce-smart-energy-markets"
START, END, TODAY = date(2026, 1, 1), date(2027, 1, 1), date(2026, 11, 22)

# Ids are made from numbers, so that each statement finds what the one before has made.
_ORGANISATION = "('00000000-0000-4000-9000-' || lpad(to_hex(i), 12, '0'))::uuid"
_MEMBERSHIP = "('00000000-0000-4000-a000-' || lpad(to_hex(i), 12, '0'))::uuid"
_JOINED = "(date '2021-01-01' + ((i::bigint * 7919) % 2100)::int)"
_PERIOD = (
    "insert into membership_period (membership_id, network_id, organisation_id, tier, status, origin, starts_on,"
    " ends_on, recorded_at)"
)
_FILL = (
    "insert into organisation (id, name, family_id, created_at)"
    f" select {_ORGANISATION}, 'Member ' || i, {_ORGANISATION}, now() from generate_series($2::int, $3) i",
    "insert into organisation_profile (id, organisation_id, name, kind, country, county, employees, starts_on,"
    f" recorded_at) select gen_random_uuid(), {_ORGANISATION}, 'Member ' || i,"
    " (array['company', 'company', 'company', 'university', 'public_body'])[1 + i % 5],"
    " (array['NO', 'NO', 'SE'])[1 + i % 3],"
    " (array['03', '46', '11', '50', ''])[1 + i % 5], nullif(i % 400, 0), '2015-01-01', '2020-01-01'"
    " from generate_series($2::int, $3) i",
    "insert into identifier (id, organisation_id, scheme, value) select gen_random_uuid(),"
    f" {_ORGANISATION}, 'no-orgnr', (100000000 + i)::text from generate_series($2::int, $3) i",
    "insert into membership (id, organisation_id, network_id, created_at)"
    f" select {_MEMBERSHIP}, {_ORGANISATION}, $1, now() from generate_series($2::int, $3) i",
    # Every member's stretch; every third changes level after a year, every fifth leaves, every tenth comes back.
    f"{_PERIOD} select {_MEMBERSHIP}, $1, {_ORGANISATION}, (array['partner', 'startup'])[1 + i % 2], 'active',"
    " (array['direct', 'direct', 'direct', 'linked', 'both'])[1 + i % 5], d, case when i % 3 = 0 then d + 365"
    " when i % 5 = 0 then d + 500 end, '2020-01-01' from generate_series($2::int, $3) i,"
    f" lateral (select {_JOINED} as d) j",
    f"{_PERIOD} select {_MEMBERSHIP}, $1, {_ORGANISATION}, 'principal', 'active', 'direct', d + 365,"
    f" case when i % 5 = 0 then d + 800 end, '2020-01-01' from generate_series($2::int, $3) i,"
    f" lateral (select {_JOINED} as d) j where i % 3 = 0",
    f"{_PERIOD} select {_MEMBERSHIP}, $1, {_ORGANISATION}, 'partner', 'active', 'direct', d + 900, null,"
    f" '2020-01-01' from generate_series($2::int, $3) i, lateral (select {_JOINED} as d) j where i % 10 = 0",
)
_COUNT = (
    "select count(*) from membership_period where network_id = $1 and superseded_at is null and status = 'active'"
    " and starts_on <= $2 and (ends_on is null or ends_on > $2)"
)


async def main(members: int, memberships: int) -> int:
    """Fill, then time every report; 1 when one of them is over its bar."""
    async with seeded() as (context, _):
        networks = await _fill(context, members, memberships)
        print(f"{members} members in {SMALL}, {memberships} memberships in {LARGE}, {ROUNDS} rounds, medians")
        missed = []
        for name, source in reports.SOURCES.items():
            if source.area != "members":
                continue
            wanted = networks[LARGE] if name == "cohorts" else networks[SMALL]
            took, bare = await _timed(context, source, wanted)
            bar = BARS.get(name, BAR)
            missed += [name] if took > bar else []
            print(f"  {name:18} {took * 1000:6.0f} ms   bare count {bare * 1000:5.0f} ms   bar {bar * 1000:.0f} ms")
        if missed:
            print(f"over the bar: {', '.join(missed)}")
    return int(bool(missed))


async def _fill(context: Context, members: int, memberships: int) -> dict[str, object]:
    async with context.db.tx() as connection:
        await connection.execute("set local statement_timeout = 0")
        ids = dict(await connection.fetch("select slug, id from network"))
        # Filling a million rows one by one through the exclusion constraint would take minutes; reports do not use it.
        await connection.execute("alter table membership_period drop constraint period_once")
        await _members(connection, ids[SMALL], 1, members)
        await _members(connection, ids[LARGE], members + 1, members + memberships)
    async with context.db.pool.acquire() as connection:
        for each in ("set statement_timeout = 0", "vacuum analyze", "reset statement_timeout"):
            await connection.execute(each)
    return ids


async def _members(connection: Connection, network: object, first: int, last: int) -> None:
    for sql in _FILL:
        values = (network, first, last) if "$1" in sql else (first, last)
        await connection.execute(sql if "$1" in sql else sql.replace("$2", "$1").replace("$3", "$2"), *values)


async def _timed(context: Context, source: reports.Source, network: object) -> tuple[float, float]:
    """Medians of the report and of the bare count, in turn."""
    options = {each.code: each.default for each in source.options}
    asked = Asked((network,), START, END, TODAY, options=options)
    ours, bare = [], []
    for round_ in range(ROUNDS + 1):
        async with context.db.reading([network]) as connection:
            begun = time.perf_counter()
            await reports.figures(connection, source, asked)
            taken = time.perf_counter() - begun
        async with context.db.pool.acquire() as connection:
            begun = time.perf_counter()
            await connection.fetchval(_COUNT, network, TODAY)
            counted = time.perf_counter() - begun
        if round_:  # the first warms both up
            ours.append(taken)
            bare.append(counted)
    return statistics.median(ours), statistics.median(bare)


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:]]
    raise SystemExit(asyncio.run(main(*(given + [MEMBERS, MEMBERSHIPS][len(given) :]))))
