"""Issuing drafts: number, document, ledger, delivery with its job; beside a plain copy of the rows that come out.

    python -m bench.issuing [drafts]

Each draft is of another organisation and has one charge. The ratio is against INSERT ... SELECT of the same rows
into tables of the same columns without indexes, triggers or constraints.
"""

import asyncio
import cProfile
import os
import sys
import time
from datetime import date
from uuid import UUID

from bench.setting import seeded
from crm import catalogue
from crm.actor import SYSTEM
from crm.database import Connection
from crm.store import invoices

DRAFTS = 20_000
ON = date(2026, 11, 22)
TABLES = ("invoice", "invoice_document", "invoice_event", "invoice_delivery", "ledger_transaction", "ledger_entry",
          "pgqueuer")  # fmt: skip
_FILL = """
with made as (
    insert into organisation (id, name, family_id, created_at)
    select id, 'Bedrift ' || n || ' AS', id, now() from (
        select n, gen_random_uuid() as id from generate_series(1, $1::int) n) each_one
    returning id, name
), profiles as (
    insert into organisation_profile (id, organisation_id, name, kind, country, employees, starts_on, recorded_at)
    select gen_random_uuid(), id, name, 'company', 'NO', 10, '2020-01-01', now() from made
), contacts as (
    insert into contact (id, organisation_id, name, email, created_at)
    select gen_random_uuid(), id, 'Kari', 'kari@' || id || '.example', now() from made
), members as (
    insert into membership (id, organisation_id, network_id, created_at)
    select gen_random_uuid(), made.id, n.id, now() from made, network n where n.slug = 'nora-industry-network'
    returning id, organisation_id, network_id
), drafts as (
    insert into invoice (id, host_id, organisation_id, currency, created_at)
    select gen_random_uuid(), n.host_id, m.organisation_id, 'NOK', now() from members m
    join network n on n.id = m.network_id returning id, organisation_id
)
insert into charge (id, invoice_id, membership_id, grant_id, tier, component, names, starts_on, ends_on, net, vat_code,
    vat_percent, vat, currency, steps, recorded_at)
select gen_random_uuid(), d.id, m.id, gen_random_uuid(), 'partner', 'membership',
    '{"nb": "Medlemskontingent", "en": "Membership fee"}', '2027-01-01', '2028-01-01', 5000000, 'exempt_3_13', 0, 0,
    'NOK', '[{"code": "fixed", "values": {"amount": 5000000}}]', now()
from drafts d join members m using (organisation_id) returning invoice_id
"""


async def main(drafts: int) -> None:
    """Issue them, then copy what came of it."""
    async with seeded() as (context, _):
        async with context.db.tx() as connection:
            wanted = [row["invoice_id"] for row in await connection.fetch(_FILL, drafts)]
        for table in ("invoice", "charge", "organisation", "organisation_profile", "contact", "membership"):
            await context.db.pool.execute(f"analyze {table}")
        async with context.db.tx() as connection:
            kept = await catalogue.load(connection)
            begun = time.perf_counter()
            issued, unfit = await invoices.issue_many(connection, kept, wanted, ON, SYSTEM)
            took = time.perf_counter() - begun
        took_all = time.perf_counter() - begun
        assert len(issued) == drafts
        assert not unfit
        async with context.db.tx() as connection:
            begun = time.perf_counter()
            again, _ = await invoices.issue_many(connection, kept, wanted, ON, SYSTEM)
            second = time.perf_counter() - begun
        assert not again
        async with context.db.tx() as connection:
            plain = await _plain(connection, wanted)
    print(f"{drafts} drafts issued in {took_all:.2f} s ({took_all - took:.2f} s of it commit): "
          f"{drafts / took_all:,.0f}/s; again, nothing to do: {second:.2f} s")  # fmt: skip
    print(f"INSERT ... SELECT of the same rows: {plain:.2f} s; ratio {took_all / plain:.1f}")


async def _plain(connection: Connection, wanted: list[UUID]) -> float:
    """Seconds to copy the rows into tables of the same columns."""
    for table in TABLES:
        await connection.execute(f"create temp table plain_{table} as select * from {table} limit 0")
    begun = time.perf_counter()
    for table in TABLES:
        await connection.execute(f"insert into plain_{table} select * from {table}")
    return time.perf_counter() - begun


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else DRAFTS
    if os.environ.get("PROFILE"):
        cProfile.run(f"asyncio.run(main({count}))", sort="tottime")
    else:
        asyncio.run(main(count))
