"""Issue many invoices that are alike at once: rows, lines, documents and ledger by one command, then deliveries.

What invoices have in common is a `Pattern`, made once the way `store.invoices` makes every single one; what differs
is the buyer, the ids and the number. The result is the same, and every constraint and trigger sees it: an invoice
is written as issued together with its lines by one command (sql/renewals.sql), so that nothing is written twice.
Amounts are minor units. The counter of the series is taken once a batch and held until the transaction ends.
"""

import asyncio
from collections.abc import Sequence
from hashlib import sha1
from itertools import accumulate
from typing import Any
from uuid import UUID

import msgspec

from cluster_rules import kid, money_facts, vat
from cluster_rules.documents import Buyer
from cluster_rules.fees import FeeLine, Step
from cluster_rules.ledger import NAMESPACE, OURS, Posting, Standing
from crm import faults
from crm.actor import Actor
from crm.database import Connection
from crm.store import ids, invoice_deliveries
from crm.store.charges import charge_id
from crm.store.documents import Paper
from crm.store.invoices import CUSTOMERS, KID_SCHEME, NUMBERS

# All of it by one command: an issued invoice takes no more lines of a later one, nor does a posting entries.
_ISSUED = f"""
with pattern as materialized (
    select no, host_id, network_id, currency, payment_days, series, issued_on, due_on, starts_on, ends_on, net, vat,
        language, networks::uuid[] as networks, document::jsonb as document, fact
    from unnest($1::int[], $2::uuid[], $3::uuid[], $4::text[], $5::int[], $6::text[], $7::date[], $8::date[],
        $9::date[], $10::date[], $11::bigint[], $12::bigint[], $13::text[], $14::text[], $15::text[], $16::jsonb[])
        as p (no, host_id, network_id, currency, payment_days, series, issued_on, due_on, starts_on, ends_on, net, vat,
        language, networks, document, fact)
), line as (
    select * from unnest($17::int[], $18::text[], $19::text[], $20::jsonb[], $21::date[], $22::date[], $23::bigint[],
        $24::text[], $25::numeric[], $26::bigint[], $27::text[], $28::bool[], $29::jsonb[], $30::jsonb[], $31::int[],
        $32::text[])
        as l (no, tier, component, names, starts_on, ends_on, net, vat_code, vat_percent, vat, currency, example, steps,
        reason, hours, account)
), bill as materialized (
    select * from unnest($45::uuid[], $46::uuid[], $47::int[], $48::uuid[], $49::text[], $50::text[], $51::text[],
        $52::bigint[], $53::text[])
        as b (id, organisation_id, no, transaction_id, charges, buyer, reference, number, kid)
), issued as (
    insert into invoice (id, host_id, organisation_id, status, currency, buyer_reference, payment_days, created_at,
        kind, network_id, series, number, issued_on, due_on, starts_on, ends_on, net, vat, gross, kid, language)
    select b.id, p.host_id, b.organisation_id, 'issued', p.currency, b.reference, p.payment_days, now(), 'invoice',
        p.network_id, p.series, b.number, p.issued_on, p.due_on, p.starts_on, p.ends_on, p.net, p.vat, p.net + p.vat,
        b.kid, p.language
    from bill b join pattern p using (no)
), charged as (
    insert into charge (id, invoice_id, membership_id, grant_id, tier, component, names, starts_on, ends_on, net,
        vat_code, vat_percent, vat, currency, example, steps, reason, hours, account, recorded_at)
    select c.id, c.invoice_id, c.membership_id, c.grant_id, l.tier, l.component, l.names, l.starts_on, l.ends_on, l.net,
        l.vat_code, l.vat_percent, l.vat, l.currency, l.example, l.steps, l.reason, l.hours, l.account, now()
    from unnest($40::uuid[], $41::uuid[], $42::uuid[], $43::uuid[], $44::int[])
        as c (id, invoice_id, membership_id, grant_id, no) join line l using (no)
), written as (
    insert into invoice_document (invoice_id, network_ids, charge_ids, document)
    select b.id, p.networks, b.charges::uuid[], p.document || jsonb_build_object(
        'number', p.series || '-' || b.number, 'kid', b.kid, 'buyer', b.buyer::jsonb)
    from bill b join pattern p using (no)
), told as (
    insert into invoice_event (invoice_id, kind, actor, detail, recorded_at)
    select b.id, 'issued', $54, jsonb_build_object('number', p.series || '-' || b.number), now()
    from bill b join pattern p using (no)
), booked as (
    insert into ledger_transaction (id, kind, host_id, organisation_id, currency, on_date, provider, object_id, phase,
        fact, actor, recorded_at)
    select b.transaction_id, 'issued', p.host_id, b.organisation_id, p.currency, p.issued_on, '{OURS}', b.id::text,
        'issued', p.fact || jsonb_build_object('invoice', b.id, 'organisation', b.organisation_id), $54, now()
    from bill b join pattern p using (no)
)
insert into ledger_entry (transaction_id, host_id, currency, account, organisation_id, network_id, code, invoice_id,
    amount)
select b.transaction_id, p.host_id, p.currency, e.account, case when e.own then b.organisation_id end, e.network_id,
    e.code, case when e.about then b.id end, e.amount
from bill b join pattern p using (no)
join unnest($33::int[], $34::text[], $35::bool[], $36::uuid[], $37::text[], $38::bool[], $39::bigint[])
    with ordinality as e (no, account, own, network_id, code, about, amount, place) using (no)
order by b.transaction_id, e.place
"""


