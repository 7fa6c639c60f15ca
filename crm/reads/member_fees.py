"""What members pay a year by the rulebook that holds for each: worked out once for all who pay alike.

A yearly fee depends on the level, on the version of the rulebook that holds for who joined when, and on what the
organisation is (kind, country, headcount, founding day, unit or not). Amounts are minor units of the book's currency,
without VAT and without discounts that depend on other memberships: what the member's own page says.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from cluster_rules import fees
from cluster_rules.errors import RuleViolation
from cluster_rules.networks import Rulebook, Rulebooks
from cluster_rules.organisations import Profile
from cluster_rules.periods import Period

UNKNOWN = date(2, 1, 1)  # no founding day (the year 1 is minus infinity to the driver)
_SOMEBODY = UUID(int=0)


class FeeClass(msgspec.Struct, frozen=True):
    """Members who pay alike; `pays` is their number in SQL. `fee` None: it cannot be said (no headcount is told)."""

    tier: str
    bucket: int
    kind: str
    country: str
    employees: int
    founded_on: date
    unit: bool
    pays: int = 0
    fee: int | None = None


def turns(books: Iterable[Rulebook]) -> list[date]:
    """The days from which another version may hold for who joins, in order."""
    return sorted({book.effective_from for book in books})


def priced(classes: Iterable[Any], rulebooks: Rulebooks, network: str, since: list[date], day: date) -> list[FeeClass]:
    """The classes (rows with FeeClass's names) with what each pays a year; `since`: the turns they were cut at.

    What was worked out once for these rulebooks and this day is remembered.
    """
    if _known.get("of") != (id(rulebooks), day):
        _known.clear()
        _known.update(of=(id(rulebooks), day), kept=rulebooks, fees={})
    fees_known: dict[tuple[str, int], int | None] = _known["fees"]
    out = []
    for row in classes:
        each = FeeClass(**dict(row))
        key = (network, each.pays)
        if key not in fees_known:
            fees_known[key] = _fee(each, rulebooks, network, since, day)
        out.append(msgspec.structs.replace(each, fee=fees_known[key]))
    return out


_known: dict[str, Any] = {}


def _fee(each: FeeClass, rulebooks: Rulebooks, network: str, since: list[date], day: date) -> int | None:
    if not each.tier:
        return None
    joined = since[each.bucket - 1] if each.bucket else day
    book = rulebooks.governing(network, joined if each.bucket else date.min, day)
    tier = book.tier(each.tier) if book else None
    if book is None or tier is None:
        return None
    profile = Profile(
        Period(day),
        each.kind,
        each.country,
        each.employees if each.employees >= 0 else None,
        each.founded_on if each.founded_on != UNKNOWN else None,
        _SOMEBODY if each.unit else None,
    )
    try:
        return sum(line.net for line in fees.yearly(book, tier, profile, book.period.containing(day, joined)))
    except RuleViolation:
        return None
