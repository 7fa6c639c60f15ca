"""Each Peppol and Norwegian rule catches one document, and lets a like one pass that keeps it.

A case is a sample of AC-20 and texts to put in place of others: first so that the rule is broken, then so that
the same part of the document is there and right.
"""

from functools import cache

import pytest

from crm.gateways import peppol_rules, ubl
from tests.documents import SIX

PROFILE = f"<cbc:ProfileID>{ubl.PROFILE}</cbc:ProfileID>"
NORA_VAT = "<cbc:CompanyID>NO971035854MVA</cbc:CompanyID>"
NOTE = "<cbc:Note>Netto 30 dager</cbc:Note></cac:PaymentTerms>"
CURRENCY = "<cbc:DocumentCurrencyCode>NOK</cbc:DocumentCurrencyCode>"
ALLOWANCE = '<cbc:Amount currencyID="NOK">916.67</cbc:Amount></cac:AllowanceCharge>'
PERCENT = "<cbc:MultiplierFactorNumeric>{}</cbc:MultiplierFactorNumeric>"
BASE = '<cbc:BaseAmount currencyID="NOK">{}</cbc:BaseAmount></cac:AllowanceCharge>'
PRICE = '<cbc:PriceAmount currencyID="NOK">1000.00</cbc:PriceAmount></cac:Price>'
GROSS = (
    "<cac:AllowanceCharge><cbc:ChargeIndicator>{}</cbc:ChargeIndicator>"
    '<cbc:Amount currencyID="NOK">100.00</cbc:Amount>'
    '<cbc:BaseAmount currencyID="NOK">{}</cbc:BaseAmount></cac:AllowanceCharge></cac:Price>'
)
BASE_QUANTITY = '<cbc:BaseQuantity unitCode="{}">{}</cbc:BaseQuantity></cac:Price>'
OBJECT = (
    "<cac:DocumentReference><cbc:ID>1</cbc:ID><cbc:DocumentTypeCode>{}</cbc:DocumentTypeCode></cac:DocumentReference>"
)
LINE_PERIOD_END = "<cbc:EndDate>2027-12-31</cbc:EndDate></cac:InvoicePeriod><cac:Item>"
LINE_PERIOD = f"<cbc:StartDate>2027-01-01</cbc:StartDate>{LINE_PERIOD_END}"
PROJECT = (
    "<cac:AdditionalDocumentReference><cbc:ID>P</cbc:ID><cbc:DocumentTypeCode>50</cbc:DocumentTypeCode>"
    "</cac:AdditionalDocumentReference>"
)
SUPPLIER = "<cac:AccountingSupplierParty>"
LOCAL = '<cac:TaxTotal><cbc:TaxAmount currencyID="NOK">2933.63</cbc:TaxAmount></cac:TaxTotal>'
REASON = "<cbc:TaxExemptionReason>Medlemskontingent"
ENDPOINT = '<cbc:EndpointID schemeID="0192">923609016</cbc:EndpointID>'
MEANS = "<cbc:PaymentMeansCode>30</cbc:PaymentMeansCode>"
ACCOUNT_END = "</cac:PayeeFinancialAccount></cac:PaymentMeans>"
MANDATE = "</cac:PayeeFinancialAccount><cac:PaymentMandate><cbc:ID>M1</cbc:ID></cac:PaymentMandate></cac:PaymentMeans>"

Swap = tuple[str, str]
NOTHING: tuple[Swap, ...] = ()


def endpoint(scheme: str, value: str) -> Swap:
    return ENDPOINT, f'<cbc:EndpointID schemeID="{scheme}">{value}</cbc:EndpointID>'


def reason(code: str, category: str) -> tuple[Swap, ...]:
    given = f"<cbc:TaxExemptionReasonCode>{code}</cbc:TaxExemptionReasonCode>{REASON}"
    return ("<cac:TaxCategory><cbc:ID>E</cbc:ID>", f"<cac:TaxCategory><cbc:ID>{category}</cbc:ID>"), (REASON, given)


