"""Issue drafts, one or a hundred thousand: number, document, ledger, delivery, all in the caller's transaction.

The counter of a host's series is one row, taken once for a whole batch and held until the transaction ends: numbers
follow each other without a hole, whatever is killed when (M4, AC-19; the database checks it again at commit). What
is issued never changes; what happens to it afterwards is an event.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import groupby
from typing import Any
from uuid import UUID

import msgspec
from asyncpg import Record

from cluster_rules import kid, money_facts
from cluster_rules.documents import Document
from cluster_rules.kid import Scheme
from crm import faults
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.database import Connection
from crm.store import documents, fee_shares, invoice_deliveries, ledger
from crm.store.documents import Paper, Unfit
from crm.store.ledger import Booked

KID_SCHEME = Scheme("MOD10", customer_digits=7, invoice_digits=8)
MOST_AT_ONCE = 5_000  # drafts of one statement

CUSTOMERS = """
with made as (
    insert into billing (organisation_id, updated_at) select unnest($1::uuid[]), now()
    on conflict (organisation_id) do nothing returning organisation_id, customer_number
)
select * from made union all select organisation_id, customer_number from billing where organisation_id = any($1)
"""
NUMBERS = """
insert into invoice_series (id, host_id, series, last_number) values (gen_random_uuid(), $1, $2, $3)
on conflict (host_id, series) do update set last_number = invoice_series.last_number + excluded.last_number
returning last_number
"""
_ISSUE = """
update invoice i set status = 'issued', series = f.series, number = f.number, issued_on = f.issued_on,
    due_on = f.due_on, starts_on = f.starts_on, ends_on = f.ends_on, net = f.net, vat = f.vat, gross = f.net + f.vat,
    kid = f.kid,
    language = f.language, buyer_reference = f.buyer_reference
from unnest($1::uuid[], $2::text[], $3::bigint[], $4::date[], $5::date[], $6::date[], $7::date[], $8::bigint[],
    $9::bigint[], $10::text[], $11::text[], $12::text[])
    as f (id, series, number, issued_on, due_on, starts_on, ends_on, net, vat, kid, language, buyer_reference)
where i.id = f.id and i.status = 'draft'
"""
_DOCUMENTS = """
insert into invoice_document (invoice_id, network_ids, charge_ids, document)
select f.id, f.networks::uuid[], f.charges::uuid[], f.document::jsonb
from unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) as f (id, networks, charges, document)
"""
_EVENTS = """
insert into invoice_event (invoice_id, kind, actor, detail, recorded_at)
select f.invoice_id, f.kind, $3, f.detail::jsonb, now()
from unnest($1::uuid[], $2::text[], $4::text[]) as f (invoice_id, kind, detail)
"""
_ROWS = """
select i.id, i.kind, i.status, i.organisation_id, h.time_zone, array(
    select distinct m.network_id from charge c join membership m on m.id = c.membership_id
    where c.invoice_id = i.id or c.id in (select l.charge_id from credit_line l where l.invoice_id = i.id)
    union select p.network_id from opening_item p where p.invoice_id = i.id) as networks
from invoice i join host h on h.id = i.host_id where i.id = any($1)
"""


class Issued(msgspec.Struct, frozen=True):
    """An invoice or credit note that has its number now; `number` is as it stands on paper.

    `booked` is what a credit note did in the ledger: its caller settles it (`settlement`), as for a payment.
    """

    id: UUID
    kind: str
    number: str
    host_id: UUID
    organisation_id: UUID
    networks: tuple[UUID, ...]
    currency: str
    gross: int
    booked: Booked | None = None


class _Event(msgspec.Struct, frozen=True):
    """One line of an invoice's timeline."""

    invoice: UUID
    kind: str
    detail: dict[str, Any]


async def rows(connection: Connection, wanted: Sequence[UUID]) -> list[Record]:
    """What deciding about these invoices needs: status, kind, the networks on them, their host's time zone."""
    return await connection.fetch(_ROWS, list(wanted))


async def lock(connection: Connection, drafts: Sequence[UUID]) -> list[UUID]:
    """Lock these invoices until the transaction ends, always in the same order; those that are still drafts."""
    rows = await connection.fetch(
        "select id, status from invoice where id = any($1) order by id for update", sorted(drafts, key=str)
    )
    return [row["id"] for row in rows if row["status"] == "draft"]


async def issue_many(
    connection: Connection, kept: Catalogue, drafts: Sequence[UUID], on: date, actor: Actor, ehf: bool = False
) -> tuple[list[Issued], list[Unfit]]:
    """Issue these drafts `on` that day, and tell which are not fit; what is issued already is left as it is.

    `ehf`: buyers who take e-invoices get one (a sender is there); everybody else gets mail.
    """
    issued: list[Issued] = []
    unfit: list[Unfit] = []
    for first in range(0, len(drafts), MOST_AT_ONCE):
        waiting = await lock(connection, drafts[first : first + MOST_AT_ONCE])
        good, bad = await documents.papers(connection, kept, waiting, on)
        issued += await _issue(connection, kept, good, actor, ehf)
        unfit += bad
    return issued, unfit


async def refer(connection: Connection, draft: UUID, reference: str) -> None:
    """Put the buyer's reference on a draft."""
    await connection.execute(
        "update invoice set buyer_reference = $2 where id = $1 and status = 'draft'", draft, reference
    )