class Line(msgspec.Struct, frozen=True):
    """A line that many invoices have: the computed fee and the reason of its charge."""

    fee: FeeLine
    reason: Step


class Pattern(msgspec.Struct, frozen=True):
    """What many invoices have in common: `paper` is one of them, whole but for its number and KID.

    `lines` are its charges in the order of the document's lines; `network_id` None on an invoice for all of a host's.
    """

    paper: Paper
    network_id: UUID | None
    payment_days: int
    lines: tuple[Line, ...]


class Bill(msgspec.Struct, frozen=True):
    """One invoice like its pattern, for a payer. `owed`: for each line the membership and its grant."""

    pattern: Pattern
    organisation_id: UUID
    owed: tuple[tuple[UUID, UUID], ...]
    buyer: Buyer
    email: str
    peppol_id: str


async def issue(connection: Connection, batch: "Batch", actor: Actor) -> list[str]:
    """Write these invoices, all of one host's series, as issued; their numbers as they stand on paper."""
    if not batch:
        return []
    paper = batch.patterns[0].paper
    customers = dict(await connection.fetch(CUSTOMERS, batch.payers))
    last = await connection.fetchval(NUMBERS, paper.host_id, paper.series, len(batch))
    batch.number(customers, last - len(batch) + 1)
    faults.point("renewal_numbered")
    await connection.execute(_ISSUED, *batch.columns, *batch.numbered, actor.name)
    faults.point("renewal_stored")
    await invoice_deliveries.queue_many(connection, batch.deliveries)
    return batch.shown


