"""Documents: VAT once per rate and to the øre on every line, totals, credit notes, and what the checks object to."""

from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_rules import document_checks
from cluster_rules.documents import (
    Credits,
    Document,
    Id,
    Line,
    Local,
    Mark,
    Totals,
    completed,
    credit_note,
    line_of,
    spread,
    standing,
)
from cluster_rules.errors import RuleViolation
from cluster_rules.fees import FeeLine
from cluster_rules.money import share
from cluster_rules.periods import Period
from tests import documents as make
from tests.cluster_rules.histories import QUICK

EXEMPTIONS = {"exempt_3_13": make.EXEMPT, "outside": make.OUTSIDE, "zero": {"nb": "Nullsats", "en": "Zero-rated"}}
NETS = st.lists(st.integers(-10_000_000, 10_000_000), min_size=1, max_size=12)


def but(value: Any, **changes: Any) -> Any:
    return msgspec.structs.replace(value, **changes)


def rules(document: Document) -> set[tuple[str, str]]:
    return {(each.rule, each.field) for each in document_checks.check(document) if each.level == "fatal"}


# VAT


def test_ac_15b_vat_of_a_prorated_line() -> None:
    """5/12 of 22,000 with VAT and of 1,000 without: 9,166.67 + 416.67 + 2,291.67 = 11,875.01."""
    lines = (
        make.service(make.APPLIED, "Serviceavgift", "Service fee", 916_667),
        make.fee(make.APPLIED, "Kontingent", "Fee", 41_667),
    )
    totals = make.invoice(make.SIN, make.ESMART, lines).totals
    assert totals == Totals(net=958_334, vat=229_167, gross=1_187_501, payable=1_187_501)


def test_vat_is_rounded_once_and_the_lines_add_up_to_it() -> None:
    """Three lines of 0.02 have 0.005 VAT each: 0.03 rounded line by line, 0.02 rounded once."""
    made = make.invoice(make.SIN, make.ESMART, (make.service(make.NCE, "a", "a", 2),) * 3)
    assert made.totals.vat == 2
    assert [line.vat for line in made.lines] == [1, 1, 0]


@QUICK
@given(NETS, st.sampled_from([0, 12, 15, 25]))
def test_no_line_is_further_from_its_own_vat_than_a_whole_unit(nets: list[int], percent: int) -> None:
    vat = share(sum(nets), percent, 100)
    parts = spread(nets, percent, vat)
    assert sum(parts) == vat
    assert all(abs(part * 100 - net * percent) < 100 for part, net in zip(parts, nets, strict=True))


@QUICK
@given(make.documents())
def test_the_parts_add_up(document: Document) -> None:
    totals = document.totals
    assert sum(line.net for line in document.lines) == sum(row.net for row in document.breakdown) == totals.net
    assert sum(line.vat for line in document.lines) == sum(row.vat for row in document.breakdown) == totals.vat
    assert totals.payable == totals.net + totals.vat - totals.prepaid + totals.rounding


@QUICK
@given(st.integers(1, 1_000_000), st.lists(st.integers(1, 1_000_000), min_size=1, max_size=8))
def test_credit_notes_of_parts_take_back_exactly_what_was_charged(first: int, others: list[int]) -> None:
    """However an invoice is cut into credit notes, their VAT together is its VAT to the øre."""
    lines = tuple(make.service(make.NCE, "a", "a", price) for price in (first, *others))
    invoice = make.invoice(make.SIN, make.ESMART, lines)
    notes: list[Document] = []
    for line in invoice.lines:
        notes.append(credit_note(invoice, "1", "X", make.ISSUED, make.TERMS, (line,), standing(invoice, notes)))
        assert rules(notes[-1]) == set()
    assert sum(note.totals.gross for note in notes) == invoice.totals.gross
    assert set(standing(invoice, notes).values()) == {0}


