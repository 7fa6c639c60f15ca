"""The books as people read them: an organisation's account, money in suspense, what waits. Minor units; debit positive.

Everything is read behind the tenant wall: books are shown to those who manage a network of the host.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from crm.database import Connection

MOST_ROWS = 200


class Booking(msgspec.Struct, frozen=True):
    """A change of an organisation's account: `amount` above zero is owed more, below zero less; `balance` after it."""

    seq: int
    id: UUID
    kind: str
    on: date
    host: str
    currency: str
    invoice_id: UUID | None
    number: str
    payment_id: UUID | None
    reverses: UUID | None
    reversed: bool
    amount: int
    balance: int
    actor: str


class Issued(msgspec.Struct, frozen=True):
    """An invoice as it was issued, whatever became of it."""

    id: UUID
    gross: int
    currency: str
    issued_on: date


class Balance(msgspec.Struct, frozen=True):
    """What an organisation owes a host, and what it has too much there; both zero or more."""

    host: str
    currency: str
    owed: int
    credit: int


class Credit(msgspec.Struct, frozen=True):
    """Money of one payment that is an organisation's and on no invoice. `rail` bank, card or opening (an import)."""

    payment: UUID
    amount: int
    currency: str
    received_on: date
    reference: str
    rail: str


class Loose(msgspec.Struct, frozen=True):
    """Money in suspense, with what came with it, what somebody noted, and the invoices it may be for."""

    payment: UUID
    amount: int
    left: int
    currency: str
    received_on: date
    reference: str
    text: str
    payer_name: str
    payer_account: str
    provider: str
    notes: tuple[dict[str, Any], ...]
    guesses: tuple[dict[str, Any], ...]


class Return(msgspec.Struct, frozen=True):
    """A bank's reversal whose payment nobody has found; `candidates` are payments of that amount."""

    id: UUID
    amount: int
    currency: str
    booked_on: date
    reference: str
    text: str
    payer_name: str
    candidates: tuple[dict[str, Any], ...]


class File(msgspec.Struct, frozen=True):
    """An imported file."""

    id: UUID
    name: str
    standard: str
    lines: int
    added: int
    actor: str
    imported_at: datetime


class Placed(msgspec.Struct, frozen=True):
    """Something a person did with a payment lately, that can be taken back."""

    transaction: UUID
    amount: int
    currency: str
    number: str
    organisation: str
    payer_name: str
    actor: str
    recorded_at: datetime


class WaitingWriteOff(msgspec.Struct, frozen=True):
    """A write-off that waits for a second person."""

    id: UUID
    invoice_id: UUID
    number: str
    organisation: str
    amount: int
    currency: str
    reason: str
    proposed_by: str
    proposed_by_id: UUID | None
    proposed_at: datetime


_ACCOUNT = """
select * from (
    select t.seq, t.id, t.kind, t.on_date as "on", h.code as host, t.currency, e.invoice_id,
        coalesce(i.series || '-' || i.number, '') as number,
        (array_agg(e.payment_id) filter (where e.payment_id is not null))[1] as payment_id, t.reverses_id as reverses,
        exists (select from ledger_transaction r where r.reverses_id = t.id) as reversed,
        sum(e.amount)::bigint as amount,
        sum(sum(e.amount)) over (partition by t.host_id, t.currency order by t.seq, e.invoice_id)::bigint as balance,
        t.actor
    from ledger_entry e join ledger_transaction t on t.id = e.transaction_id join host h on h.id = t.host_id
    left join invoice i on i.id = e.invoice_id
    where e.organisation_id = $1 and e.account in ('receivable', 'member_credit')
    group by t.seq, t.id, h.code, e.invoice_id, i.series, i.number having sum(e.amount) <> 0
) booked where seq > $2 order by seq, invoice_id limit $3
"""
_BALANCES = """
select h.code as host, e.currency, coalesce(sum(e.amount) filter (where e.account = 'receivable'), 0)::bigint as owed,
    -coalesce(sum(e.amount) filter (where e.account = 'member_credit'), 0)::bigint as credit
from ledger_entry e join host h on h.id = e.host_id
where e.organisation_id = $1 group by 1, 2 order by 1, 2
"""
_CREDITS = """
select p.id as payment, -sum(e.amount)::bigint as amount, p.currency, p.received_on, p.reference, p.rail
from ledger_entry e join payment p on p.id = e.payment_id
where e.organisation_id = $1 and e.host_id = $2 and e.invoice_id is null
    and e.account in ('receivable', 'member_credit')
group by p.id having sum(e.amount) < 0 order by p.received_on, p.id
"""
# Guesses: invoices whose KID stands anywhere in the reference or text, that are owed exactly this, or whose buyer paid.
_SUSPENSE = """
select p.id as payment, p.amount, s.left, p.currency, p.received_on, p.reference, p.text, p.payer_name, p.payer_account,
    p.provider,
    array(select jsonb_build_object('note', n.note, 'actor', n.actor, 'at', n.recorded_at) from suspense_note n
          where n.payment_id = p.id order by n.recorded_at) as notes,
    array(select jsonb_build_object('id', i.id, 'number', i.series || '-' || i.number, 'organisation', o.name,
              'owed', w.owed)
          from invoice i join organisation o on o.id = i.organisation_id
          join lateral (select sum(e.amount)::bigint as owed from ledger_entry e
              where e.invoice_id = i.id and e.account in ('receivable', 'member_credit')) w on w.owed > 0
          where i.host_id = p.host_id and i.status = 'issued' and i.kind = 'invoice' and i.currency = p.currency
              and (i.kid <> '' and strpos(p.reference || ' ' || p.text, i.kid) > 0
                   or strpos(p.text, i.series || '-' || i.number) > 0 or w.owed = s.left
                   or lower(o.name) = lower(p.payer_name))
          order by (i.kid <> '' and strpos(p.reference || ' ' || p.text, i.kid) > 0) desc,
              (lower(o.name) = lower(p.payer_name)) desc, i.due_on, i.id limit 5) as guesses
from payment p join (
    select payment_id, -sum(amount)::bigint as left from ledger_entry where host_id = $1 and account = 'suspense'
    group by payment_id having sum(amount) <> 0
) s on s.payment_id = p.id
order by p.received_on, p.id limit $2
"""
_RETURNS = """
select l.id, l.amount, l.currency, l.booked_on, l.reference, l.text, l.payer_name,
    array(select jsonb_build_object('id', p.id, 'payer', p.payer_name, 'on', p.received_on, 'reference', p.reference)
          from payment p where p.host_id = l.host_id and p.amount >= -l.amount and p.currency = l.currency
          order by (p.amount = -l.amount) desc, p.received_on desc limit 10) as candidates
from bank_line l where l.host_id = $1 and l.problem = 'reversal_unknown' order by l.booked_on, l.key limit $2
"""
_PLACED = """
select t.id as transaction, (t.fact ->> 'amount')::bigint as amount, t.currency,
    coalesce(i.series || '-' || i.number, '') as number, coalesce(o.name, '') as organisation, p.payer_name, t.actor,
    t.recorded_at
from ledger_transaction t join payment p on p.id = (t.fact ->> 'payment')::uuid
left join invoice i on i.id = (t.fact #>> '{target,invoice}')::uuid
left join organisation o on o.id = t.organisation_id
where t.host_id = $1 and t.kind = 'moved' and not exists (select from ledger_transaction r where r.reverses_id = t.id)
order by t.seq desc limit $2
"""
_WRITE_OFFS = """
select w.id, w.invoice_id, i.series || '-' || i.number as number, o.name as organisation, w.amount, w.currency,
    w.reason, w.proposed_by, w.proposed_by_id, w.proposed_at
from write_off w join invoice i on i.id = w.invoice_id join organisation o on o.id = w.organisation_id
where w.host_id = $1 and w.decision = '' order by w.proposed_at limit $2
"""


