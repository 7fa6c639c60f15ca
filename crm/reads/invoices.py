"""Invoices and credit notes as they are shown: one with its lines, lists with filters, what is overdue.

Amounts are minor units of the invoice's currency, as on paper: a credit note's are what it takes back. Reads run
behind the tenant wall: rows of one's hosts, lines of one's networks, a document only with all its networks.
"""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from cluster_rules import vat
from cluster_rules.vat import Percent
from crm.catalogue import Catalogue
from crm.database import Connection

FIRST = UUID(int=0)
State = Literal["draft", "open", "overdue", "paid", "credited", "written_off", "issued"]
# Days after the due date at which an aging bucket ends; what is not due yet comes before, the rest after them.
BUCKETS = (0, 30, 60, 90)


class Line(msgspec.Struct, frozen=True):
    """One line with its own VAT treatment and how it was computed; `charge_id` is the charge it bills or credits."""

    id: UUID
    charge_id: UUID
    membership_id: UUID
    network: str
    tier: str
    component: str
    names: dict[str, str]
    starts_on: date
    ends_on: date | None
    net: int
    vat_code: str
    vat_percent: Percent
    vat: int
    example: bool
    steps: list[dict[str, Any]]


class Invoice(msgspec.Struct, frozen=True):
    """A host's bill or credit note; the sums are those of its lines that the reader sees.

    `owed` is what is left to pay by the ledger (below zero: paid or credited too much); None on drafts and credit
    notes. `whole`: the reader may see all of it, and so its document.
    """

    id: UUID
    kind: str
    status: str
    number: str
    host: str
    host_name: str
    organisation_id: UUID
    organisation: str
    currency: str
    buyer_reference: str
    payment_days: int
    created_at: datetime
    issued_on: date | None
    due_on: date | None
    kid: str
    reason: str
    credits_id: UUID | None
    delivery: str | None
    delivery_error: str | None
    owed: int | None
    whole: bool
    lines: tuple[Line, ...]

    @property
    def net(self) -> int:
        """Without VAT."""
        return sum(line.net for line in self.lines)

    @property
    def vat(self) -> int:
        """The VAT of all lines."""
        return sum(line.vat for line in self.lines)


class Row(msgspec.Struct, frozen=True):
    """One line of a list. `net` and `gross` of a draft are those of its lines that the reader sees."""

    id: UUID
    kind: str
    state: State
    number: str
    host: str
    organisation_id: UUID
    organisation: str
    currency: str
    net: int
    gross: int
    owed: int
    issued_on: date | None
    due_on: date | None
    delivery: str | None
    created_at: datetime


class Filter(msgspec.Struct, frozen=True):
    """Which invoices; None = any. `overdue`, `open` and `paid` are as of `day`."""

    day: date
    state: State | None = None
    kind: str | None = None
    organisation: UUID | None = None
    network: UUID | None = None
    undelivered: bool = False


class Page(msgspec.Struct, frozen=True):
    """One page of a list, in the order of ids, and whether there is more."""

    rows: list[Row]
    more: bool


class Bucket(msgspec.Struct, frozen=True):
    """What is owed and how late: due at least `from_days` and less than `below_days` ago (None: without limit)."""

    currency: str
    from_days: int | None
    below_days: int | None
    count: int
    amount: int


class Event(msgspec.Struct, frozen=True):
    """What happened to an invoice."""

    kind: str
    actor: str
    detail: dict[str, Any]
    recorded_at: datetime


class Delivery(msgspec.Struct, frozen=True):
    """One way to the buyer, and how far it got."""

    id: UUID
    invoice_id: UUID
    channel: str
    recipient: str
    status: str
    attempts: int
    reference: str
    last_error: str
    created_at: datetime
    updated_at: datetime


