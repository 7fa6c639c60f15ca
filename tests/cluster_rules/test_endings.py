"""From which day a member may leave."""

import pytest

from cluster_rules.endings import earliest
from cluster_rules.networks import Notice
from tests.cluster_rules.make import book, calendar, day

BY_NOVEMBER = Notice("fixed_date", by="11-01")
THREE_MONTHS = Notice("months", months=3)


@pytest.mark.parametrize(
    ("name", "notice", "year", "told", "expected"),
    [
        ("Solenergiklyngen, in time", BY_NOVEMBER, calendar(), "2027-11-01", "2028-01-01"),
        ("Solenergiklyngen, a day late", BY_NOVEMBER, calendar(), "2027-11-02", "2029-01-01"),
        (
            "by March in a September year",
            Notice("fixed_date", by="03-31"),
            calendar("window", "09-01"),
            "2027-03-31",
            "2027-09-01",
        ),
        (
            "by October in a September year",
            Notice("fixed_date", by="10-01"),
            calendar("window", "09-01"),
            "2027-10-02",
            "2029-09-01",
        ),
        ("three months, then the year", THREE_MONTHS, calendar(), "2027-10-01", "2028-01-01"),
        ("three months, a day late", THREE_MONTHS, calendar(), "2027-10-02", "2029-01-01"),
        ("three months, at once", Notice("months", months=3, effect="at_once"), calendar(), "2027-11-30", "2028-02-29"),
        ("no notice, at once", Notice("none", effect="at_once"), calendar(), "2027-05-05", "2027-05-05"),
        ("no notice, period end", Notice("none"), calendar(), "2027-05-05", "2028-01-01"),
        ("on the turn itself", Notice("none"), calendar(), "2028-01-01", "2028-01-01"),
        ("open ended", Notice("none"), calendar("open_ended"), "2027-05-05", "2027-05-05"),
        ("open ended, by a day", BY_NOVEMBER, calendar("open_ended"), "2027-12-05", "2027-12-05"),
        ("anniversary", Notice("none"), calendar("anniversary"), "2027-05-05", "2028-02-29"),
    ],
)
def test_the_earliest_day(name: str, notice: Notice, year, told: str, expected: str) -> None:
    rules = book(notice=notice, period=year)
    assert earliest(rules, day("2024-02-29"), day(told)) == day(expected), name
