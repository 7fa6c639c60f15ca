"""The Peppol rules about amounts: allowances and charges, tax totals, one currency, lines (R040 to R055, R120, R121).

Each is the number of the rule and a function from the root to the elements that break it.
"""

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

from crm.gateways.peppol_xml import Element, at, number, text

SLACK = Decimal("0.02")
_ZERO, _ONE = Decimal(0), Decimal(1)
_AMOUNTS = """
    Amount BaseAmount PriceAmount TaxableAmount LineExtensionAmount TaxExclusiveAmount TaxInclusiveAmount
    AllowanceTotalAmount ChargeTotalAmount PrepaidAmount PayableRoundingAmount PayableAmount
"""


def _adjustments(root: Element) -> list[Element]:
    """Allowances and charges of the document and of its lines, not those of prices."""
    paths = ("cac:AllowanceCharge", "cac:InvoiceLine/cac:AllowanceCharge", "cac:CreditNoteLine/cac:AllowanceCharge")
    return [each for path in paths for each in at(root, path)]


def _percent_without_base(root: Element) -> list[Element]:
    found = _adjustments(root)
    return [e for e in found if at(e, "cbc:MultiplierFactorNumeric") and not at(e, "cbc:BaseAmount")]


def _base_without_percent(root: Element) -> list[Element]:
    found = _adjustments(root)
    return [e for e in found if at(e, "cbc:BaseAmount") and not at(e, "cbc:MultiplierFactorNumeric")]


def _percent_of_base(root: Element) -> Iterator[Element]:
    for each in _adjustments(root):
        percent, base = number(each, "cbc:MultiplierFactorNumeric"), number(each, "cbc:BaseAmount")
        if percent is not None and base is not None:
            amount = number(each, "cbc:Amount") or _ZERO
            if abs(amount - base * percent / 100) > SLACK:
                yield each


def _indicator(root: Element) -> list[Element]:
    return [e for e in _adjustments(root) if text(e, "cbc:ChargeIndicator") not in ("true", "false")]


def _price_charge(root: Element) -> list[Element]:
    found = at(root, ".//cac:Price/cac:AllowanceCharge")
    return [e for e in found if text(e, "cbc:ChargeIndicator") != "false"]


def _net_price(root: Element) -> Iterator[Element]:
    for price in at(root, ".//cac:Price"):
        for allowance in at(price, "cac:AllowanceCharge"):
            gross, less = number(allowance, "cbc:BaseAmount"), number(allowance, "cbc:Amount") or _ZERO
            if gross is not None and number(price, "cbc:PriceAmount") != gross - less:
                yield allowance


def _other_currency(root: Element) -> list[Element]:
    """Every amount is in the currency of the invoice but for the VAT told in the accounting currency."""
    amounts = [e for name in _AMOUNTS.split() for e in at(root, f".//cbc:{name}")]
    amounts += at(root, "cac:TaxTotal[cac:TaxSubtotal]/cbc:TaxAmount") + at(root, ".//cac:TaxSubtotal/cbc:TaxAmount")
    return [e for e in amounts if e.get("currencyID") != text(root, "cbc:DocumentCurrencyCode")]


def _tax_totals(root: Element) -> list[Element]:
    return [] if len(at(root, "cac:TaxTotal[cac:TaxSubtotal]")) == 1 else [root]


def _bare_tax_totals(root: Element) -> list[Element]:
    bare = [e for e in at(root, "cac:TaxTotal") if not at(e, "cac:TaxSubtotal")]
    return [] if len(bare) == len(at(root, "cbc:TaxCurrencyCode")[:1]) else [root]


def _signs(root: Element) -> list[Element]:
    """VAT in the accounting currency points the same way as VAT in the invoice's."""
    told = text(root, "cbc:TaxCurrencyCode")
    if not told:
        return []
    totals = at(root, "cac:TaxTotal/cbc:TaxAmount")
    local = [number(e) or _ZERO for e in totals if e.get("currencyID") == told]
    own = [number(e) or _ZERO for e in totals if e.get("currencyID") == text(root, "cbc:DocumentCurrencyCode")]
    agree = any((a <= 0 and b <= 0) or (a >= 0 and b >= 0) for a in local for b in own)
    return [] if agree else [root]


def _lines(root: Element) -> list[Element]:
    return [*at(root, "cac:InvoiceLine"), *at(root, "cac:CreditNoteLine")]


def _line_sum(root: Element) -> Iterator[Element]:
    for line in _lines(root):
        quantity = number(line, "cbc:InvoicedQuantity" if root.tag.endswith("Invoice") else "cbc:CreditedQuantity")
        price = number(line, "cac:Price/cbc:PriceAmount") or _ZERO
        base = number(line, "cac:Price/cbc:BaseQuantity") or _ONE
        listed = (_ONE if quantity is None else quantity) * price / base
        expected = listed + _of_line(line, "true") - _of_line(line, "false")
        if abs((number(line, "cbc:LineExtensionAmount") or _ZERO) - expected) > SLACK:
            yield line


def _of_line(line: Element, indicator: str) -> Decimal:
    found = [e for e in at(line, "cac:AllowanceCharge") if text(e, "cbc:ChargeIndicator") == indicator]
    return sum((number(e, "cbc:Amount") or _ZERO for e in found), _ZERO)


def _base_quantity(root: Element) -> list[Element]:
    return [e for e in at(root, ".//cac:Price/cbc:BaseQuantity") if (number(e) or _ZERO) <= 0]


RULES: tuple[tuple[str, Callable[[Element], Iterable[Element]]], ...] = (
    ("R040", _percent_of_base),
    ("R041", _percent_without_base),
    ("R042", _base_without_percent),
    ("R043", _indicator),
    ("R044", _price_charge),
    ("R046", _net_price),
    ("R051", _other_currency),
    ("R053", _tax_totals),
    ("R054", _bare_tax_totals),
    ("R055", _signs),
    ("R120", _line_sum),
    ("R121", _base_quantity),
)
