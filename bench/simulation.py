"""A draft rulebook tried on a whole network: seconds for 10,000 and 20,000 members, none of it stored.

Baseline, in the same run: the same facts loaded, and nothing decided. Run: python -m bench.simulation [members ...]
"""

import asyncio
import sys
import time
from uuid import UUID

import msgspec

from bench.setting import NOW, seeded
from cluster_rules.fees import Step
from cluster_rules.networks import Rulebook
from crm import catalogue
from crm.actions import rulebooks
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.context import Context
from crm.store import families
from crm.store.rulebooks import derive

NETWORK = "nora-industry-network"
SIZES = (10_000, 20_000)
EXTRAPOLATED = 100_000
PRINCIPAL_EVERY = 5  # every fifth is linked to the other network too

_ORGANISATIONS = """
insert into organisation (id, name, family_id, website, fields, created_at)
select id, 'Bench ' || n, id, '', '[]'::jsonb, now()
from (select n, md5('bench' || n)::uuid as id from generate_series($1::int, $2::int) n) made
"""
_PROFILES = """
insert into organisation_profile (id, organisation_id, name, kind, country, employees, starts_on, recorded_at)
select gen_random_uuid(), md5('bench' || n)::uuid, 'Bench ' || n, 'company', 'NO', 1 + n % 300, '2015-01-01', now()
from generate_series($1::int, $2::int) n
"""
_MEMBERSHIPS = """
insert into membership (id, organisation_id, network_id, created_at)
select md5('membership' || n)::uuid, md5('bench' || n)::uuid, $3, now() from generate_series($1::int, $2::int) n
"""
_DECISIONS = """
insert into membership_decision (id, membership_id, kind, effective_on, tier, reason, actor, channel, recorded_at)
select md5('decision' || n)::uuid, md5('membership' || n)::uuid, 'joining', '2021-01-01'::date + n % 1500,
    case when n % $3::int = 0 then 'principal' else 'partner' end, '', 'Bench', 'import', now()
from generate_series($1::int, $2::int) n
"""


async def main(sizes: list[int]) -> None:
    """Fill the network step by step; at each size load, then simulate."""
    async with seeded() as (context, _):
        kept = await _kept(context)
        network = kept.network(NETWORK).id
        actor = Actor("Bench", "cli", manages=frozenset({network}))
        draft = _draft(kept)
        there = 0
        for size in sizes:
            await _fill(context, network, there + 1, size)
            there = size
            loaded = await _load(context, network)
            start = time.perf_counter()
            found = await rulebooks.simulate(context, actor, draft)
            took = time.perf_counter() - start
            changed, members = len(found.affected), found.total.members_before
            print(f"{members:7} members, {found.families} families, {changed} memberships change")
            for name, seconds in (("load only", loaded), ("simulate", took)):
                per = seconds / members * EXTRAPOLATED
                print(f"  {name:10} {seconds:7.2f} s   extrapolated to {EXTRAPOLATED:,}: {per:7.1f} s")
            print(f"  ratio      {took / loaded:7.2f}")


def _draft(kept: Catalogue) -> Rulebook:
    """Dearer for everybody, and no link rule: every fee and every linked membership changes."""
    book = kept.rulebooks.of(NETWORK)[-1]
    tiers = tuple(
        msgspec.structs.replace(
            tier, fees=tuple(msgspec.structs.replace(fee, amount=fee.amount + 100_00) for fee in tier.fees)
        )
        for tier in book.tiers
    )
    day = NOW.date().replace(year=NOW.year + 1)
    return msgspec.structs.replace(
        book,
        version=book.version + 1,
        effective_from=day,
        effective_from_existing=day,
        tiers=tiers,
        link_rules=(),
    )


async def _kept(context: Context) -> Catalogue:
    async with context.db.tx() as connection:
        return await catalogue.load(connection)


async def _fill(context: Context, network: UUID, first: int, last: int) -> None:
    async with context.db.tx() as connection:
        for statement in (_ORGANISATIONS, _PROFILES):
            await connection.execute(statement, first, last)
        await connection.execute(_MEMBERSHIPS, first, last, network)
        await connection.execute(_DECISIONS, first, last, PRINCIPAL_EVERY)
        new = [row["id"] for row in await connection.fetch(_IDS, first, last)]
        kept = await catalogue.load(connection)
        await derive(connection, kept, new, NOW.date(), Step("imported"), lambda _done, _of: None)
    async with context.db.tx() as connection:
        await connection.execute("analyze")


_IDS = "select md5('bench' || n)::uuid as id from generate_series($1::int, $2::int) n order by 1"


async def _load(context: Context, network: UUID) -> float:
    """The facts of every family, read and thrown away."""
    start = time.perf_counter()
    async with context.db.tx(isolation="repeatable_read", readonly=True) as connection:
        kept = await catalogue.load(connection)
        listed = await families.touched(connection, [], [network])
        for at in range(0, len(listed), rulebooks.FAMILIES_AT_A_TIME):
            await families.load_many(connection, kept, listed[at : at + rulebooks.FAMILIES_AT_A_TIME])
    return time.perf_counter() - start


if __name__ == "__main__":
    asyncio.run(main([int(each) for each in sys.argv[1:]] or list(SIZES)))
