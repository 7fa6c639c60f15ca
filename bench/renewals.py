"""The annual run: preview, then charges, issued invoices, documents, ledger, events and deliveries of a whole network.

    python -m bench.renewals [members] [rounds]

The members are those of bench.filling (levels, sizes, days of joining differ; units, links, changes of level), each
billed for this year on an issued invoice. Every round begins with a copy of the same database; figures are medians.
Beside it, in the same round, a plain INSERT ... SELECT of the very rows that came of it: into tables of the same
columns with nothing on them, and into tables with the same indexes, checks and references (foreign keys, and what is
looked up by statement, ADR 0021) but none of the other triggers.
"""

import gc
import os
import resource
import sys
import time
from datetime import date
from pathlib import Path
from statistics import median
from uuid import UUID

import asyncpg
import msgspec
import uvloop

from bench.filling import NETWORK, fill
from bench.setting import NOW, SETTINGS, own_server
from crm.actions import renewals
from crm.actions.renewals import Wanted
from crm.actor import Actor
from crm.clock import FixedClock
from crm.context import Context
from crm.database import Connection, open_database
from crm.gateways.postgres import DATABASE, EmbeddedPostgres
from tests.seed import seed

MEMBERS = 100_000
ROUNDS = 3
YEAR = date(2027, 1, 1)
TABLES = ("invoice", "charge", "invoice_document", "invoice_event", "invoice_delivery", "ledger_transaction",
          "ledger_entry")  # fmt: skip
# This year's bills are issued already, as a year ago they were: numbered, with the payer's customer number.
_ISSUED = """
set session_replication_role = replica;
update invoice i set status = 'issued', series = h.invoice_series, number = n.number, issued_on = '2025-12-01',
    due_on = '2025-12-31', net = n.net, vat = 0, gross = n.net
from (select i.id, row_number() over (order by i.id) as number, (select coalesce(sum(c.net), 0) from charge c
    where c.invoice_id = i.id) as net from invoice i where i.status = 'draft') n, host h
where n.id = i.id and h.id = i.host_id;
insert into invoice_series (id, host_id, series, last_number)
    select gen_random_uuid(), host_id, series, count(*) from invoice where number is not null group by 2, 3;
insert into billing (organisation_id, updated_at) select distinct organisation_id, now() from invoice
    on conflict do nothing;
set session_replication_role = origin;
"""


class Round(msgspec.Struct):
    """What one round took: seconds by the clock, of processor (this process, the database's), MB of memory at most."""

    invoices: int
    preview: float
    bills: float
    python: float
    database: float
    memory: float
    second: float
    bare: float
    bound: float
    bound_processor: float


async def main(members: int, rounds: int) -> None:
    """Fill once; each round: preview, bill, bill again, then copy what came of it."""
    with own_server() as server:
        await seed(server.dsn(), SETTINGS, FixedClock(NOW))
        async with open_database(server.dsn(), 8) as db:
            context = Context(db, FixedClock(NOW), SETTINGS)
            await fill(context, server.dsn(), 1, members)
            await context.db.pool.execute(_ISSUED, timeout=600)
            await context.db.pool.execute("vacuum analyze", timeout=600)
        gc.collect()
        gc.freeze()  # as `crm serve` does
        made = [await _round(server) for _ in range(rounds)]
    told = {name: median(getattr(each, name) for each in made) for name in Round.__struct_fields__}
    _tell(Round(**told), rounds)


async def _round(server: EmbeddedPostgres) -> Round:
    admin = await asyncpg.connect(server.dsn("postgres"))
    await admin.execute("drop database if exists round", timeout=600)
    await admin.execute(f"create database round template {DATABASE}", timeout=600)
    await admin.execute("checkpoint", timeout=600)
    await admin.close()
    async with open_database(server.dsn("round"), 8) as db:
        found = await _measure(Context(db, FixedClock(NOW), SETTINGS))
    _tell(found, 1)
    return found


def _tell(r: Round, rounds: int) -> None:
    us = 1e6 / r.invoices
    used = (r.python + r.database) * us
    processor = f"{r.python * us:.0f} us Python + {r.database * us:.0f} us database"
    plain = r.bound_processor * us
    print(f"median of {rounds}:" if rounds > 1 else "round:")
    print(f"  {r.invoices:,.0f} invoices in {r.bills:.2f} s: {r.invoices / r.bills:,.0f}/s (preview {r.preview:.1f} s)")
    print(f"  processor time of an invoice: {processor}; memory +{r.memory:.0f} MB")
    print(f"  second run, nothing to do: {r.second:.2f} s")
    print("  INSERT ... SELECT of the same rows into")
    print(f"    bare tables: {r.bare:.2f} s, ratio {r.bills / r.bare:.1f}")
    print(f"    tables with the same indexes, checks and references: {r.bound:.2f} s, ratio {r.bills / r.bound:.2f};")
    print(f"      processor time of an invoice {plain:.0f} us, ratio {used / plain:.2f}", flush=True)


