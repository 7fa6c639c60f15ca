"""From draft to document: who sells, who buys, and the lines, read for many drafts at once.

Nothing is written here. Amounts are minor units, days are half-open. What keeps a draft from being issued is
told as the refusal it is, draft by draft, so that one bad draft does not hold up the others of a run.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec
from asyncpg import Record

from cluster_rules import document_checks
from cluster_rules import documents as rules
from cluster_rules.documents import Address, Buyer, Document, Id, Line, Local, Mark, Seller
from cluster_rules.errors import RuleViolation
from cluster_rules.memberships import Grant
from cluster_rules.money_facts import Sold
from cluster_rules.networks import Text
from cluster_rules.periods import Period
from crm import document_words
from crm.catalogue import Catalogue
from crm.database import Connection
from crm.document_words import Charge, Included
from crm.errors import NotFound

# ISO 6523 schemes of organisation numbers, by country (EN 16931 BT-30).
NUMBER_SCHEMES = {"NO": "0192", "SE": "0007", "DK": "0184", "FI": "0212", "BE": "0208"}
NO_NUMBER_YET = "-"
PUBLIC = ("public_body",)
OLDEST_RATE = timedelta(days=31)  # before the day of issue

# The buyer of `i` (an organisation, with the reference given for this one invoice) as it is on day $2.
BUYER = """
    p.name as buyer, p.kind as buyer_kind, p.country as buyer_country, p.municipality,
    b.email as billing_email, b.name as billing_name, b.language as billing_language, b.peppol_id, b.street,
    b.postal_code, b.city, c.email as contact_email, c.name as contact_name, c.language as contact_language,
    coalesce(nullif(i.buyer_reference, ''), nullif(b.buyer_reference, ''), a.reference, '') as reference,
    ids.orgnr, ids.vat
"""
BUYER_FACTS = """
left join lateral (
    select f.name, f.kind, f.country, f.municipality from organisation_profile f
    where f.organisation_id = i.organisation_id and f.superseded_at is null
    order by (f.starts_on <= $2 and (f.ends_on is null or f.ends_on > $2)) desc, f.starts_on desc limit 1
) p on true
left join billing b on b.organisation_id = i.organisation_id
left join lateral (
    select email, name, language from contact where organisation_id = i.organisation_id
    order by main desc, created_at desc, id limit 1
) c on true
left join lateral (
    select nullif(answers ->> 'billing_reference', '') as reference from application
    where organisation_id = i.organisation_id and status in ('approved', 'payment_due')
    and answers ->> 'billing_reference' <> '' order by decided_at desc limit 1
) a on true
left join lateral (
    select max(value) filter (where scheme = 'no-orgnr') as orgnr, max(value) filter (where scheme = 'vat') as vat
    from identifier where organisation_id = i.organisation_id
) ids on true
"""
SELLER = """
    h.code as host, h.name as seller, h.country as seller_country, h.vat_number, h.organisation_number,
    h.in_business_register, h.email as seller_email, h.street as seller_street, h.postal_code as seller_postcode,
    h.city as seller_city, h.bank_account, h.iban, h.bic, h.invoice_series, h.language as seller_language, h.time_zone
"""
_DRAFTS = f"""
select i.id, i.kind, i.credits_id, i.reason, i.organisation_id, i.host_id, i.currency, i.payment_days, i.network_id,
    r.rate, r.source as rate_source, r.on_date as rate_on, {SELLER}, {BUYER}
from invoice i join host h on h.id = i.host_id left join invoice_rate r on r.invoice_id = i.id {BUYER_FACTS}
where i.id = any($1) and i.status = 'draft' order by i.id
"""
_CHARGES = """
select c.invoice_id, c.id, m.network_id, c.grant_id, c.tier, c.component, c.names, c.starts_on, c.ends_on, c.net,
    c.vat, c.vat_code, c.vat_percent, c.currency, c.steps::text as steps,
    case when m.organisation_id <> i.organisation_id then o.name end as unit, c.account
from charge c join invoice i on i.id = c.invoice_id join membership m on m.id = c.membership_id
join organisation o on o.id = m.organisation_id
where c.invoice_id = any($1) and i.kind = 'invoice'
order by c.invoice_id, c.starts_on, c.recorded_at, c.net desc, c.id
"""
_INCLUDED = """
select c.invoice_id, g.network_id, g.tier, g.source_network_id, g.rule, g.rulebook_version,
    greatest(g.starts_on, min(c.starts_on)) as starts_on, g.ends_on
