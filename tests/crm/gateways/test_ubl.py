"""The e-invoice before its judges: schema, EN 16931, and the Peppol and Norwegian rules (AC-20)."""

from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from lxml import etree

from cluster_rules.document_checks import check
from cluster_rules.documents import Document, Id
from crm.gateways import peppol_rules, ubl
from tests import documents as make
from tests.crm.gateways.test_peppol_rules import Swap, changed, endpoint
from tests.documents import OUTSIDE, SIX, documents, split_vat
from tests.judges import invoices as judges

EXAMPLES = 40  # of random documents; one takes the official judge about three milliseconds

TAX = '<cac:TaxTotal><cbc:TaxAmount currencyID="NOK">11750.00'
SUBTOTAL = 'NOK">47000.00</cbc:TaxableAmount><cbc:TaxAmount currencyID="NOK">11750.00'
SERVICE = "<cac:TaxCategory><cbc:ID>S</cbc:ID><cbc:Percent>25"
REASON = "<cbc:TaxExemptionReason>Medlemskontingent, fritatt etter mval. § 3-13</cbc:TaxExemptionReason>"
SELLER_VAT = (
    "<cac:PartyTaxScheme><cbc:CompanyID>NO971035854MVA</cbc:CompanyID>"
    "<cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>"
)
SIN_VAT = SELLER_VAT.replace("971035854", "999999999")
REGISTER = SELLER_VAT.replace("NO971035854MVA", "Foretaksregisteret").replace(">VAT<", ">TAX<")
ACCOUNT = "<cac:PayeeFinancialAccount><cbc:ID>12345678903</cbc:ID>"
ITEM = "<cbc:Name>Medlemskontingent, hovedpartner</cbc:Name>"
O_SELLER = "<cac:PartyLegalEntity><cbc:RegistrationName>Klyngeforeningen"

