"""Half-open periods of days, and how networks cut the year."""

from datetime import date

import pytest

from cluster_rules.errors import RuleViolation
from cluster_rules.periods import FAR, Period, add_months, between, elementary, joined
from tests.cluster_rules.make import calendar, day, period


@pytest.mark.parametrize("end", ["2027-01-01", "2026-12-31"])
def test_an_empty_or_backward_period_is_refused(end: str) -> None:
    with pytest.raises(RuleViolation) as refused:
        period("2027-01-01", end)
    assert refused.value.code == "period_empty"


def test_a_period_covers_its_first_day_and_not_its_end() -> None:
    year = period("2027-01-01", "2028-01-01")
    assert year.covers(day("2027-01-01")) and year.covers(day("2027-12-31"))
    assert not year.covers(day("2028-01-01")) and not year.covers(day("2026-12-31"))
    assert year.days == 365 and period("2028-01-01", "2029-01-01").days == 366


def test_an_open_period_has_no_number_of_days() -> None:
    with pytest.raises(RuleViolation) as refused:
        _ = period("2027-01-01").days
    assert refused.value.code == "period_open"


@pytest.mark.parametrize(
    ("left", "right", "both", "meet"),
    [
        (("2027-01-01", "2027-06-01"), ("2027-03-01", None), ("2027-03-01", "2027-06-01"), True),
        (("2027-01-01", "2027-06-01"), ("2027-06-01", None), None, True),
        (("2027-01-01", "2027-06-01"), ("2027-06-02", None), None, False),
        (("2027-01-01", None), ("2027-03-01", None), ("2027-03-01", None), True),
    ],
)
def test_overlap_and_touch(left: tuple, right: tuple, both: tuple | None, meet: bool) -> None:
    one, other = period(*left), period(*right)
    assert one.overlap(other) == other.overlap(one) == (period(*both) if both else None)
    assert one.meets(other) is other.meets(one) is meet


def test_cutting_holes_out_of_a_period() -> None:
    holes = [period("2027-03-01", "2027-04-01"), period("2027-06-01", None)]
    assert period("2027-01-01", None).minus(holes) == [
        period("2027-01-01", "2027-03-01"),
        period("2027-04-01", "2027-06-01"),
    ]


def test_joining_makes_touching_periods_one() -> None:
    parts = [period("2027-06-01", None), period("2027-01-01", "2027-03-01"), period("2027-03-01", "2027-04-01")]
    assert joined(parts) == [period("2027-01-01", "2027-04-01"), period("2027-06-01", None)]


def test_elementary_pieces_start_and_end_where_anything_does() -> None:
    cut = list(elementary([period("2027-01-01", None), period("2027-03-01", "2027-04-01")]))
    assert cut == [
        period("2027-01-01", "2027-03-01"),
        period("2027-03-01", "2027-04-01"),
        period("2027-04-01", None),
    ]


def test_the_far_future_stands_for_open() -> None:
    assert between(day("2027-01-01"), FAR) == period("2027-01-01")
    assert between(day("2027-01-01"), day("2027-01-01")) is None


@pytest.mark.parametrize(
    ("anchor", "months", "expected"),
    [
        ("2027-01-31", 1, "2027-02-28"),
        ("2027-01-31", 2, "2027-03-31"),
        ("2028-01-31", 1, "2028-02-29"),
        ("2027-12-15", 1, "2028-01-15"),
        ("2027-01-15", -1, "2026-12-15"),
        ("2028-02-29", 12, "2029-02-28"),
        ("2028-02-29", 48, "2032-02-29"),
    ],
)
def test_months_are_counted_from_the_anchor(anchor: str, months: int, expected: str) -> None:
    assert add_months(day(anchor), months) == day(expected)


CALENDAR, WINDOW = calendar(), calendar("window", "09-01")
ANNIVERSARY, OPEN = calendar("anniversary"), calendar("open_ended")


@pytest.mark.parametrize(
    ("name", "year", "on", "anchor", "start", "end"),
    [
        ("first day", CALENDAR, "2027-01-01", "2020-05-05", "2027-01-01", "2028-01-01"),
        ("last day", CALENDAR, "2027-12-31", "2020-05-05", "2027-01-01", "2028-01-01"),
        ("Energy Innovation Cluster, August", WINDOW, "2027-08-31", "2020-05-05", "2026-09-01", "2027-09-01"),
        ("Energy Innovation Cluster, September", WINDOW, "2027-09-01", "2020-05-05", "2027-09-01", "2028-09-01"),
        ("day of joining", ANNIVERSARY, "2020-05-05", "2020-05-05", "2020-05-05", "2021-05-05"),
        ("day before the anniversary", ANNIVERSARY, "2027-05-04", "2020-05-05", "2026-05-05", "2027-05-05"),
        ("joined on 29 February, common year", ANNIVERSARY, "2029-02-28", "2028-02-29", "2029-02-28", "2030-02-28"),
        ("joined on 29 February, the day before", ANNIVERSARY, "2029-02-27", "2028-02-29", "2028-02-29", "2029-02-28"),
        ("joined on 29 February, leap year again", ANNIVERSARY, "2032-02-28", "2028-02-29", "2031-02-28", "2032-02-29"),
        ("open ended", OPEN, "2027-05-04", "2020-05-05", "2020-05-05", None),
    ],
)
def test_the_membership_year_of_a_day(name: str, year, on: str, anchor: str, start: str, end: str | None) -> None:
    assert year.containing(day(on), day(anchor)) == period(start, end), name


@pytest.mark.parametrize(
    ("year", "on", "expected"),
    [
        (CALENDAR, "2027-01-01", "2027-01-01"),
        (CALENDAR, "2027-01-02", "2028-01-01"),
        (WINDOW, "2027-08-31", "2027-09-01"),
        (ANNIVERSARY, "2027-03-02", "2028-02-29"),
    ],
)
def test_the_next_turn_of_the_year(year, on: str, expected: str) -> None:
    assert year.boundary_on_or_after(day(on), day("2024-02-29")) == day(expected)


def test_open_ended_never_turns() -> None:
    assert OPEN.boundary_on_or_after(day("2027-01-01"), day("2020-01-01")) is None


def test_a_thousand_years_of_29_february_hold_together() -> None:
    at = date(2028, 2, 29)
    for _ in range(200):
        year = ANNIVERSARY.containing(at, date(2028, 2, 29))
        assert isinstance(year, Period) and year.start == at and year.end is not None
        at = year.end
    assert at == date(2228, 2, 29)