from charge c join membership_grant g on g.cause_id = c.grant_id and g.kind = 'linked' and g.superseded_at is null
where c.invoice_id = any($1) and c.net > 0 and (g.ends_on is null or g.ends_on > c.starts_on)
group by c.invoice_id, g.id, g.network_id, g.tier, g.source_network_id, g.rule, g.rulebook_version, g.starts_on,
    g.ends_on
order by 1, 2, 3
"""
# What a credit note takes back: the billed charge, how much, and the charge it stands for (null: a person's word).
_CREDITS = """
select l.invoice_id, l.id, m.network_id, c.grant_id, c.tier, c.component, c.names,
    coalesce(b.starts_on, c.starts_on) as starts_on,
    case when b.id is null then c.ends_on else b.ends_on end as ends_on,
    l.net, 0::bigint as vat, c.vat_code, c.vat_percent, c.currency, coalesce(b.steps, '[]')::text as steps,
    null::text as unit, c.account, c.id as charge_id
from credit_line l join charge c on c.id = l.charge_id join membership m on m.id = c.membership_id
left join charge b on b.id = l.because_id
where l.invoice_id = any($1) order by l.invoice_id, starts_on, c.recorded_at, l.net desc, l.id
"""
_BILLED = """
select d.invoice_id, d.charge_ids, d.document, array(
    select n.document from invoice i join invoice_document n on n.invoice_id = i.id
    where i.credits_id = d.invoice_id and i.status = 'issued') as credited
