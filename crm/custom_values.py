"""Custom fields' answers: what each kind of field takes, how it is stored as JSON, and how it is written.

Stored: text, day (2026-11-22) and choice (its code) as text; number as a decimal text without trailing zeros; money as
whole minor units of the network's currency; yes_no as true or false; choices as a list of codes in the field's order.
"""

import re
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, get_args
from uuid import UUID

import msgspec

from crm import forms

Kind = Literal["text", "number", "money", "day", "yes_no", "choice", "choices"]
Sees = Literal["office", "member", "directory"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SEES: tuple[Sees, ...] = get_args(Sees)
CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")
TEXT_MAX = 1_000
MOST_CHOICES = 50
MOST_FIELDS = 40  # of a network
MOST_MONEY = 10**15
MOST_DIGITS = 15
MOST_DECIMALS = 6
EARLIEST, LATEST = date(1000, 1, 1), date(2999, 12, 31)


class Choice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One answer of several; `code` is stored."""

    code: str
    names: dict[str, str]


class Definition(msgspec.Struct, frozen=True):
    """A custom field of a network."""

    id: UUID
    network_id: UUID
    code: str
    names: dict[str, str]
    kind: Kind
    required: bool = False
    sees: Sees = "office"
    choices: tuple[Choice, ...] = ()
    place: int = 0

    def choice(self, code: str) -> Choice | None:
        """The choice with this code."""
        return next((each for each in self.choices if each.code == code), None)


def stored(field: Definition, value: Any, problems: forms.Problems, at: str) -> Any:
    """A value as a program gives it (JSON), as it is stored; None is no answer. What is wrong goes to `problems`."""
    if value is None or value in ("", []):
        if field.required:
            problems.append((at, "required", {}))
        return None
    return _READ[field.kind](field, value, problems, at)


def _text(_: Definition, value: Any, problems: forms.Problems, at: str) -> Any:
    if not isinstance(value, str):
        return _wrong(problems, at, "text")
    forms.text(problems, at, value, TEXT_MAX, required=False)
    return " ".join(value.split(" ")).strip()


def _number(_: Definition, value: Any, problems: forms.Problems, at: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return _wrong(problems, at, "number")
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return _wrong(problems, at, "number")
    if not number.is_finite() or abs(number) >= 10**MOST_DIGITS:
        return _wrong(problems, at, "number")
    rounded = round(number, MOST_DECIMALS)
    if rounded != number:
        return _wrong(problems, at, "number")
    plain = f"{rounded:f}"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _money(_: Definition, value: Any, problems: forms.Problems, at: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > MOST_MONEY:
        return _wrong(problems, at, "money")
    return value


def _day(_: Definition, value: Any, problems: forms.Problems, at: str) -> Any:
    try:
        day = date.fromisoformat(value) if isinstance(value, str) and len(value) == len("2026-11-22") else None
    except ValueError:
        day = None
    if day is None or not EARLIEST <= day <= LATEST:
        return _wrong(problems, at, "day")
    return day.isoformat()


def _yes_no(_: Definition, value: Any, problems: forms.Problems, at: str) -> Any:
    return value if isinstance(value, bool) else _wrong(problems, at, "yes_no")


def _choice(field: Definition, value: Any, problems: forms.Problems, at: str) -> Any:
    if isinstance(value, str) and field.choice(value):
        return value
    return _wrong(problems, at, "choice", str(value)[:40])


def _choices(field: Definition, value: Any, problems: forms.Problems, at: str) -> Any:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        return _wrong(problems, at, "choices")
    if unknown := next((each for each in value if not field.choice(each)), None):
        return _wrong(problems, at, "choice", unknown[:40])
    return [each.code for each in field.choices if each.code in value]


def _wrong(problems: forms.Problems, at: str, kind: str, given: str = "") -> None:
    problems.append((at, f"field_{kind}", {"given": given} if given else {}))


_READ: dict[Kind, Any] = {
    "text": _text,
    "number": _number,
    "money": _money,
    "day": _day,
    "yes_no": _yes_no,
    "choice": _choice,
    "choices": _choices,
}