def test_control_credit_notes_that_do_not_know_of_each_other_miss_by_an_oere() -> None:
    invoice = make.invoice(make.SIN, make.ESMART, tuple(make.service(make.NCE, "a", "a", 2) for _ in range(3)))
    alone = [credit_note(invoice, "1", "X", make.ISSUED, make.TERMS, (line,)) for line in invoice.lines]
    assert sum(note.totals.vat for note in alone) == 3 != invoice.totals.vat


def test_reasons_of_one_category_are_told_once_each() -> None:
    other = {"nb": "Annet fritak", "en": "Another exemption"}
    lines = (
        make.fee(make.NCE, "a", "a", 100),
        make.fee(make.NCE, "b", "b", 200, exemption=other),
        make.fee(make.NCE, "c", "c", 300),
    )
    (row,) = make.invoice(make.SIN, make.ESMART, lines).breakdown
    assert (row.net, row.exemption["en"]) == (600, f"{make.EXEMPT['en']}; Another exemption")


def test_vat_in_the_accounting_currency() -> None:
    """250.00 EUR at 11.7345 is 2,933.625 NOK, rounded half up."""
    assert make.foreign().local == Local("NOK", 117_345, date(2026, 11, 30), vat=293_363)


def test_the_period_of_a_document_spans_its_lines() -> None:
    assert make.combined().period == Period(date(2026, 12, 1), date(2028, 1, 1))
    open_ended = make.fee(make.NCE, "a", "a", 1, period=Period(date(2027, 1, 1)))
    assert make.invoice(make.SIN, make.ESMART, (open_ended,)).period == Period(date(2027, 1, 1))
    without = make.fee(make.NCE, "a", "a", 1, period=None)
    assert make.invoice(make.SIN, make.ESMART, (without,)).period is None


@pytest.mark.parametrize(
    ("change", "code"), [({"currency": "XAU"}, "currency_unknown"), ({"lines": ()}, "lines_missing")]
)
def test_what_is_no_document(change: dict[str, Any], code: str) -> None:
    with pytest.raises(RuleViolation) as refused:
        completed(but(make.split_vat(), **change))
    assert refused.value.code == code


# Fees as lines


def fee_line(vat_code: str, percent: int, net: int = 1_000) -> FeeLine:
    return FeeLine(
        network="nce",
        tier="member",
        component="service",
        names={"nb": "a", "en": "a"},
        period=make.YEAR,
        net=net,
        vat_code=vat_code,
        vat_percent=percent,
        vat=share(net, percent, 100),
        currency="NOK",
    )


@pytest.mark.parametrize(
    ("vat_code", "percent", "category", "exempt"),
    [("standard", 25, "S", False), ("exempt_3_13", 0, "E", True), ("zero", 0, "Z", False), ("outside", 0, "O", True)],
)
def test_a_fee_becomes_a_line_by_its_treatment(vat_code: str, percent: int, category: str, exempt: bool) -> None:
    line = line_of(fee_line(vat_code, percent), make.SIN, (), EXEMPTIONS)
    assert (line.category, line.percent, bool(line.exemption)) == (category, percent, exempt)


def test_a_seller_outside_the_vat_register_sells_everything_outside_its_scope() -> None:
    line = line_of(fee_line("exempt_3_13", 0), make.SMALL, (), EXEMPTIONS)
    assert (line.category, line.exemption_code, line.exemption) == ("O", "VATEX-EU-O", make.EXEMPT)
    with pytest.raises(RuleViolation) as refused:
        line_of(fee_line("standard", 25), make.SMALL, (), EXEMPTIONS)
    assert refused.value.code == "seller_not_registered"


def test_what_is_given_back_has_a_negative_quantity() -> None:
    line = line_of(fee_line("standard", 25, -300), make.SIN, (), EXEMPTIONS)
    assert (line.quantity, line.price, line.net) == (-1, 300, -300)


# The checks


def seller(**changes: Any) -> Any:
    return lambda d: but(d, seller=but(d.seller, **changes))


def buyer(**changes: Any) -> Any:
    return lambda d: but(d, buyer=but(d.buyer, **changes))


