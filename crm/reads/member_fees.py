"""What members pay a year by the rulebook that holds for each: worked out once for all who pay alike.

A yearly fee depends on the level, on the version of the rulebook that holds for who joined when, and on what the
organisation is (kind, country, headcount, founding day, unit or not). Amounts are minor units of the book's currency,
without VAT and without discounts that depend on other memberships: what the member's own page says.
"""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import date
from uuid import UUID

import msgspec

from cluster_rules import fees
from cluster_rules.errors import RuleViolation
from cluster_rules.networks import Rulebook, Rulebooks
from cluster_rules.organisations import Profile
from cluster_rules.periods import Period

MOST_REMEMBERED = 50_000
_SOMEBODY = UUID(int=0)


class Payer(msgspec.Struct, frozen=True, gc=False):
    """What the fee of a member depends on; `paid_tier` is the level of its membership in its own right."""

    paid_tier: str
    since: date
    kind: str
    country: str
    employees: int | None
    founded_on: date | None
    unit: bool


class Prices(msgspec.Struct, frozen=True):
    """The rules by which a network's fees are worked out on a day; `turns`: where another version may begin to hold."""

    rulebooks: Rulebooks
    network: str
    day: date
    turns: tuple[date, ...]

    def of(self, payer: Payer) -> int | None:
        """What a member pays; None: it cannot be said (a headcount that nobody has told). Remembered for all alike."""
        alike = (
            payer.paid_tier,
            bisect_right(self.turns, payer.since),
            payer.kind,
            payer.country,
            payer.employees,
            payer.founded_on,
            payer.unit,
        )
        kept = _remembered(self)
        if alike not in kept:
            kept[alike] = self._work_out(payer, alike[1])
        return kept[alike]

    def _work_out(self, payer: Payer, turn: int) -> int | None:
        joined = self.turns[turn - 1] if turn else self.day
        book = self.rulebooks.governing(self.network, joined if turn else date.min, self.day)
        tier = book.tier(payer.paid_tier) if book and payer.paid_tier else None
        if book is None or tier is None:
            return None
        parent = _SOMEBODY if payer.unit else None
        profile = Profile(Period(self.day), payer.kind, payer.country, payer.employees, payer.founded_on, parent)
        try:
            return sum(line.net for line in fees.yearly(book, tier, profile, book.period.containing(self.day, joined)))
        except RuleViolation:
            return None


def turns(books: Iterable[Rulebook]) -> tuple[date, ...]:
    """The days from which another version may hold for who joins, in order."""
    return tuple(sorted({book.effective_from for book in books}))


_Fees = dict[tuple[str, int, str, str, int | None, date | None, bool], int | None]
_kept: list[tuple[Rulebooks, date, dict[str, _Fees]]] = []


def _remembered(prices: Prices) -> _Fees:
    """What was worked out by the same rulebooks for the same day; other rules, or another day, begin anew."""
    if not _kept or _kept[0][0] is not prices.rulebooks or _kept[0][1] != prices.day:
        _kept[:] = [(prices.rulebooks, prices.day, {})]
    known = _kept[0][2].setdefault(prices.network, {})
    if len(known) > MOST_REMEMBERED:
        known.clear()
    return known
