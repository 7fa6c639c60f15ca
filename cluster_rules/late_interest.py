"""What may be claimed with a late payment: interest, standard compensation, a reminder's fee; line by line.

Amounts are minor units, rates basis points a year (100 = 1 %). Day count: every late day counts, over a year of 365
days (actual/365), in a leap year too. A day is late from the one after the due date; it counts what was still
unpaid when it ended. Rates come from a dated table with sources (forsinkelsesrenteloven § 3: set for each half-year);
for a day without a rate nothing is computed: RuleViolation `rate_missing`, which names the half-year. Simple
interest, never interest on interest, never on a fee.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Literal

import msgspec

from cluster_rules.dunning import DunningStep
from cluster_rules.errors import RuleViolation
from cluster_rules.money import share

DAYS_OF_A_YEAR = 365
WHOLE = 10_000  # basis points
What = Literal["reminder_fee", "late_interest", "compensation"]
DAY = timedelta(days=1)


class Rate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rate of the days [from, until), and the standard compensation between businesses that falls due in them."""

    currency: str
    from_: date = msgspec.field(name="from")
    until: date
    basis_points: int
    compensation: int
    source: str


class Line(msgspec.Struct, frozen=True):
    """So much interest for the late days [start, end) on `principal` at one rate."""

    start: date
    end: date
    principal: int
    basis_points: int
    amount: int
    source: str

    @property
    def days(self) -> int:
        """How many days."""
        return (self.end - self.start).days


class Claim(msgspec.Struct, frozen=True):
    """What is claimed beside what was billed, and how it was computed. `less` = fees counted against it."""

    what: What
    amount: int
    lines: tuple[Line, ...] = ()
    less: int = 0
    source: str = ""


class Late(msgspec.Struct, frozen=True):
    """What claims depend on. `balances`: (day, principal left from the end of that day), in order.

    `business`: the payer is no private person. `fees` were claimed before.
    """

    currency: str
    due_on: date
    balances: tuple[tuple[date, int], ...]
    business: bool
    fees: int = 0


def claims(step: DunningStep, late: Late, on: date, rates: Sequence[Rate]) -> tuple[Claim, ...]:
    """What a step claims on a day. RuleViolation `rate_missing`; what comes to nothing is left out."""
    out = []
    if step.fee:
        out.append(Claim("reminder_fee", step.fee))
    if step.interest:
        lines = interest(late, on, rates)
        out.append(Claim("late_interest", sum(line.amount for line in lines), lines))
    if step.compensation and late.business:
        rate = _rate(rates, late.currency, late.due_on + DAY)
        less = min(late.fees, rate.compensation)  # a fee paid for is not paid for twice
        out.append(Claim("compensation", rate.compensation - less, less=less, source=rate.source))
    return tuple(claim for claim in out if claim.amount)


def interest(late: Late, on: date, rates: Sequence[Rate]) -> tuple[Line, ...]:
    """The interest of the late days up to and with `on`; a new line whenever the principal or the rate changes.

    Each line is rounded half up. RuleViolation `rate_missing`.
    """
    end = on + DAY
    out = []
    day = late.due_on + DAY
    while day < end:
        principal, until = _principal(late.balances, day, end)
        if principal > 0:
            rate = _rate(rates, late.currency, day)
            until = min(until, rate.until)
            amount = share(principal * rate.basis_points, (until - day).days, WHOLE * DAYS_OF_A_YEAR)
            out.append(Line(day, until, principal, rate.basis_points, amount, rate.source))
        day = until
    return tuple(out)


def check(rates: Iterable[Rate]) -> None:
    """ValueError for a table that says two things about a day, or nothing that can be used."""
    seen: dict[str, list[Rate]] = {}
    for rate in rates:
        if rate.until <= rate.from_ or rate.basis_points < 0 or rate.compensation < 0 or not rate.source.strip():
            raise ValueError(f"the rate from {rate.from_} has no days, an amount below 0 or no source")
        if any(rate.from_ < other.until and other.from_ < rate.until for other in seen.get(rate.currency, ())):
            raise ValueError(f"two rates of {rate.currency} cover {rate.from_}")
        seen.setdefault(rate.currency, []).append(rate)


def _principal(balances: Sequence[tuple[date, int]], day: date, end: date) -> tuple[int, date]:
    """What is owed on a day, and until when (half-open) that is so."""
    held = 0
    for when, left in balances:
        if when > day:
            return held, min(when, end)
        held = left
    return held, end


def _rate(rates: Iterable[Rate], currency: str, day: date) -> Rate:
    found = next((r for r in rates if r.currency == currency and r.from_ <= day < r.until), None)
    if found is None:
        first_half = day.month <= 6
        start = date(day.year, 1, 1) if first_half else date(day.year, 7, 1)
        last = date(day.year, 6, 30) if first_half else date(day.year, 12, 31)
        raise RuleViolation("rate_missing", "rates", currency=currency, starts_on=start, last_on=last)
    return found
