"""A document as the page of an invoice shows it: as on paper when there is one, else the lines the reader may see."""

from typing import Any

from cluster_rules.documents import Address, Document
from cluster_rules.documents import Line as DocumentLine
from cluster_rules.periods import Period
from crm import names
from crm.fee_words import explain
from crm.reads.invoices import Invoice, Line
from crm.web.office import Office


def of_document(office: Office, d: Document, issued: bool) -> dict[str, Any]:
    """An issued document, or a draft as it would be issued today (then without number and KID)."""
    t = office.t
    return {
        "seller": {
            "name": d.seller.name,
            "lines": _address(office, d.seller.address),
            "number": d.seller.identifier.value,
        },
        "buyer": {
            "name": d.buyer.name,
            "lines": _address(office, d.buyer.address),
            "number": d.buyer.identifier.value if d.buyer.identifier else "",
        },
        "number": d.number if issued else "",
        "issued_on": d.issued_on if issued else None,
        "due_on": d.due_on,
        "period": names.days(t, d.period) if d.period else "",
        "kid": d.kid if issued else "",
        "account": d.seller.account or d.seller.iban,
        "reference": d.buyer.reference,
        "currency": d.currency,
        "credits": d.credits.number if d.credits else "",
        "reason": t.text(d.credits.reason) if d.credits else "",
        "lines": [_document_line(office, line) for line in d.lines],
        "vat": [
            {"percent": t.percent(row.percent / 100), "net": row.net, "vat": row.vat, "why": t.text(row.exemption)}
            for row in d.breakdown
        ],
        "net": d.totals.net,
        "gross": d.totals.payable,
        "whole": True,
    }


def of_lines(office: Office, invoice: Invoice) -> dict[str, Any]:
    """What the reader may see of an invoice without its document: lines of networks that are theirs."""
    rates = sorted({line.vat_percent for line in invoice.lines})
    own = {rate: [line for line in invoice.lines if line.vat_percent == rate] for rate in rates}
    return {
        "seller": {"name": invoice.host_name, "lines": [], "number": ""},
        "buyer": {"name": invoice.organisation, "lines": [], "number": ""},
        "number": invoice.number,
        "issued_on": invoice.issued_on,
        "due_on": invoice.due_on,
        "period": "",
        "kid": invoice.kid,
        "account": "",
        "reference": invoice.buyer_reference,
        "currency": invoice.currency,
        "credits": "",
        "reason": invoice.reason,
        "lines": [_line(office, invoice, line) for line in invoice.lines],
        "vat": [
            {
                "percent": office.t.percent(rate / 100),
                "net": sum(line.net for line in lines),
                "vat": sum(line.vat for line in lines),
                "why": "",
            }
            for rate, lines in own.items()
        ],
        "net": invoice.net,
        "gross": invoice.net + invoice.vat,
        "whole": invoice.status == "draft" or invoice.whole,
    }


def _address(office: Office, address: Address) -> list[str]:
    place = " ".join(part for part in (address.postcode, address.city) if part)
    country = office.country(address.country) if address.country != "NO" else ""
    return [part for part in (address.street, address.extra, place, country) if part]


def _document_line(office: Office, line: DocumentLine) -> dict[str, Any]:
    t = office.t
    how = [t.text(text) for text in line.explanation]
    if line.discount:
        how.append(t.text(line.discount_reason))
    return {
        "what": t.text(line.names),
        "days": names.days(t, line.period) if line.period else "",
        "how": ", ".join(text for text in how if text),
        "network": _network(office, line.network),
        "percent": t.percent(line.percent / 100),
        "net": line.net,
    }


def _line(office: Office, invoice: Invoice, line: Line) -> dict[str, Any]:
    t = office.t
    return {
        "what": f"{t.text(line.names)}, {office.tier(line.tier, line.network)}",
        "days": names.days(t, Period(line.starts_on, line.ends_on)),
        "how": explain(t, line.steps, invoice.currency, line.example),
        "network": _network(office, line.network),
        "percent": t.percent(line.vat_percent / 100),
        "net": line.net,
    }


def _network(office: Office, slug: str) -> dict[str, Any] | None:
    found = office.kept.by_slug.get(slug)
    return office.face(found) if found else None