def totals(**changes: Any) -> Any:
    return lambda d: but(d, totals=but(d.totals, **changes))


def line(**changes: Any) -> Any:
    return lambda d: but(d, lines=(but(d.lines[0], **changes), *d.lines[1:]))


def row(**changes: Any) -> Any:
    return lambda d: but(d, breakdown=(but(d.breakdown[0], **changes), *d.breakdown[1:]))


def field(**changes: Any) -> Any:
    return lambda d: but(d, **changes)


def nowhere(party: str) -> Any:
    return lambda d: but(d, **{party: but(getattr(d, party), address=but(d.seller.address, country="ZZ"))})


BROKEN = [
    ("BR-02", "number", field(number=" ")),
    ("BR-06", "seller.name", seller(name="")),
    ("BR-07", "buyer.name", buyer(name=" ")),
    ("BR-09", "seller.address.country", nowhere("seller")),
    ("BR-11", "buyer.address.country", nowhere("buyer")),
    ("BR-16", "lines", field(lines=())),
    ("BR-22", "lines.0.quantity", line(quantity=0)),
    ("BR-25", "lines.0.names", line(names={})),
    ("BR-27", "lines.0.price", line(price=-1)),
    ("BR-42", "lines.0.discount_reason", line(discount=1)),
    ("BR-53", "local.vat", field(local=Local("EUR", 800, date(2026, 12, 1), vat=1))),
    ("BR-55", "credits.number", field(credits=Credits("1", date(2026, 12, 1)))),
    ("BR-55", "credits.number", field(kind="credit_note")),
    ("BR-55", "credits.number", field(kind="credit_note", credits=Credits("1", date(2027, 1, 1)))),
    ("BR-AE-02", "buyer.vat_number", lambda d: buyer(vat_number="", identifier=None)(line(category="AE")(d))),
    ("BR-CO-09", "buyer.vat_number", buyer(vat_number="556036079301")),
    ("BR-CO-09", "seller.vat_number", seller(vat_number="971035854MVA")),
    ("BR-CO-10", "totals.net", totals(net=1)),
    ("BR-CO-14", "totals.vat", totals(vat=1)),
    ("BR-CO-15", "totals.gross", totals(gross=1)),
    ("BR-CO-16", "totals.payable", totals(rounding=1)),
    ("BR-CO-17", "breakdown.0.vat", row(vat=1)),
    ("BR-CO-18", "breakdown", lambda d: but(d, breakdown=d.breakdown[:1])),
    ("BR-CO-18", "breakdown", lambda d: but(d, breakdown=d.breakdown * 2)),
    ("BR-CO-25", "due_on", field(due_on=None, terms={})),
    ("BR-CO-26", "seller.identifier", seller(identifier=Id("0192", ""))),
    ("BR-62", "buyer.endpoint", buyer(endpoint=Id("0199", ""))),
    ("BR-E-02", "seller.vat_number", seller(vat_number="")),
    ("BR-E-05", "lines.0.percent", line(percent=25)),
    ("BR-E-10", "lines.0.exemption", line(exemption={})),
    ("BR-G-02", "seller.vat_number", lambda d: seller(vat_number="")(line(category="G")(d))),
    ("BR-O-02", "seller.vat_number", line(category="O")),
    ("BR-O-11", "lines", line(category="O")),
    ("BR-S-02", "seller.vat_number", seller(vat_number="")),
    ("BR-S-05", "lines.0.percent", line(category="S")),
    ("BR-S-08", "breakdown.0.net", row(net=1)),
    ("BR-S-10", "lines.0.exemption", line(category="Z")),
    ("BR-Z-02", "seller.vat_number", lambda d: seller(vat_number="")(line(category="Z")(d))),
    ("NO-R-001", "seller.vat_number", seller(vat_number="NO971035855MVA")),
    ("PEPPOL-COMMON-R040", "buyer.endpoint", buyer(endpoint=Id("0088", "7300010000002"))),
    ("PEPPOL-COMMON-R041", "seller.identifier", seller(identifier=Id("0192", "971035855"))),
    ("PEPPOL-COMMON-R042", "buyer.identifier", buyer(identifier=Id("0184", "1"))),
    ("PEPPOL-COMMON-R043", "buyer.endpoint", buyer(endpoint=Id("0208", "0202239950"))),
    ("PEPPOL-COMMON-R049", "buyer.identifier", buyer(identifier=Id("0007", "5560360794"))),
    ("PEPPOL-EN16931-CL008", "buyer.endpoint", buyer(endpoint=Id("9908", "923609016"))),
    ("PEPPOL-EN16931-P0107", "lines.0.exemption_code", line(exemption_code="VATEX-EU-AE")),
    ("PEPPOL-EN16931-R003", "buyer.reference", buyer(reference="", order="")),
    ("PEPPOL-EN16931-R005", "local.currency", field(local=Local("NOK", 10_000, date(2026, 12, 1), vat=1_175_000))),
    ("PEPPOL-EN16931-R010", "buyer.endpoint", buyer(endpoint=None)),
    ("PEPPOL-EN16931-R020", "seller.endpoint", seller(endpoint=None)),
    ("PEPPOL-EN16931-R110", "lines.0.period", line(period=Period(date(2026, 1, 1)))),
    ("KLYNGE-01", "totals.payable", totals(gross=-1)),
    ("KLYNGE-02", "kid", field(kid="00441000000016")),
    ("KLYNGE-03", "seller.account", seller(account="12345678904")),
    ("KLYNGE-03", "seller.account", seller(iban="NO9312345678903")),
    ("KLYNGE-04", "local", field(currency="EUR")),
    ("KLYNGE-05", "due_on", field(due_on=date(2026, 11, 30))),
    ("KLYNGE-06", "lines.0.discount", line(discount=-1)),
    ("KLYNGE-07", "lines.0.network", line(network="unknown")),
    ("KLYNGE-08", "breakdown.0.vat", line(vat=1)),
    ("KLYNGE-09", "buyer.name", buyer(name="A\x07B")),
    ("KLYNGE-10", "lines.0.names.nb", line(names={"en": "Only English"})),
    ("KLYNGE-11", "seller.account", seller(account="", iban="")),
]


