"""Every report of money over 100,000 members and five years of their invoices, as a reader behind the tenant wall.

Also the list of invoices (bar 0.15 s) and the page of possible duplicates. Baseline of the same run: sum() over the
invoices and over the ledger's entries, bare. Bar: 0.6 s a report, median of five by the clock; beside it the processor
time of the database's process and of ours. Run: python -m bench.money_reports [members]
"""

import asyncio
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from bench.money_filling import NETWORK, fill
from bench.setting import NOW, SETTINGS, own_server
from crm.clock import FixedClock
from crm.database import Connection, open_database
from crm.reads import duplicates, invoice_list, reports
from crm.reads.invoice_list import Filter
from crm.reports import Asked
from tests.seed import seed

TODAY = date(2026, 11, 22)
ROUNDS = 5
BAR = 0.6  # s; a report beside another period is two of them
BAR_OF_LISTS = 0.15
DEEP = 200_000
_BASELINES = {
    "sum() of the invoices": "select sum(gross) from invoice where status = 'issued'",
    "sum() of the ledger's entries": "select account, sum(amount) from ledger_entry group by 1",
}
Work = Callable[[], Awaitable[Any]]


async def main(members: int) -> bool:
    """Fill, measure, print; were all reports within the bar?"""
    with own_server() as server:
        await seed(server.dsn(), SETTINGS, FixedClock(NOW))
        began = time.perf_counter()
        invoices = await fill(server.dsn(), members)
        print(f"{members} members, {invoices} invoices, filled in {time.perf_counter() - began:.0f} s")
        async with open_database(server.dsn(), 2) as db:
            async with db.tx() as connection:
                network, host = await connection.fetchrow("select id, host_id from network where slug = $1", NETWORK)
                for name, statement in _BASELINES.items():
                    await _measured(connection, name, lambda s=statement: connection.fetch(s))
            async with db.reading(frozenset([network])) as connection:
                within = [
                    await _measured(connection, *each, bar=2 * BAR if "beside" in each[0] else BAR)
                    for each in _reports(connection, network)
                ]
                for each in await _lists(connection, network, host):
                    await _measured(connection, *each, bar=BAR_OF_LISTS)
        return all(within)


def _reports(connection: Connection, network: UUID) -> list[tuple[str, Work]]:
    """Each report today, beside the same a year ago (two reports in one), and as of a day two years ago."""
    out = []
    for name, source in reports.SOURCES.items():
        if source.area != "money":
            continue
        options = {each.code: each.default for each in source.options}
        for label, day in (("today", TODAY), ("two years ago", date(2024, 11, 22))):
            asked = Asked((network,), date(day.year, 1, 1), date(day.year + 1, 1, 1), day, options=options)
            out.append((f"{name}, {label}", lambda s=source, a=asked: reports.figures(connection, s, a)))
            if day == TODAY:
                beside = msgspec.structs.replace(asked, compare=(date(day.year - 1, 1, 1), date(day.year, 1, 1)))
                out.append((f"{name}, beside a year ago", lambda s=source, a=beside: reports.figures(connection, s, a)))
    return out


async def _lists(connection: Connection, network: UUID, host: UUID) -> list[tuple[str, Work]]:
    """The list of invoices in the ways it is asked for, and the page of duplicates."""
    whole = Filter(network, host, TODAY, TODAY)
    paid, late = (Filter(network, host, TODAY, TODAY, chip) for chip in (("paid",), invoice_list.LATE))
    named, numbered = (Filter(network, host, TODAY, TODAY, text=text) for text in ("Bench 4711", "4711"))
    early = Filter(network, host, date(2024, 11, 22), TODAY)
    newest, largest = (Filter(network, host, TODAY, TODAY, sort=sort) for sort in ("newest", "amount"))
    far = (await invoice_list.page(connection, whole, limit=DEEP)).rows[-1].key

    async def both(wanted: Filter) -> None:
        await invoice_list.figures(connection, wanted)
        await invoice_list.page(connection, wanted)

    return [
        ("invoices, chips and first page", lambda: both(whole)),
        ("invoices, the same two years ago", lambda: both(early)),
        ("invoices, the same with a text", lambda: both(named)),
        ("invoices, the same with digits", lambda: both(numbered)),
        ("invoices, counts of all chips", lambda: invoice_list.figures(connection, whole)),
        ("invoices, first page", lambda: invoice_list.page(connection, whole)),
        ("invoices, paid", lambda: invoice_list.page(connection, paid)),
        ("invoices, overdue", lambda: invoice_list.page(connection, late)),
        ("invoices, newest first", lambda: invoice_list.page(connection, newest)),
        ("invoices, largest first", lambda: invoice_list.page(connection, largest)),
        (f"invoices, after {DEEP}", lambda: invoice_list.page(connection, whole, far, before=DEEP)),
        ("invoices, what is unpaid", lambda: invoice_list.unpaid(connection, network, host, TODAY)),
        ("possible duplicates", lambda: duplicates.of_network(connection, network)),
    ]


async def _measured(connection: Connection, name: str, work: Work, bar: float = BAR) -> bool:
    """Print the median of some rounds by the clock, and processor time of both sides; is it within the bar?"""
    process = await connection.fetchval("select pg_backend_pid()")
    clock, database, ours = [], [], []
    for _ in range(ROUNDS):
        began, spent, own = time.perf_counter(), _spent(process), time.process_time()
        await work()
        clock.append(time.perf_counter() - began)
        database.append(_spent(process) - spent)
        ours.append(time.process_time() - own)
    took, there, here = (statistics.median(each) for each in (clock, database, ours))
    over = "" if took <= bar else "   over the bar"
    print(f"  {name:<32} {took:6.3f} s, processor {there:5.2f} + {here:5.3f} s{over}", flush=True)
    return took <= bar


def _spent(process: int) -> float:
    """Processor time of one process of the database, without helpers that PostgreSQL starts for one statement."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    raise SystemExit(not asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)))