from invoice_document d where d.invoice_id = any($1)
"""


class Paper(msgspec.Struct, frozen=True):
    """A draft that can be issued: its document (still without a number) and what goes with it.

    `charges` are what its first lines stand for, in order: charges, or on a credit note credit lines. `email` is
    where it goes by mail, `peppol_id` where as e-invoice; either may be empty. `electronic`: it is fit for the latter.
    """

    id: UUID
    kind: str
    credits_id: UUID | None
    host_id: UUID
    host: str
    organisation_id: UUID
    series: str
    document: Document
    charges: tuple[UUID, ...]
    sold: tuple[Sold, ...]
    email: str
    recipient: str
    peppol_id: str
    electronic: bool

    @property
    def networks(self) -> list[UUID]:
        """Whose lines are on it, each once."""
        return list(dict.fromkeys(each.network for each in self.sold))


class Unfit(msgspec.Struct, frozen=True):
    """A draft that cannot be issued, and why."""

    id: UUID
    organisation_id: UUID
    why: RuleViolation


async def stored(connection: Connection, invoice: UUID) -> Document:
    """The document as it was issued. NotFound."""
    found = await connection.fetchval("select document from invoice_document where invoice_id = $1", invoice)
    if found is None:
        raise NotFound("invoice_id", invoice)
    return msgspec.convert(found, Document)


async def papers(
    connection: Connection, kept: Catalogue, drafts: Sequence[UUID], on: date
) -> tuple[list[Paper], list[Unfit]]:
    """The documents of these drafts as issued `on` that day, and the drafts that are not fit; others are left out."""
    rows = await connection.fetch(_DRAFTS, list(drafts), on)
    charges: dict[UUID, list[Charge]] = {}
    for record in await connection.fetch(_CHARGES, list(drafts)):
        charges.setdefault(record["invoice_id"], []).append(Charge(*record[1:]))
    extra: dict[UUID, list[Included]] = {}
    for record in await connection.fetch(_INCLUDED, list(drafts)):
        if found := _included(kept, record):
            extra.setdefault(record["invoice_id"], []).append(found)
    credits = await _credits(connection, [row for row in rows if row["kind"] == "credit_note"])
    good: list[Paper] = []
    bad: list[Unfit] = []
    for row in rows:
        try:
            if row["kind"] == "credit_note":
                good.append(_credit_note(row, *credits[row["id"]], on))
            else:
                good.append(invoice(kept, row, charges.get(row["id"], []), extra.get(row["id"], []), on))
        except RuleViolation as why:
            bad.append(Unfit(row["id"], row["organisation_id"], why))
    return good, bad


def invoice(
    kept: Catalogue, row: Mapping[str, Any], charges: Sequence[Charge], extra: Sequence[Included], on: date
) -> Paper:
    """The paper of one draft: `row` is what `_DRAFTS` tells of it.

    RuleViolation `nothing_to_issue`, `buyer_reference_missing` (public bodies cannot place an invoice without one),
    `seller_number_missing`, `exchange_rate_missing`, `exchange_rate_old`, and those of `completed` and `_paper`.
    """
    if sum(each.net for each in charges) <= 0:
        raise RuleViolation("nothing_to_issue", "invoice", net=sum(each.net for each in charges))
    seller, paid_by = seller_of(row), buyer(row)
    if row["buyer_kind"] in PUBLIC and not row["reference"]:
        raise RuleViolation("buyer_reference_missing", "buyer_reference", organisation=row["buyer"])
    lines = [document_words.line(kept, seller, each) for each in charges]
    lines += [document_words.included(kept, lines[0], each) for each in extra]
    document = Document(
        kind="invoice",
        number=NO_NUMBER_YET,
        series=row["invoice_series"],
        issued_on=on,
        due_on=on + timedelta(days=row["payment_days"]),
        currency=row["currency"],
        language=_language(row),
        seller=seller,
        buyer=paid_by,
        networks=marks(kept, lines, on),
        lines=tuple(lines),
        local=_local(row, on),
    )
    document = rules.completed(document)
    if document.local is None and document.totals.vat and _foreign(row):
        own = rules.ACCOUNTED_IN[row["seller_country"]]
        raise RuleViolation("exchange_rate_missing", "rate", currency=row["currency"], own=own)
    return _paper(row, document, charges, tuple(each.id for each in charges))


async def _credits(connection: Connection, rows: Sequence[Record]) -> dict[UUID, tuple[Record | None, list[Record]]]:
    """For each draft credit note: what was billed (the document, and what is credited so far), what it takes back."""
    if not rows:
        return {}
    lines: dict[UUID, list[Record]] = {}
    for record in await connection.fetch(_CREDITS, [row["id"] for row in rows]):
        lines.setdefault(record["invoice_id"], []).append(record)
    found = await connection.fetch(_BILLED, [row["credits_id"] for row in rows])
    billed = {record["invoice_id"]: record for record in found}
    return {row["id"]: (billed.get(row["credits_id"]), lines.get(row["id"], [])) for row in rows}


def _credit_note(row: Record, billed: Record | None, credited: list[Record], on: date) -> Paper:
    if billed is None or not credited:
        raise RuleViolation("nothing_to_issue", "invoice", net=0)
    invoice = msgspec.convert(billed["document"], Document)
    places = {charge: place for place, charge in enumerate(billed["charge_ids"])}
    charges = [Charge(*record[1:-1]) for record in credited]
    lines = tuple(
        _taken_back(invoice.lines[places[record["charge_id"]]], charge)
        for record, charge in zip(credited, charges, strict=True)
    )
    reason = {"nb": row["reason"], "en": row["reason"]} if row["reason"] else document_words.given_back()
    left = rules.standing(invoice, [msgspec.convert(each, Document) for each in billed["credited"]])
    document = rules.credit_note(invoice, NO_NUMBER_YET, row["invoice_series"], on, reason, lines, left)
    document = msgspec.structs.replace(document, networks=tuple(m for m in invoice.networks if _stands(m, lines)))
    return _paper(row, document, charges, tuple(each.id for each in charges))


def _stands(mark: Mark, lines: Iterable[Line]) -> bool:
    return any(line.network == mark.slug for line in lines)


def _taken_back(line: Line, charge: Charge) -> Line:
    how: Text = document_words.steps(charge.steps, charge.currency)
    return msgspec.structs.replace(
        line,
        price=abs(charge.net),
        quantity=-1 if charge.net < 0 else 1,
        discount=0,
        discount_reason={},
        explanation=(how,) if any(how.values()) else (),
        period=Period(charge.starts_on, charge.ends_on),
        vat=0,
    )


def _sold(document: Document, charges: Sequence[Charge]) -> tuple[Sold, ...]:
    return tuple(
        Sold(charge.network_id, line.net, line.vat, charge.vat_code, charge.account)
        for line, charge in zip(document.lines, charges, strict=False)  # included memberships are no charges
    )


def _paper(
    row: Mapping[str, Any], document: Document, charges: Sequence[Charge], stands_for: tuple[UUID, ...]
) -> Paper:
    """RuleViolation `document_incomplete` when it would not be a right invoice by EN 16931 and Norwegian law."""
    wrong = [found for found in document_checks.check(document) if found.level == "fatal"]
    if fatal := [found for found in wrong if not found.electronic]:
        every = {found.rule: found.field for found in fatal}
        raise RuleViolation("document_incomplete", fatal[0].field, rule=fatal[0].rule, rules=list(every.items()))
    return Paper(
        id=row["id"],
        kind=row["kind"],
        credits_id=row["credits_id"],
        host_id=row["host_id"],
        host=row["host"],
        organisation_id=row["organisation_id"],
        series=row["invoice_series"],
        document=document,
        charges=stands_for,
        sold=_sold(document, charges),
        email=row["billing_email"] or row["contact_email"] or "",
        recipient=row["billing_name"] or row["contact_name"] or document.buyer.name,
        peppol_id=row["peppol_id"] or "",
        electronic=not wrong,
    )


def marks(kept: Catalogue, lines: Iterable[Line], on: date) -> tuple[Mark, ...]:
    """The networks of these lines, each once, as they were called on a day (AC-5: old invoices keep old names)."""
    slugs = dict.fromkeys(line.network for line in lines)
    return tuple(Mark(slug, kept.by_slug[slug].on(on).names, kept.by_slug[slug].colour) for slug in slugs)


def included_of(kept: Catalogue, grants: Iterable[Grant]) -> list[Included]:
    """The same for grants that are not read from what is billed: each from the first billed day on."""
    rows = [
        {
            "source_network_id": kept.network(grant.source).id,
            "network_id": kept.network(grant.network).id,
            "tier": grant.tier,
            "rule": grant.rule,
            "rulebook_version": grant.version,
            "starts_on": grant.period.start,
            "ends_on": grant.period.end,
        }
        for grant in grants
    ]
    rows.sort(key=lambda row: (row["network_id"], row["tier"]))
    return [found for row in rows if (found := _included(kept, row))]


def _included(kept: Catalogue, row: Mapping[str, Any]) -> Included | None:
    """A linked membership whose rule waives the fee."""
    source = kept.by_id[row["source_network_id"]].slug
    book = kept.rulebooks.version(source, row["rulebook_version"])
    rule = book.link_rule(row["rule"]) if book else None
    if rule is None or rule.fee.policy != "waived":
        return None
    return Included(kept.by_id[row["network_id"]].slug, row["tier"], source, row["starts_on"], row["ends_on"])


def _foreign(row: Mapping[str, Any]) -> bool:
    """Is it billed in another currency than the one that the seller tells VAT in?"""
    own = rules.ACCOUNTED_IN.get(row["seller_country"])
    return bool(row["vat_number"]) and own is not None and own != row["currency"]


def _local(row: Mapping[str, Any], on: date) -> Local | None:
    """The draft's exchange rate, where one is needed. RuleViolation `exchange_rate_old`: it is for another time."""
    if not row.get("rate") or not _foreign(row):
        return None
    if not timedelta(0) <= on - row["rate_on"] <= OLDEST_RATE:
        raise RuleViolation("exchange_rate_old", "rate_on", on=row["rate_on"], days=OLDEST_RATE.days)
    own = rules.ACCOUNTED_IN[row["seller_country"]]
    return Local(own, row["rate"], row["rate_on"], source=row["rate_source"])