@pytest.mark.parametrize(("rule", "where", "change"), BROKEN, ids=[f"{b[0]}-{b[1]}" for b in BROKEN])
def test_a_mistake_is_told_with_its_rule_and_field(rule: str, where: str, change: Any) -> None:
    assert (rule, where) not in rules(make.split_vat())
    assert (rule, where) in rules(change(make.split_vat()))


def test_every_rule_of_the_check_has_its_mistake() -> None:
    tables = (*document_checks._DOCUMENT, *document_checks._LINE, *document_checks._ROW)
    listed = {each.id for each in tables if each.level == "fatal"}
    assert listed - {rule for rule, _, _ in BROKEN} == {"BR-05"}  # `completed` refuses an unknown currency


def test_what_only_keeps_it_from_being_an_e_invoice_says_so() -> None:
    by_mail = but(make.split_vat(), buyer=but(make.ESMART, endpoint=None, reference="", order=""))
    assert {each.rule for each in document_checks.check(by_mail) if not each.electronic} == set()
    assert {each.rule for each in document_checks.check(by_mail) if each.level == "fatal"} == {
        "PEPPOL-EN16931-R003",
        "PEPPOL-EN16931-R010",
    }


def test_a_document_survives_being_stored() -> None:
    for sample in make.SIX.values():
        stored = msgspec.json.encode(sample())
        assert msgspec.json.decode(stored, type=Document) == sample()


def test_a_line_and_a_mark_are_all_that_a_caller_needs() -> None:
    plain = Line("nce", {"nb": "Kontingent", "en": "Fee"}, 100, "S", 25)
    made = but(make.split_vat(), networks=(Mark("nce", {"nb": "NCE", "en": "NCE"}),), lines=(plain,), totals=Totals())
    assert rules(completed(but(made, period=None))) == set()