async def event(connection: Connection, invoice: UUID, kind: str, actor: str, **detail: Any) -> None:
    """Something that happened to an invoice, for its timeline."""
    await _events(connection, [_Event(invoice, kind, detail)], actor)


async def _issue(connection: Connection, kept: Catalogue, papers: list[Paper], actor: Actor, ehf: bool) -> list[Issued]:
    if not papers:
        return []
    faults.point("issue_locked")
    papers = sorted(papers, key=lambda p: (str(p.host_id), p.series, p.document.buyer.name, str(p.id)))
    customers = dict(await connection.fetch(CUSTOMERS, list({p.organisation_id for p in papers})))
    numbers = await _numbers(connection, papers)
    faults.point("issue_numbered")
    numbered = [
        (paper, number, _numbered(paper, number, customers[paper.organisation_id]))
        for paper, number in zip(papers, numbers, strict=True)
    ]
    await _store(connection, numbered)
    faults.point("issue_stored")
    booked = await _book(connection, kept, numbered, actor)
    faults.point("issue_booked")
    await _tell(connection, numbered, actor)
    await invoice_deliveries.queue(connection, papers, ehf)
    return [
        Issued(
            paper.id,
            paper.kind,
            document.number,
            paper.host_id,
            paper.organisation_id,
            tuple(paper.networks),
            document.currency,
            document.totals.gross,
            booked.get(paper.id),
        )
        for paper, _, document in numbered
    ]


async def _numbers(connection: Connection, papers: Sequence[Paper]) -> list[int]:
    """A block of numbers for each host's series, in the order of the papers (which is by series)."""
    out: list[int] = []
    for (host, series), some in groupby(papers, key=lambda p: (p.host_id, p.series)):
        count = len(list(some))
        last = await connection.fetchval(NUMBERS, host, series, count)
        out += range(last - count + 1, last + 1)
    return out


def _numbered(paper: Paper, number: int, customer: int) -> Document:
    """The document with its number and, for who is paid in Norway, the KID."""
    norwegian = paper.document.seller.address.country == "NO" and paper.kind == "invoice"
    return msgspec.structs.replace(
        paper.document,
        number=f"{paper.series}-{number}",
        kid=kid.made(KID_SCHEME, customer, number) if norwegian else "",
    )


async def _store(connection: Connection, numbered: Sequence[tuple[Paper, int, Document]]) -> None:
    rows = [
        (
            paper.id,
            paper.series,
            number,
            d.issued_on,
            d.due_on,
            d.period.start if d.period else None,
            d.period.end if d.period else None,
            d.totals.net,
            d.totals.vat,
            d.kid,
            d.language,
            d.buyer.reference,
        )
        for paper, number, d in numbered
    ]
    await connection.execute(_ISSUE, *(list(column) for column in zip(*rows, strict=True)))
    encode = msgspec.json.Encoder().encode
    await connection.execute(
        _DOCUMENTS,
        [paper.id for paper, _, _ in numbered],
        [_array(paper.networks) for paper, _, _ in numbered],
        [_array(paper.charges) for paper, _, _ in numbered],
        [encode(document).decode() for _, _, document in numbered],
    )


async def _book(
    connection: Connection, kept: Catalogue, numbered: Sequence[tuple[Paper, int, Document]], actor: Actor
) -> dict[UUID, Booked]:
    """The ledger hears of every document, in the same transaction; what is credited is not shared any more.

    The bookings of credit notes.
    """
    facts = [
        money_facts.Issued(
            host=paper.host_id,
            currency=document.currency,
            on=document.issued_on,
            invoice=paper.id,
            organisation=paper.organisation_id,
            lines=paper.sold,
        )
        for paper, _, document in numbered
        if paper.credits_id is None
    ]
    await ledger.post_many(connection, facts, actor.name)
    credited: dict[UUID, Booked] = {}
    for paper, _, document in numbered:
        if paper.credits_id is not None:
            fact = money_facts.Credited(
                host=paper.host_id,
                currency=document.currency,
                on=document.issued_on,
                credit_note=paper.id,
                invoice=paper.credits_id,
                organisation=paper.organisation_id,
                lines=paper.sold,
            )
            credited[paper.id] = await ledger.post(connection, fact, actor.name)
            await fee_shares.share(connection, kept, credited[paper.id], actor.name)
    return credited


async def _tell(connection: Connection, numbered: Sequence[tuple[Paper, int, Document]], actor: Actor) -> None:
    events: list[_Event] = []
    for paper, _, document in numbered:
        events.append(_Event(paper.id, "issued", {"number": document.number}))
        if paper.credits_id is not None:
            detail = {"number": document.number, "credit_note": str(paper.id), "amount": document.totals.gross}
            events.append(_Event(paper.credits_id, "credited", detail))
    await _events(connection, events, actor.name)


async def _events(connection: Connection, events: Sequence[_Event], actor: str) -> None:
    await connection.execute(
        _EVENTS,
        [each.invoice for each in events],
        [each.kind for each in events],
        actor,
        [msgspec.json.encode(each.detail).decode() for each in events],
    )


def _array(ids: Iterable[UUID]) -> str:
    """As PostgreSQL writes an array: arrays of different lengths cannot go through one parameter."""
    return "{" + ",".join(map(str, ids)) + "}"