# What is broken, on which of the six, and the id that must be found; most ids are EN 16931's own.
BROKEN: tuple[tuple[str, str, tuple[Swap, ...]], ...] = (
    ("XSD", "nok_split_vat", (("<cbc:IssueDate>2026-12-01</cbc:IssueDate>", ""),)),
    ("XSD", "nok_split_vat", (("<cbc:DueDate>2026-12-31", "<cbc:DueDate>31.12.2026"),)),
    ("BR-01", "nok_split_vat", ((f"<cbc:CustomizationID>{ubl.CUSTOMIZATION}</cbc:CustomizationID>", ""),)),
    ("BR-CO-18", "credit_note", (("<cac:TaxSubtotal>", "<!--"), ("</cac:TaxSubtotal>", "-->"))),
    (
        "BR-CO-10",
        "nok_split_vat",
        (('LineExtensionAmount currencyID="NOK">48000.00', 'LineExtensionAmount currencyID="NOK">48000.01'),),
    ),
    (
        "BR-CO-13",
        "nok_split_vat",
        (('TaxExclusiveAmount currencyID="NOK">48000.00', 'TaxExclusiveAmount currencyID="NOK">48000.01'),),
    ),
    ("BR-CO-14", "nok_split_vat", ((TAX, TAX.replace("11750.00", "11750.01")),)),
    (
        "BR-CO-15",
        "nok_split_vat",
        (('TaxInclusiveAmount currencyID="NOK">59750.00', 'TaxInclusiveAmount currencyID="NOK">59750.01'),),
    ),
    (
        "BR-CO-16",
        "nok_split_vat",
        (('PayableAmount currencyID="NOK">59750.00', 'PayableAmount currencyID="NOK">59000.00'),),
    ),
    ("BR-CO-17", "nok_split_vat", ((SUBTOTAL, SUBTOTAL.replace("11750.00", "11751.00")),)),
    ("BR-S-08", "nok_split_vat", ((SUBTOTAL, SUBTOTAL.replace("47000.00", "47001.00")),)),
    ("BR-S-09", "nok_split_vat", ((SERVICE, SERVICE.replace("25", "15")),)),
    ("BR-E-10", "nok_split_vat", ((REASON, ""),)),
    ("BR-E-02", "nok_split_vat", ((SELLER_VAT, ""),)),
    ("BR-S-02", "proration", ((SIN_VAT, ""), (REGISTER, ""))),
    (
        "BR-O-10",
        "seller_not_registered",
        (
            ("<cbc:TaxExemptionReasonCode>VATEX-EU-O</cbc:TaxExemptionReasonCode>", ""),
            (f"<cbc:TaxExemptionReason>{OUTSIDE['nb']}</cbc:TaxExemptionReason>", ""),
        ),
    ),
    ("BR-O-02", "seller_not_registered", ((O_SELLER, SELLER_VAT + O_SELLER),)),
    ("BR-25", "nok_split_vat", ((ITEM, ""),)),
    ("BR-27", "nok_split_vat", (('PriceAmount currencyID="NOK">1000.00', 'PriceAmount currencyID="NOK">-1000.00'),)),
    ("BR-61", "nok_split_vat", ((ACCOUNT, "<cac:PayeeFinancialAccount>"),)),
    (
        "BR-53",
        "eur_foreign",
        (('<cac:TaxTotal><cbc:TaxAmount currencyID="NOK">2933.63</cbc:TaxAmount></cac:TaxTotal>', ""),),
    ),
    ("BR-CL-04", "nok_split_vat", (("<cbc:DocumentCurrencyCode>NOK", "<cbc:DocumentCurrencyCode>NKR"),)),
    ("BR-CL-14", "nok_split_vat", (("<cbc:IdentificationCode>NO", "<cbc:IdentificationCode>NORGE"),)),
    ("BR-CO-09", "nok_split_vat", (("NO971035854MVA", "971035854MVA"),)),
    (
        "BR-42",
        "proration",
        (("<cbc:AllowanceChargeReason>Rabatt: medlem i NCE Smart Energy Markets</cbc:AllowanceChargeReason>", ""),),
    ),
    ("BR-29", "nok_split_vat", (("<cbc:EndDate>2027-12-31", "<cbc:EndDate>2026-12-31"),)),
    (
        "BR-55",
        "credit_note",
        (("<cac:InvoiceDocumentReference><cbc:ID>20270001</cbc:ID>", "<cac:InvoiceDocumentReference>"),),
    ),
    (
        "PEPPOL-EN16931-R003",
        "nok_split_vat",
        (
            ("<cbc:BuyerReference>Kari Nordmann, 4410</cbc:BuyerReference>", ""),
            ("<cac:OrderReference><cbc:ID>PO-2027-118</cbc:ID></cac:OrderReference>", ""),
        ),
    ),
    (
        "PEPPOL-EN16931-R120",
        "combined_clusters",
        (('PriceAmount currencyID="NOK">5000.00', 'PriceAmount currencyID="NOK">5001.00'),),
    ),
    ("PEPPOL-COMMON-R041", "nok_split_vat", (endpoint("0192", "923609061"),)),
    ("PEPPOL-EN16931-P0112", "nok_split_vat", ((">380<", ">384<"),)),
    ("NO-R-001", "combined_clusters", (("NO999999999MVA", "NO999999998MVA"),)),
    ("PEPPOL-EN16931-R010", "credit_note", (('<cbc:EndpointID schemeID="0192">923609016</cbc:EndpointID>', ""),)),
)


def objections(xml: bytes) -> set[str]:
    """What all judges together object to fatally."""
    found = {"XSD"} if judges.schema(xml) else set()
    found.update(judges.en16931(xml))
    return found | {each.rule for each in peppol_rules.broken(xml) if each.level == "fatal"}


@pytest.mark.parametrize("name", SIX)
def test_ac_20_the_six_documents_have_no_fatal_finding(name: str) -> None:
    document = SIX[name]()
    assert objections(ubl.written(document)) == set()
    assert [each for each in check(document) if each.level == "fatal"] == []


@pytest.mark.parametrize(
    ("expected", "name", "swaps"), BROKEN, ids=[f"{i:02d}-{b[0]}" for i, b in enumerate(BROKEN, 1)]
)
def test_ac_20_a_broken_variant_is_caught_with_its_id(expected: str, name: str, swaps: tuple[Swap, ...]) -> None:
    assert expected in objections(changed(name, swaps))


def test_ac_20_there_are_thirty_broken_variants_and_most_are_the_official_judges() -> None:
    assert len(BROKEN) >= 30
    assert sum(1 for rule, _, _ in BROKEN if rule.startswith("BR-")) >= 20


@settings(max_examples=EXAMPLES, deadline=None)
@given(documents())
def test_ac_20_our_check_and_the_judges_agree_on_whatever_we_make(document: Document) -> None:
    """A document that our own check lets pass is never objected to; this is what lets us issue without a judge."""
    assert [each for each in check(document) if each.level == "fatal"] == []
    assert objections(ubl.written(document)) == set()


