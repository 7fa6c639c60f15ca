"""The rules that Peppol BIS Billing 3 and Norway put on top of EN 16931, over the XML itself (3.0.19, May 2025).

Every rule is an id, a level and a function from the root to the elements that break it. What the EN 16931
rules say already is not said again; rules of other countries (SE-R, DK-R ...) are not here. Rules about
amounts stand in `peppol_sums.py`.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple

from lxml import etree

from cluster_rules import check_digits, code_lists
from crm.gateways import peppol_sums
from crm.gateways.peppol_xml import Element, at, parsed, text
from crm.gateways.ubl import CUSTOMIZATION

PROFILE = re.compile(r"urn:fdc:peppol\.eu:2017:poacc:billing:([0-9]{2}):1\.0")
GERMAN_ONLY = ("326", "384")
OBJECT_REFERENCE = "130"
PROJECT_REFERENCE = "50"
DIRECT_DEBITS = ("49", "59")
_SUPPLIER = "cac:AccountingSupplierParty/cac:Party"
_CUSTOMER = "cac:AccountingCustomerParty/cac:Party"
_VAT_NUMBER = "cac:PartyTaxScheme[cac:TaxScheme/cbc:ID='VAT']/cbc:CompanyID"
_COUNTRY = "cac:PostalAddress/cac:Country/cbc:IdentificationCode"


class Broken(NamedTuple):
    """A broken rule and the element that breaks it, as a path."""

    rule: str
    level: Literal["fatal", "warning"]
    where: str


class _Rule(NamedTuple):
    id: str
    offenders: Callable[[Element], Iterable[Element]]
    level: Literal["fatal", "warning"] = "fatal"


def broken(xml: bytes) -> list[Broken]:
    """Every Peppol or Norwegian rule that this UBL document breaks. ValueError when it is no XML, or has a DOCTYPE."""
    root = parsed(xml)
    tree = root.getroottree()
    return [Broken(rule.id, rule.level, tree.getpath(each)) for rule in RULES for each in rule.offenders(root)]


def _if(test: Callable[[Element], bool]) -> Callable[[Element], Iterator[Element]]:
    """The whole document breaks the rule unless `test` holds."""

    def offenders(root: Element) -> Iterator[Element]:
        if not test(root):
            yield root

    return offenders


def _profile(root: Element) -> str:
    found = PROFILE.fullmatch(text(root, "cbc:ProfileID"))
    return found[1] if found else ""


def _country(root: Element, party: str) -> str:
    return text(root, f"{party}/{_COUNTRY}").upper()


def _german(root: Element) -> bool:
    return _country(root, _SUPPLIER) == _country(root, _CUSTOMER) == "DE"


def _tax_country(root: Element) -> str:
    """The supplier's country as Peppol sees it: of the VAT number, else of the address."""
    number = text(root, f"{_SUPPLIER}/{_VAT_NUMBER}") or text(root, f"cac:TaxRepresentativeParty/{_VAT_NUMBER}")
    return number[:2].upper() or _country(root, _SUPPLIER)


def _specified(root: Element) -> bool:
    return text(root, "cbc:CustomizationID").startswith(CUSTOMIZATION)


def _one_note(root: Element) -> bool:
    return len(at(root, "cbc:Note")) <= 1 or _german(root)


def _one_project(root: Element) -> bool:
    references = at(root, f"cac:AdditionalDocumentReference[cbc:DocumentTypeCode='{PROJECT_REFERENCE}']")
    return not root.tag.endswith("CreditNote") or len(references) <= 1


def _without_endpoint(party: str) -> Callable[[Element], list[Element]]:
    return lambda root: [each for each in at(root, party) if not at(each, "cbc:EndpointID")]


def _empty(root: Element) -> list[Element]:
    return [e for e in root.iter(etree.Element) if not len(e) and not (e.text or "").strip()]


def _same_accounting_currency(root: Element) -> list[Element]:
    codes = at(root, "cbc:TaxCurrencyCode")
    return [code for code in codes if text(code) == text(root, "cbc:DocumentCurrencyCode")]


def _numbers(scheme: str) -> Callable[[Element], Iterator[Element]]:
    """Identifiers of a scheme that have not its form."""
    _, right = check_digits.BY_SCHEME[scheme]
    places = ("cbc:EndpointID", "cac:PartyIdentification/cbc:ID", "cbc:CompanyID")

    def offenders(root: Element) -> Iterator[Element]:
        for place in places:
            yield from (e for e in at(root, f".//{place}[@schemeID='{scheme}']") if not right(text(e)))

    return offenders


def _norwegian_vat(root: Element) -> list[Element]:
    numbers = at(root, f"{_SUPPLIER}/{_VAT_NUMBER}")
    return [e for e in numbers if text(e).startswith("NO") and not check_digits.norwegian_vat(text(e))]


def _no_register(root: Element) -> list[Element]:
    if _tax_country(root) != "NO":
        return []
    registered = "cac:PartyTaxScheme[cac:TaxScheme/cbc:ID='TAX']/cbc:CompanyID"
    return [party for party in at(root, _SUPPLIER) if text(party, registered) != "Foretaksregisteret"]