class Batch:
    """The columns of some bills, ready to be written but for the numbers; `len` of it is how many they are."""

    def __init__(self, bills: Sequence[Bill]) -> None:
        places: dict[int, int] = {}
        self.patterns: list[Pattern] = []
        for bill in bills:
            if id(bill.pattern) not in places:
                places[id(bill.pattern)] = len(self.patterns)
                self.patterns.append(bill.pattern)
        self.bills = bills
        self.payers = [bill.organisation_id for bill in bills]
        self._numbers = [places[id(bill.pattern)] for bill in bills]
        self._ids = ids.together(len(bills))
        self.shown: list[str] = []
        self.columns: list[list[Any]] = []
        self.numbered: list[list[Any]] = []
        self.deliveries: list[tuple[UUID, str, str]] = []
        self._charge_ids: list[list[UUID]] = []

    @classmethod
    async def of(cls, bills: Sequence[Bill], ehf: bool) -> "Batch":
        """The bills laid out piece by piece: between two pieces, the batch that is being written goes on."""
        batch = cls(bills)
        if bills:
            batch._charge_ids = batch._charges_known()
            await asyncio.sleep(0)
            charges = batch._charges()
            await asyncio.sleep(0)
            own = batch._own()
            batch.columns = [*batch._patterns(), *batch._lines(), *batch._entries(), *charges, *own]
            batch.deliveries = batch._deliveries(ehf)
        return batch

    def __len__(self) -> int:
        return len(self.bills)

    def number(self, customers: dict[UUID, int], first: int) -> None:
        """Give them their numbers, from the first on."""
        paper = self.patterns[0].paper
        norwegian = paper.document.seller.address.country == "NO"
        numbers = list(range(first, first + len(self.bills)))
        self.shown = [f"{paper.series}-{number}" for number in numbers]
        kids = [
            kid.made(KID_SCHEME, customers[payer], number) if norwegian else ""
            for number, payer in zip(numbers, self.payers, strict=True)
        ]
        self.numbered = [numbers, kids]

    def _patterns(self) -> list[list[Any]]:
        encode = msgspec.json.Encoder().encode
        rows = []
        for no, p in enumerate(self.patterns):
            d, t = p.paper.document, p.paper.document.totals
            period = (d.period.start, d.period.end) if d.period else (None, None)
            told = (d.currency, p.payment_days, p.paper.series, d.issued_on, d.due_on, *period)
            networks = "{" + ",".join(map(str, p.paper.networks)) + "}"
            fact = msgspec.to_builtins(_posting(p.paper)[0])
            whole = (networks, encode(d).decode(), fact)
            rows.append((no, p.paper.host_id, p.network_id, *told, t.net, t.vat, d.language, *whole))
        return _columns(rows)

    def _lines(self) -> list[list[Any]]:
        rows = []
        for line in (line for p in self.patterns for line in p.lines):
            f = line.fee
            days = (f.period.start, f.period.end)
            tax = (f.vat_code, vat.exact(f.vat_percent), f.vat, f.currency, f.example)
            why = (msgspec.to_builtins(f.steps), msgspec.to_builtins(line.reason), f.hours, f.account)
            rows.append((len(rows), f.tier, f.component, f.names, *days, f.net, *tax, *why))
        return _columns(rows)

    def _charges_known(self) -> list[list[UUID]]:
        return [
            [
                charge_id(membership, line.fee.component, line.fee.period.start)
                for (membership, _), line in zip(bill.owed, bill.pattern.lines, strict=True)
            ]
            for bill in self.bills
        ]

    def _deliveries(self, ehf: bool) -> list[tuple[UUID, str, str]]:
        return [
            (own, "ehf", bill.peppol_id)
            if ehf and bill.peppol_id and bill.pattern.paper.electronic
            else (own, "email", bill.email)
            for own, bill in zip(self._ids, self.bills, strict=True)
        ]

    def _charges(self) -> list[list[Any]]:
        first_line = [0, *accumulate(len(pattern.lines) for pattern in self.patterns)]
        rows = [
            (charge, own, membership, grant, first_line[no] + at)
            for own, bill, no, ids in zip(self._ids, self.bills, self._numbers, self._charge_ids, strict=True)
            for at, (charge, (membership, grant)) in enumerate(zip(ids, bill.owed, strict=True))
        ]
        return _columns(rows)

    def _own(self) -> list[list[Any]]:
        encode = msgspec.json.Encoder().encode
        charges = ["{" + ",".join(map(str, known)) + "}" for known in self._charge_ids]
        buyers = [encode(bill.buyer).decode() for bill in self.bills]
        references = [bill.buyer.reference for bill in self.bills]
        transactions = [_transaction(own) for own in self._ids]
        return [self._ids, self.payers, self._numbers, transactions, charges, buyers, references]

    def _entries(self) -> list[list[Any]]:
        rows = [
            (no, a.kind, a.organisation is not None, a.network, a.code, e.invoice is not None, e.amount)
            for no, pattern in enumerate(self.patterns)
            for e in _posting(pattern.paper)[1].entries
            for a in (e.account,)
        ]
        return _columns(rows)


def _posting(paper: Paper) -> tuple[money_facts.Issued, Posting]:
    fact = money_facts.Issued(
        host=paper.host_id,
        currency=paper.document.currency,
        on=paper.document.issued_on,
        invoice=paper.id,
        organisation=paper.organisation_id,
        lines=paper.sold,
    )
    posting = money_facts.posting(fact, Standing())
    assert posting is not None  # a pattern is over something, `Renewal.due`
    return fact, posting


def _transaction(invoice: UUID) -> UUID:
    """`ledger.Key.id` of an issued invoice: a UUID of version 5, made without its detours."""
    digest = bytearray(sha1(NAMESPACE.bytes + f"{OURS}/{invoice}/issued".encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    return ids.stored(bytes(digest))


def _columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
