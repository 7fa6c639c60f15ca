"""Opening balances: what members owed when their books began here, as open items of a series of their own (ADR 0039).

An item is a row like an issued invoice, so that it ages, is paid, reminded and written off like one. It has no lines of
ours: its income and VAT were accounted where it was billed. In the ledger it stands against the account `opening`.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from cluster_rules import documents as rules
from cluster_rules import kid, money_facts
from cluster_rules.documents import Document, Line
from crm import document_words
from crm.actor import Actor
from crm.catalogue import Catalogue, NetworkRow
from crm.database import Connection
from crm.store import ids, ledger
from crm.store.documents import BUYER, BUYER_FACTS, SELLER, buyer, marks, seller_of
from crm.store.invoices import CUSTOMERS, KID_SCHEME, NUMBERS

SERIES_END = "-IB"  # inngående balanse
SERIES_MAX = 20
KID_FROM = 90_000_000  # added to the number in the KID: the same number of the series of invoices has another one


class Opening(msgspec.Struct, frozen=True):
    """What one organisation owes: minor units, the day it was due, and the number it was billed under."""

    organisation: UUID
    amount: int
    due_on: date
    reference: str = ""


_BUYERS = f"""
select i.organisation_id, {BUYER} from (select unnest($1::uuid[]) as organisation_id, '' as buyer_reference) i
{BUYER_FACTS}
"""
_HOST = f"select h.id as host_id, {SELLER} from host h where h.id = $1"
_ITEMS = """
insert into invoice (id, host_id, network_id, organisation_id, status, currency, payment_days, created_at, series,
    number, issued_on, due_on, net, vat, gross, kid, language)
select id, $2, $3, organisation_id, 'issued', $4, 0, now(), $5, number, $6, due_on, amount, 0, amount, kid, language
from unnest($1::uuid[], $7::uuid[], $8::bigint[], $9::date[], $10::bigint[], $11::text[], $12::text[])
    as i (id, organisation_id, number, due_on, amount, kid, language)
"""
_MARKS = """
insert into opening_item (invoice_id, network_id, import_id, reference, amount)
select id, $2, $3, reference, amount from unnest($1::uuid[], $4::text[], $5::bigint[]) as o (id, reference, amount)
"""
_DOCUMENTS = """
insert into invoice_document (invoice_id, network_ids, charge_ids, document)
select id, array[$2::uuid], '{}', document::jsonb from unnest($1::uuid[], $3::text[]) as d (id, document)
"""
_EVENTS = """
insert into invoice_event (invoice_id, kind, actor, detail, recorded_at)
select id, 'issued', $2, jsonb_build_object('number', number), now()
from unnest($1::uuid[], $3::text[]) as e (id, number)
"""


async def add(
    connection: Connection,
    kept: Catalogue,
    network: NetworkRow,
    source: UUID,
    openings: Sequence[Opening],
    on: date,
    actor: Actor,
) -> list[UUID]:
    """Open items as of the day `on`, by the import `source`; their ids in the order given.

    RuleViolation `seller_number_missing` for a host without a number.
    """
    if not openings:
        return []
    made, currency = ids.together(len(openings)), kept.book(network.slug, on).currency
    host = await connection.fetchrow(_HOST, network.host_id)
    series = host["invoice_series"][: SERIES_MAX - len(SERIES_END)] + SERIES_END
    last = await connection.fetchval(NUMBERS, network.host_id, series, len(openings))
    numbers = list(range(last - len(openings) + 1, last + 1))
    owing = [each.organisation for each in openings]
    customers = dict(await connection.fetch(CUSTOMERS, list(dict.fromkeys(owing))))
    buyers = {row["organisation_id"]: row for row in await connection.fetch(_BUYERS, list(dict.fromkeys(owing)), on)}
    papers = [
        msgspec.structs.replace(
            _paper(kept, network, host, buyers[each.organisation], each, f"{series}-{number}", series, currency, on),
            kid=_kid(host, customers[each.organisation], number),
        )
        for each, number in zip(openings, numbers, strict=True)
    ]
    amounts, languages = [each.amount for each in openings], [paper.language for paper in papers]
    due = [each.due_on for each in openings]
    at = (network.host_id, network.id, currency, series, on)
    kids = [paper.kid for paper in papers]
    await connection.execute(_ITEMS, made, *at, owing, numbers, due, amounts, kids, languages)
    await connection.execute(_MARKS, made, network.id, source, [each.reference for each in openings], amounts)
    encode = msgspec.json.Encoder().encode
    await connection.execute(_DOCUMENTS, made, network.id, [encode(paper).decode() for paper in papers])
    await connection.execute(_EVENTS, made, actor.name, [paper.number for paper in papers])
    facts = [
        money_facts.Opened(
            host=network.host_id,
            currency=currency,
            on=on,
            invoice=item,
            organisation=each.organisation,
            amount=each.amount,
        )
        for item, each in zip(made, openings, strict=True)
    ]
    await ledger.post_many(connection, facts, actor.name)
    return made


def _paper(
    kept: Catalogue,
    network: NetworkRow,
    host: Mapping[str, Any],
    payer: Mapping[str, Any],
    opening: Opening,
    number: str,
    series: str,
    currency: str,
    on: date,
) -> Document:
    """What a reminder and the page of payment show: one line without VAT, and when it was due."""
    line = Line(network.slug, document_words.opening(opening.reference), opening.amount, "O")
    return rules.completed(
        Document(
            kind="invoice",
            number=number,
            series=series,
            issued_on=on,
            due_on=opening.due_on,
            currency=currency,
            language=payer["billing_language"] or payer["contact_language"] or host["seller_language"],
            seller=seller_of(host),
            buyer=buyer(payer),
            networks=marks(kept, [line], on),
            lines=(line,),
        )
    )


def _kid(host: Mapping[str, Any], customer: int, number: int) -> str:
    """By which a bank says what was paid, for who is paid in Norway."""
    norwegian = seller_of(host).address.country == "NO"
    return kid.made(KID_SCHEME, customer, KID_FROM + number) if norwegian else ""


async def touched(connection: Connection, items: Sequence[UUID]) -> set[UUID]:
    """Those of these items on which anything was booked after they were opened."""
    rows = await connection.fetch(
        "select distinct e.invoice_id from ledger_entry e join ledger_transaction t on t.id = e.transaction_id"
        " where e.invoice_id = any($1) and t.kind <> 'opened'",
        list(items),
    )
    return {row["invoice_id"] for row in rows}


async def withdraw(connection: Connection, items: Sequence[UUID], on: date, actor: str) -> None:
    """Take opening balances back in the books: each by a reversal that names its original."""
    rows = await connection.fetch(
        "select id from ledger_transaction where kind = 'opened' and object_id = any($1::text[]) order by seq",
        [str(item) for item in items],
    )
    for row in rows:
        await ledger.reverse(connection, row["id"], on, actor)


async def total(connection: Connection, source: UUID) -> int:
    """What the ledger has against the account `opening` by one import: its reconciliation total, minor units."""
    return await connection.fetchval(
        "select coalesce(-sum(e.amount), 0)::bigint from opening_item o join ledger_entry e on e.invoice_id ="
        " o.invoice_id where o.import_id = $1 and e.account = 'opening'",
        source,
    )