async def account(connection: Connection, organisation: UUID, after: int, limit: int) -> list[Booking]:
    """An organisation's account, oldest first, after a booking's `seq`; the balance runs per host and currency."""
    return [Booking(**dict(row)) for row in await connection.fetch(_ACCOUNT, organisation, after, limit)]


async def balances(connection: Connection, organisation: UUID) -> list[Balance]:
    """What it owes and has at each host."""
    return [Balance(**dict(row)) for row in await connection.fetch(_BALANCES, organisation)]


async def credits(connection: Connection, organisation: UUID, host: UUID) -> list[Credit]:
    """What it has at the host on no invoice, the oldest first."""
    return [Credit(**dict(row)) for row in await connection.fetch(_CREDITS, organisation, host)]


async def currency_of(connection: Connection, payment: UUID) -> str:
    """What a payment is in; "" where the reader sees none such."""
    return await connection.fetchval("select currency from payment where id = $1", payment) or ""


async def suspense(connection: Connection, host: UUID) -> list[Loose]:
    """Money that nobody has placed, oldest first; `left` below zero is more gone back than had come in."""
    rows = await connection.fetch(_SUSPENSE, host, MOST_ROWS)
    return [Loose(**{**dict(row), "notes": tuple(row["notes"]), "guesses": tuple(row["guesses"])}) for row in rows]


async def returns(connection: Connection, host: UUID) -> list[Return]:
    """Reversals that wait for a person."""
    rows = await connection.fetch(_RETURNS, host, MOST_ROWS)
    return [Return(**{**dict(row), "candidates": tuple(row["candidates"])}) for row in rows]


async def files(connection: Connection, host: UUID, limit: int = 10) -> list[File]:
    """The newest imported files."""
    rows = await connection.fetch(
        "select id, name, standard, lines, added, actor, imported_at from bank_file where host_id = $1"
        " order by imported_at desc limit $2",
        host,
        limit,
    )
    return [File(**dict(row)) for row in rows]


async def placed(connection: Connection, host: UUID, limit: int = 10) -> list[Placed]:
    """What was placed lately and stands."""
    return [Placed(**dict(row)) for row in await connection.fetch(_PLACED, host, limit)]


async def write_offs(connection: Connection, host: UUID) -> list[WaitingWriteOff]:
    """Write-offs that wait for a second person."""
    return [WaitingWriteOff(**dict(row)) for row in await connection.fetch(_WRITE_OFFS, host, MOST_ROWS)]


async def by_number(connection: Connection, host: UUID, number: str) -> tuple[UUID, UUID] | None:
    """(invoice, organisation) of a host's issued invoice by the number or KID on it."""
    row = await connection.fetchrow(
        "select id, organisation_id from invoice where host_id = $1 and status = 'issued' and kind = 'invoice'"
        " and $2 <> '' and (upper(series || '-' || number) = upper($2) or kid = $2)",
        host,
        number,
    )
    return tuple(row) if row else None


async def issued(connection: Connection) -> list[Issued]:
    """Every invoice that asks for money, of all hosts, in the order of their days and numbers."""
    rows = await connection.fetch(
        "select id, gross, currency, issued_on from invoice where kind = 'invoice' and number is not null and gross > 0"
        " order by issued_on, series, number"
    )
    return [Issued(**row) for row in rows]