def seller_of(row: Mapping[str, Any]) -> Seller:
    """The host. RuleViolation `seller_number_missing`: an invoice without the seller's number is none."""
    country, vat = row["seller_country"], row["vat_number"] or ""
    number = row["organisation_number"] or (vat[2:11] if country == "NO" else vat[2:])
    if not number:
        raise RuleViolation("seller_number_missing", "host", host=row["seller"])
    identifier = Id(NUMBER_SCHEMES.get(country, ""), number)
    return Seller(
        name=row["seller"],
        identifier=identifier,
        address=Address(country, row["seller_street"], "", row["seller_postcode"], row["seller_city"]),
        vat_number=vat,
        register=row["in_business_register"],
        account=row["bank_account"],
        iban=row["iban"],
        bic=row["bic"],
        endpoint=identifier if identifier.scheme else None,
        email=row["seller_email"],
    )


def buyer(row: Mapping[str, Any]) -> Buyer:
    """The payer, from the columns `BUYER`."""
    contact = row["billing_name"] or row["contact_name"] or ""
    scheme, _, value = (row["peppol_id"] or "").partition(":")
    return Buyer(
        name=row["buyer"],
        address=Address(
            row["buyer_country"],
            row["street"] or "",
            "",
            row["postal_code"] or "",
            row["city"] or row["municipality"] or "",
        ),
        identifier=Id("0192", row["orgnr"]) if row["orgnr"] else None,
        vat_number=row["vat"] or "",
        reference=row["reference"] or (contact if scheme else ""),
        endpoint=Id(scheme, value) if value else None,
        contact=contact,
    )


def _language(row: Mapping[str, Any]) -> Any:
    """The buyer's wish, else the contact's, else the seller's language."""
    return row["billing_language"] or row["contact_language"] or row["seller_language"]
