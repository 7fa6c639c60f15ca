"""What is wrong with a document before it is issued: EN 16931, Peppol BIS Billing 3 and Norwegian rules as a table.

Each row is a rule id, the field it is about and a test that holds for a right document. The official rules
judge the XML; these judge the value it is made from, so that a mistake is told with its field before a number
is spent. Ids beginning with KLYNGE are ours. Sources: EN 16931-1, Peppol 3.0.19, bokføringsforskriften § 5-1.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

import msgspec

from cluster_rules import check_digits, kid, vat
from cluster_rules.code_lists import CATEGORY_OF_REASON, COUNTRIES, ENDPOINTS
from cluster_rules.documents import CURRENCIES, Buyer, Document, Id, Line, VatRow, in_local
from cluster_rules.networks import Text
from cluster_rules.periods import Period

CHARGED = ("S",)  # categories with a rate above nothing
UNCHARGED = ("E", "Z", "O", "AE", "G")
REASONED = ("E", "O", "AE", "G")  # must say why there is no VAT
_CONTROL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Whatever may be one of those as JSON writes it: escaped, U+FFFE or U+FFFF.
_ESCAPED = re.compile(rb"\\[^\"\\/]|\xef\xbf[\xbe\xbf]")


class Finding(msgspec.Struct, frozen=True):
    """A broken rule and the field it is about.

    `electronic` true: it only keeps the document from being sent as an e-invoice; on paper it is right.
    """

    rule: str
    field: str
    level: Literal["fatal", "warning"] = "fatal"
    electronic: bool = False


def check(document: Document) -> tuple[Finding, ...]:
    """Every broken rule, in the order of the document. Empty: it may be issued and sent in every way."""
    lines, rows = list(enumerate(document.lines)), list(enumerate(document.breakdown))
    return (
        *(_finding(rule) for rule in _DOCUMENT if not rule.holds(document)),
        *(_finding(rule, i) for rule in _LINE for i, line in lines if not rule.holds(document, line)),
        *(_finding(rule, i) for rule in _ROW for i, row in rows if not rule.holds(document, row)),
        *_reasons(document),
        *_identifiers(document),
        *_texts(document),
    )


def plain(buyer: Buyer) -> bool:
    """Is there nothing wrong with the buyer alone? Then a document is as right as one like it for another such buyer.

    (Alike: the same lines, country and language, and a reference or an endpoint where the other has one.)
    """
    ids = [each for each in (buyer.identifier, buyer.endpoint) if each]
    return (
        bool(buyer.name.strip())
        and buyer.address.country in COUNTRIES
        and _prefixed(buyer.vat_number)
        and all(check_digits.BY_SCHEME.get(each.scheme, ("", bool))[1](each.value) for each in ids)
        and (buyer.endpoint is None or buyer.endpoint.scheme in ENDPOINTS)
        and not _ESCAPED.search(msgspec.json.encode(buyer))
    )


class _Rule(NamedTuple):
    id: str
    field: str
    holds: Callable[..., bool]
    electronic: bool = False
    level: Literal["fatal", "warning"] = "fatal"


def _finding(rule: _Rule, index: int | None = None) -> Finding:
    field = rule.field if index is None else rule.field.format(index)
    return Finding(rule.id, field, rule.level, rule.electronic)


def _has(document: Document, *categories: str) -> bool:
    return any(line.category in categories for line in document.lines)


def _norwegian(document: Document) -> bool:
    return document.seller.address.country == "NO"


def _tax_number(document: Document) -> bool:
    return bool(document.seller.vat_number or document.seller.register)


def _asks_nothing(document: Document) -> bool:
    return document.kind == "credit_note" or document.totals.payable <= 0


def _known_buyer(document: Document) -> bool:
    return bool(document.buyer.vat_number or document.buyer.identifier)


def _prefixed(number: str) -> bool:
    """A VAT number begins with its country; Greece may write EL."""
    return not number or number[:2] in COUNTRIES or number[:2] == "EL"


def _credits(document: Document) -> bool:
    """A credit note names its invoice, which is not itself and not younger; an invoice names none."""
    if document.credits is None:
        return document.kind == "invoice"
    older = document.credits.issued_on <= document.issued_on
    return document.kind == "credit_note" and bool(document.credits.number) and older


def _accounted(document: Document) -> bool:
    """Norwegian VAT is told in kroner as well, whatever the currency of the invoice (§ 5-1-1 no. 7)."""
    charged = _norwegian(document) and document.seller.vat_number and document.totals.vat
    told = document.local.currency if document.local else document.currency
    return not charged or told == "NOK"


def _local_sum(document: Document) -> bool:
    local = document.local
    return local is None or local.vat == in_local(document, local, document.totals.vat)


def _mixed(document: Document) -> bool:
    """Outside the scope of VAT is the whole document or nothing of it."""
    return len({line.category == "O" for line in document.lines}) == 1


def _account(document: Document) -> bool:
    seller = document.seller
    right = not _norwegian(document) or not seller.account or check_digits.norwegian_account(seller.account)
    return right and (not seller.iban or check_digits.iban(seller.iban))


def _sums(document: Document) -> bool:
    totals = document.totals
    return totals.payable == totals.gross - totals.prepaid + totals.rounding


def _within(document: Document, period: Period | None) -> bool:
    whole = document.period
    return not whole or not period or (whole.start <= period.start and period.end_or_far <= whole.end_or_far)


def _vat_of(document: Document, row: VatRow) -> bool:
    """Rounded once from the sum; a credit note may differ by one, for what its invoice still stands for."""
    return abs(row.vat - vat.of(row.net, row.percent)) <= (document.kind == "credit_note")


def _of_rate(document: Document, row: VatRow) -> list[Line]:
    return [line for line in document.lines if (line.category, line.percent) == (row.category, row.percent)]


def _rates(document: Document) -> bool:
    """One row for each category and rate of the lines, no other, none twice (BR-S-01, BR-E-01 ...)."""
    rows = [(row.category, row.percent) for row in document.breakdown]
    return len(set(rows)) == len(rows) and set(rows) == {(line.category, line.percent) for line in document.lines}


def _vat_number(document: Document) -> bool:
    number = document.seller.vat_number
    return not number.startswith("NO") or check_digits.norwegian_vat(number)


_DOCUMENT = (
    _Rule("BR-02", "number", lambda d: bool(d.number.strip())),
    _Rule("BR-05", "currency", lambda d: d.currency in CURRENCIES),
    _Rule("BR-06", "seller.name", lambda d: bool(d.seller.name.strip())),
    _Rule("BR-07", "buyer.name", lambda d: bool(d.buyer.name.strip())),
    _Rule("BR-09", "seller.address.country", lambda d: d.seller.address.country in COUNTRIES),
    _Rule("BR-11", "buyer.address.country", lambda d: d.buyer.address.country in COUNTRIES),
    _Rule("BR-16", "lines", lambda d: bool(d.lines)),
    _Rule("BR-CO-26", "seller.identifier", lambda d: bool(d.seller.identifier.value)),
    _Rule(
        "BR-CO-25", "due_on", lambda d: d.kind == "credit_note" or d.totals.payable <= 0 or bool(d.due_on or d.terms)
    ),
    _Rule("KLYNGE-11", "seller.account", lambda d: d.kind == "credit_note" or bool(d.seller.account or d.seller.iban)),
    _Rule("BR-55", "credits.number", _credits),
    _Rule("BR-CO-10", "totals.net", lambda d: d.totals.net == sum(line.net for line in d.lines)),
    _Rule("BR-CO-14", "totals.vat", lambda d: d.totals.vat == sum(row.vat for row in d.breakdown)),
    _Rule("BR-CO-15", "totals.gross", lambda d: d.totals.gross == d.totals.net + d.totals.vat),
    _Rule("BR-CO-16", "totals.payable", _sums),
    _Rule("BR-CO-18", "breakdown", _rates),
    _Rule("BR-53", "local.vat", _local_sum),
    _Rule("PEPPOL-EN16931-R005", "local.currency", lambda d: not d.local or d.local.currency != d.currency),
    _Rule("BR-O-11", "lines", _mixed),
    _Rule("BR-O-02", "seller.vat_number", lambda d: not (_has(d, "O") and d.seller.vat_number)),
    _Rule("BR-S-02", "seller.vat_number", lambda d: not _has(d, "S") or _tax_number(d)),
    _Rule("BR-E-02", "seller.vat_number", lambda d: not _has(d, "E") or _tax_number(d)),
    _Rule("BR-Z-02", "seller.vat_number", lambda d: not _has(d, "Z") or _tax_number(d)),
    _Rule("BR-G-02", "seller.vat_number", lambda d: not _has(d, "G") or bool(d.seller.vat_number)),
    _Rule("BR-AE-02", "seller.vat_number", lambda d: not _has(d, "AE") or _tax_number(d)),
    _Rule(
        "BR-AE-02", "buyer.vat_number", lambda d: not _has(d, "AE") or bool(d.buyer.vat_number or d.buyer.identifier)
    ),
    _Rule(
        "BR-CO-09", "buyer.vat_number", lambda d: not d.buyer.vat_number or d.buyer.vat_number[:2] in (*COUNTRIES, "EL")
    ),
    _Rule(
        "BR-CO-09",
        "seller.vat_number",
        lambda d: not d.seller.vat_number or d.seller.vat_number[:2] in (*COUNTRIES, "EL"),
    ),
    _Rule("NO-R-001", "seller.vat_number", _vat_number),
    _Rule("NO-R-002", "seller.register", lambda d: not _norwegian(d) or d.seller.register, True, "warning"),
    _Rule(
        "PEPPOL-EN16931-R003",
        "buyer.reference",
        lambda d: bool(d.buyer.reference.strip() or d.buyer.order.strip()),
        True,
    ),
    _Rule("PEPPOL-EN16931-R010", "buyer.endpoint", lambda d: bool(d.buyer.endpoint), True),
    _Rule("PEPPOL-EN16931-R020", "seller.endpoint", lambda d: bool(d.seller.endpoint), True),
    _Rule("KLYNGE-01", "totals.payable", lambda d: d.totals.gross >= 0),
    _Rule("KLYNGE-02", "kid", lambda d: not d.kid or kid.valid(d.kid)),
    _Rule("KLYNGE-03", "seller.account", _account),
    _Rule("KLYNGE-04", "local", _accounted),
    _Rule("KLYNGE-05", "due_on", lambda d: not d.due_on or d.due_on >= d.issued_on),
)
_LINE = (
    _Rule("BR-25", "lines.{}.names", lambda d, line: any(words.strip() for words in line.names.values())),
    _Rule("BR-22", "lines.{}.quantity", lambda d, line: line.quantity != 0),
    _Rule("BR-27", "lines.{}.price", lambda d, line: line.price >= 0),
    _Rule("BR-42", "lines.{}.discount_reason", lambda d, line: not line.discount or bool(line.discount_reason)),
    _Rule("KLYNGE-06", "lines.{}.discount", lambda d, line: line.discount * line.quantity >= 0),
    _Rule("BR-S-05", "lines.{}.percent", lambda d, line: line.category not in CHARGED or line.percent > 0),
    _Rule("BR-E-05", "lines.{}.percent", lambda d, line: line.category not in UNCHARGED or line.percent == 0),
    _Rule("BR-E-10", "lines.{}.exemption", lambda d, line: line.category not in REASONED or bool(line.exemption)),
    _Rule("BR-S-10", "lines.{}.exemption", lambda d, line: line.category in REASONED or not line.exemption),
    _Rule("PEPPOL-EN16931-R110", "lines.{}.period", lambda d, line: _within(d, line.period)),
    _Rule("KLYNGE-07", "lines.{}.network", lambda d, line: any(mark.slug == line.network for mark in d.networks)),
)
_ROW = (
    _Rule("BR-S-08", "breakdown.{}.net", lambda d, row: row.net == sum(line.net for line in _of_rate(d, row))),
    _Rule("BR-CO-17", "breakdown.{}.vat", _vat_of),
    _Rule("KLYNGE-08", "breakdown.{}.vat", lambda d, row: row.vat == sum(line.vat for line in _of_rate(d, row))),
)


def _reasons(document: Document) -> Iterator[Finding]:
    """A reason code belongs to the category of its line (P0104 to P0111)."""
    for index, line in enumerate(document.lines):
        category, rule = CATEGORY_OF_REASON.get(line.exemption_code, (line.category, ""))
        if category != line.category:
            yield Finding(rule, f"lines.{index}.exemption_code")


def _identifiers(document: Document) -> Iterator[Finding]:
    """Organisation numbers have the form of their scheme; endpoints lie in a scheme that Peppol knows."""
    given: Mapping[str, Id | None] = {
        "seller.identifier": document.seller.identifier,
        "seller.endpoint": document.seller.endpoint,
        "buyer.identifier": document.buyer.identifier,
        "buyer.endpoint": document.buyer.endpoint,
    }
    for field, each in given.items():
        if each is None:
            continue
        endpoint = field.endswith("endpoint")
        rule, right = check_digits.BY_SCHEME.get(each.scheme, ("", lambda value: bool(value)))
        if not right(each.value):
            yield Finding(rule or "BR-62", field, electronic=endpoint)
        if endpoint and each.scheme not in ENDPOINTS:
            yield Finding("PEPPOL-EN16931-CL008", field, electronic=True)


def _texts(document: Document) -> Iterator[Finding]:
    """No control characters anywhere, and no text without the document's own language."""
    seen: set[str] = set()
    # Nearly no document has any: looking at it as JSON first costs a hundredth of walking through it.
    suspect = _ESCAPED.search(msgspec.json.encode(document))
    for field, words in _all_texts(msgspec.to_builtins(document)) if suspect else ():
        if _CONTROL.search(words) and field not in seen:
            seen.add(field)
            yield Finding("KLYNGE-09", field)
    for field, text in _named(document):
        if text and not text.get(document.language):
            yield Finding("KLYNGE-10", f"{field}.{document.language}")


def _all_texts(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _all_texts(inner, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _all_texts(inner, f"{path}.{index}")


def _named(document: Document) -> Iterable[tuple[str, Text]]:
    yield from (("terms", document.terms), ("note", document.note))
    for index, line in enumerate(document.lines):
        yield f"lines.{index}.names", line.names
        yield f"lines.{index}.exemption", line.exemption
        yield f"lines.{index}.discount_reason", line.discount_reason
        yield from ((f"lines.{index}.explanation", words) for words in line.explanation)
