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
from crm.reads.invoice_firsts import NOT_PAID, OWED, WITHDRAWN, Firsts, Place
from crm.reads.invoice_matches import matching
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
MOST_SEARCHED = 1_000  # rows of a page that are searched for; more are found by looking at all


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
    key: Place


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


class Page(msgspec.Struct, frozen=True):
    """Rows in order, how many stand before them, and whether more follow."""

    rows: tuple[Row, ...]
    before: int
    more: bool


_AGE = """case when $3 - i.due_on <= 0 then 'open' when $3 - i.due_on <= 30 then 'late30'
            when $3 - i.due_on <= 60 then 'late60' when $3 - i.due_on <= 90 then 'late90' else 'late' end
"""
_BUCKET = f"""
case when i.kind = 'credit_note' then 'credit_note' when owed > 0 then {_AGE}
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
with withdrawn as materialized ({WITHDRAWN}), bad as (
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
    where i.host_id = $1 and i.status = 'issued' and i.issued_on <= $3 and {{issued}}
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
    where i.host_id = $1 and i.status = 'draft' and $3 >= $4 and {{draft}}
), shown as (select * from issued union all select * from draft)
"""
_IN_LOST = "i.id in (select invoice_id from lost)"
_OF_NETWORK = """(i.network_id = $2
    or i.kind = 'invoice' and i.network_id is null and i.id in (select x from invoices_together(array[$2::uuid]) x)
    or i.kind = 'credit_note' and exists
        (select from credit_line l join charge c on c.id = l.charge_id
         join membership m on m.id = c.membership_id where l.invoice_id = i.id and m.network_id = $2))
"""
_WITH_TEXT = """(i.series || '-' || i.number ilike {text} or i.kid like {text}
    or i.organisation_id in (select o.id from organisation o where lower(o.name) like lower({text})))
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
_UNPAID = f"""
select i.currency, sum(i.owed)::bigint as owed, coalesce(sum(i.owed) filter (where i.due_on < $3), 0)::bigint as overdue
from ({OWED}) i group by 1 order by 1
"""
# All of a network's documents without looking at each (ADR 0051): what is owed by age, what was credited or given up,
# and what else was issued by then is paid. (Drafts, and what did not arrive, are counted by themselves.)
_COUNTED = f"""
with withdrawn as materialized ({WITHDRAWN}), apart as materialized (
    select {_AGE} as bucket, i.currency, count(*) as count, sum(i.gross) as gross, sum(i.owed) as owed
    from ({OWED}) i group by 1, 2
    union all select i.bucket, i.currency, count(*), sum(i.gross), 0 from ({NOT_PAID}) i group by 1, 2
), whole as (
    select d.kind, d.currency, sum(d.documents) as count, sum(d.gross) as gross from invoice_day d
    where d.host_id = $1 and d.issued_on <= $3 and $2 = any(d.networks) group by 1, 2
)
select bucket, currency, count::int, gross::bigint, owed::bigint from apart
union all select 'credit_note', currency, count::int, -gross::bigint, 0 from whole where kind = 'credit_note'
union all select 'paid', w.currency, (w.count - coalesce(a.count, 0))::int, (w.gross - coalesce(a.gross, 0))::bigint, 0
from whole w left join (
    select currency, sum(count) as count, sum(gross) as gross from apart group by 1
) a on a.currency = w.currency where w.kind = 'invoice'
"""


async def figures(connection: Connection, wanted: Filter) -> list[Figure]:
    """Counts and sums by bucket, currency and whether they arrived, by the text and organisation that are wanted."""
    async with roomy(connection):
        if not _of_all(wanted):
            return await _looked_at(connection, wanted)
        lost = await _looked_at(connection, wanted, _IN_LOST)
        sums = {(f.bucket, f.currency): f for f in await _counted(connection, wanted)}
    for each in lost:
        key = (each.bucket, each.currency)
        if each.undelivered:
            sums[key] = _less(sums[key], each)
        else:
            sums[key] = each
    left = [each for each in sums.values() if each.count]
    return sorted([*left, *(each for each in lost if each.undelivered)], key=lambda f: (*_place(f), f.undelivered))


def _of_all(wanted: Filter) -> bool:
    """Is it asked of all documents of the network?"""
    return not wanted.text and wanted.organisation is None


async def _looked_at(connection: Connection, wanted: Filter, among: str = "true") -> list[Figure]:
    """By looking at each document there is, or at some of those that are issued."""
    values: list[object] = _asked(wanted)
    matches = await _matches(connection, wanted, values)
    statement = _shown(wanted, values, matches or among, bool(matches)) + _FIGURES
    return [Figure(**dict(row)) for row in await connection.fetch(statement, *values)]


async def _counted(connection: Connection, wanted: Filter) -> list[Figure]:
    found = await connection.fetch(_COUNTED, wanted.host, wanted.network, wanted.day)
    return [Figure(**dict(row), undelivered=False) for row in found]


def _less(whole: Figure, part: Figure) -> Figure:
    return msgspec.structs.replace(
        whole, count=whole.count - part.count, gross=whole.gross - part.gross, owed=whole.owed - part.owed
    )


def _place(figure: Figure) -> tuple[str, str]:
    return figure.bucket, figure.currency


async def unpaid(connection: Connection, network: UUID, host: UUID, day: date) -> list[Unpaid]:
    """What is owed of a network's invoices at the end of a day: the same sums as those of its list."""
    return [Unpaid(**dict(row)) for row in await connection.fetch(_UNPAID, host, network, day)]


