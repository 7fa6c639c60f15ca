"""The list of a network's invoices on a day: in which bucket each stands, sums by bucket, and the rows, keyset-paged.

Amounts are minor units; those of credit notes are below zero, because they take back. A day is the end of that day
where the network is: what was issued, booked or credited later is not there yet. Drafts have no past, so they
stand only on lists of today or later. Sums are those of whole invoices, also when other networks have lines on them.
"""

from datetime import date
from typing import Literal
from uuid import UUID

import msgspec

from crm.database import Connection
from crm.reads.reports.engine import roomy

Bucket = Literal[
    "draft", "open", "late30", "late60", "late90", "late", "paid", "credited", "written_off", "credit_note"
]
BUCKETS: tuple[Bucket, ...] = Bucket.__args__  # type: ignore[attr-defined]
LATE: tuple[Bucket, ...] = ("late30", "late60", "late90", "late")
UNPAID: tuple[Bucket, ...] = ("open", *LATE)
SORTS = ("due", "newest", "amount")
Sort = Literal["due", "newest", "amount"]
PAGE = 50
DIGITS = 18  # of a number


class Filter(msgspec.Struct, frozen=True):
    """Which invoices of which network; empty `buckets` = all of them. `text`: part of a number, KID or buyer's name."""

    network: UUID
    host: UUID
    day: date
    today: date
    buckets: tuple[Bucket, ...] = ()
    text: str = ""
    organisation: UUID | None = None
    undelivered: bool = False
    sort: Sort = "due"


class Figure(msgspec.Struct, frozen=True):
    """How many invoices of one bucket and currency, what they come to, and what of it is still owed."""

    bucket: Bucket
    currency: str
    undelivered: bool
    count: int
    gross: int
    owed: int


class Row(msgspec.Struct, frozen=True):
    """One line of the list; `owed` is never below zero. `key` is where it stands in the order."""

    id: UUID
    kind: str
    bucket: Bucket
    number: str
    organisation_id: UUID
    organisation: str
    currency: str
    kid: str
    net: int
    gross: int
    owed: int
    issued_on: date | None
    due_on: date | None
    delivery: str | None
    key: tuple[int, int, UUID]


class Unpaid(msgspec.Struct, frozen=True):
    """What is owed of a network's invoices in one currency, and how much of it is overdue."""

    currency: str
    owed: int
    overdue: int


class Numbered(msgspec.Struct, frozen=True):
    """An issued document by its number."""

    id: UUID
    kind: str
    number: str
    organisation: str
    currency: str
    gross: int


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


class Page(msgspec.Struct, frozen=True):
    """Rows in order, how many stand before them, and whether more follow."""

    rows: tuple[Row, ...]
    before: int
    more: bool


