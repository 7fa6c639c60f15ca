"""An invoice or credit note as it was issued: one frozen value that the PDF, the EHF and the archive are made from.

Amounts are whole minor units of `currency`; a credit note carries the same signs as the invoice it
takes back (EN 16931: the type says which way the money goes). Periods are half-open days. Texts that
a reader sees are kept in both languages. VAT is rounded once per category and rate, and the lines'
VAT adds up to it (docs/decisions/0013-vat-to-the-ore.md).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Literal

import msgspec

from cluster_rules import vat
from cluster_rules.errors import RuleViolation
from cluster_rules.fees import FeeLine
from cluster_rules.money import digits, share
from cluster_rules.networks import Text
from cluster_rules.periods import FAR, Period, between
from cluster_rules.vat import Percent

# UNCL5305 as EN 16931 restricts it. S ordinary, E exempt, Z zero-rated, O outside the scope (a seller who is
# not in the VAT register), AE reverse charge, G export.
Category = Literal["S", "E", "Z", "O", "AE", "G"]
CATEGORY: dict[str, Category] = {
    "standard": "S",
    "exempt_3_13": "E",
    "zero": "Z",
    "outside": "O",
    "reverse_charge": "AE",
    "foreign": "G",
}
# Currencies we can bill in and how many digits their minor unit has.
CURRENCIES = {code: digits(code) for code in ("NOK", "SEK", "DKK", "EUR", "GBP", "USD", "CHF", "ISK")}
LOCAL_DIGITS = 2  # of every currency that VAT is told in beside the invoice's
# What sellers keep their accounts in, where VAT must be told in it whatever the invoice's currency is
# (bokforingsforskriften § 5-1-1 no. 7 and § 5-1-2 for Norway; article 230 of directive 2006/112/EC elsewhere).
ACCOUNTED_IN = {"NO": "NOK", "SE": "SEK", "DK": "DKK"}
PIECE = "C62"  # UN/ECE Recommendation 20: one

Rate = tuple[str, Percent]  # category and percent


class Id(msgspec.Struct, frozen=True):
    """An identifier with its ISO 6523 scheme (0192 = Norwegian organisation number, 0088 = GLN)."""

    scheme: str
    value: str


class Address(msgspec.Struct, frozen=True):
    """A postal address; `country` is ISO 3166-1 alpha-2."""

    country: str
    street: str = ""
    extra: str = ""
    postcode: str = ""
    city: str = ""


class Seller(msgspec.Struct, frozen=True):
    """Who sells: the host. `vat_number` "" = not in the VAT register; then every line is category O.

    `register` true: the legal form is entered in Foretaksregisteret, and the document must say so.
    `account` is a domestic account number, digits only.
    """

    name: str
    identifier: Id
    address: Address
    vat_number: str = ""
    register: bool = False
    account: str = ""
    iban: str = ""
    bic: str = ""
    endpoint: Id | None = None
    email: str = ""
    website: str = ""


class Buyer(msgspec.Struct, frozen=True):
    """Who is billed. `reference` is the buyer's own (BT-10), `order` their order number (BT-13).

    `endpoint` None: not in Peppol; the document goes by e-mail.
    """

    name: str
    address: Address
    identifier: Id | None = None
    vat_number: str = ""
    reference: str = ""
    order: str = ""
    endpoint: Id | None = None
    contact: str = ""


class Mark(msgspec.Struct, frozen=True):
    """How a network looks on paper: its name and the name of its colour (the pages' own)."""

    slug: str
    names: Text
    colour: str = "accent"


class Line(msgspec.Struct, frozen=True):
    """One line: `quantity` * `price` - `discount` = `net`. What is given back has a negative quantity.

    `price` is per unit without VAT, never negative; `discount` has the sign of the quantity. `net` 0 with an
    explanation is how an included membership is shown. `vat` is this line's part of the VAT of its category;
    `completed` fills it.
    """

    network: str
    names: Text
    price: int
    category: Category
    percent: Percent = 0
    quantity: int = 1
    unit: str = PIECE
    discount: int = 0
    discount_reason: Text = {}
    explanation: tuple[Text, ...] = ()
    period: Period | None = None
    exemption: Text = {}
    exemption_code: str = ""
    vat: int = 0
    reference: str = ""

    @property
    def net(self) -> int:
        """What the line comes to without VAT."""
        return self.quantity * self.price - self.discount


class VatRow(msgspec.Struct, frozen=True):
    """The VAT of one category at one rate: `vat` on the `net` of its lines (BG-23)."""

    category: Category
    percent: Percent
    net: int
    vat: int
    exemption: Text = {}
    exemption_code: str = ""


class Totals(msgspec.Struct, frozen=True):
    """The sums: `gross` = `net` + `vat`; `payable` = `gross` - `prepaid` + `rounding`."""

    net: int = 0
    vat: int = 0
    gross: int = 0
    prepaid: int = 0
    rounding: int = 0
    payable: int = 0


class Local(msgspec.Struct, frozen=True):
    """The VAT in the seller's accounting currency when it differs (BT-6, BT-111).

    `rate` is in ten-thousandths (1 EUR = 11.7345 NOK is 117_345), as published for the day `on` by `source`.
    """

    currency: str
    rate: int
    on: date
    vat: int = 0
    source: str = ""


class Credits(msgspec.Struct, frozen=True):
    """The invoice that a credit note takes back, in whole or in part, and why."""

    number: str
    issued_on: date
    reason: Text = {}


class Document(msgspec.Struct, frozen=True):
    """The whole document. Give everything but the computed parts, then call `completed`."""

    kind: Literal["invoice", "credit_note"]
    number: str
    series: str
    issued_on: date
    currency: str
    language: Literal["nb", "en"]
    seller: Seller
    buyer: Buyer
    networks: tuple[Mark, ...]
    lines: tuple[Line, ...]
    due_on: date | None = None
    period: Period | None = None
    kid: str = ""
    terms: Text = {}
    note: Text = {}
    credits: Credits | None = None
    local: Local | None = None
    breakdown: tuple[VatRow, ...] = ()
    totals: Totals = Totals()

    @property
    def digits(self) -> int:
        """How many digits stand after the decimal sign in this document's amounts."""
        return CURRENCIES[self.currency]


def completed(document: Document, standing: Mapping[Rate, int] | None = None) -> Document:
    """The document with its period, VAT and totals; `totals.prepaid` and `totals.rounding` are kept as given.

    `standing`: for a partial credit note, the net per (category, percent) of its invoice that no earlier
    credit note has taken back. The VAT is then what is no longer owed, so that all credit notes of an invoice
    together never take back an øre more or less than it charged.
    RuleViolation `currency_unknown` or `lines_missing`.
    """
    if document.currency not in CURRENCIES:
        raise RuleViolation("currency_unknown", "currency", given=document.currency)
    if not document.lines:
        raise RuleViolation("lines_missing", "lines")
    rows = breakdown(document.lines, standing or {})
    vat: dict[Rate, int] = {(row.category, row.percent): row.vat for row in rows}
    return msgspec.structs.replace(
        document,
        lines=_with_vat(document.lines, vat),
        breakdown=rows,
        totals=_totals(rows, document.totals),
        period=document.period or _period(document.lines),
        local=document.local and _local(document, document.local, sum(vat.values())),
    )


def breakdown(lines: Iterable[Line], standing: Mapping[Rate, int]) -> tuple[VatRow, ...]:
    """One row per category and rate: VAT of the sum, rounded half up once (BR-CO-17)."""
    out = []
    ordered = sorted(lines, key=_rate)
    for (category, percent), grouped in groupby(ordered, key=_rate):
        mine = list(grouped)
        net = sum(line.net for line in mine)
        before = standing.get((category, percent), net)
        owed = vat.of(before, percent) - vat.of(before - net, percent)
        code = next((line.exemption_code for line in mine if line.exemption_code), "")
        out.append(VatRow(mine[0].category, percent, net, owed, _joined(line.exemption for line in mine), code))
    return tuple(out)


def spread(nets: Sequence[int], percent: Percent, owed: int) -> list[int]:
    """The VAT of a category dealt out to its lines: together exactly `owed`, each as near to its own as that allows.

    The largest remainders are rounded up first. Lines may be negative.
    """
    whole = 100 * vat.HUNDREDTHS
    exact = [net * vat.hundredths(percent) for net in nets]
    parts = [each // whole for each in exact]
    order = sorted(range(len(nets)), key=lambda i: (-(exact[i] % whole), i))
    left = owed - sum(parts)
    for step in range(abs(left)):
        parts[order[step % len(order)]] += 1 if left > 0 else -1
    return parts


def credit_note(
    invoice: Document,
    number: str,
    series: str,
    issued_on: date,
    reason: Text,
    lines: tuple[Line, ...] = (),
    standing: Mapping[Rate, int] | None = None,
) -> Document:
    """The credit note of an invoice: of all of it, or of these `lines` (positive = taken back)."""
    made = msgspec.structs.replace(
        invoice,
        kind="credit_note",
        number=number,
        series=series,
        issued_on=issued_on,
        lines=lines or invoice.lines,
        due_on=None,
        period=None,
        kid="",
        terms={},
        note={},
        credits=Credits(invoice.number, invoice.issued_on, reason),
        totals=Totals(),
    )
    return completed(made, standing)


def standing(invoice: Document, credit_notes: Iterable[Document]) -> dict[Rate, int]:
    """The net per (category, percent) of an invoice that no credit note has taken back yet."""
    left: dict[Rate, int] = {(row.category, row.percent): row.net for row in invoice.breakdown}
    for row in (row for note in credit_notes for row in note.breakdown):
        left[row.category, row.percent] = left.get((row.category, row.percent), 0) - row.net
    return left


def line_of(fee: FeeLine, seller: Seller, explanation: tuple[Text, ...], exemption: Mapping[str, Text]) -> Line:
    """A computed fee as a line. `exemption` has the reason text per `vat_code`, for what carries no VAT.

    A seller who is not in the VAT register sells everything outside the scope (O); RuleViolation
    `seller_not_registered` when the fee was computed with VAT all the same.
    """
    if fee.vat_percent and not seller.vat_number:
        raise RuleViolation("seller_not_registered", "seller.vat_number", percent=fee.vat_percent)
    category: Category = CATEGORY[fee.vat_code] if seller.vat_number else "O"
    return Line(
        network=fee.network,
        names=fee.names,
        price=abs(fee.net),
        quantity=-1 if fee.net < 0 else 1,
        category=category,
        percent=fee.vat_percent,
        explanation=explanation,
        period=fee.period,
        exemption={} if category in ("S", "Z") else exemption[fee.vat_code],
        exemption_code="VATEX-EU-O" if category == "O" else "",
        reference=fee.component,
    )


def _rate(line: Line) -> Rate:
    return line.category, line.percent


def _joined(reasons: Iterable[Text]) -> Text:
    """Every reason once: a category has one row, whatever the reasons of its lines (BR-E-01)."""
    out: dict[str, dict[str, None]] = {}
    for reason in reasons:
        for language, words in reason.items():
            out.setdefault(language, {})[words] = None
    return {language: "; ".join(words) for language, words in out.items()}


def _with_vat(lines: Sequence[Line], vat: Mapping[Rate, int]) -> tuple[Line, ...]:
    parts: dict[int, int] = {}
    for (category, percent), total in vat.items():
        mine = [i for i, line in enumerate(lines) if (line.category, line.percent) == (category, percent)]
        parts |= zip(mine, spread([lines[i].net for i in mine], percent, total), strict=True)
    return tuple(msgspec.structs.replace(line, vat=parts[i]) for i, line in enumerate(lines))


def _totals(rows: Iterable[VatRow], given: Totals) -> Totals:
    listed = tuple(rows)
    net, vat = sum(row.net for row in listed), sum(row.vat for row in listed)
    payable = net + vat - given.prepaid + given.rounding
    return Totals(net, vat, net + vat, given.prepaid, given.rounding, payable)


def _period(lines: Iterable[Line]) -> Period | None:
    """From the first day of any line to the last of any."""
    periods = [line.period for line in lines if line.period]
    if not periods:
        return None
    end = max(period.end_or_far for period in periods)
    return between(min(period.start for period in periods), FAR if end == FAR else end)


def in_local(document: Document, local: Local, amount: int) -> int:
    """An amount of the document in the seller's own currency, in its minor units, rounded half up once."""
    return share(amount * 10 ** (LOCAL_DIGITS - document.digits), local.rate, 10_000)


def _local(document: Document, local: Local, vat: int) -> Local:
    return msgspec.structs.replace(local, vat=in_local(document, local, vat))
