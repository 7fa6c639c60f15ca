"""What an organisation was billed, whoever sold it, and what is to its credit: for its own pages.

Amounts are minor units; those of credit notes are below zero. A day is the end of that day where the host is.
"""

from datetime import date
from uuid import UUID

import msgspec

from crm.database import Connection
from crm.reads.invoice_list import PAGE, Bucket


class Own(msgspec.Struct, frozen=True):
    """An issued document as its payer sees it; `owed` with fees and interest, never below zero. `host` sells it."""

    id: UUID
    kind: str
    bucket: Bucket
    number: str
    host: str
    currency: str
    kid: str
    gross: int
    owed: int
    issued_on: date
    due_on: date | None


class Credit(msgspec.Struct, frozen=True):
    """What a host owes an organisation: overpaid, or credited after it was paid."""

    host: str
    currency: str
    amount: int


_OWN_BUCKET = """
case when i.kind = 'credit_note' then 'credit_note'
    when coalesce(books.owed, 0) <= 0 and credited.gross >= i.gross then 'credited'
    when coalesce(books.owed, 0) <= 0 and invoice_withdrawn(i.id) then 'credited'
    when coalesce(books.owed, 0) <= 0 and books.given_up > 0 then 'written_off'
    when coalesce(books.owed, 0) <= 0 then 'paid'
    when $3 - i.due_on <= 0 then 'open' when $3 - i.due_on <= 30 then 'late30'
    when $3 - i.due_on <= 60 then 'late60' when $3 - i.due_on <= 90 then 'late90' else 'late' end
"""
# $1 the payer, $2 how many, $3 the day
_OWN = f"""
select i.id, i.kind, {_OWN_BUCKET} as bucket, i.series || '-' || i.number as number, h.name as host, i.currency, i.kid,
    case i.kind when 'credit_note' then -i.gross else i.gross end as gross,
    greatest(coalesce(books.owed, 0), 0) as owed, i.issued_on, i.due_on
from invoice i join host h on h.id = i.host_id
left join lateral (
    select sum(e.amount)::bigint as owed, -sum(e.amount) filter (where t.kind = 'writtenoff' and not exists
        (select from ledger_transaction r where r.reverses_id = t.id)) as given_up
    from ledger_entry e join ledger_transaction t on t.id = e.transaction_id
    where i.kind = 'invoice' and e.invoice_id = i.id and e.account in ('receivable', 'member_credit')
) books on true
left join lateral (
    select sum(n.gross)::bigint as gross from invoice n where n.credits_id = i.id and n.status = 'issued'
) credited on true
where i.organisation_id = $1 and i.status = 'issued'
order by coalesce(books.owed, 0) <= 0, i.issued_on desc, i.number desc limit $2
"""
_CREDIT = """
select h.name as host, e.currency, -sum(e.amount)::bigint as amount from ledger_entry e join host h on h.id = e.host_id
where e.organisation_id = $1 and e.account = 'member_credit' group by h.name, e.currency having sum(e.amount) < 0
order by 1, 2
"""


async def of_organisation(connection: Connection, organisation: UUID, today: date, limit: int = PAGE) -> list[Own]:
    """What an organisation has been billed, whoever sold it: what is unpaid first, then the newest.

    For the organisation's own pages: the caller has seen to it that the reader acts for it. Drafts are not shown.
    """
    return [Own(**dict(row)) for row in await connection.fetch(_OWN, organisation, limit, today)]


async def credit_of(connection: Connection, organisation: UUID) -> list[Credit]:
    """What hosts owe an organisation, one row for each host and currency."""
    return [Credit(**dict(row)) for row in await connection.fetch(_CREDIT, organisation)]