async def page(
    connection: Connection,
    wanted: Filter,
    after: Place | None = None,
    limit: int = PAGE,
    before: int | None = None,
) -> Page:
    """The rows after a place in the order (`Row.key`). `before`: how many stand there up to it, where that is known."""
    values: list[object] = _asked(wanted)
    async with roomy(connection):
        known = 0 if after is None else before
        matches = among = await _matches(connection, wanted, values)
        if known is not None and limit < MOST_SEARCHED and not matches:
            among = await _searched(connection, wanted, after, limit + 1, values)
        shown = _shown(wanted, values, among or "true", bool(matches))
        filtered = f"bucket = any({_bind(values, list(wanted.buckets), 'text[]')})" if wanted.buckets else "true"
        if wanted.undelivered:
            filtered += " and id in (select invoice_id from lost)"
        place, count = "true", "0"
        if after is not None:
            key = ", ".join(_bind(values, *each) for each in zip(after, ("bigint", "bigint", "uuid"), strict=True))
            place, count = f"(a, b, id) > ({key})", f"(select count(*) from listed where (a, b, id) <= ({key}))"
        a, b = _ORDERS[wanted.sort]
        at_most = _bind(values, limit + 1, "int")
        told = count if known is None else "0"
        statement = shown + _ROWS.format(a=a, b=b, filtered=filtered, after=place, before=told, limit=at_most)
        found = await connection.fetch(statement, *values)
    rows = tuple(_row(dict(record)) for record in found[:limit])
    standing = known if known is not None else found[0]["before"] if found else 0
    return Page(rows, standing if rows else 0, len(found) > limit)


async def _searched(
    connection: Connection, wanted: Filter, after: Place | None, limit: int, values: list[object]
) -> str:
    """The condition on issued documents among which the page is; "" where only looking at all of them finds it."""
    if not _of_all(wanted):
        return ""
    if wanted.undelivered:
        return _IN_LOST
    buckets = [each for each in wanted.buckets if each != "draft"]
    ids: list[UUID] = []
    if buckets or not wanted.buckets:
        at = (wanted.host, wanted.network, wanted.day)
        ids = await Firsts(connection, at, _OF_NETWORK, wanted.sort, after).ids(buckets, limit)
    return f"i.id = any({_bind(values, ids, 'uuid[]')})"


async def _matches(connection: Connection, wanted: Filter, values: list[object]) -> str:
    """The condition on issued documents that have the text; "" for none, or where too many have it."""
    found = await matching(connection, wanted.host, wanted.text, _pattern(wanted.text)) if wanted.text else None
    return "" if found is None else f"i.id = any({_bind(values, found, 'uuid[]')})"


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


def _shown(wanted: Filter, values: list[object], among: str = "true", matched: bool = False) -> str:
    """The list by its text and organisation, which are added to the values of the statement.

    `among`: of what is issued only the documents `i` for which it holds; `matched`: they all have the text.
    """
    conditions = [_OF_NETWORK]
    if wanted.organisation is not None:
        conditions.append(f"i.organisation_id = {_bind(values, wanted.organisation, 'uuid')}")
    text = _WITH_TEXT.format(text=_bind(values, _pattern(wanted.text), "text")) if wanted.text else "true"
    issued = [*conditions, among if matched else f"{text} and {among}"]
    return _SHOWN.format(issued=" and ".join(issued), draft=" and ".join([*conditions, text]))


def _pattern(text: str) -> str:
    """For LIKE: the text anywhere, taken literally."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _bind(values: list[object], value: object, kind: str) -> str:
    values.append(value)
    return f"${len(values)}::{kind}"


def _row(values: dict[str, object]) -> Row:
    values.pop("before")
    key = (values.pop("a"), values.pop("b"), values["id"])
    return msgspec.convert(values | {"key": key}, Row)
