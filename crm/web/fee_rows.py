"""Rows of a form that can be added, moved and taken out, and the conditions and prices that fee rows are made of.

A row is known by its list and number (`fees.0.bands.2`); it is there when its field `was` is: the number it had in the
document, or nothing for a new one.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from cluster_rules.organisations import BASES, MONEY_BASES
from crm.i18n import N_
from crm.web import figures
from crm.web.rulebook_forms import LONGEST_TEXT, Part, Typed, in_order, one

MOST_ROWS = 100
Mistakes = dict[str, tuple[str, dict[str, str]]]  # field -> (sentence, its values)
Fields = dict[str, list[str]]

NO_NUMBER = N_("“%(given)s” is not a number that can stand here.")
NUMBER_MISSING = N_("A number is missing here.")
TWICE = N_("This was asked in a row above. Both must hold, so write it in one row.")
NOTHING_ASKED = N_("Say what is asked: this row is empty.")
TOO_LONG = N_("At most %(limit)s characters.")
_DO = re.compile(r"(add|drop|up|down) ([a-z0-9.]{1,80})")


class Reading:
    """What a browser sent, as it is read: language, decimals of money, fields, and the mistakes found so far."""

    def __init__(self, language: str, places: int, typed: Typed) -> None:
        self.language = language
        self.places = places
        self.typed = typed
        self.mistakes: Mistakes = {}

    def one(self, name: str) -> str:
        """The one value of a field."""
        return one(self.typed, name)

    def many(self, name: str) -> list[str]:
        """Everything that was ticked."""
        return list(self.typed.get(name) or [])

    def rows(self, listed: str) -> Iterable[tuple[str, int | None]]:
        """Each row's name, with the number it had in the document."""
        for n in range(count(self.typed, listed)):
            was = self.one(f"{listed}.{n}.was")
            yield f"{listed}.{n}", int(was) if was.isdecimal() and len(was) < len("1000") else None

    def number(self, name: str, decimals: int = 0, empty: int | None = 0) -> int | None:
        """A number in its smallest units; `empty` when nothing stands there. What is none is a mistake."""
        given = self.one(name)
        if not given:
            return empty
        value = figures.read(self.language, given, decimals)
        if value is None:
            self.mistakes[name] = (NO_NUMBER, {"given": given[:40]})
            return empty
        return value

    def needed(self, name: str, decimals: int = 0) -> int:
        """A number that must be there."""
        if not self.one(name):
            self.mistakes[name] = (NUMBER_MISSING, {})
        return self.number(name, decimals) or 0

    def text(self, name: str, old: str) -> str:
        """A text; the old one when only spaces and line ends differ."""
        given = self.one(name)
        if given.split() == old.split():
            return old
        if len(given) > LONGEST_TEXT:
            self.mistakes[name] = (TOO_LONG, {"limit": str(LONGEST_TEXT)})
        return given.replace("\r\n", "\n")

    def wrong(self, name: str, text: str, **values: str) -> None:
        """A mistake, unless an earlier one stands there."""
        self.mistakes.setdefault(name, (text, values))


def count(typed: Typed, listed: str) -> int:
    """How many rows a list has, without a hole."""
    return next((n for n in range(MOST_ROWS) if f"{listed}.{n}.was" not in typed), MOST_ROWS)


def done(typed: Typed, wish: str) -> Fields:
    """The fields after a button of a row was pressed ("drop fees.0.bands.2"); what is no such button does nothing."""
    found = _DO.fullmatch(wish)
    kept = {name: list(values) for name, values in typed.items()}
    if not found:
        return kept
    verb, place = found.groups()
    if verb == "add":
        n = count(kept, place)
        return kept | {f"{place}.{n}.was": [""]} if n < MOST_ROWS else kept
    listed, _, number = place.rpartition(".")
    rows = list(range(count(kept, listed)))
    if not number.isdecimal() or int(number) not in rows:
        return kept
    at = int(number)
    rows.remove(at)
    if verb != "drop":
        rows.insert(max(0, at + (-1 if verb == "up" else 1)), at)
    return _ordered(kept, listed, rows)


def _ordered(typed: Fields, listed: str, order: list[int]) -> Fields:
    out = {name: values for name, values in typed.items() if not name.startswith(f"{listed}.")}
    for new, old in enumerate(order):
        head = f"{listed}.{old}."
        out |= {f"{listed}.{new}.{n.removeprefix(head)}": v for n, v in typed.items() if n.startswith(head)}
    return out


# --- prices

SHAPES = ("amount", "percent", "hours")