async def _measure(context: Context) -> Round:
    async with context.db.tx() as connection:
        everything = frozenset(row["id"] for row in await connection.fetch("select id from network"))
    actor = Actor("Bench", "cli", manages=everything)
    begun = time.perf_counter()
    run = await renewals.begin(context, actor, Wanted(NETWORK, YEAR))
    await renewals.preview(context, run)
    previewed = time.perf_counter() - begun
    await renewals.confirm(context, actor, run)
    before = _memory_from_now()
    begun, used = time.perf_counter(), await _used(context)
    await renewals.bill(context, run)
    took, after = time.perf_counter() - begun, await _used(context)
    memory = _memory("VmHWM") - before
    row = await context.db.pool.fetchrow("select * from renewal_run where id = $1", run)
    assert row["status"] == "done", dict(row)
    begun = time.perf_counter()
    again = await renewals.begin(context, actor, Wanted(NETWORK, YEAR, dry_run=False))
    await renewals.preview(context, again)
    await renewals.bill(context, again)
    second = time.perf_counter() - begun
    nothing = await context.db.pool.fetchrow("select * from renewal_run where id = $1", again)
    assert (nothing["status"], nothing["total"], nothing["invoices"]) == ("done", 0, 0), dict(nothing)
    async with context.db.tx() as connection:
        await connection.execute("set local statement_timeout = 0")
        (bare, bound), processor = await _plain(connection, run)
    spent = (after[0] - used[0], after[1] - used[1])
    return Round(row["invoices"], previewed, took, *spent, memory, second, bare, bound, processor)


def _memory_from_now() -> float:
    """What there is now; the peak (VmHWM) is counted from here."""
    Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


def _memory(what: str) -> float:
    """MB of this process, as the kernel counts them."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{what}:")[2].split()[0]) / 1024


async def _used(context: Context) -> tuple[float, float]:
    """Seconds of processor time so far: of this process, and of its connections' backends."""
    pids = [row["pid"] for row in await context.db.pool.fetch(
        "select pid from pg_stat_activity where backend_type = 'client backend'")]  # fmt: skip
    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime, sum(_of_process(pid) for pid in pids)


def _of_process(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _plain(connection: Connection, run: UUID) -> tuple[tuple[float, float], float]:
    """Seconds to copy the rows of this run into bare tables, and into tables bound like ours; and processor time."""
    since = "(select confirmed_at from renewal_run where id = $1)"
    made = f"select id from invoice where created_at >= {since}"
    own = {
        "invoice": f"created_at >= {since}",
        "charge": f"recorded_at >= {since}",
        "invoice_document": f"invoice_id in ({made})",
        "invoice_event": f"recorded_at >= {since}",
        "invoice_delivery": f"created_at >= {since}",
        "ledger_transaction": f"recorded_at >= {since}",
        "ledger_entry": f"invoice_id in ({made}) or transaction_id in"
        f" (select id from ledger_transaction where recorded_at >= {since})",
    }
    for table in TABLES:
        await connection.execute(f"create table rows_{table} as select * from {table} limit 0")
        await connection.execute(f"create table bare_{table} as select * from {table} limit 0")
        await connection.execute(f"insert into rows_{table} select * from {table} where {own[table]}", run)
        await connection.execute(f"create table bound_{table} (like {table} including all excluding generated)")
    for table in TABLES:
        for row in await connection.fetch(
            "select conname, pg_get_constraintdef(oid) as definition from pg_constraint where contype = 'f'"
            " and conrelid = $1::regclass", table):  # fmt: skip
            definition = row["definition"]
            for other in TABLES:
                definition = definition.replace(f"REFERENCES {other}(", f"REFERENCES bound_{other}(")
            await connection.execute(f"alter table bound_{table} add constraint {row['conname']} {definition}")
        for row in await connection.fetch(
            "select t.tgname as name, p.proname as looks_up from pg_trigger t join pg_proc p on p.oid = t.tgfoid"
            " where tgrelid = $1::regclass and p.proname like 'points\\_to\\_%'", table):  # fmt: skip
            await connection.execute(
                f"create trigger {row['name']} after insert on bound_{table} referencing new table as fresh"
                f" for each statement execute function {row['looks_up']}()"
            )
    out, backend, processor = [], await connection.fetchval("select pg_backend_pid()"), 0.0
    for kind in ("bare", "bound"):
        begun, processor = time.perf_counter(), _of_process(backend)
        for table in TABLES:
            await connection.execute(f"insert into {kind}_{table} select * from rows_{table}")
        out.append(time.perf_counter() - begun)
    return (out[0], out[1]), _of_process(backend) - processor


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:]]
    uvloop.run(main(*(given + [MEMBERS, ROUNDS][len(given) :])))
