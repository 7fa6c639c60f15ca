"""The one writer of the ledger: books facts, each once, in the caller's transaction (ADR 0012).

`post` locks what a fact touches (its payment, then its invoices), parks a refund or dispute whose payment has
not come yet, and books what was parked when it does (M11). Amounts are minor units, debit positive.
RuleViolation as in `cluster_rules.ledger` and `cluster_rules.money_facts`; NotFound for an unknown transaction.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Literal
from uuid import UUID

import asyncpg
import msgspec

from cluster_rules import ledger, money_facts
from cluster_rules.ledger import REVERSIBLE, Account, Entry, Item, Key, Posting, Standing, item_of
from cluster_rules.money_facts import Issued, MoneyFact, Opened, Received
from crm.database import Connection
from crm.errors import NotFound, Refused

MOST_AT_ONCE = 10_000  # facts of one `post_many`


class Booked(msgspec.Struct, frozen=True):
    """What came of a fact: the postings made now (none when it was known, parked, or about nothing)."""

    state: Literal["booked", "known", "parked", "nothing"]
    postings: tuple[Posting, ...] = ()

    @property
    def invoices(self) -> list[UUID]:
        """The invoices whose position changed."""
        return sorted({e.invoice for p in self.postings for e in p.entries if e.invoice and item_of(e)}, key=str)


class Reversal(msgspec.Struct, frozen=True, tag=True):
    """The stored fact of a reversal: which transaction it took back, and on which day."""

    original: UUID
    on: date


async def post(connection: Connection, fact: MoneyFact, actor: str) -> Booked:
    """Book one fact on top of what stands. A payment's row must be there already (`store.payments.receive`)."""
    wanted = money_facts.waits_for(fact)
    if isinstance(fact, Received):
        wanted = money_facts.payment_id(fact.provider, fact.object)
    if wanted:
        await lock_payment(connection, wanted)
    if await _known(connection, money_facts.key(fact)):
        return Booked("known")
    if wanted and not await connection.fetchval("select true from payment where id = $1", wanted):
        await _park(connection, fact, wanted)
        return Booked("parked")
    made: list[Posting] = []
    earlier = money_facts.precedes(fact)
    if earlier:
        made += (await post(connection, earlier, actor)).postings
    posting = money_facts.posting(fact, await _standing(connection, fact))
    if posting and await _insert(connection, [(posting, fact)], actor):
        made.append(posting)
    if isinstance(fact, Received) and wanted:
        for parked in await _unpark(connection, wanted):
            made += (await post(connection, parked, actor)).postings
    return Booked("booked" if made else "nothing", tuple(made))


async def post_many(connection: Connection, facts: Sequence[Issued | Opened | Received], actor: str) -> int:
    """Book many invoices issued, or payments made up, in this transaction, at a price that does not grow with each.

    How many were new. Nothing else can be booked on an invoice before it is issued, nor on a payment nobody has heard
    of, so that nothing has to be read.
    """
    made = 0
    for first in range(0, len(facts), MOST_AT_ONCE):
        some = facts[first : first + MOST_AT_ONCE]
        pairs = [(posting, fact) for fact in some if (posting := money_facts.posting(fact, Standing()))]
        made += await _insert(connection, pairs, actor)
    return made


async def reverse(connection: Connection, transaction: UUID, on: date, actor: str) -> Booked:
    """Take one transaction back, once (M2). Refused `not_reversible`; `not_held` when its money moved on."""
    row = await connection.fetchrow("select * from ledger_transaction where id = $1", transaction)
    if row is None:
        raise NotFound("transaction", transaction)
    if row["kind"] not in REVERSIBLE or row["provider"] not in ledger.BY_PEOPLE:
        raise Refused("not_reversible", "transaction", kind=row["kind"])
    fact = msgspec.convert(row["fact"], MoneyFact)
    payment = money_facts.waits_for(fact)
    if isinstance(fact, Received):
        payment = money_facts.payment_id(fact.provider, fact.object)
    if payment:
        await lock_payment(connection, payment)
    if await _known(connection, ledger.reversal_key(transaction)):
        return Booked("known")
    original = (await postings(connection, [row]))[0]
    standing = await _standing_of(connection, {i for e in original.entries if (i := item_of(e))}, payment)
    posting = ledger.reversal(original, standing, on)
    if not await _insert(connection, [(posting, Reversal(transaction, on))], actor):
        return Booked("known")
    return Booked("booked", (posting,))


