"""What members pay a year by the rulebook that holds for each: worked out once for all who pay alike.

A yearly fee depends on the level, on the version of the rulebook that holds for who joined when, and on what the
organisation is (kind, country, headcount, founding day, unit or not). Amounts are minor units of the book's currency,
without VAT and without discounts that depend on other memberships: what the member's own page says.
"""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

import msgspec

from cluster_rules import fees
from cluster_rules.errors import RuleViolation
from cluster_rules.networks import Rulebook, Rulebooks
from cluster_rules.organisations import Profile
from cluster_rules.periods import Period

UNKNOWN = date(2, 1, 1)  # no founding day (the year 1 is minus infinity to the driver)
MOST_REMEMBERED = 50_000
_SOMEBODY = UUID(int=0)


class Prices(msgspec.Struct, frozen=True):
    """The rules by which a network's fees are worked out on a day; `turns`: where another version may begin to hold."""

    rulebooks: Rulebooks
    network: str
    day: date
    turns: tuple[date, ...]

    def of(self, alike: str) -> int | None:
        """What a kind of member pays; None: it cannot be said (a headcount that nobody has told). Remembered.

        `alike` is `member_query.alike` as PostgreSQL writes it: tier|bucket|kind|country|employees|founded|unit.
        """
        kept = _remembered(self)
        if alike not in kept:
            kept[alike] = self._work_out(alike)
        return kept[alike]

    def _work_out(self, alike: str) -> int | None:
        code, bucket, kind, country, employees, founded, unit = alike.split("|")
        joined = self.turns[int(bucket) - 1] if int(bucket) else self.day
        book = self.rulebooks.governing(self.network, joined if int(bucket) else date.min, self.day)
        tier = book.tier(code) if book and code else None
        if book is None or tier is None:
            return None
        profile = Profile(
            Period(self.day),
            kind,
            country,
            int(employees) if int(employees) >= 0 else None,
            date.fromisoformat(founded) if founded != UNKNOWN.isoformat() else None,
            _SOMEBODY if unit == "t" else None,
        )
        try:
            return sum(line.net for line in fees.yearly(book, tier, profile, book.period.containing(self.day, joined)))
        except RuleViolation:
            return None


def turns(books: Iterable[Rulebook]) -> tuple[date, ...]:
    """The days from which another version may hold for who joins, in order."""
    return tuple(sorted({book.effective_from for book in books}))


_kept: list[tuple[Rulebooks, date, dict[str, dict[str, int | None]]]] = []


def _remembered(prices: Prices) -> dict[str, int | None]:
    """What was worked out by the same rulebooks for the same day; other rules, or another day, begin anew."""
    if not _kept or _kept[0][0] is not prices.rulebooks or _kept[0][1] != prices.day:
        _kept[:] = [(prices.rulebooks, prices.day, {})]
    known = _kept[0][2].setdefault(prices.network, {})
    if len(known) > MOST_REMEMBERED:
        known.clear()
    return known