_BUCKET = """
case when i.kind = 'credit_note' then 'credit_note' when owed > 0 then
        case when $3 - i.due_on <= 0 then 'open' when $3 - i.due_on <= 30 then 'late30'
            when $3 - i.due_on <= 60 then 'late60' when $3 - i.due_on <= 90 then 'late90' else 'late' end
    when s.credited >= i.gross then 'credited' when i.id in (select invoice_id from withdrawn) then 'credited'
    when s.written_off > 0 then 'written_off' else 'paid' end
"""
# What is unpaid comes first, the most overdue at the top; then drafts; then what is done, the newest first.
_ORDERS = {
    "due": (
        "case when owed > 0 then 0 when bucket = 'draft' then 1 else 2 end",
        "case when owed > 0 then due_on - date '2000-01-01' else date '2000-01-01' - made_on end",
    ),
    "newest": ("0", "date '2000-01-01' - made_on"),
    "amount": ("0", "-gross"),
}
# Drafts, of which there are few, are looked up one by one; what is issued stands in one row each (ADR 0045).
# $1 host, $2 network, $3 day, $4 today
_SHOWN = f"""
with withdrawn as materialized (
    select o.invoice_id from opening_item o join ledger_transaction t on t.object_id = o.invoice_id::text
        and t.kind = 'opened' and t.provider = 'klynge' and t.phase = 'issued'
    join ledger_transaction r on r.reverses_id = t.id
), bad as (
    select v.id, v.invoice_id, v.created_at from invoice_delivery v where v.status in ('failed', 'rejected')
    union all
    select v.id, v.invoice_id, v.created_at from mail m join invoice_delivery v on v.id = m.id
    where m.status = 'failed' and v.channel = 'email' and v.status = 'sending'
), lost as materialized ( -- the newest way to the buyer went wrong
    select b.invoice_id from bad b where not exists (select from invoice_delivery n where n.invoice_id = b.invoice_id
        and (n.created_at > b.created_at or n.created_at = b.created_at and n.id < b.id))
), issued as (
    select i.id, i.kind, {_BUCKET} as bucket, i.organisation_id, i.currency, sign.of * i.net as net,
        sign.of * i.gross as gross, owed, i.due_on, i.issued_on as made_on
    from invoice i left join invoice_standing s on s.host_id = i.host_id and s.invoice_id = i.id
        and s.starts_on <= $3 and (s.ends_on is null or s.ends_on > $3)
    cross join lateral (select case i.kind when 'credit_note' then -1 else 1 end as of,
        case i.kind when 'credit_note' then 0 else greatest(coalesce(s.balance, i.gross), 0) end as owed) sign
    where i.host_id = $1 and i.status = 'issued' and i.issued_on <= $3 and {{wanted}}
), draft as (
    select i.id, i.kind, 'draft' as bucket, i.organisation_id, i.currency, coalesce(billed.net, -given.net, 0) as net,
        coalesce(billed.gross, -given.gross, 0) as gross, 0 as owed, i.due_on, i.created_at::date as made_on
    from invoice i left join lateral (
        select sum(c.net)::bigint as net, sum(c.net + c.vat)::bigint as gross from charge c
        where i.kind = 'invoice' and c.invoice_id = i.id
    ) billed on true left join lateral (
        select sum(l.net)::bigint as net, sum(l.net + round(l.net * c.vat_percent / 100.0))::bigint as gross
        from credit_line l join charge c on c.id = l.charge_id where i.kind = 'credit_note' and l.invoice_id = i.id
    ) given on true
    where i.host_id = $1 and i.status = 'draft' and $3 >= $4 and {{wanted}}
), shown as (select * from issued union all select * from draft)
"""
_OF_NETWORK = """(i.network_id = $2
    or i.kind = 'invoice' and i.network_id is null and i.id in (select x from invoices_together(array[$2::uuid]) x)
    or i.kind = 'credit_note' and exists
        (select from credit_line l join charge c on c.id = l.charge_id
         join membership m on m.id = c.membership_id where l.invoice_id = i.id and m.network_id = $2))
"""
_WITH_TEXT = """(i.series || '-' || i.number ilike {text} or i.kid like {text}
    or i.organisation_id in (select o.id from organisation o where o.name ilike {text}))
"""
_FIGURES = """
select bucket, currency, id in (select invoice_id from lost) as undelivered, count(*)::int as count,
    sum(gross)::bigint as gross, sum(owed)::bigint as owed
from shown group by 1, 2, 3 order by 1, 2, 3
"""
# What is in order is little of each; the rest is looked up for the rows of the page.
_ROWS = """
, listed as materialized (
    select id, bucket, net, gross, owed, ({a})::bigint as a, ({b})::bigint as b from shown where {filtered}
), page as (select * from listed where {after} order by a, b, id limit {limit})
select i.id, i.kind, p.bucket, coalesce(i.series || '-' || i.number, '') as number, i.organisation_id,
    o.name as organisation, i.currency, i.kid, p.net, p.gross, p.owed, i.issued_on, i.due_on, (
        select v.status from invoice_delivery v where v.invoice_id = i.id order by v.created_at desc, v.id limit 1
    ) as delivery, p.a, p.b, {before} as before
from page p join invoice i on i.id = p.id join organisation o on o.id = i.organisation_id order by p.a, p.b, p.id
"""
_UNPAID = """
select i.currency, sum(coalesce(s.balance, i.gross))::bigint as owed,
    coalesce(sum(coalesce(s.balance, i.gross)) filter (where i.due_on < $3), 0)::bigint as overdue
from invoice i left join invoice_standing s on s.host_id = i.host_id and s.invoice_id = i.id and s.starts_on <= $3
    and (s.ends_on is null or s.ends_on > $3)
where i.id in (select invoices_open($1, $3, null)) and coalesce(s.balance, i.gross) > 0 and (i.network_id = $2
    or i.network_id is null and i.id in (select x from invoices_together(array[$2::uuid]) x))
group by 1 order by 1
"""


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


