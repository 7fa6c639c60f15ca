"""What many changes in one transaction leave to its commit: feed, shares and directory of all of them (ADR 0032).

Organisations with profile, listing and membership are inserted in one transaction, told to partners in the next,
renamed in a third. Baseline, in the same run: the same rows of the directory alone, copied to a bare table with the
same indexes. Figures are seconds, and seconds of a processor of the one backend at work.
Run: python -m bench.bulk_changes [organisations ...]
"""

import asyncio
import os
import sys
import time
from itertools import pairwise
from pathlib import Path

import asyncpg

from bench.directory import ROWS
from bench.setting import seeded

SIZES = (5_000, 100_000)
BARS = {5_000: 1.0, 100_000: 15.0}  # seconds left to the commit that inserts
_TOLD = """
select feed_publish(array(select id from membership m
    where not exists (select from feed_member f where f.membership_id = m.id)), '2026-11-22')
"""
_RENAMED = """
update organisation set name = name || ' X'
where id in (select md5('o' || n)::uuid from generate_series($1::int, $2::int) n)
"""
_BARE = """
create table bare (like directory_entry including all);
insert into bare select * from directory_entry;
drop table bare
"""


async def main(sizes: tuple[int, ...]) -> int:
    """Each size after the other, in a database of its own."""
    missed = 0
    for size in sizes:
        async with seeded() as (context, _), context.db.pool.acquire() as connection:
            await connection.execute("set statement_timeout = 0")
            inserted = await _committed(connection, [(statement, 1, size) for statement in ROWS])
            told = await _committed(connection, [(_TOLD,)])
            await connection.execute("vacuum analyze")
            renamed = await _committed(connection, [(_RENAMED, 1, size)])
            bare = await _committed(connection, [(_BARE,)])
        print(f"{size:,} organisations in one transaction; seconds (of a processor)")
        print(f"  inserted:  statements {_said(inserted[0])}, commit {_said(inserted[1])}  (bar {BARS.get(size, '-')})")
        print(f"  told:      {_said(told[0])}")
        print(f"  renamed:   statements {_said(renamed[0])}, commit {_said(renamed[1])}")
        print(f"  bare rows: {_said(bare[0])}, ratio {inserted[1][1] / max(bare[0][1], 0.01):.2f}", flush=True)
        missed += size in BARS and inserted[1][0] > BARS[size]
    return int(missed > 0)


Took = tuple[float, float]


async def _committed(connection: asyncpg.Connection, statements: list[tuple]) -> tuple[Took, Took]:
    """What the statements took, and what the commit."""
    process = connection.get_server_pid()
    moments = [(time.perf_counter(), _processor(process))]
    await connection.execute("begin")
    for statement, *values in statements:
        await connection.execute(statement, *values)
    moments.append((time.perf_counter(), _processor(process)))
    await connection.execute("commit")
    moments.append((time.perf_counter(), _processor(process)))
    first, second = ((b[0] - a[0], b[1] - a[1]) for a, b in pairwise(moments))
    return first, second


def _processor(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _said(took: Took) -> str:
    return f"{took[0]:.2f} ({took[1]:.2f})"


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main(tuple(map(int, sys.argv[1:])) or SIZES)))