# Control: where the check objects, the judges do, and by the same id


@pytest.mark.parametrize(
    ("rule", "field", "change"),
    [
        ("BR-CO-15", "totals.gross", lambda d: _replaced(d, totals=_replaced(d.totals, gross=1))),
        ("BR-CO-16", "totals.payable", lambda d: _replaced(d, totals=_replaced(d.totals, payable=1))),
        ("BR-CO-10", "totals.net", lambda d: _replaced(d, totals=_replaced(d.totals, net=1))),
        ("BR-06", "seller.name", lambda d: _replaced(d, seller=_replaced(d.seller, name=" "))),
        ("NO-R-001", "seller.vat_number", lambda d: _replaced(d, seller=_replaced(d.seller, vat_number="NO1MVA"))),
        ("PEPPOL-EN16931-R010", "buyer.endpoint", lambda d: _replaced(d, buyer=_replaced(d.buyer, endpoint=None))),
        (
            "PEPPOL-EN16931-R003",
            "buyer.reference",
            lambda d: _replaced(d, buyer=_replaced(d.buyer, reference="", order="")),
        ),
        (
            "PEPPOL-EN16931-R110",
            "lines.0.period",
            lambda d: _replaced(d, period=_replaced(d.period, start=d.period.start + timedelta(1))),
        ),
    ],
)
def test_control_check_and_judge_object_to_the_same(
    rule: str, field: str, change: Callable[[Document], Document]
) -> None:
    broken = change(split_vat())
    assert (rule, field) in {(each.rule, each.field) for each in check(broken)}
    found = objections(ubl.written(broken))
    assert rule in found


def _replaced(value: object, **changes: object) -> object:
    return msgspec.structs.replace(value, **changes)


# What stands in it


def test_the_order_of_the_fields_that_people_look_for() -> None:
    root = etree.fromstring(ubl.written(split_vat()))

    def one(path: str) -> str:
        (found,) = root.xpath(path, namespaces={"cac": ubl.CAC, "cbc": ubl.CBC})
        return found.text

    assert one("cac:PaymentMeans/cbc:PaymentID") == split_vat().kid
    assert one("cac:PaymentMeans/cac:PayeeFinancialAccount/cbc:ID") == "12345678903"
    assert one("cbc:BuyerReference") == "Kari Nordmann, 4410"
    assert one("cac:LegalMonetaryTotal/cbc:PayableAmount") == "59750.00"
    assert one("cac:InvoiceLine[2]/cac:Item/cbc:Description") == (
        "NORA Industry Network · Bånd 101–250 ansatte, 180 ansatte oppgitt"
    )
    assert one("cac:InvoiceLine[2]/cac:InvoicePeriod/cbc:EndDate") == "2027-12-31"
    assert one("cac:TaxTotal/cac:TaxSubtotal[1]/cac:TaxCategory/cbc:TaxExemptionReason").endswith("mval. § 3-13")


def test_what_xml_cannot_carry_is_left_out_and_the_rest_is_escaped() -> None:
    buyer = _replaced(split_vat().buyer, name="A & B <AS>\x0b\ud800 «Ørsted»")
    xml = ubl.written(_replaced(split_vat(), buyer=buyer))
    assert "A &amp; B &lt;AS&gt; «Ørsted»".encode() in xml
    assert objections(xml) == set()


def test_ac_20_a_rate_with_decimals_passes_every_judge() -> None:
    """Finland's 25.5 %: written with its decimal, and the sums of the official rules hold."""
    seller = msgspec.structs.replace(
        make.NORA,
        identifier=Id("0212", "01120389"),
        endpoint=Id("0212", "01120389"),
        vat_number="FI01120389",
        address=msgspec.structs.replace(make.NORA.address, country="FI"),
        register=False,
        account="",
        iban="FI2112345600000785",
    )
    lines = tuple(make.service(make.INDUSTRY, "Tjeneste", "Service", net, percent=25.5) for net in (10_03, 333_33, 2))
    made = make.invoice(seller, make.NORDLYS, lines, currency="EUR", kid="", language="en")
    assert made.totals.vat == 87_56  # of 343.38: 87.5619
    xml = ubl.written(made)
    assert objections(xml) == set()
    assert xml.count(b"<cbc:Percent>25.5</cbc:Percent>") == 4
    wrong = xml.replace(b">87.56<", b">87.50<")
    assert objections(wrong) != set()
