"""A document as EHF 3.0, which is Peppol BIS Billing 3: UBL 2.1, type 380 (invoice) or 381 (credit note).

Pure: a `Document` goes in, UTF-8 bytes come out. An element without content is never made (R008), text is
escaped by lxml, and what XML cannot carry (control characters) is left out. Element order follows the schema.
"""

import re
from datetime import date, timedelta
from decimal import Decimal

from lxml import etree

from cluster_rules.documents import Address, Buyer, Document, Id, Line, Seller, VatRow
from cluster_rules.networks import Text
from cluster_rules.periods import Period

CUSTOMIZATION = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
PROFILE = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"
INVOICE = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
CREDIT_NOTE = "urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2"
CBC = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
CAC = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"

CREDIT_TRANSFER = "30"  # UNCL4461
SEPA_TRANSFER = "58"
INVOICE_TYPE = "380"  # UNCL1001
CREDIT_NOTE_TYPE = "381"

_BETWEEN_DAYS = timedelta(days=1)
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_Node = etree._Element | None


def written(document: Document) -> bytes:
    """The XML file, as UTF-8 with its declaration. What it needs to be accepted: `document_checks.check`."""
    return etree.tostring(_Writer(document).root(), xml_declaration=True, encoding="UTF-8")


class _Writer:
    """Writes one document; keeps what every part needs: currency, language, sort of document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._invoice = document.kind == "invoice"
        self._outside = any(row.category == "O" for row in document.breakdown)

    def root(self) -> etree._Element:
        each = self._document
        namespace = INVOICE if self._invoice else CREDIT_NOTE
        root = etree.Element(
            etree.QName(namespace, "Invoice" if self._invoice else "CreditNote"),
            nsmap={None: namespace, "cac": CAC, "cbc": CBC},
        )
        children = [
            _basic("CustomizationID", CUSTOMIZATION),
            _basic("ProfileID", PROFILE),
            _basic("ID", each.number),
            _basic("IssueDate", each.issued_on.isoformat()),
            _basic("DueDate", each.due_on.isoformat()) if self._invoice and each.due_on else None,
            _basic("InvoiceTypeCode", INVOICE_TYPE) if self._invoice else None,
            _basic("CreditNoteTypeCode", CREDIT_NOTE_TYPE) if not self._invoice else None,
            _basic("Note", self._note()),
            _basic("DocumentCurrencyCode", each.currency),
            _basic("TaxCurrencyCode", each.local.currency if each.local else ""),
            _basic("BuyerReference", each.buyer.reference),
            _period(each.period),
            _group("OrderReference", _basic("ID", each.buyer.order)),
            self._credited(),
            _group("AccountingSupplierParty", self._seller(each.seller)),
            _group("AccountingCustomerParty", self._buyer(each.buyer)),
            self._payment(each.seller),
            _group("PaymentTerms", _basic("Note", self._text(each.terms))),
            *self._taxes(),
            self._totals(),
            *(self._line(number, line) for number, line in enumerate(each.lines, 1)),
        ]
        root.extend([child for child in children if child is not None])
        return root

    def _note(self) -> str:
        """The free note; on a credit note, first why it was written. One element only (R002)."""
        reason = self._document.credits.reason if self._document.credits else {}
        return "\n".join(filter(None, (self._text(reason), self._text(self._document.note))))

    def _credited(self) -> _Node:
        credits = self._document.credits
        if credits is None:
            return None
        reference = _group(
            "InvoiceDocumentReference",
            _basic("ID", credits.number),
            _basic("IssueDate", credits.issued_on.isoformat()),
        )
        return _group("BillingReference", reference)

    def _seller(self, seller: Seller) -> _Node:
        return _group(
            "Party",
            _identifier("EndpointID", seller.endpoint),
            _group("PartyName", _basic("Name", seller.name)),
            _address(seller.address),
            _tax_scheme(seller.vat_number, "VAT"),
            _tax_scheme("Foretaksregisteret" if seller.register else "", "TAX"),
            _legal_entity(seller.name, seller.identifier),
            _group("Contact", _basic("ElectronicMail", seller.email)),
        )

    def _buyer(self, buyer: Buyer) -> _Node:
        """A document outside the scope of VAT names no VAT number, the buyer's neither (BR-O-02)."""
        return _group(
            "Party",
            _identifier("EndpointID", buyer.endpoint),
            _group("PartyName", _basic("Name", buyer.name)),
            _address(buyer.address),
            _tax_scheme("" if self._outside else buyer.vat_number, "VAT"),
            _legal_entity(buyer.name, buyer.identifier),
            _group("Contact", _basic("Name", buyer.contact)),
        )

    def _payment(self, seller: Seller) -> _Node:
        """Where to pay. Kroner go to the domestic account, everything else to the IBAN; a credit note asks nothing."""
        domestic = self._document.currency == "NOK" and seller.account
        account = domestic or seller.iban
        if not self._invoice or not account:
            return None
        branch = _group("FinancialInstitutionBranch", _basic("ID", "" if domestic else seller.bic))
        sepa = self._document.currency == "EUR" and not domestic
        return _group(
            "PaymentMeans",
            _basic("PaymentMeansCode", SEPA_TRANSFER if sepa else CREDIT_TRANSFER),
            _basic("PaymentID", self._document.kid),
            _group("PayeeFinancialAccount", _basic("ID", account), _basic("Name", seller.name), branch),
        )

    def _taxes(self) -> list[_Node]:
        """VAT per category and rate; and in the accounting currency its sum only (R053, R054)."""
        each = self._document
        subtotals = [self._subtotal(row) for row in each.breakdown]
        total = _group("TaxTotal", self._amount("TaxAmount", each.totals.vat), *subtotals)
        if each.local is None:
            return [total]
        local = _basic("TaxAmount", _decimal(each.local.vat, 2), currencyID=each.local.currency)
        return [total, _group("TaxTotal", local)]

    def _subtotal(self, row: VatRow) -> _Node:
        category = _group(
            "TaxCategory",
            _basic("ID", row.category),
            _basic("Percent", "" if row.category == "O" else str(row.percent)),
            _basic("TaxExemptionReasonCode", row.exemption_code),
            _basic("TaxExemptionReason", self._text(row.exemption)),
            _group("TaxScheme", _basic("ID", "VAT")),
        )
        return _group(
            "TaxSubtotal",
            self._amount("TaxableAmount", row.net),
            self._amount("TaxAmount", row.vat),
            category,
        )

    def _totals(self) -> _Node:
        totals = self._document.totals
        return _group(
            "LegalMonetaryTotal",
            self._amount("LineExtensionAmount", totals.net),
            self._amount("TaxExclusiveAmount", totals.net),
            self._amount("TaxInclusiveAmount", totals.gross),
            self._amount("PrepaidAmount", totals.prepaid) if totals.prepaid else None,
            self._amount("PayableRoundingAmount", totals.rounding) if totals.rounding else None,
            self._amount("PayableAmount", totals.payable),
        )

    def _line(self, number: int, line: Line) -> _Node:
        quantity = "InvoicedQuantity" if self._invoice else "CreditedQuantity"
        return _group(
            "InvoiceLine" if self._invoice else "CreditNoteLine",
            _basic("ID", str(number)),
            _basic(quantity, str(line.quantity), unitCode=line.unit),
            self._amount("LineExtensionAmount", line.net),
            _period(line.period),
            self._discount(line),
            self._item(line),
            _group("Price", self._amount("PriceAmount", line.price)),
        )

    def _discount(self, line: Line) -> _Node:
        if not line.discount:
            return None
        return _group(
            "AllowanceCharge",
            _basic("ChargeIndicator", "false"),
            _basic("AllowanceChargeReason", self._text(line.discount_reason)),
            self._amount("Amount", line.discount),
        )

    def _item(self, line: Line) -> _Node:
        network = next((mark.names for mark in self._document.networks if mark.slug == line.network), {})
        words = [self._text(network), *(self._text(sentence) for sentence in line.explanation)]
        category = _group(
            "ClassifiedTaxCategory",
            _basic("ID", line.category),
            _basic("Percent", "" if line.category == "O" else str(line.percent)),
            _group("TaxScheme", _basic("ID", "VAT")),
        )
        return _group(
            "Item",
            _basic("Description", " · ".join(filter(None, words))),
            _basic("Name", self._text(line.names)),
            _group("SellersItemIdentification", _basic("ID", line.reference)),
            category,
        )

    def _amount(self, name: str, minor: int) -> etree._Element | None:
        return _basic(name, _decimal(minor, self._document.digits), currencyID=self._document.currency)

    def _text(self, words: Text) -> str:
        """In the document's language; else in whichever there is."""
        return words.get(self._document.language) or next(iter(words.values()), "")