_NEWEST_DELIVERY = """
left join lateral (
    select case when v.channel = 'email' and v.status = 'sending' and m.status = 'failed' then 'failed'
        else v.status end as status, coalesce(nullif(v.last_error, ''), m.last_error, '') as error
    from invoice_delivery v left join mail m on m.id = v.id
    where v.invoice_id = i.id order by v.created_at desc, v.id limit 1
) delivery on true
"""
_OWED = """
left join lateral (
    select sum(e.amount)::bigint as owed from ledger_entry e
    where e.invoice_id = i.id and e.account in ('receivable', 'member_credit')
) ledger on i.kind = 'invoice' and i.status = 'issued'
"""
_INVOICES = f"""
select i.id, i.kind, i.status, coalesce(i.series || '-' || i.number, '') as number, h.code as host, h.name as host_name,
    i.organisation_id, o.name as organisation, i.currency, i.buyer_reference, i.payment_days, i.created_at, i.issued_on,
    i.due_on, i.kid, i.reason, i.credits_id, delivery.status as delivery, delivery.error as delivery_error, ledger.owed,
    exists (select from invoice_document d where d.invoice_id = i.id) as whole
from invoice i join host h on h.id = i.host_id join organisation o on o.id = i.organisation_id
{_NEWEST_DELIVERY} {_OWED}
where i.id = any($1)
"""
# A line's VAT is its part of the document's, where there is one the reader may see.
_LINES = """
select shown.invoice_id, shown.id, c.id as charge_id, c.membership_id, m.network_id, c.tier, c.component, c.names,
    coalesce(b.starts_on, c.starts_on) as starts_on,
    case when b.id is null then c.ends_on else b.ends_on end as ends_on, shown.net, c.vat_code, c.vat_percent,
    coalesce((d.document -> 'lines' -> (array_position(d.charge_ids, shown.id) - 1) ->> 'vat')::bigint,
        shown.vat) as vat,
    c.example, coalesce(b.steps, c.steps) as steps
from (
    select c.invoice_id, c.id, c.id as charge_id, null::uuid as because_id, c.net, c.vat
    from charge c join invoice i on i.id = c.invoice_id where c.invoice_id = any($1) and i.kind = 'invoice'
    union all
    select l.invoice_id, l.id, l.charge_id, l.because_id, l.net, round(l.net * c.vat_percent / 100.0)::bigint
    from credit_line l join charge c on c.id = l.charge_id where l.invoice_id = any($1)
) shown join charge c on c.id = shown.charge_id join membership m on m.id = c.membership_id
left join charge b on b.id = shown.because_id left join invoice_document d on d.invoice_id = shown.invoice_id
order by shown.invoice_id, starts_on, c.recorded_at, shown.net desc, shown.id
"""
_STATE = """
case when i.status = 'draft' then 'draft' when i.kind = 'credit_note' then 'issued'
    when ledger.owed <= 0 and credited.gross >= i.gross then 'credited'
    when ledger.owed <= 0 and invoice_withdrawn(i.id) then 'credited'
    when ledger.owed <= 0 and given_up.amount > 0 then 'written_off' when ledger.owed <= 0 then 'paid'
    when i.due_on < $1 then 'overdue' else 'open' end
"""
_ROWS = f"""
select i.id, i.kind, {_STATE} as state, coalesce(i.series || '-' || i.number, '') as number, h.code as host,
    i.organisation_id, o.name as organisation, i.currency, coalesce(i.net, drafted.net, 0) as net,
    coalesce(i.gross, drafted.gross, 0) as gross, coalesce(ledger.owed, 0) as owed, i.issued_on, i.due_on,
    delivery.status as delivery, i.created_at
from invoice i join host h on h.id = i.host_id join organisation o on o.id = i.organisation_id
left join lateral (
    select sum(c.net)::bigint as net, sum(c.net + c.vat)::bigint as gross from charge c where c.invoice_id = i.id
) drafted on i.status = 'draft'
left join lateral (
    select sum(n.gross) as gross from invoice n where n.credits_id = i.id and n.status = 'issued'
) credited on i.kind = 'invoice'
left join lateral (
    select -sum(e.amount)::bigint as amount from ledger_entry e join ledger_transaction t on t.id = e.transaction_id
    where e.invoice_id = i.id and e.account in ('receivable', 'member_credit') and t.kind = 'writtenoff'
        and not exists (select from ledger_transaction r where r.reverses_id = t.id)
) given_up on i.kind = 'invoice'
{_NEWEST_DELIVERY} {_OWED}
where i.id > $2 and ($3::text is null or {_STATE} = $3) and ($4::text is null or i.kind = $4)
    and ($5::uuid is null or i.organisation_id = $5) and (not $7 or delivery.status in ('failed', 'rejected'))
    and ($6::uuid is null or exists (select from charge c join membership m on m.id = c.membership_id
        where m.network_id = $6 and (c.invoice_id = i.id
        or c.id in (select l.charge_id from credit_line l where l.invoice_id = i.id))))
order by i.id limit $8
"""
_AGING = """
select i.currency, case when $2 - i.due_on <= 0 then 0 else (select count(*)::int from unnest($3::int[]) as b (days)
    where $2 - i.due_on > b.days) end as bucket, count(*)::int as count, sum(owed)::bigint as amount
from invoice i join lateral (
    select sum(e.amount)::bigint as owed from ledger_entry e join ledger_transaction t on t.id = e.transaction_id
    where e.invoice_id = i.id and e.account in ('receivable', 'member_credit') and t.on_date <= $2
) ledger on true
where i.host_id = any($1) and i.kind = 'invoice' and i.status = 'issued' and i.issued_on <= $2 and ledger.owed > 0
group by 1, 2 order by 1, 2
"""


