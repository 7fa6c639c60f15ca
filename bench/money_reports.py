"""Every report of money over 100,000 members and five years of their invoices, as a reader behind the tenant wall.

Baseline of the same run: sum() over the invoices and over the ledger's entries, bare. Bar: 0.6 s a report, median of
five. Run: python -m bench.money_reports [members]
"""

import asyncio
import statistics
import sys
import time
from datetime import date

from bench.money_filling import NETWORK, fill
from bench.setting import NOW, SETTINGS, own_server
from crm.clock import FixedClock
from crm.database import open_database
from crm.reads import reports
from crm.reports import Asked
from tests.seed import seed

TODAY = date(2026, 11, 22)
ROUNDS = 5
BAR = 0.6
_BASELINES = {
    "sum() of the invoices": "select sum(gross) from invoice where status = 'issued'",
    "sum() of the ledger's entries": "select account, sum(amount) from ledger_entry group by 1",
}


async def main(members: int) -> bool:
    """Fill, measure, print; were all within the bar?"""
    with own_server() as server:
        await seed(server.dsn(), SETTINGS, FixedClock(NOW))
        began = time.perf_counter()
        invoices = await fill(server.dsn(), members)
        print(f"{members} members, {invoices} invoices, filled in {time.perf_counter() - began:.0f} s")
        async with open_database(server.dsn(), 2) as db:
            async with db.tx() as connection:
                network = await connection.fetchval("select id from network where slug = $1", NETWORK)
                for name, statement in _BASELINES.items():
                    print(f"  {name:<32} {await _median(lambda s=statement: connection.fetch(s)):.3f} s")
            good = True
            async with db.reading(frozenset([network])) as connection:
                for name, source in reports.SOURCES.items():
                    if source.area != "money":
                        continue
                    options = {each.code: each.default for each in source.options}
                    for label, day in (("today", TODAY), ("two years ago", date(2024, 11, 22))):
                        asked = Asked((network,), date(day.year, 1, 1), date(day.year + 1, 1, 1), day, options=options)
                        took = await _median(lambda s=source, a=asked: reports.figures(connection, s, a))
                        good &= took <= BAR
                        print(f"  {name:<14} {label:<17} {took:.3f} s{'' if took <= BAR else '   over the bar'}")
        return good


async def _median(work) -> float:  # type: ignore[no-untyped-def]
    """The median of some rounds, in seconds."""
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


if __name__ == "__main__":
    raise SystemExit(not asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)))