def _basic(name: str, text: str, **attributes: str) -> _Node:
    clean = _NOT_XML.sub("", text).strip()
    if not clean:
        return None
    made = etree.Element(etree.QName(CBC, name), attributes)
    made.text = clean
    return made


def _group(name: str, *children: _Node) -> _Node:
    there = [child for child in children if child is not None]
    if not there:
        return None
    made = etree.Element(etree.QName(CAC, name))
    made.extend(there)
    return made


def _identifier(name: str, given: Id | None) -> _Node:
    return _basic(name, given.value, schemeID=given.scheme) if given else None


def _legal_entity(name: str, identifier: Id | None) -> _Node:
    return _group("PartyLegalEntity", _basic("RegistrationName", name), _identifier("CompanyID", identifier))


def _tax_scheme(number: str, scheme: str) -> _Node:
    if not number:
        return None
    return _group("PartyTaxScheme", _basic("CompanyID", number), _group("TaxScheme", _basic("ID", scheme)))


def _address(address: Address) -> _Node:
    return _group(
        "PostalAddress",
        _basic("StreetName", address.street),
        _basic("AdditionalStreetName", address.extra),
        _basic("CityName", address.city),
        _basic("PostalZone", address.postcode),
        _group("Country", _basic("IdentificationCode", address.country)),
    )


def _period(period: Period | None) -> _Node:
    """UBL names the last day; ours are half-open."""
    if period is None:
        return None
    return _group("InvoicePeriod", _basic("StartDate", _day(period.start)), _basic("EndDate", _last_day(period)))


def _day(day: date) -> str:
    return day.isoformat()


def _last_day(period: Period) -> str:
    return _day(period.end - _BETWEEN_DAYS) if period.end else ""


def _decimal(minor: int, digits: int) -> str:
    return str(Decimal(minor).scaleb(-digits))
