"""Approvals a second: the whole decision (grants, linked grant, invoice, feed, audit, mails), really committed.

Baseline, in the same run: the same rows written by one plain transaction each, without any decision.
Run: python -m bench.approvals [how many]
"""

import asyncio
import sys
import time
from datetime import date
from uuid import UUID, uuid4

import msgspec

from bench.setting import seeded
from crm.actions import applications
from crm.actor import Actor
from crm.context import Context
from crm.forms import ApplicationForm, ContactForm, IdentifierForm, OrganisationForm

AT_ONCE = 8
WEIGHTS = (3, 2, 7, 6, 5, 4, 3, 2)
TABLES = (
    "membership",
    "membership_decision",
    "membership_grant",
    "membership_period",
    "charge",
    "feed",
    "mail",
    "audit",
    "application_event",
)


async def main(how_many: int) -> None:
    """Prepare applications, approve them, then write the same rows plainly."""
    async with seeded() as (context, _):
        actor = await _manager(context)
        waiting = [await _submitted(context, actor, n) for n in range(how_many)]
        before = await _sizes(context)
        took = await _timed([lambda a=a: applications.approve(context, actor, a, date(2027, 3, 1)) for a in waiting])
        rows = {t: n - before[t] for t, n in (await _sizes(context)).items()}
        await _prepare_plain(context)
        plain = await _timed([lambda: _plain(context, rows, how_many) for _ in range(how_many)])
    print(f"approvals, {AT_ONCE} at once, {how_many} in all; rows each: {sum(rows.values()) / how_many:.1f}")
    print(f"  approve      {how_many / took:8.0f} /s   {took / how_many * 1000:6.2f} ms each")
    print(f"  plain rows   {how_many / plain:8.0f} /s   ratio {took / plain:5.2f}")


async def _manager(context: Context) -> Actor:
    async with context.db.tx() as connection:
        ids = frozenset(row["id"] for row in await connection.fetch("select id from network"))
    return Actor("Bench", "api", manages=ids, reads=ids)


async def _submitted(context: Context, actor: Actor, n: int) -> UUID:
    form = ApplicationForm(
        network="nora-industry-network",
        tier="principal",
        organisation=OrganisationForm(f"Bench {n} AS", "NO", "company", 50, [IdentifierForm("no-orgnr", orgnr(n))]),
        contact=ContactForm(f"Person {n}", f"person{n}@bench.example"),
    )
    return (await applications.submit(context, actor, form)).id


def orgnr(n: int) -> str:
    """The n-th checksum-valid organisation number of a series no register has issued."""
    found = -1
    for base in range(29_000_000, 29_900_000):
        digits = f"{base:08d}"
        check = -sum(int(d) * w for d, w in zip(digits, WEIGHTS, strict=True)) % 11
        found += check < 10
        if found == n:
            return f"{digits}{check}"
    raise ValueError(n)


async def _timed(calls: list) -> float:
    queue = iter(calls)

    async def worker() -> None:
        for call in queue:
            await call()

    start = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return time.perf_counter() - start


async def _sizes(context: Context) -> dict[str, int]:
    async with context.db.tx() as connection:
        return {t: await connection.fetchval(f"select count(*) from {t}") for t in TABLES}


async def _prepare_plain(context: Context) -> None:
    async with context.db.tx() as connection:
        await connection.execute("create table plain (id uuid primary key, about uuid, doc jsonb, at timestamptz)")
        await connection.execute("create index on plain (about)")


async def _plain(context: Context, rows: dict[str, int], how_many: int) -> None:
    async with context.db.tx() as connection:
        for count in rows.values():
            doc = msgspec.to_builtins({"a": "b" * 200})
            for _ in range(round(count / how_many)):
                await connection.execute("insert into plain values ($1, $2, $3, now())", uuid4(), uuid4(), doc)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 400))
