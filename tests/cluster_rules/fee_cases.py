"""The real fee tables of tests/fee_tables and the cases worked out by hand from them: read, priced, told in short."""

import csv
import tomllib
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from cluster_rules import fees, rulebooks
from cluster_rules.components import Discount
from cluster_rules.fees import FeeLine, Step
from cluster_rules.networks import Rulebook
from cluster_rules.organisations import BASES, MONEY_BASES, AgreedFee, Profile, Role, Size
from cluster_rules.periods import Period

FOLDER = Path(__file__).parents[1] / "fee_tables"
ALWAYS = Period(date(2000, 1, 1))
NEW_YEAR = date(2027, 1, 1)
LONG_AGO = date(2020, 1, 1)


class Case(NamedTuple):
    """One row of cases.csv; `expected` has the lines as they are written there."""

    number: int
    file: str
    tier: str
    organisation: str
    joined: date
    start: date
    expected: list[str]

    def __str__(self) -> str:
        return f"{self.number}-{self.file}-{self.tier}-{self.organisation or 'any'}"


@cache
def table(name: str) -> Rulebook:
    return rulebooks.parse(tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8")))


def tables() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def cases() -> list[Case]:
    rows = csv.DictReader(_rows(), delimiter=";")
    return [_case(number, row) for number, row in enumerate(rows, 1)]


def priced(case: Case) -> list[FeeLine]:
    """What the engine makes of a case: the fee from its first day to the end of that membership year."""
    book = table(case.file)
    tier = book.tier(case.tier)
    assert tier is not None
    year = book.period.containing(case.start, case.joined)
    profile, networks = _profile(book, case.organisation)

    def member_of(discount: Discount) -> bool:
        return sum(n in networks for n in discount.networks or (discount.network,)) >= discount.at_least

    whole = fees.yearly(book, tier, profile, year, member_of, day=case.start, since=case.joined)
    return fees.prorated(whole, book, tier, Period(case.start, year.end), case.joined)


def told(line: FeeLine) -> str:
    """A line as cases.csv writes it."""
    said = [text for step in line.steps if (text := _step(step))]
    return f"{line.component} {_money(line.net)} {_money(line.vat)}: {', '.join(said)}"


def _rows() -> Iterator[str]:
    for line in (FOLDER / "cases.csv").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            yield line


def _case(number: int, row: dict[str, Any]) -> Case:
    start = date.fromisoformat(row["from"]) if row["from"] else NEW_YEAR
    joined = date.fromisoformat(row["joined"]) if row["joined"] else LONG_AGO
    lines = [text.strip() for text in row["lines"].split("|") if text.strip()]
    return Case(number, row["file"], row["tier"], row["organisation"], joined, start, lines)


def _profile(book: Rulebook, told: str) -> tuple[Profile, set[str]]:
    facts: dict[str, Any] = {"kind": "company", "country": book.vat.country}
    networks: set[str] = set()
    lists: dict[str, list[Any]] = {"sizes": [], "roles": [], "agreed": []}
    for word in told.split():
        name, value = word.rsplit("=", 1)
        value, _, day = value.partition("@")
        scope, _, basis = name.rpartition(":")
        if basis in BASES:
            lists["sizes"].append(_size(book, basis, scope or "own", value, day))
        elif scope == "agreed":
            amount = int(Decimal(value) * 100)
            lists["agreed"].append(AgreedFee(book.network, basis, amount, book.currency, ALWAYS, "contract"))
        elif name == "role":
            lists["roles"].append(Role(book.network, value, Period(date.fromisoformat(day))))
        elif name == "member":
            networks.add(value)
        elif name == "founded":
            facts["founded_on"] = date.fromisoformat(value)
        else:
            facts[{"owner": "owner_country"}.get(name, name)] = value
    return Profile(ALWAYS, **facts, **{name: tuple(each) for name, each in lists.items()}), networks


def _size(book: Rulebook, basis: str, scope: str, value: str, day: str) -> Size:
    currency = value[-3:] if value[-3:].isalpha() else book.currency
    number = Decimal(value.rstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    in_units = int(number * 100) if basis in MONEY_BASES or basis == "fte" else int(number)
    as_of = date.fromisoformat(day) if day else None
    return Size(basis, in_units, as_of, scope=scope, currency=currency if basis in MONEY_BASES else "")


def _step(step: Step) -> str:
    v = step.values
    if step.code == "band":
        return f"band of {_told_size(v)}"
    if step.code == "case":
        of = ", ".join(_told_size(each) for each in v["sizes"])
        return f"case {v['case']}{f' of {of}' if of else ''}"
    if step.code == "percentage":
        limits = "".join(f" {word} {_money(v[name])}" for name, word in (("floor", "min"), ("cap", "max")) if name in v)
        return f"{Decimal(v['basis_points']) / 100:f} % of {_money(v['of'])}".replace(".00 %", " %") + limits
    if step.code.startswith("prorated_"):
        return f"{v['part']}/{v['whole']} {step.code.removeprefix('prorated_')}"
    short = {
        "discount_percent": lambda: f"-{v['percent']} %",
        "discount_amount": lambda: f"-{_money(v['amount'])}",
        "hours_as_work": lambda: f"{v['hours']} h",
        "hours_as_money": lambda: f"{v['hours']} h at {_money(v['value'])}",
        "half_of_year": lambda: f"half {v['half']}",
    }
    return short[step.code]() if step.code in short else step.code


def _told_size(v: dict[str, Any]) -> str:
    value = v["size"]
    if v["basis"] in MONEY_BASES:
        number = _money(value)
    else:
        number = f"{Decimal(value) / 100:f}" if v["basis"] == "fte" else str(value)
    group = "group " if v.get("scope") == "group" else ""
    as_of = f" as of {v['as_of']}" if v.get("as_of") else ""
    return f"{group}{v['basis']} {number}{as_of}"


def _money(minor: int) -> str:
    return f"{Decimal(minor) / 100:.2f}"