def _unknown_currency(root: Element) -> list[Element]:
    return [e for e in root.iter(etree.Element) if e.get("currencyID", "NOK") not in code_lists.CURRENCIES]


def _unknown_scheme(root: Element) -> list[Element]:
    endpoints = at(root, ".//cbc:EndpointID[@schemeID]")
    return [e for e in endpoints if e.get("schemeID") not in code_lists.ENDPOINTS]


def _wrong_type(tag: str, allowed: frozenset[str]) -> Callable[[Element], list[Element]]:
    def offenders(root: Element) -> list[Element]:
        return [e for e in at(root, f"cbc:{tag}") if _profile(root) == "01" and text(e) not in allowed]

    return offenders


def _german_type(root: Element) -> list[Element]:
    return [e for e in at(root, "cbc:InvoiceTypeCode") if text(e) in GERMAN_ONLY and not _german(root)]


def _wrong_category(code: str, category: str) -> Callable[[Element], list[Element]]:
    def offenders(root: Element) -> list[Element]:
        found = at(root, ".//cac:TaxCategory")
        return [
            e for e in found if text(e, "cbc:TaxExemptionReasonCode").upper() == code and text(e, "cbc:ID") != category
        ]

    return offenders


def _no_mandate(root: Element) -> list[Element]:
    means = at(root, "cac:PaymentMeans")
    debits = [e for e in means if text(e, "cbc:PaymentMeansCode") in DIRECT_DEBITS]
    return [e for e in debits if not at(e, "cac:PaymentMandate/cbc:ID")]


def _lines(root: Element) -> list[Element]:
    return [*at(root, "cac:InvoiceLine"), *at(root, "cac:CreditNoteLine")]


def _many_objects(root: Element) -> list[Element]:
    return [line for line in _lines(root) if len(at(line, "cac:DocumentReference")) > 1]


def _no_object(root: Element) -> list[Element]:
    references = [e for line in _lines(root) for e in at(line, "cac:DocumentReference")]
    return [e for e in references if text(e, "cbc:DocumentTypeCode") != OBJECT_REFERENCE]


def _outside(end: str, before: bool) -> Callable[[Element], list[Element]]:
    """Line periods that begin before, or end after, the period of the document. ISO dates compare as text."""

    def offenders(root: Element) -> list[Element]:
        limit = text(root, f"cac:InvoicePeriod/cbc:{end}")
        days = [e for line in _lines(root) for e in at(line, f"cac:InvoicePeriod/cbc:{end}")]
        return [e for e in days if limit and (text(e) < limit if before else text(e) > limit)]

    return offenders


def _unit_differs(root: Element) -> Iterator[Element]:
    for line in _lines(root):
        quantities = at(line, "cbc:InvoicedQuantity") or at(line, "cbc:CreditedQuantity")
        for base in at(line, "cac:Price/cbc:BaseQuantity[@unitCode]"):
            if quantities and base.get("unitCode") != quantities[0].get("unitCode"):
                yield base


_R = "PEPPOL-EN16931-"
RULES = (
    _Rule(_R + "R001", _if(lambda root: bool(at(root, "cbc:ProfileID")))),
    _Rule(_R + "R002", _if(_one_note)),
    _Rule(_R + "R003", _if(lambda root: bool(at(root, "cbc:BuyerReference") or at(root, "cac:OrderReference/cbc:ID")))),
    _Rule(_R + "R004", _if(_specified)),
    _Rule(_R + "R005", _same_accounting_currency),
    _Rule(_R + "R007", _if(lambda root: bool(_profile(root)))),
    _Rule(_R + "R008", _empty),
    _Rule(_R + "R010", _without_endpoint(_CUSTOMER)),
    _Rule(_R + "R020", _without_endpoint(_SUPPLIER)),
    *(_Rule(_R + rule, offenders) for rule, offenders in peppol_sums.RULES),
    _Rule(_R + "R061", _no_mandate),
    _Rule(_R + "R080", _if(_one_project)),
    _Rule(_R + "R100", _many_objects),
    _Rule(_R + "R101", _no_object),
    _Rule(_R + "R110", _outside("StartDate", before=True)),
    _Rule(_R + "R111", _outside("EndDate", before=False)),
    _Rule(_R + "R130", _unit_differs),
    *(_Rule(rule, _numbers(scheme)) for scheme, (rule, _) in check_digits.BY_SCHEME.items()),
    _Rule(_R + "CL007", _unknown_currency),
    _Rule(_R + "CL008", _unknown_scheme),
    _Rule(_R + "P0100", _wrong_type("InvoiceTypeCode", code_lists.INVOICE_TYPES)),
    _Rule(_R + "P0101", _wrong_type("CreditNoteTypeCode", code_lists.CREDIT_NOTE_TYPES)),
    *(_Rule(rule, _wrong_category(code, ours)) for code, (ours, rule) in code_lists.CATEGORY_OF_REASON.items()),
    _Rule(_R + "P0112", _german_type),
    _Rule("NO-R-001", _norwegian_vat),
    _Rule("NO-R-002", _no_register, "warning"),
)
