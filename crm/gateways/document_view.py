"""What stands on the paper of a document, as plain texts in one language: labels, dates, amounts, in the order read.

The template sets what is here and decides nothing; so every word and figure on a PDF can be tested without one.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from cluster_rules.documents import LOCAL_DIGITS, Address, Document, Id, Line, Mark, VatRow
from cluster_rules.periods import Period
from cluster_rules.vat import Percent
from crm.i18n import Translator, translator
from crm.names import country_name

_NBSP = "\N{NO-BREAK SPACE}"
_MINUS = "\N{MINUS SIGN}"
_ONE_DAY = timedelta(days=1)
_NORWEGIAN = "0192"
INITIALS = 2

Rows = list[tuple[str, str]]


def shown(document: Document, language: str) -> dict[str, Any]:
    """Everything the template needs, as JSON-ready values."""
    return _View(document, translator(language)).whole()


def amount(minor: int, digits: int, language: str) -> str:
    """12 345,60 in Norwegian, 12,345.60 in English: always with its decimals, as documents have them."""
    whole, rest = divmod(abs(minor), 10**digits)
    grouped = f"{whole:,}"
    norwegian = language == "nb"
    text = grouped.replace(",", _NBSP) if norwegian else grouped
    decimals = f"{',' if norwegian else '.'}{rest:0{digits}d}" if digits else ""
    return f"{_MINUS if minor < 0 else ''}{text}{decimals}"


class _View:
    """One document in one language."""

    def __init__(self, document: Document, t: Translator) -> None:
        self._document = document
        self._t = t
        self._invoice = document.kind == "invoice"
        self._title = t.gettext("Invoice") if self._invoice else t.gettext("Credit note")

    def whole(self) -> dict[str, Any]:
        each, t = self._document, self._t
        main = each.networks[0] if each.networks else Mark("", {}, "accent")
        return {
            "language": t.language,
            "title": self._title,
            "name": f"{self._title} {each.number}",
            "colour": main.colour,
            "initials": _initials(t.text(main.names) or each.seller.name),
            "seller": each.seller.name,
            "networks": [t.text(mark.names) for mark in each.networks],
            "from": [*_address(each.seller.address, t, abroad=False)],
            "buyer": self._buyer(),
            "facts": self._facts(),
            "headline": self._headline(),
            "pay": self._pay() if self._invoice else self._credited(),
            "pay_online": t.gettext("Pay online"),
            "scan": t.gettext("Scan to pay"),
            "columns": [
                t.gettext("Description"),
                t.gettext("Quantity"),
                t.gettext("Unit price"),
                t.gettext("VAT"),
                t.gettext("Amount"),
            ],
            "groups": [*self._groups()],
            "subtotal": t.gettext("Sum"),
            "vat": self._vat(),
            "totals": self._totals(),
            "note": t.text(each.note),
            "foot": self._foot(),
            "page": t.gettext("Page"),
            "of": t.gettext("of"),
        }

    def _buyer(self) -> list[str]:
        buyer, t = self._document.buyer, self._t
        abroad = buyer.address.country != self._document.seller.address.country
        return [buyer.name, *([buyer.contact] if buyer.contact else []), *_address(buyer.address, t, abroad)]

    def _facts(self) -> Rows:
        each, t = self._document, self._t
        number = t.gettext("Invoice number") if self._invoice else t.gettext("Credit note number")
        rows = [
            (number, each.number),
            (t.gettext("Date"), t.date(each.issued_on)),
            (t.gettext("Your ref."), each.buyer.reference),
            (t.gettext("Your order"), each.buyer.order),
            (t.gettext("Your org. no."), _grouped_id(each.buyer.identifier)),
            (t.gettext("Your VAT no."), "" if _norwegian(each.buyer.identifier) else each.buyer.vat_number),
            (t.gettext("Period"), self._period(each.period)),
            (t.gettext("Payment terms"), t.text(each.terms) if self._invoice else ""),
        ]
        return [row for row in rows if row[1]]

    def _headline(self) -> dict[str, Any]:
        each, t = self._document, self._t
        label = t.gettext("To pay") if self._invoice else t.gettext("Credited")
        due = each.due_on if self._invoice else None
        return {
            "label": label,
            "amount": self._amount(each.totals.payable),
            "currency": each.currency,
            "due_label": t.gettext("Due date") if due else "",
            "due": t.date(due) if due else "",
            "texts": [t.text(each.credits.reason)] if each.credits and each.credits.reason else [],
        }

    def _pay(self) -> Rows:
        seller, t = self._document.seller, self._t
        domestic = self._document.currency == "NOK" and bool(seller.account)
        rows = [
            (t.gettext("Account number"), _grouped_account(seller.account) if domestic else ""),
            ("IBAN", "" if domestic else _in_fours(seller.iban)),
            ("BIC", "" if domestic else seller.bic),
            ("KID", self._document.kid),
            (t.gettext("Mark with"), "" if self._document.kid else self._document.number),
        ]
        return [row for row in rows if row[1]]

    def _credited(self) -> Rows:
        credits, t = self._document.credits, self._t
        if credits is None:
            return []
        return [(t.gettext("Credits invoice"), credits.number), (t.gettext("Invoice date"), t.date(credits.issued_on))]

    def _groups(self) -> Iterator[dict[str, Any]]:
        """The lines by network, in the order they stand; a network that comes twice is shown where it first stood."""
        lines = self._document.lines
        order = {slug: i for i, slug in reversed([*enumerate(line.network for line in lines)])}
        marks = {mark.slug: mark for mark in self._document.networks}
        for slug, found in groupby(sorted(lines, key=lambda each: order[each.network]), key=lambda each: each.network):
            mine = list(found)
            mark = marks.get(slug, Mark(slug, {}))
            yield {
                "name": self._t.text(mark.names),
                "colour": mark.colour,
                "lines": [self._line(line) for line in mine],
                "sum": self._amount(sum(line.net for line in mine)),
            }

    def _line(self, line: Line) -> dict[str, Any]:
        t = self._t
        notes = [t.text(words) for words in line.explanation]
        return {
            "name": t.text(line.names),
            "period": self._period(line.period),
            "notes": [note for note in notes if note],
            "quantity": t.number(line.quantity) if line.price else "",
            "price": self._amount(line.price) if line.price else "",
            "vat": self._rate(line.category, line.percent),
            "amount": self._amount(line.quantity * line.price),
            "discount": t.text(line.discount_reason) or t.gettext("Discount") if line.discount else "",
            "less": self._amount(-line.discount) if line.discount else "",
        }

    def _vat(self) -> dict[str, Any]:
        t = self._t
        return {
            "title": t.gettext("VAT"),
            "columns": [t.gettext("Rate"), t.gettext("Basis"), t.gettext("VAT")],
            "rows": [[self._row_name(row), self._amount(row.net), self._amount(row.vat)] for row in self._rows()],
            "reasons": [t.text(row.exemption) for row in self._rows() if row.exemption],
            "local": self._local(),
        }

    def _rows(self) -> list[VatRow]:
        return sorted(self._document.breakdown, key=lambda row: (-row.percent, row.category))

    def _row_name(self, row: VatRow) -> str:
        t = self._t
        names = {
            "S": self._rate(row.category, row.percent),
            "E": t.gettext("Exempt"),
            "Z": t.gettext("Zero rate"),
            "O": t.gettext("Outside VAT"),
            "AE": t.gettext("Reverse charge"),
            "G": t.gettext("Export, no VAT"),
        }
        return names[row.category]

    def _rate(self, category: str, percent: Percent) -> str:
        """As it stands beside a line; the table of VAT says the rest."""
        if category in ("S", "Z"):
            return f"{percent}{_NBSP}%".replace(".", ",") if self._t.language == "nb" else f"{percent}%"
        return self._t.gettext("Exempt") if category == "E" else "–"

    def _local(self) -> str:
        """VAT in the seller's accounting currency, with the rate it was computed by."""
        local, t = self._document.local, self._t
        if local is None:
            return ""
        rate = f"{local.rate / 10_000:.4f}"
        told = t.gettext(
            "VAT in %(currency)s: %(amount)s (rate %(rate)s on %(day)s)",
            currency=local.currency,
            amount=amount(local.vat, LOCAL_DIGITS, t.language),
            rate=rate.replace(".", ",") if t.language == "nb" else rate,
            day=t.date(local.on),
        )
        return f"{told}, {local.source}" if local.source else told

    def _totals(self) -> Rows:
        totals, t = self._document.totals, self._t
        rows = [
            (t.gettext("Net"), self._amount(totals.net)),
            (t.gettext("VAT"), self._amount(totals.vat)),
            (t.gettext("Total with VAT"), self._amount(totals.gross) if totals.prepaid or totals.rounding else ""),
            (t.gettext("Paid before"), self._amount(-totals.prepaid) if totals.prepaid else ""),
            (t.gettext("Rounding"), self._amount(totals.rounding) if totals.rounding else ""),
        ]
        return [row for row in rows if row[1]]

    def _foot(self) -> list[str]:
        seller, t = self._document.seller, self._t
        number = _grouped_id(seller.identifier)
        if _norwegian(seller.identifier) and seller.vat_number:
            number += f"{_NBSP}MVA"
        parts = [
            seller.name,
            t.gettext("Org. no. %(number)s", number=number),
            "Foretaksregisteret" if seller.register else "",
            "" if _norwegian(seller.identifier) else seller.vat_number,
            seller.email,
            seller.website,
        ]
        return [part for part in parts if part]

    def _amount(self, minor: int) -> str:
        return amount(minor, self._document.digits, self._t.language)

    def _period(self, period: Period | None) -> str:
        if period is None:
            return ""
        return self._t.date_range(period.start, _last_day(period))


def _last_day(period: Period) -> date | None:
    return period.end - _ONE_DAY if period.end else None


def _address(address: Address, t: Translator, abroad: bool) -> Iterable[str]:
    place = " ".join(filter(None, (address.postcode, address.city)))
    country = country_name(t, address.country) if abroad else ""
    return filter(None, (address.street, address.extra, place, country))


def _initials(name: str) -> str:
    return "".join(word[0] for word in name.split() if word[0].isalnum())[:INITIALS].upper()


def _norwegian(identifier: Id | None) -> bool:
    return identifier is not None and identifier.scheme == _NORWEGIAN


def _grouped_id(identifier: Id | None) -> str:
    """Norwegian organisation numbers in threes, others as they are."""
    if identifier is None:
        return ""
    value = identifier.value
    return _NBSP.join((value[:3], value[3:6], value[6:])) if _norwegian(identifier) else value


def _grouped_account(number: str) -> str:
    return f"{number[:4]}.{number[4:6]}.{number[6:]}" if len(number) == 11 else number


def _in_fours(iban: str) -> str:
    return _NBSP.join(iban[at : at + 4] for at in range(0, len(iban), 4))
