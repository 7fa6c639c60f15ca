"""What is asked after a round of the load, and when all is done: each answer is a sentence for what is wrong.

After a round: numbers without a hole, entries that add up to nothing, and all that was told is stored. In the end also
`crm verify`, every payment of the plan once, every account what the plan says (issue 4: no payment lost or doubled).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import asyncpg

from crm.actions import verify
from crm.context import Context
from tests.crash.plan import Story
from tests.fakes.stripe import Fake

HOLES = """
    select h.code, s.series, count(i.id), count(distinct i.number), coalesce(max(i.number), 0), s.last_number
    from invoice_series s join host h on h.id = s.host_id
    left join invoice i on i.host_id = s.host_id and i.series = s.series and i.number is not null
    group by s.id, h.code
    having count(i.id) <> s.last_number or count(distinct i.number) <> s.last_number
        or coalesce(max(i.number), 0) <> s.last_number
"""
UNBALANCED = """
    select transaction_id::text from ledger_entry group by transaction_id having sum(amount) <> 0
    union all select 'all entries' from ledger_entry having sum(amount) <> 0
"""
# What the load tells of -> is it stored?
STORED = {
    "sent": "select id::text from application where id::text = any($1)",
    "application": "select id::text from application where status = 'approved' and id::text = any($1)",
    "membership": "select id::text from membership where id::text = any($1)",
    "invoice": "select id::text from invoice where status = 'issued' and id::text = any($1)",
    "number": "select series || '-' || number from invoice where series || '-' || number = any($1)",
    "payment": "select id::text from payment where id::text = any($1)",
    "transaction": "select id::text from ledger_transaction where id::text = any($1)",
    "bank_file": "select id::text from bank_file where id::text = any($1)",
    "line": "select servicer_reference from bank_line where servicer_reference = any($1)",
    "card_refund": "select id::text from card_refund where status = 'done' and id::text = any($1)",
}
# Each story's member: its invoice, its payments, what is left on its account.
BOOKS = """
    select o.name, i.gross, count(distinct a.id) as applications, count(distinct i.id) as invoices,
        coalesce((select sum(n.gross) from invoice n where n.credits_id = i.id and n.status = 'issued'), 0) as credited,
        (select count(*) from invoice n where n.credits_id = i.id) as notes,
        array(select p.amount from payment p where exists (
            select from ledger_entry e where e.payment_id = p.id and e.organisation_id = o.id) order by p.id) as paid,
        coalesce((select sum(e.amount) from ledger_entry e where e.organisation_id = o.id
            and e.account in ('receivable', 'member_credit')), 0) as owed
    from organisation o join application a on a.organisation_id = o.id
    left join invoice i on i.organisation_id = o.id and i.kind = 'invoice'
    where o.name = any($1) group by o.id, i.id
"""


async def after_round(connection: asyncpg.Connection, told: dict[str, set[str]]) -> list[str]:
    """Quick, on whatever a killed process has left."""
    out = [f"numbers of {r['code']} {r['series']}: {tuple(r)[2:]}" for r in await connection.fetch(HOLES)]
    out += [f"{row[0]} does not add up" for row in await connection.fetch(UNBALANCED)]
    for what, query in STORED.items():
        ids = told.get(what, set()) - {None}
        stored = {row[0] for row in await connection.fetch(query, list(ids))}
        out += [f"lost: {what} {each} was told and is not there" for each in sorted(ids - stored)]
    return out


async def verified(context: Context) -> list[str]:
    """What `crm verify` says."""
    return [f"verify: {found}" for found in await verify.run(context)]


async def at_the_end(connection: asyncpg.Connection, stories: Sequence[Story], fake: Fake) -> list[str]:
    """Every story's money against the plan, and every charge of the card provider against its payment."""
    rows: dict[str, list[asyncpg.Record]] = {}
    for row in await connection.fetch(BOOKS, [each.name for each in stories]):
        rows.setdefault(row["name"], []).append(row)
    out = []
    for each in stories:
        out += [f"{each.name} ({each.pays}, {each.then}): {why}" for why in _story(each, rows.get(each.name, []))]
    return [*out, *await _charges(connection, stories, fake)]


def _story(story: Story, rows: Sequence[asyncpg.Record]) -> Iterable[str]:
    if len(rows) != 1:
        yield f"doubled or lost: {len(rows)} invoices or members"
        return
    (row,) = rows
    if (row["applications"], row["invoices"], row["notes"]) != (1, 1, story.then == "credit"):
        yield f"{row['applications']} applications, {row['invoices']} invoices, {row['notes']} credit notes"
        return
    wanted = story.payments(row["gross"])
    if Counter(row["paid"]) != Counter(wanted):
        yield f"payments lost or doubled: {sorted(row['paid'])} instead of {sorted(wanted)}"
    owed = row["gross"] - row["credited"] - sum(wanted) + story.back(row["gross"])
    if row["owed"] != owed:
        yield f"{row['owed']} are owed, the plan says {owed}"


async def _charges(connection: asyncpg.Connection, stories: Sequence[Story], fake: Fake) -> list[str]:
    """One charge a story that pays by card, each booked once; one refund where the plan says so."""
    objects: list[dict[str, Any]] = list(fake.state.objects.values())
    theirs = {name: {o["id"] for o in objects if o["object"] == name} for name in ("charge", "refund")}
    cards = [each for each in stories if each.pays == "card"]
    counts = {"charge": len(cards), "refund": sum(each.then == "refund" for each in cards)}
    out = [
        f"{len(theirs[n])} {n}s at the provider, {counts[n]} in the plan" for n in counts if len(theirs[n]) != counts[n]
    ]
    for name, phase in (("charge", "received"), ("refund", "refunded")):
        query = "select object_id from ledger_transaction where provider = 'stripe' and phase = $1"
        ours = Counter(row[0] for row in await connection.fetch(query, phase))
        if ours != Counter(theirs[name]):
            out.append(f"{name}s booked and made differ: {sorted(set(ours) ^ theirs[name])}")
    return out
