"""Every report of members at 100,000 members over five years, and renewals and cohorts at a million memberships.

Each for a day now and one two years ago: of one network; of all networks of its host, where one member in four is in
two of them; of the network as known a month ago, and two years ago (ADR 0052). Asked as a page asks: behind the tenant
wall (row-level security), figures and tables together. Beside the time by the clock stands the processor time of all
the server's processes; baseline in the same run: a bare count of the members of a day by SQL over the same rows,
without wall or report.
Run: python -m bench.reports [members]; python -m bench.reports cohorts [memberships]
"""

import asyncio
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from bench.member_filling import NETWORK, fill, fill_memberships
from bench.setting import NOW, SETTINGS, own_server
from crm.clock import FixedClock
from crm.database import Database, open_database
from crm.reads import reports
from crm.reports import Asked
from tests.seed import seed

ROUNDS = 5
MEMBERS, MEMBERSHIPS = 100_000, 1_000_000
BAR, BAR_OF_COHORTS = 0.6, 0.5
TODAY = date(2026, 11, 22)
DAYS = {"": TODAY, ", two years ago": date(2024, 11, 22)}
KNOWN = {
    "as known a month ago": datetime(2026, 10, 22, tzinfo=UTC),
    "as known two years ago": datetime(2024, 11, 22, tzinfo=UTC),
}
_HOST = "select n.id from network n join network m on m.host_id = n.host_id where m.id = $1"
_COUNT = (
    "select count(*) from membership_period where network_id = $1 and superseded_at is null and status = 'active'"
    " and starts_on <= $2 and (ends_on is null or ends_on > $2)"
)
_TICKS = os.sysconf("SC_CLK_TCK")


class Took(NamedTuple):
    """Medians, in milliseconds: by the clock, and of processors."""

    clock: float
    processor: float

    def __str__(self) -> str:
        return f"{self.clock:6.0f} ms  (processor {self.processor:5.0f})"


async def main(members: int, only: str = "") -> int:
    """Fill, then time every report, or the one that is named; 1 when one of them is over its bar."""
    with own_server() as server:
        await seed(server.dsn(), SETTINGS, FixedClock(NOW))
        began = time.perf_counter()
        await (fill_memberships if only else fill)(server.dsn(), members)
        print(f"{members} members of {NETWORK}, filled in {time.perf_counter() - began:.0f} s; medians of {ROUNDS}")
        async with open_database(server.dsn(), 2) as db:
            return await _every(db, only)


async def _every(db: Database, only: str) -> int:
    async with db.pool.acquire() as connection:
        network = await connection.fetchval("select id from network where slug = $1", NETWORK)
        server = _parent(await connection.fetchval("select pg_backend_pid()"))
        bare = await _median(lambda: connection.fetchval(_COUNT, network, TODAY), server)
        host = [row["id"] for row in await connection.fetch(_HOST, network)]
    print(f"  {'a bare count':24} {bare}")
    grounds: dict[str, tuple[list[UUID], datetime | None]] = {"": ([network], None)}
    if not only:
        grounds["all networks of the host"] = (host, None)
        grounds |= {name: ([network], known) for name, known in KNOWN.items()}
    bar, over = BAR_OF_COHORTS if only else BAR, []
    for ground, (networks, known) in grounds.items():
        print(f"{ground or 'one network, as known now'}:")
        for name, source in reports.SOURCES.items():
            if source.area == "money" or only not in ("", name):
                continue
            for label, day in DAYS.items():
                options = {each.code: each.default for each in source.options}
                period = date(day.year, 1, 1), date(day.year + 1, 1, 1)
                asked = Asked(tuple(networks), *period, day, known, options=options)
                async with db.reading(networks) as connection:
                    took = await _median(lambda s=source, a=asked: reports.figures(connection, s, a), server)
                print(f"  {name + label:34} {took}  ratio {took.clock / bare.clock:4.1f}", flush=True)
                over += [f"{name}{label} {ground}".strip()] if took.clock > bar * 1000 else []
    print(f"bar {bar * 1000:.0f} ms: " + (f"over it {'; '.join(over)}" if over else "held by all"))
    return int(bool(over))


async def _median(work: Callable[[], Awaitable[Any]], server: int) -> Took:
    """Of some rounds after a first one, which warms up."""
    clock, processor = [], []
    for round_ in range(ROUNDS + 1):
        began, worked = time.perf_counter(), _worked(server)
        await work()
        if round_:
            clock.append(time.perf_counter() - began)
            processor.append(_worked(server) - worked)
    return Took(statistics.median(clock) * 1000, statistics.median(processor) * 1000)


def _worked(server: int) -> float:
    """Seconds of processors that the server's processes have worked, those that are gone too (parallel workers)."""
    gone = sum(map(int, _fields(server)[13:15]))
    children = 0
    for each in Path("/proc").iterdir():
        if each.name.isdigit():
            try:
                fields = _fields(int(each.name))
            except OSError:  # it has just gone
                continue
            if int(fields[1]) == server:
                children += sum(map(int, fields[11:13]))
    return (gone + children) / _TICKS


def _parent(process: int) -> int:
    return int(_fields(process)[1])


def _fields(process: int) -> list[str]:
    """What the kernel says of a process, from its state on."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()


if __name__ == "__main__":
    cohorts = sys.argv[1:2] == ["cohorts"]
    given = [int(each) for each in sys.argv[1 + cohorts :]] or [MEMBERSHIPS if cohorts else MEMBERS]
    raise SystemExit(asyncio.run(main(given[0], "cohorts" if cohorts else "")))