async def about(connection: Connection, transaction: UUID) -> tuple[UUID, str, list[UUID]]:
    """(host, kind, the organisations it is about) of a transaction; NotFound."""
    row = await connection.fetchrow(
        "select host_id, kind, array(select distinct e.organisation_id from ledger_entry e"
        " where e.transaction_id = t.id and e.organisation_id is not null) as organisations"
        " from ledger_transaction t where t.id = $1",
        transaction,
    )
    if row is None:
        raise NotFound("transaction", transaction)
    return row["host_id"], row["kind"], row["organisations"]


async def lock_payment(connection: Connection, payment: UUID) -> None:
    """One at a time about this payment, whether or not it has come yet; until the transaction ends."""
    await connection.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", f"payment/{payment}")


async def owed(connection: Connection, invoices: Iterable[UUID]) -> dict[UUID, int]:
    """What is left to pay of these invoices; below zero is credit. Those not booked are left out."""
    rows = await connection.fetch(
        "select invoice_id, sum(amount)::bigint from ledger_entry where invoice_id = any($1)"
        " and account in ('receivable', 'member_credit') group by invoice_id",
        list(invoices),
    )
    return {row[0]: row[1] for row in rows}


async def principal(connection: Connection, invoices: Iterable[UUID]) -> dict[UUID, int]:
    """What is left to pay of what was billed: `owed` without what dunning claimed beside it."""
    rows = await connection.fetch(
        "select e.invoice_id, sum(e.amount)::bigint from ledger_entry e"
        " join ledger_transaction t on t.id = e.transaction_id"
        " left join ledger_transaction back on back.id = t.reverses_id"
        " where e.invoice_id = any($1) and e.account in ('receivable', 'member_credit')"
        " and t.kind <> 'claimed' and back.kind is distinct from 'claimed' group by e.invoice_id",
        list(invoices),
    )
    return {row[0]: row[1] for row in rows}


async def with_money(connection: Connection, invoices: Iterable[UUID]) -> list[UUID]:
    """Those of these invoices that something was paid of: not only credited and written off."""
    wanted = list(invoices)
    rows = await connection.fetch(
        "select distinct e.invoice_id from ledger_entry e join ledger_transaction t on t.id = e.transaction_id"
        " where e.invoice_id = any($1) and e.account in ('receivable', 'member_credit') and e.amount < 0"
        " and t.kind not in ('credited', 'writtenoff') and t.reverses_id is null"
        " and not exists (select from ledger_transaction r where r.reverses_id = t.id)",
        wanted,
    )
    paid = {row["invoice_id"] for row in rows}
    return [invoice for invoice in wanted if invoice in paid]


async def held(connection: Connection, payment: UUID) -> tuple[tuple[Item, int], ...]:
    """Where a payment's money stands now, first part first."""
    rows = await connection.fetch(
        "select organisation_id, invoice_id, -sum(amount)::bigint as held from ledger_entry where payment_id = $1"
        " and account in ('receivable', 'member_credit', 'suspense') group by 1, 2 having sum(amount) <> 0"
        " order by min(row_id)",
        payment,
    )
    return tuple(
        (Item(r["organisation_id"], r["invoice_id"], None if r["invoice_id"] else payment), r["held"]) for r in rows
    )


async def postings(connection: Connection, rows: Sequence[asyncpg.Record]) -> list[Posting]:
    """Stored transactions as postings, in the order given."""
    entries: dict[UUID, list[Entry]] = {}
    found = await connection.fetch(
        "select * from ledger_entry where transaction_id = any($1) order by row_id", [row["id"] for row in rows]
    )
    for e in found:
        account = Account(e["account"], e["organisation_id"], e["network_id"], e["code"])
        entry = Entry(account, e["amount"], e["invoice_id"], e["payment_id"])
        entries.setdefault(e["transaction_id"], []).append(entry)
    return [
        Posting(
            Key(row["provider"], row["object_id"], row["phase"]),
            row["kind"],
            row["host_id"],
            row["currency"],
            row["on_date"],
            tuple(entries[row["id"]]),
            row["organisation_id"],
            row["reverses_id"],
        )
        for row in rows
    ]


async def _known(connection: Connection, key: Key) -> bool:
    return bool(await connection.fetchval("select true from ledger_transaction where id = $1", key.id))


async def _standing(connection: Connection, fact: MoneyFact) -> Standing:
    return await _standing_of(connection, money_facts.items(fact), money_facts.waits_for(fact))