async def figures(connection: Connection, wanted: Filter) -> list[Figure]:
    """Counts and sums by bucket, currency and whether they arrived, by the text and organisation that are wanted."""
    values: list[object] = _asked(wanted)
    statement = _shown(wanted, values) + _FIGURES
    async with roomy(connection):
        return [Figure(**dict(row)) for row in await connection.fetch(statement, *values)]


async def unpaid(connection: Connection, network: UUID, host: UUID, day: date) -> list[Unpaid]:
    """What is owed of a network's invoices at the end of a day: the same sums as those of its list."""
    return [Unpaid(**dict(row)) for row in await connection.fetch(_UNPAID, host, network, day)]


async def page(
    connection: Connection, wanted: Filter, after: tuple[int, int, UUID] | None = None, limit: int = PAGE
) -> Page:
    """The rows after a place in the order (`Row.key`)."""
    values: list[object] = _asked(wanted)
    shown = _shown(wanted, values)
    filtered = f"bucket = any({_bind(values, list(wanted.buckets), 'text[]')})" if wanted.buckets else "true"
    if wanted.undelivered:
        filtered += " and id in (select invoice_id from lost)"
    place, before = "true", "0"
    if after is not None:
        key = ", ".join(_bind(values, *each) for each in zip(after, ("bigint", "bigint", "uuid"), strict=True))
        place, before = f"(a, b, id) > ({key})", f"(select count(*) from listed where (a, b, id) <= ({key}))"
    a, b = _ORDERS[wanted.sort]
    at_most = _bind(values, limit + 1, "int")
    statement = shown + _ROWS.format(a=a, b=b, filtered=filtered, after=place, before=before, limit=at_most)
    async with roomy(connection):
        found = await connection.fetch(statement, *values)
    rows = tuple(_row(dict(record)) for record in found[:limit])
    return Page(rows, found[0]["before"] if found else 0, len(found) > limit)


async def numbered(connection: Connection, host: UUID, first: str, last: str) -> list[Numbered]:
    """The issued documents of a host from one number to another of the same series, in order."""
    (one, _, lowest), (other, _, highest) = first.rpartition("-"), last.rpartition("-")
    if one != other or not (lowest.isdecimal() and highest.isdecimal()) or max(len(lowest), len(highest)) > DIGITS:
        return []
    found = await connection.fetch(
        "select i.id, i.kind, i.series || '-' || i.number as number, o.name as organisation, i.currency,"
        " case i.kind when 'credit_note' then -i.gross else i.gross end as gross"
        " from invoice i join organisation o on o.id = i.organisation_id"
        " where i.host_id = $1 and i.series = $2 and i.number between $3 and $4 order by i.number",
        host,
        one,
        int(lowest),
        int(highest),
    )
    return [Numbered(**dict(row)) for row in found]


def _asked(wanted: Filter) -> list[object]:
    return [wanted.host, wanted.network, wanted.day, wanted.today]


def _shown(wanted: Filter, values: list[object]) -> str:
    """The list by its text and organisation, which are added to the values of the statement."""
    conditions = [_OF_NETWORK]
    if wanted.text:
        text = wanted.text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        conditions.append(_WITH_TEXT.format(text=_bind(values, f"%{text}%", "text")))
    if wanted.organisation is not None:
        conditions.append(f"i.organisation_id = {_bind(values, wanted.organisation, 'uuid')}")
    return _SHOWN.format(wanted=" and ".join(conditions))


def _bind(values: list[object], value: object, kind: str) -> str:
    values.append(value)
    return f"${len(values)}::{kind}"


def _row(values: dict[str, object]) -> Row:
    values.pop("before")
    key = (values.pop("a"), values.pop("b"), values["id"])
    return msgspec.convert(values | {"key": key}, Row)
