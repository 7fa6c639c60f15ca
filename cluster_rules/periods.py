"""Periods of calendar days, half-open: [start, end). `end` None means "until further notice".

Days are calendar days in the network's time zone; whoever asks has already turned an
instant into a day. Months and years are always counted from the anchor, never by stepping
(31 January + 1 month + 1 month is 31 March, not 28).
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import pairwise
from typing import Literal

import msgspec

from cluster_rules.errors import RuleViolation

FAR = date.max


class Period(msgspec.Struct, frozen=True, gc=False):
    """Days from `start` (included) to `end` (not included, None = open)."""

    start: date
    end: date | None = None

    def __post_init__(self) -> None:
        if self.end is not None and self.end <= self.start:
            raise RuleViolation("period_empty", "ends_on", starts_on=self.start, ends_on=self.end)

    @property
    def end_or_far(self) -> date:
        """The end as a comparable day; the far future stands for "open"."""
        return self.end or FAR

    @property
    def days(self) -> int:
        """Number of days; only a closed period has one."""
        if self.end is None:
            raise RuleViolation("period_open", "ends_on")
        return (self.end - self.start).days

    def covers(self, day: date) -> bool:
        """Is `day` inside?"""
        return self.start <= day and (self.end is None or day < self.end)

    def meets(self, other: "Period") -> bool:
        """Do the two overlap or touch, so that together they are one period?"""
        return self.start <= other.end_or_far and other.start <= self.end_or_far

    def overlap(self, other: "Period") -> "Period | None":
        """The days in both, or None."""
        return between(max(self.start, other.start), min(self.end_or_far, other.end_or_far))

    def minus(self, holes: Iterable["Period"]) -> list["Period"]:
        """What is left of this period when `holes` are cut out, in order."""
        left = [self]
        for hole in holes:
            left = [
                part
                for piece in left
                for part in (
                    between(piece.start, min(piece.end_or_far, hole.start)),
                    between(max(piece.start, hole.end_or_far), piece.end_or_far),
                )
                if part
            ]
        return left


def between(start: date, end: date) -> Period | None:
    """[start, end) as a period, None when empty; `FAR` as end means open."""
    if end <= start:
        return None
    return Period(start, None if end == FAR else end)


def joined(periods: Iterable[Period]) -> list[Period]:
    """The same days with overlapping and touching periods made one, in order."""
    out: list[Period] = []
    for period in sorted(periods, key=lambda p: (p.start, p.end_or_far)):
        if out and out[-1].meets(period):
            end = max(out[-1].end_or_far, period.end_or_far)
            out[-1] = Period(out[-1].start, None if end == FAR else end)
        else:
            out.append(period)
    return out


def elementary(periods: Iterable[Period]) -> Iterator[Period]:
    """Cut the covered time at every start and end: within one piece nothing changes."""
    cuts = sorted({day for p in periods for day in (p.start, p.end_or_far)})
    for start, end in pairwise(cuts):
        piece = between(start, end)
        if piece:
            yield piece


def add_months(anchor: date, months: int) -> date:
    """The same day of the month `months` later, or that month's last day."""
    index = anchor.year * 12 + anchor.month - 1 + months
    year, month = divmod(index, 12)
    first = date(year, month + 1, 1)
    return min(first + timedelta(days=anchor.day - 1), _last_day(first))


def _last_day(first: date) -> date:
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return following - timedelta(days=1)


class MembershipYear(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a network cuts time for fees and renewals (domain.md 1.15 dimension 11).

    calendar_year: 1 January. window: another fixed day, `starts` = "MM-DD" (Energy
    Innovation Cluster: 09-01). half_year: the year from `starts`, billed in two halves. anniversary: twelve
    months from joining. project: once, from `first` to `last` (not included). open_ended: never.
    """

    kind: Literal["calendar_year", "window", "half_year", "anniversary", "project", "open_ended"] = "calendar_year"
    starts: str = "01-01"
    first: date | None = None
    last: date | None = None

    def containing(self, day: date, anchor: date) -> Period:
        """The membership year that `day` lies in, for somebody who joined on `anchor`."""
        if self.kind == "open_ended":
            return Period(min(day, anchor))
        if self.kind == "anniversary":
            return self._anniversary(day, anchor)
        if self.kind == "project" and self.first and self.last:
            return Period(self.first, self.last) if day < self.last else Period(self.last)
        month, in_month = (1, 1) if self.kind == "calendar_year" else self.month_and_day
        year = day.year if (day.month, day.day) >= (month, in_month) else day.year - 1
        starts, ends = date(year, month, in_month), date(year + 1, month, in_month)
        if self.kind != "half_year":
            return Period(starts, ends)
        half = add_months(starts, 6)
        return Period(starts, half) if day < half else Period(half, ends)

    @property
    def second_half_starts(self) -> tuple[int, int]:
        """Month and day half a year after `starts`."""
        half = add_months(date(2001, *self.month_and_day), 6)
        return half.month, half.day

    @property
    def month_and_day(self) -> tuple[int, int]:
        """`starts` as numbers."""
        month, in_month = self.starts.split("-")
        return int(month), int(in_month)

    def boundary_on_or_after(self, day: date, anchor: date) -> date | None:
        """The first turn of the membership year on or after `day`; None when there is none."""
        if self.kind == "open_ended":
            return None
        year = self.containing(day, anchor)
        return day if year.start == day else year.end

    def _anniversary(self, day: date, anchor: date) -> Period:
        years = max(0, day.year - anchor.year - 1)
        while add_months(anchor, 12 * (years + 1)) <= day:
            years += 1
        return Period(add_months(anchor, 12 * years), add_months(anchor, 12 * (years + 1)))
