"""Rows of a members' file as values: every cell read as what its column is, every mistake named. Pure.

Dates are days; the last day of a membership becomes the first one without it (half-open). Amounts are minor units.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Literal

import msgspec

from crm import forms, import_cells
from crm.errors import Refused
from crm.identifiers import normalise
from crm.import_columns import IDENTIFIERS, OWED, STATUSES, ColumnMapping, key_of

OLDEST = date(1900, 1, 1)
AHEAD_DAYS = 365  # a membership may begin, and a balance be due, so far from today
REFERENCE_MAX = 60
TAGS_MAX = 20
TAG_MAX = 40
AMOUNT_MAX = 10**13
Verdict = Literal["new", "change", "same", "left_out", "refused"]
Cell = str | float | bool | date | None

_MANGLED = re.compile(r"\d([.,]\d+)?E\+?\d+", re.I)
_TEXTS = {
    "municipality": forms.SHORT_MAX,
    "street": forms.NAME_MAX,
    "postal_code": 20,
    "city": forms.SHORT_MAX,
    "contact_name": forms.NAME_MAX,
    "contact_role": forms.SHORT_MAX,
    "billing_reference": forms.SHORT_MAX,
    "external_id": forms.SHORT_MAX,
    "opening_reference": REFERENCE_MAX,
    "note": forms.NOTE_MAX,
    "nace": 20,
}


class Problem(msgspec.Struct, frozen=True):
    """Why a row cannot be taken: the field, a stable code (crm/import_sentences.py) and values for its sentence."""

    field: str
    code: str
    params: dict[str, Any] = {}


class Member(msgspec.Struct, frozen=True, omit_defaults=True):
    """A row as it was understood. `left` is the first day without membership; `level_text` as the file says it.

    `opening` is what it owes, `credit` what it has to its credit: minor units, both above zero or nothing.
    """

    row: int
    name: str
    kind: str = "company"
    country: str = "NO"
    identifiers: dict[str, str] = {}
    external_id: str = ""
    employees: int | None = None
    municipality: str = ""
    nace: str = ""
    street: str = ""
    postal_code: str = ""
    city: str = ""
    website: str = ""
    level: str = ""
    level_text: str = ""
    joined: date | None = None
    left: date | None = None
    status: str = ""
    contact_name: str = ""
    contact_email: str = ""
    contact_role: str = ""
    billing_email: str = ""
    billing_reference: str = ""
    opening: int = 0
    opening_due: date | None = None
    opening_reference: str = ""
    credit: int = 0
    tags: tuple[str, ...] = ()
    note: str = ""
    left_out: str = ""


class Terms(msgspec.Struct, frozen=True):
    """What rows are read by: the mapping, where its columns are, levels by how they may be written, and the day."""

    mapping: ColumnMapping
    places: Mapping[str, int]
    levels: Mapping[str, str]
    today: date
    currency: str


def read(
    number: int, cells: Sequence[Cell], wrong: Mapping[int, str], terms: Terms, shape: str = ""
) -> tuple[Member, list[Problem]]:
    """A row as a member, with every mistake in it. A row with mistakes is shown as far as it was understood.

    `shape`: what is wrong with the row as a whole (`shape`).
    """
    found, problems = _Reader(number, cells, wrong, terms).member()
    return found, [Problem("row", shape)] if shape else problems


def shape(cells: Sequence[Cell], headings: Sequence[str], separator: str) -> str:
    """What is wrong with a row as a whole: longer or shorter than the headings, or the headings again."""
    if [key_of(str(cell or "")) for cell in cells[: len(headings)]] == list(headings):
        return "headings_again"
    if separator and len(cells) < len(headings):
        return "row_too_short"
    return "row_too_long" if any(str(cell or "").strip() for cell in cells[len(headings) :]) else ""


class _Reader:
    """One row that is being read."""

    def __init__(self, number: int, cells: Sequence[Cell], wrong: Mapping[int, str], terms: Terms) -> None:
        self.number = number
        self.cells = cells
        self.terms = terms
        self.problems: list[Problem] = []
        if wrong:
            used = {place: field for field, place in terms.places.items()}
            self.problems += [Problem(used[place], code) for place, code in sorted(wrong.items()) if place in used]

    def member(self) -> tuple[Member, list[Problem]]:
        mapping = self.terms.mapping
        status, left_out = self._status()
        level, level_text = self._level()
        opening = self._opening(status)
        joined, left = self._period(left_out)
        texts = {field: self._text(field, longest) for field, longest in _TEXTS.items() if field in self.terms.places}
        found = Member(
            row=self.number,
            name=self._name(),
            kind=self._kind() or mapping.kind,
            country=self._country() or mapping.country,
            identifiers=self._identifiers(),
            employees=self._employees(),
            website=self._website(),
            level=level,
            level_text=level_text,
            joined=joined,
            left=left,
            status=status,
            contact_email=self._email("contact_email"),
            billing_email=self._email("billing_email"),
            opening=max(opening, 0),
            opening_due=self._due(max(opening, 0)),
            credit=self._credit(opening),
            tags=self._tags(),
            left_out=left_out,
            **texts,
        )
        if (found.contact_name or found.contact_role) and not found.contact_email:
            self._wrong("contact_email", "required")
        return found, self.problems

    def _wrong(self, field: str, code: str, **params: Any) -> None:
        if not any(each.field == field for each in self.problems):
            self.problems.append(Problem(field, code, params))

    def _cell(self, field: str) -> Cell:
        place = self.terms.places.get(field)
        return self.cells[place] if place is not None and place < len(self.cells) else None

    def _said(self, field: str) -> str:
        """A cell as text: a whole figure without a point, a day as YYYY-MM-DD."""
        cell = self._cell(field)
        if cell is None or cell == "":
            return ""
        if isinstance(cell, float):
            return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else str(cell)
        if isinstance(cell, date):
            return cell.isoformat()
        return " ".join(str(cell).split()) if field != "note" else str(cell).strip()

    def _text(self, field: str, longest: int) -> str:
        said = self._said(field)
        if len(said) > longest:
            self._wrong(field, "too_long", limit=longest, length=len(said))
            return ""
        return said

    def _name(self) -> str:
        said = self._said("name")
        if not said:
            self._wrong("name", "required")
        elif len(said) > forms.NAME_MAX:
            self._wrong("name", "too_long", limit=forms.NAME_MAX, length=len(said))
        return said[: forms.NAME_MAX]

    def _identifiers(self) -> dict[str, str]:
        out: dict[str, str] = {}
        for field, scheme in IDENTIFIERS.items():
            said = self._said(field)
            if not said:
                continue
            if _MANGLED.fullmatch(said):
                self._wrong(field, "number_shortened", given=said[:40])
                continue
            if scheme == "no-orgnr":
                said = re.sub(r"^NO\s*|\s*MVA$|[ .\u00a0]", "", said, flags=re.I)
            try:
                out[scheme] = normalise(scheme, said, field)
            except Refused as refusal:
                self._wrong(field, refusal.code, scheme=scheme, given=said[:40])
        return out

    def _kind(self) -> str:
        said = self._said("kind")
        if not said:
            return ""
        found = import_cells.kind_codes().get(key_of(said), "")
        if not found:
            self._wrong("kind", "kind_unknown", given=said[:60])
        return found

    def _country(self) -> str:
        said = self._said("country")
        if not said:
            return ""
        found = said.upper() if said.upper() in forms.COUNTRIES else import_cells.country_codes().get(key_of(said), "")
        if not found:
            self._wrong("country", "country_unknown", given=said[:40])
        return found

    def _employees(self) -> int | None:
        said = self._said("employees")
        if not said:
            return None
        plain = re.sub(r"[ .\u00a0\u202f]", "", said) if not re.fullmatch(r"\d+[.,]\d{1,2}", said) else said
        if not plain.isascii() or not plain.isdigit() or int(plain) > forms.EMPLOYEES_MAX:
            self._wrong("employees", "number_invalid", given=said[:40])
            return None
        return int(plain)

    def _website(self) -> str:
        said = self._said("website")
        if not said:
            return ""
        address = said if "://" in said else f"https://{said}"
        if len(address) > forms.URL_MAX or not re.fullmatch(r"https?://[^\s<>\"'\\]+\.[^\s<>\"'\\]+", address):
            self._wrong("website", "website_format", given=said[:80])
            return ""
        return address

    def _email(self, field: str) -> str:
        said = self._said(field)
        if not said:
            return ""
        problems: forms.Problems = []
        forms.email(problems, field, said)
        for _, code, params in problems:
            self._wrong(field, code, **params)
        return "" if problems else said.lower()

    def _level(self) -> tuple[str, str]:
        said = self._said("level")
        if not said:
            if not self.terms.mapping.level:
                self._wrong("level", "required")
            return self.terms.mapping.level, ""
        found = self.terms.levels.get(key_of(said), "")
        if not found:
            self._wrong("level", "level_unknown", given=said[:80])
        return found, said[:80]

    def _status(self) -> tuple[str, str]:
        """What the other system says, and why the row is therefore left out."""
        mapping = self.terms.mapping
        said = self._said("status")
        if mapping.source == "plain" or "status" not in self.terms.places:
            return said[:60], ""
        meant = STATUSES[mapping.source].get(key_of(said))
        if meant is None:
            self._wrong("status", "status_unknown", given=said[:60])
        left_out = "status" if meant is False else ""
        if not left_out and mapping.inherited == "links" and self._said("inherited"):
            left_out = "inherited"
        return said[:60], left_out

    def _period(self, left_out: str) -> tuple[date | None, date | None]:
        joined = self._day("joined") or self.terms.mapping.joined
        last = self._day("left")
        if joined is None and not left_out:
            self._wrong("joined", "required")
        if self.terms.mapping.source != "plain":  # their end is when it is paid for, not when somebody leaves
            last = None
        left = last + timedelta(days=1) if last else None
        if joined and left and left <= joined:
            self._wrong("left", "left_before_joined", joined=joined.isoformat())
            left = None
        return joined, left

    def _day(self, field: str) -> date | None:
        cell = self._cell(field)
        if cell is None or cell == "" or isinstance(cell, bool):
            return None
        day = cell if isinstance(cell, date) else None if isinstance(cell, float) else import_cells.day(cell.strip())
        if day is None:
            self._wrong(field, "day_invalid", given=str(cell)[:40])
            return None
        latest = self.terms.today + timedelta(days=AHEAD_DAYS)
        if not OLDEST <= day <= latest and not (field == "left" and day.year == 9999):
            params = {"given": day.isoformat(), "earliest": OLDEST.isoformat(), "latest": latest.isoformat()}
            self._wrong(field, "date_out_of_range", **params)
            return None
        return day if day.year < 9999 else None

    def _opening(self, status: str) -> int:
        """What is owed, in minor units; below zero is credit."""
        if self.terms.mapping.source == "odoo" and key_of(status) not in OWED:
            return 0
        return self._amount("opening_amount")

    def _credit(self, opening: int) -> int:
        amount = self._amount("opening_credit")
        if amount < 0:
            self._wrong("opening_credit", "opening_credit_sign", given=self._said("opening_credit")[:40])
        elif amount and opening < 0:
            self._wrong("opening_credit", "opening_credit_twice")
        return max(amount, -opening, 0)

    def _amount(self, field: str) -> int:
        """Minor units; nothing for an empty cell, and for what is no amount: that is told."""
        cell = self._cell(field)
        if cell is None or cell == "" or isinstance(cell, bool | date):
            return 0
        amount = import_cells.amount(cell, self.terms.currency)
        if amount is None or abs(amount) > AMOUNT_MAX:
            self._wrong(field, "amount_unclear", given=str(cell)[:40])
            return 0
        return amount

    def _due(self, opening: int) -> date | None:
        due = self._day("opening_due")
        if not opening:
            return None
        if due is None and self.terms.mapping.source == "odoo":
            return self.terms.today
        if due is None:
            self._wrong("opening_due", "required")
        return due

    def _tags(self) -> tuple[str, ...]:
        said = dict.fromkeys(part.strip() for part in re.split(r"[,;|]", self._said("tags")) if part.strip())
        if len(said) > TAGS_MAX or any(len(tag) > TAG_MAX for tag in said):
            self._wrong("tags", "tags_too_many", limit=TAGS_MAX, longest=TAG_MAX)
            return ()
        return tuple(said)
