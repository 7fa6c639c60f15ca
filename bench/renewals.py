"""The annual run: preview, then charges, issued invoices, documents, ledger, events and deliveries of a whole network.

    python -m bench.renewals [members]

The members are those of bench.filling (levels, sizes, days of joining differ; units, links, changes of level), each
billed for this year on an issued invoice. Beside it, in the same run, a plain INSERT ... SELECT of the very rows that
came of it: into tables of the same columns with nothing on them, and into tables with the same indexes, checks and
foreign keys but none of the triggers.
"""

import asyncio
import cProfile
import os
import resource
import sys
import time
from datetime import date
from pathlib import Path
from uuid import UUID

from bench.filling import NETWORK, fill
from bench.setting import NOW, SETTINGS, own_server
from crm.actions import renewals
from crm.actions.renewals import Wanted
from crm.actor import Actor
from crm.clock import FixedClock
from crm.context import Context
from crm.database import Connection, open_database
from tests.seed import seed

MEMBERS = 100_000
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


async def main(members: int) -> None:
    """Fill, preview, bill, bill again, then copy what came of it."""
    with own_server() as server:
        await seed(server.dsn(), SETTINGS, FixedClock(NOW))
        async with open_database(server.dsn(), 8) as db:
            context = Context(db, FixedClock(NOW), SETTINGS)
            await fill(context, server.dsn(), 1, members)
            await context.db.pool.execute(_ISSUED, timeout=600)
            await context.db.pool.execute("vacuum analyze", timeout=600)
            await context.db.pool.execute("checkpoint", timeout=600)
            await _measure(context)


async def _measure(context: Context) -> None:
    async with context.db.tx() as connection:
        everything = frozenset(row["id"] for row in await connection.fetch("select id from network"))
    actor = Actor("Bench", "cli", manages=everything)
    begun = time.perf_counter()
    run = await renewals.begin(context, actor, Wanted(NETWORK, YEAR))
    await renewals.preview(context, run)
    previewed = time.perf_counter() - begun
    row = await context.db.pool.fetchrow("select * from renewal_run where id = $1", run)
    print(f"preview: {row['members']:,} members, {row['total']:,} to bill, {previewed:.2f} s")
    await renewals.confirm(context, actor, run)
    begun, used = time.perf_counter(), await _used(context)
    await renewals.bill(context, run)
    took, after = time.perf_counter() - begun, await _used(context)
    python, database = after[0] - used[0], after[1] - used[1]
    row = await context.db.pool.fetchrow("select * from renewal_run where id = $1", run)
    print(f"bills: {row['invoices']:,} invoices ({row['failed']} failed) in {took:.2f} s: "
          f"{row['invoices'] / took:,.0f}/s; processor time of an invoice: "
          f"{python / row['invoices'] * 1e6:.0f} us Python, "
          f"{database / row['invoices'] * 1e6:.0f} us database")  # fmt: skip
    begun = time.perf_counter()
    again = await renewals.begin(context, actor, Wanted(NETWORK, YEAR, dry_run=False))
    await renewals.preview(context, again)
    await renewals.bill(context, again)
    second = time.perf_counter() - begun
    after = await context.db.pool.fetchrow("select * from renewal_run where id = $1", again)
    assert (after["status"], after["total"], after["invoices"]) == ("done", 0, 0), dict(after)
    print(f"second run, nothing to do: {second:.2f} s")
    async with context.db.tx() as connection:
        await connection.execute("set local statement_timeout = 0")
        (bare, bound), processor = await _plain(connection, run)
    print(f"INSERT ... SELECT of the same rows: {bare:.2f} s into bare tables, ratio {took / bare:.1f}; {bound:.2f} s "
          f"into tables with the same indexes, checks and foreign keys, ratio {took / bound:.1f}; "
          f"processor time of that: {processor / row['invoices'] * 1e6:.0f} us an invoice, "
          f"ratio {(python + database) / processor:.1f}")  # fmt: skip


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
        await connection.execute(f"create table bound_{table} (like {table} including all)")
    for table in TABLES:
        for row in await connection.fetch(
            "select conname, pg_get_constraintdef(oid) as definition from pg_constraint where contype = 'f'"
            " and conrelid = $1::regclass", table):  # fmt: skip
            definition = row["definition"]
            for other in TABLES:
                definition = definition.replace(f"REFERENCES {other}(", f"REFERENCES bound_{other}(")
            await connection.execute(f"alter table bound_{table} add constraint {row['conname']} {definition}")
    out, backend, processor = [], await connection.fetchval("select pg_backend_pid()"), 0.0
    for kind in ("bare", "bound"):
        begun, processor = time.perf_counter(), _of_process(backend)
        for table in TABLES:
            await connection.execute(f"insert into {kind}_{table} select * from rows_{table}")
        out.append(time.perf_counter() - begun)
    return (out[0], out[1]), _of_process(backend) - processor


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else MEMBERS
    if os.environ.get("PROFILE"):
        cProfile.run(f"asyncio.run(main({count}))", sort="tottime")
    else:
        asyncio.run(main(count))