CASES: tuple[tuple[str, str, tuple[Swap, ...], tuple[Swap, ...]], ...] = (
    ("PEPPOL-EN16931-R001", "nok_split_vat", ((PROFILE, ""),), NOTHING),
    (
        "PEPPOL-EN16931-R002",
        "nok_split_vat",
        ((CURRENCY, f"<cbc:Note>a</cbc:Note><cbc:Note>b</cbc:Note>{CURRENCY}"),),
        ((CURRENCY, f"<cbc:Note>a</cbc:Note>{CURRENCY}"),),
    ),
    (
        "PEPPOL-EN16931-R003",
        "nok_split_vat",
        (
            ("<cbc:BuyerReference>Kari Nordmann, 4410</cbc:BuyerReference>", ""),
            ("<cac:OrderReference><cbc:ID>PO-2027-118</cbc:ID></cac:OrderReference>", ""),
        ),
        (("<cbc:BuyerReference>Kari Nordmann, 4410</cbc:BuyerReference>", ""),),
    ),
    (
        "PEPPOL-EN16931-R004",
        "nok_split_vat",
        (("#compliant#", "#conformant#"),),
        (("billing:3.0<", "billing:3.0#extended<"),),
    ),
    (
        "PEPPOL-EN16931-R005",
        "eur_foreign",
        (("<cbc:TaxCurrencyCode>NOK", "<cbc:TaxCurrencyCode>EUR"),),
        NOTHING,
    ),
    (
        "PEPPOL-EN16931-R007",
        "nok_split_vat",
        (("billing:01:1.0", "billing:1"),),
        (("billing:01:1.0", "billing:02:1.0"),),
    ),
    ("PEPPOL-EN16931-R008", "nok_split_vat", ((NOTE, "<cbc:Note> </cbc:Note></cac:PaymentTerms>"),), NOTHING),
    ("PEPPOL-EN16931-R010", "nok_split_vat", ((ENDPOINT, ""),), NOTHING),
    (
        "PEPPOL-EN16931-R020",
        "nok_split_vat",
        (('<cbc:EndpointID schemeID="0192">971035854</cbc:EndpointID>', ""),),
        NOTHING,
    ),
    (
        "PEPPOL-EN16931-R040",
        "proration",
        (
            (ALLOWANCE, ALLOWANCE[:-22] + BASE.format("9000.00")),
            ("<cbc:Amount c", PERCENT.format(10) + "<cbc:Amount c"),
        ),
        (
            (ALLOWANCE, ALLOWANCE[:-22] + BASE.format("9166.67")),
            ("<cbc:Amount c", PERCENT.format(10) + "<cbc:Amount c"),
        ),
    ),
    (
        "PEPPOL-EN16931-R041",
        "proration",
        (("<cbc:Amount c", PERCENT.format(10) + "<cbc:Amount c"),),
        (
            (ALLOWANCE, ALLOWANCE[:-22] + BASE.format("9166.67")),
            ("<cbc:Amount c", PERCENT.format(10) + "<cbc:Amount c"),
        ),
    ),
    ("PEPPOL-EN16931-R042", "proration", ((ALLOWANCE, ALLOWANCE[:-22] + BASE.format("9166.67")),), NOTHING),
    (
        "PEPPOL-EN16931-R043",
        "proration",
        (("<cbc:ChargeIndicator>false", "<cbc:ChargeIndicator>0"),),
        (("<cbc:ChargeIndicator>false", "<cbc:ChargeIndicator>true"),),
    ),
    (
        "PEPPOL-EN16931-R044",
        "nok_split_vat",
        ((PRICE, PRICE[:-12] + GROSS.format("true", "1100.00")),),
        ((PRICE, PRICE[:-12] + GROSS.format("false", "1100.00")),),
    ),
    (
        "PEPPOL-EN16931-R046",
        "nok_split_vat",
        ((PRICE, PRICE[:-12] + GROSS.format("false", "1200.00")),),
        ((PRICE, PRICE[:-12] + GROSS.format("false", "1100.00")),),
    ),
    (
        "PEPPOL-EN16931-R051",
        "nok_split_vat",
        (('<cbc:PayableAmount currencyID="NOK">', '<cbc:PayableAmount currencyID="EUR">'),),
        NOTHING,
    ),
    (
        "PEPPOL-EN16931-R053",
        "eur_foreign",
        (("<cac:TaxSubtotal>", "<cac:X>"), ("</cac:TaxSubtotal>", "</cac:X>")),
        NOTHING,
    ),
    ("PEPPOL-EN16931-R054", "eur_foreign", ((LOCAL, ""),), NOTHING),
    (
        "PEPPOL-EN16931-R055",
        "eur_foreign",
        (('currencyID="NOK">2933.63', 'currencyID="NOK">-2933.63'),),
        (('currencyID="NOK">2933.63', 'currencyID="NOK">0.00'),),
    ),
    (
        "PEPPOL-EN16931-R061",
        "nok_split_vat",
        ((MEANS, MEANS.replace("30", "59")),),
        ((MEANS, MEANS.replace("30", "59")), (ACCOUNT_END, MANDATE)),
    ),
    ("PEPPOL-EN16931-R080", "credit_note", ((SUPPLIER, PROJECT * 2 + SUPPLIER),), ((SUPPLIER, PROJECT + SUPPLIER),)),
    (
        "PEPPOL-EN16931-R100",
        "nok_split_vat",
        (("<cac:Item>", OBJECT.format("130") * 2 + "<cac:Item>"),),
        (("<cac:Item>", OBJECT.format("130") + "<cac:Item>"),),
    ),
    (
        "PEPPOL-EN16931-R101",
        "nok_split_vat",
        (("<cac:Item>", OBJECT.format("50") + "<cac:Item>"),),
        (("<cac:Item>", OBJECT.format("130") + "<cac:Item>"),),
    ),
    (
        "PEPPOL-EN16931-R110",
        "nok_split_vat",
        ((LINE_PERIOD, LINE_PERIOD.replace("2027-01-01", "2026-12-31")),),
        NOTHING,
    ),
    (
        "PEPPOL-EN16931-R111",
        "nok_split_vat",
        ((LINE_PERIOD_END, LINE_PERIOD_END.replace("2027-12-31", "2028-01-01")),),
        NOTHING,
    ),
    (
        "PEPPOL-EN16931-R120",
        "nok_split_vat",
        (('PriceAmount currencyID="NOK">1000.00', 'PriceAmount currencyID="NOK">1000.03'),),
        (('PriceAmount currencyID="NOK">1000.00', 'PriceAmount currencyID="NOK">1000.02'),),
    ),
    (
        "PEPPOL-EN16931-R121",
        "nok_split_vat",
        (("</cac:Price>", BASE_QUANTITY.format("C62", 0)),),
        (("</cac:Price>", BASE_QUANTITY.format("C62", 1)),),
    ),
    (
        "PEPPOL-EN16931-R130",
        "nok_split_vat",
        (("</cac:Price>", BASE_QUANTITY.format("MON", 1)),),
        (("</cac:Price>", BASE_QUANTITY.format("C62", 1)),),
    ),
    ("PEPPOL-COMMON-R040", "nok_split_vat", (endpoint("0088", "7300010000002"),), (endpoint("0088", "7300010000001"),)),
    ("PEPPOL-COMMON-R041", "nok_split_vat", (endpoint("0192", "923609017"),), (endpoint("0192", "923609016"),)),
    ("PEPPOL-COMMON-R042", "nok_split_vat", (endpoint("0184", "1234567"),), (endpoint("0184", "DK12345678"),)),
    ("PEPPOL-COMMON-R043", "nok_split_vat", (endpoint("0208", "0202239950"),), (endpoint("0208", "0202239951"),)),
    ("PEPPOL-COMMON-R049", "nok_split_vat", (endpoint("0007", "5560360794"),), (endpoint("0007", "5560360793"),)),
    (
        "PEPPOL-EN16931-CL007",
        "nok_split_vat",
        (('PayableAmount currencyID="NOK"', 'PayableAmount currencyID="NKR"'),),
        NOTHING,
    ),
    (
        "PEPPOL-EN16931-CL008",
        "nok_split_vat",
        (endpoint("9908", "923609016"),),
        (endpoint("0199", "529900T8BM49AURSDO55"),),
    ),
    ("PEPPOL-EN16931-P0100", "nok_split_vat", ((">380<", ">381<"),), ((">380<", ">383<"),)),
    ("PEPPOL-EN16931-P0101", "credit_note", ((">381<", ">380<"),), ((">381<", ">396<"),)),
    ("PEPPOL-EN16931-P0104", "nok_split_vat", reason("VATEX-EU-G", "E"), reason("VATEX-EU-G", "G")),
    ("PEPPOL-EN16931-P0105", "nok_split_vat", reason("vatex-eu-o", "E"), reason("vatex-eu-o", "O")),
    ("PEPPOL-EN16931-P0106", "nok_split_vat", reason("VATEX-EU-IC", "E"), reason("VATEX-EU-IC", "K")),
    ("PEPPOL-EN16931-P0107", "nok_split_vat", reason("VATEX-EU-AE", "E"), reason("VATEX-EU-AE", "AE")),
    ("PEPPOL-EN16931-P0108", "nok_split_vat", reason("VATEX-EU-D", "Z"), reason("VATEX-EU-D", "E")),
    ("PEPPOL-EN16931-P0109", "nok_split_vat", reason("VATEX-EU-F", "Z"), reason("VATEX-EU-F", "E")),
    ("PEPPOL-EN16931-P0110", "nok_split_vat", reason("VATEX-EU-I", "Z"), reason("VATEX-EU-I", "E")),
    ("PEPPOL-EN16931-P0111", "nok_split_vat", reason("VATEX-EU-J", "Z"), reason("VATEX-EU-J", "E")),
    ("PEPPOL-EN16931-P0112", "nok_split_vat", ((">380<", ">384<"),), ((">380<", ">384<"), ("Code>NO<", "Code>DE<"))),
    (
        "NO-R-001",
        "nok_split_vat",
        ((NORA_VAT, NORA_VAT.replace("854", "855")),),
        ((NORA_VAT, NORA_VAT.replace("NO971035854MVA", "SE556036079301")),),
    ),
    ("NO-R-002", "combined_clusters", (("Foretaksregisteret", "Brønnøysund"),), NOTHING),
)