async def _standing_of(connection: Connection, items: set[Item], payment: UUID | None) -> Standing:
    """Lock the invoices of these items and of where the payment stands, then read what is booked on them."""
    parts = await held(connection, payment) if payment else ()
    wanted = items | {item for item, _ in parts}
    invoices = sorted({item.invoice for item in wanted if item.invoice}, key=str)
    payments = {item.payment for item in wanted if item.payment} | ({payment} if payment else set())
    locked = await connection.fetch(
        "select id, currency from invoice where id = any($1) order by id for no key update", invoices
    )
    currencies = {row["id"]: row["currency"] for row in locked}
    told = await connection.fetch("select id, currency from payment where id = any($1)", list(payments))
    currencies |= {row["id"]: row["currency"] for row in told}
    rows = await connection.fetch(
        "select organisation_id, invoice_id, case when invoice_id is null then payment_id end as payment_id,"
        " sum(amount)::bigint as position from ledger_entry"
        " where account in ('receivable', 'member_credit', 'suspense')"
        " and (invoice_id = any($1) or payment_id = any($2) and invoice_id is null) group by 1, 2, 3",
        invoices,
        list(payments),
    )
    positions = {Item(r["organisation_id"], r["invoice_id"], r["payment_id"]): r["position"] for r in rows}
    return Standing(positions, {payment: parts} if payment else {}, currencies)


# A posting comes whole, by one command: the database refuses one without its entries at once (M1).
_POSTINGS = """
with booked as (
    insert into ledger_transaction (id, kind, host_id, organisation_id, currency, on_date, provider, object_id, phase,
        reverses_id, fact, actor, recorded_at)
    select t.*, $12, now() from unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::text[], $6::date[],
        $7::text[], $8::text[], $9::text[], $10::uuid[], $11::jsonb[])
        as t (id, kind, host_id, organisation_id, currency, on_date, provider, object_id, phase, reverses_id, fact)
    on conflict do nothing returning id
), entered as (
    insert into ledger_entry (transaction_id, host_id, currency, account, organisation_id, network_id, code,
        invoice_id, payment_id, amount)
    select e.transaction_id, e.host_id, e.currency, e.account, e.organisation_id, e.network_id, e.code, e.invoice_id,
        e.payment_id, e.amount
    from unnest($13::uuid[], $14::uuid[], $15::text[], $16::text[], $17::uuid[], $18::uuid[], $19::text[],
        $20::uuid[], $21::uuid[], $22::bigint[]) with ordinality as e (transaction_id, host_id, currency, account,
        organisation_id, network_id, code, invoice_id, payment_id, amount, place)
    where e.transaction_id in (select id from booked) order by e.place
)
select count(*) from booked
"""


async def _insert(connection: Connection, pairs: Sequence[tuple[Posting, MoneyFact | Reversal]], actor: str) -> int:
    """Write postings with their facts; those another transaction was first with are left out."""
    rows = [
        (
            p.id,
            p.kind,
            p.host,
            p.organisation,
            p.currency,
            p.on,
            p.key.provider,
            p.key.object,
            p.key.phase,
            p.reverses,
            msgspec.to_builtins(fact),
        )
        for p, fact in pairs
    ]
    if not rows:
        return 0
    entries = [
        (p.id, p.host, p.currency, a.kind, a.organisation, a.network, a.code, e.invoice, e.payment, e.amount)
        for p, _ in pairs
        for e in p.entries
        for a in (e.account,)
    ]
    return await connection.fetchval(_POSTINGS, *_columns(rows), actor, *_columns(entries))


def _columns(rows: Sequence[Sequence[object]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]


async def _park(connection: Connection, fact: MoneyFact, payment: UUID) -> None:
    key = money_facts.key(fact)
    await connection.execute(
        "insert into parked_fact (id, provider, object_id, phase, host_id, payment, fact, parked_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, now()) on conflict do nothing",
        key.id,
        key.provider,
        key.object,
        key.phase,
        fact.host,
        payment,
        msgspec.to_builtins(fact),
    )


async def _unpark(connection: Connection, payment: UUID) -> list[MoneyFact]:
    """What waited for this payment, in the order it came."""
    rows = await connection.fetch(
        "update parked_fact set booked_at = now() where payment = $1 and booked_at is null"
        " returning parked_at, id, fact",
        payment,
    )
    return [msgspec.convert(r["fact"], MoneyFact) for r in sorted(rows, key=lambda r: (r["parked_at"], str(r["id"])))]