def price_shown(language: str, places: int, at: str, price: Mapping[str, Any]) -> Fields:
    """The fields of one price: an amount, a percentage of something, or hours."""
    shape = "percent" if price["basis_points"] else "hours" if price["hours"] else "amount"
    amount = price["amount"] if shape == "amount" else None

    def money(value: int | None) -> list[str]:
        return ["" if value is None else figures.write(language, value, places, padded=True)]

    return {
        f"{at}.as": [shape],
        f"{at}.amount": money(amount),
        f"{at}.percent": [figures.write(language, price["basis_points"], 2) if shape == "percent" else ""],
        f"{at}.index": [price["index"]],
        f"{at}.floor": money(price["floor"] or None),
        f"{at}.cap": money(price["cap"] or None),
        f"{at}.hours": [figures.write(language, price["hours"]) if shape == "hours" else ""],
    }


def price_read(read: Reading, at: str, without: int | None) -> Part:
    """The same back; `without` is what stands for no amount (a fixed fee has 0, a band has none)."""
    shape = read.one(f"{at}.as") or "amount"
    out: Part = {"amount": without, "basis_points": 0, "index": "", "floor": 0, "cap": 0, "hours": 0}
    if shape == "percent":
        limits = {name: read.number(f"{at}.{name}", read.places) for name in ("floor", "cap")}
        return out | {"basis_points": read.needed(f"{at}.percent", 2), "index": read.one(f"{at}.index"), **limits}
    if shape == "hours":
        return out | {"hours": read.needed(f"{at}.hours")}
    return out | {"amount": read.needed(f"{at}.amount", read.places)}


# --- conditions

OTHERS = ("kinds", "countries", "parent", "roles", "younger_than_years")
ASKED = (*BASES, *OTHERS)
_CODES = re.compile(r"[\s,;]+")


def decimals(basis: str) -> int:
    """Money and full-time equivalents are counted in hundredths."""
    return 2 if basis in MONEY_BASES or basis == "fte" else 0


def conditions_shown(language: str, listed: str, alternatives: Iterable[Part]) -> Fields:
    """Alternatives (OR) of conditions (AND) as rows, each joined to the one before by "or" or "and"."""
    out: Fields = {}
    n = 0
    for number, wanted in enumerate(alternatives):
        for place, what in enumerate(_held(wanted)):
            at = f"{listed}.{n}"
            out |= {f"{at}.was": [str(number)], f"{at}.join": ["and" if place else "or"], f"{at}.what": [what]}
            out |= _condition_shown(language, at, what, wanted[what])
            n += 1
    return out


def _held(wanted: Part) -> list[str]:
    return [what for what in ASKED if wanted[what] is not None and wanted[what] not in ((), 0, "any")]


def _condition_shown(language: str, at: str, what: str, value: Any) -> Fields:
    if what in BASES:
        ends = {"from": value["from"] or None, "below": value["below"]}
        return {
            f"{at}.{end}": ["" if given is None else figures.write(language, given, decimals(what), what != "fte")]
            for end, given in ends.items()
        }
    if what == "kinds":
        return {f"{at}.kinds": list(value)}
    if what in ("countries", "roles"):
        return {f"{at}.codes": [", ".join(value)]}
    return {f"{at}.{'parent' if what == 'parent' else 'years'}": [str(value)]}


def conditions_read(read: Reading, listed: str, old: tuple[Part, ...], empty: Part) -> tuple[Part, ...]:
    """The alternatives again. `empty` asks nothing; `old` keeps the order in which kinds stood."""
    out: list[Part] = []
    asked: set[str] = set()
    for at, was in read.rows(listed):
        what = read.one(f"{at}.what")
        if not what:
            continue
        if not out or read.one(f"{at}.join") == "or":
            out.append(dict(empty))
            asked = set()
        if what not in ASKED or what in asked:
            read.wrong(f"{at}.what", TWICE)
            continue
        asked.add(what)
        before = old[was] if was is not None and was < len(old) else empty
        out[-1][what] = _condition_read(read, at, what, before[what])
        if not _held(out[-1]):
            read.wrong(f"{at}.what", NOTHING_ASKED)
    return tuple(out)


def _condition_read(read: Reading, at: str, what: str, before: Any) -> Any:
    if what in BASES:
        least = read.number(f"{at}.from", decimals(what))
        return {"from": least, "below": read.number(f"{at}.below", decimals(what), empty=None)}
    if what == "kinds":
        return in_order(before, read.many(f"{at}.kinds"))
    if what in ("countries", "roles"):
        given = read.one(f"{at}.codes")
        codes = tuple(code for code in _CODES.split(given.upper() if what == "countries" else given) if code)
        return before if given == ", ".join(before) else codes
    if what == "parent":
        return read.one(f"{at}.parent") or "any"
    return read.needed(f"{at}.years")