@cache
def sample(name: str) -> str:
    return ubl.written(SIX[name]()).decode()


def changed(name: str, swaps: tuple[Swap, ...]) -> bytes:
    """The sample with every text replaced wherever it stands; a text that is not there is a mistake of the test."""
    xml = sample(name)
    for old, new in swaps:
        assert old in xml, old
        xml = xml.replace(old, new)
    return xml.encode()


def ids(name: str, swaps: tuple[Swap, ...]) -> set[str]:
    return {each.rule for each in peppol_rules.broken(changed(name, swaps))}


@pytest.mark.parametrize(("rule", "name", "wrong", "right"), CASES, ids=[case[0] for case in CASES])
def test_ac_20_each_rule_catches_one_document_and_passes_another(
    rule: str, name: str, wrong: tuple[Swap, ...], right: tuple[Swap, ...]
) -> None:
    assert rule in ids(name, wrong)
    assert rule not in ids(name, right)


def test_every_rule_has_its_case() -> None:
    assert sorted(case[0] for case in CASES) == sorted(rule.id for rule in peppol_rules.RULES)


def test_a_finding_says_where() -> None:
    (found,) = (b for b in peppol_rules.broken(changed("nok_split_vat", (endpoint("9908", "1"),))) if "CL008" in b.rule)
    assert (found.level, found.where) == ("fatal", "/*/cac:AccountingCustomerParty/cac:Party/cbc:EndpointID")


@pytest.mark.parametrize("xml", [b"", b"<Invoice", b'<!DOCTYPE x [<!ENTITY e "1">]><x>&e;</x>'])
def test_what_is_no_document_is_refused(xml: bytes) -> None:
    with pytest.raises(ValueError, match=r"DOCTYPE|not an XML"):
        peppol_rules.broken(xml)
