"""A part of a membership year: how much of the yearly fee it costs, by each component's own way."""

from datetime import date

from cluster_rules.components import FeeComponent
from cluster_rules.explanations import Step
from cluster_rules.periods import Period, add_months


def step(component: FeeComponent, part: Period, year: Period, since: date | None) -> Step | None:
    """The step from the whole year's fee to that of `part` (which lies in the year); None = the whole fee.

    days: by the day. months: a month begun is a month. half_year: up to six months are half a year.
    joining_half: half in the year of joining, whenever that was. none: the whole fee. Whoever joined (`since`)
    on `free_after` or later in the year pays nothing for it. An entry fee is never divided.
    """
    if year.end is None or component.charged == "first_year":
        return None
    joined = part.start if since is None and part.start > year.start else since
    if component.free_after and joined and _free(component.free_after, joined, year):
        return _part("free", 0, 1)
    if component.proration == "joining_half":
        return _part("joining_half", 1, 2) if joined and year.covers(joined) else None
    if component.proration == "none" or part == year:
        return None
    if component.proration == "days":
        return _part("days", part.days, year.days)
    months = _months_begun(part)
    if component.proration == "half_year":
        return _part("half_year", 1, 2) if months <= 6 else _part("half_year", 2, 2)
    return _part("months", months, _months_begun(year))


def _part(kind: str, counted: int, whole: int) -> Step:
    return Step(f"prorated_{kind}", {"part": counted, "whole": whole})


def _free(free_after: str, joined: date, year: Period) -> bool:
    """Did it join in this year, on the day MM-DD that lies in it or later?"""
    month, day = map(int, free_after.split("-"))
    turn = date(year.start.year, month, day)
    if turn < year.start:
        turn = date(year.start.year + 1, month, day)
    return turn <= joined < year.end_or_far


def _months_begun(period: Period) -> int:
    """Calendar months touched, counted back from the year's end: 15 August -> 31 December is 5."""
    end = period.end_or_far
    months = 0
    while add_months(end, -months) > period.start:
        months += 1
    return months