async def some(connection: Connection, kept: Catalogue, wanted: list[UUID]) -> list[Invoice]:
    """These invoices, in this order; those the reader may not see are left out, and so are such lines."""
    lines: dict[UUID, list[Line]] = {}
    for row in await connection.fetch(_LINES, wanted):
        values = dict(row)
        network = kept.by_id[values.pop("network_id")].slug
        values["vat_percent"] = vat.rate(values["vat_percent"])
        lines.setdefault(values.pop("invoice_id"), []).append(Line(network=network, **values))
    rows = {r["id"]: r for r in await connection.fetch(_INVOICES, wanted)}
    return [Invoice(**dict(rows[i]), lines=tuple(lines.get(i, ()))) for i in wanted if i in rows]


async def page(connection: Connection, wanted: Filter, after: UUID = FIRST, limit: int = 50) -> Page:
    """The invoices after `after` in the order of ids (keyset); those of one's hosts only."""
    rows = await connection.fetch(
        _ROWS,
        wanted.day,
        after,
        wanted.state,
        wanted.kind,
        wanted.organisation,
        wanted.network,
        wanted.undelivered,
        limit + 1,
    )
    return Page([Row(**dict(row)) for row in rows[:limit]], len(rows) > limit)


async def aging(connection: Connection, hosts: list[UUID], day: date) -> list[Bucket]:
    """What was owed at the end of a day by invoices issued until then, by how late it was; by currency."""
    ends = (*BUCKETS, None)
    return [
        Bucket(
            row["currency"],
            BUCKETS[row["bucket"] - 1] + 1 if row["bucket"] else None,
            (ends[row["bucket"]] or 0) + 1 if row["bucket"] < len(BUCKETS) else None,
            row["count"],
            row["amount"],
        )
        for row in await connection.fetch(_AGING, hosts, day, list(BUCKETS))
    ]


async def host_of(connection: Connection, invoice: UUID) -> UUID | None:
    """The host whose invoice it is."""
    return await connection.fetchval("select host_id from invoice where id = $1", invoice)


async def is_member(connection: Connection, organisation: UUID, network: UUID) -> bool:
    """Whether the buyer is or was a member of the network itself; a parent that pays for its units may not be."""
    return await connection.fetchval(
        "select exists (select from membership where organisation_id = $1 and network_id = $2)", organisation, network
    )


async def events(connection: Connection, invoice: UUID) -> list[Event]:
    """What happened to an invoice, the oldest first."""
    rows = await connection.fetch(
        "select kind, actor, detail, recorded_at from invoice_event where invoice_id = $1 order by row_id", invoice
    )
    return [Event(**dict(row)) for row in rows]


async def deliveries(connection: Connection, invoice: UUID) -> list[Delivery]:
    """How an invoice was sent, the newest first."""
    rows = await connection.fetch(
        "select id, invoice_id, channel, recipient, status, attempts, reference, last_error, created_at, updated_at"
        " from invoice_delivery where invoice_id = $1 order by created_at desc, id",
        invoice,
    )
    return [Delivery(**dict(row)) for row in rows]


async def document(connection: Connection, invoice: UUID) -> dict[str, Any] | None:
    """The document as issued (`cluster_rules.documents.Document` as data); None when there is none to be seen."""
    return await connection.fetchval("select document from invoice_document where invoice_id = $1", invoice)
