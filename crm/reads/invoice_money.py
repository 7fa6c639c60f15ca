"""The money of one invoice: bookings on it, payments that stand on it, card forms, refunds, write-offs, credit notes.

Amounts are minor units of the invoice's currency. A booking's `amount` above zero is owed more, below zero less.
Read behind the tenant wall: the books of a host belong to whoever manages one of its networks.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from cluster_rules.ledger import BY_PEOPLE, REVERSIBLE
from crm.database import Connection


class Posted(msgspec.Struct, frozen=True):
    """One booking that changed what is owed of the invoice; `by_hand`: a person made it, so a person may undo it."""

    id: UUID
    kind: str
    on: date
    amount: int
    provider: str
    payment_id: UUID | None
    reverses: str | None
    reversed: bool
    by_hand: bool
    actor: str
    recorded_at: datetime


class Paid(msgspec.Struct, frozen=True):
    """A payment with money on the invoice: `here` of its `amount`; `left` of it anywhere is what may go back."""

    id: UUID
    provider: str
    rail: str
    amount: int
    here: int
    left: int
    received_on: date
    reference: str
    payer_name: str


class CardForm(msgspec.Struct, frozen=True):
    """A card form that was opened for the invoice."""

    status: str
    amount: int
    created_at: datetime
    expires_at: datetime


class CardRefund(msgspec.Struct, frozen=True):
    """A refund the card provider was asked for, of a payment that stood on the invoice."""

    id: UUID
    status: str
    amount: int
    reason: str
    actor: str
    created_at: datetime


class WriteOff(msgspec.Struct, frozen=True):
    """What somebody proposed to give up of the invoice; `decision` is empty until a second person spoke."""

    id: UUID
    amount: int
    reason: str
    proposed_by: str
    proposed_by_id: UUID | None
    proposed_at: datetime
    decision: str
    decided_by: str
    decided_at: datetime | None


class Note(msgspec.Struct, frozen=True):
    """A credit note on the invoice; without a number while it is a draft."""

    id: UUID
    number: str
    status: str
    gross: int | None
    issued_on: date | None
    reason: str


class Money(msgspec.Struct, frozen=True):
    """Everything together; `credit` is what the buyer has too much at this host besides this invoice."""

    postings: tuple[Posted, ...] = ()
    payments: tuple[Paid, ...] = ()
    forms: tuple[CardForm, ...] = ()
    refunds: tuple[CardRefund, ...] = ()
    write_offs: tuple[WriteOff, ...] = ()
    notes: tuple[Note, ...] = ()
    credit: int = 0


_POSTINGS = """
select t.id, t.kind, t.on_date as "on", sum(e.amount)::bigint as amount, t.provider,
    (array_agg(e.payment_id) filter (where e.payment_id is not null))[1] as payment_id,
    (select r.kind from ledger_transaction r where r.id = t.reverses_id) as reverses,
    exists (select from ledger_transaction r where r.reverses_id = t.id) as reversed,
    t.kind = any($2) and t.provider = any($3) as by_hand, t.actor, t.recorded_at
from ledger_entry e join ledger_transaction t on t.id = e.transaction_id
where e.invoice_id = $1 and e.account in ('receivable', 'member_credit')
group by t.id having sum(e.amount) <> 0 order by t.seq
"""
_PAYMENTS = """
select p.id, p.provider, p.rail, p.amount, -sum(e.amount)::bigint as here, (
        select coalesce(-sum(held.amount), 0)::bigint from ledger_entry held
        where held.payment_id = p.id and held.account in ('receivable', 'member_credit', 'suspense')) as left,
    p.received_on, p.reference, p.payer_name
from ledger_entry e join payment p on p.id = e.payment_id
where e.invoice_id = $1 and e.account in ('receivable', 'member_credit')
group by p.id having sum(e.amount) <> 0 order by p.received_on, p.id
"""
_REFUNDS = """
select id, status, amount, reason, actor, created_at from card_refund
where payment_id in (select payment_id from ledger_entry where invoice_id = $1 and payment_id is not null)
order by created_at, id
"""
_CREDIT = """
select coalesce(sum(spare), 0)::bigint from (
    select greatest(-sum(e.amount), 0) as spare from ledger_entry e join invoice i on i.id = $1
    where e.organisation_id = i.organisation_id and e.host_id = i.host_id and e.currency = i.currency
        and e.account in ('receivable', 'member_credit') and e.invoice_id is distinct from i.id
    group by e.invoice_id, case when e.invoice_id is null then e.payment_id end
) item
"""


async def of_invoice(connection: Connection, invoice: UUID) -> Money:
    """The money of an invoice as it stands now, each list the oldest first; empty for a draft."""

    async def fetched(shape: type[Any], statement: str, *values: object) -> tuple[Any, ...]:
        return tuple(shape(**dict(row)) for row in await connection.fetch(statement, invoice, *values))

    return Money(
        postings=await fetched(Posted, _POSTINGS, list(REVERSIBLE), list(BY_PEOPLE)),
        payments=await fetched(Paid, _PAYMENTS),
        forms=await fetched(
            CardForm,
            "select status, amount, created_at, expires_at from card_session where invoice_id = $1 order by created_at",
        ),
        refunds=await fetched(CardRefund, _REFUNDS),
        write_offs=await fetched(
            WriteOff,
            "select id, amount, reason, proposed_by, proposed_by_id, proposed_at, decision, decided_by, decided_at"
            " from write_off where invoice_id = $1 order by proposed_at",
        ),
        notes=await fetched(
            Note,
            "select id, coalesce(series || '-' || number, '') as number, status, gross, issued_on, reason"
            " from invoice where credits_id = $1 order by created_at, id",
        ),
        credit=await connection.fetchval(_CREDIT, invoice),
    )


async def left(connection: Connection, invoice: UUID) -> dict[UUID, int]:
    """The net amount of each charge of an invoice that no credit note takes back, drafts of those too."""
    rows = await connection.fetch(
        "select c.id, c.net - coalesce((select sum(l.net) from credit_line l where l.charge_id = c.id), 0)::bigint"
        ' as "left"'
        " from charge c where c.invoice_id = $1 order by c.starts_on, c.recorded_at, c.net desc, c.id",
        invoice,
    )
    return {row["id"]: row["left"] for row in rows}


class Asked(msgspec.Struct, frozen=True):
    """How far a refund by card is: its booking once there is one, and the invoices that are owed again by it."""

    status: str
    transaction: UUID | None
    reopened: tuple[UUID, ...]


_ASKED = """
select r.status, t.id as transaction, array(
    select e.invoice_id from ledger_entry e where e.transaction_id = t.id and e.invoice_id is not null
        and e.account in ('receivable', 'member_credit')
    group by e.invoice_id having (
        select sum(o.amount) between 1 and sum(e.amount) from ledger_entry o
        where o.invoice_id = e.invoice_id and o.account in ('receivable', 'member_credit'))
    order by e.invoice_id) as reopened
from card_refund r join payment p on p.id = r.payment_id
left join ledger_transaction t on r.object_id <> '' and t.provider = p.provider and t.object_id = r.object_id
where r.id = $1
"""


async def asked(connection: Connection, refund: UUID) -> Asked:
    """A refund that was asked for."""
    row = await connection.fetchrow(_ASKED, refund)
    return Asked(row["status"], row["transaction"], tuple(row["reopened"]))
