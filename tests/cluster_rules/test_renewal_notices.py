"""Told ahead of a renewal: when, of which period and fee, until when one can leave; the bill of a member on hold."""

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_rules import endings, renewal_notices, renewals, rulebooks
from cluster_rules.endings import earliest
from cluster_rules.errors import RulebookError
from cluster_rules.networks import Notice
from tests.cluster_rules import make
from tests.cluster_rules.histories import QUICK
from tests.cluster_rules.make import NORA, World, book, calendar, cin, day, fee, tier

YEAR = date(2027, 1, 1)
NOVEMBER = Notice("fixed_date", by="11-01", renewal_days=90)


def member(policy: str = "bill", joined: str = "2024-03-01", *fees: Any, **given: Any) -> World:
    """A member of a network of its own, billed until the end of the year it is in."""
    level = tier("member", 10, *(fees or (fee(12_000_00),)), suspended_renewal=policy)
    world = World(books=make.rulebooks(book(NORA, **({"tiers": (level,), "notice": NOVEMBER} | given)), cin()))
    world.decide("joining", joined, "member")
    return world


def told(world: World, on: str) -> list[tuple[str, str, int, str]]:
    found = renewal_notices.coming(world.facts, NORA, day(on))
    return [(n.state, n.year.start.isoformat(), n.net, str(n.leave_by)) for n in found]


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ("2026-10-02", []),  # 91 days before
        ("2026-10-03", [("due", "2027-01-01", 12_000_00, "2026-11-01")]),
        ("2026-12-31", [("due", "2027-01-01", 12_000_00, "2026-11-01")]),
        ("2027-01-01", []),  # it has begun
    ],
)
def test_members_are_told_so_many_days_before_a_period_until_it_begins(on: str, expected: list[Any]) -> None:
    assert told(member(), on) == expected


def test_each_member_has_its_own_day_where_years_begin_with_joining() -> None:
    notice = Notice("months", months=3, renewal_days=120)
    world = member(joined="2024-03-15", period=calendar("anniversary"), notice=notice)
    assert told(world, "2026-11-14") == []
    assert told(world, "2026-11-15") == [("due", "2027-03-15", 12_000_00, "2026-12-15")]


def test_nobody_is_told_where_the_rules_say_nothing() -> None:
    assert told(member(notice=Notice("none")), "2026-12-31") == []


def test_who_leaves_is_not_told_to_stay() -> None:
    world = member()
    world.decide("ending", "2027-01-01")
    assert [each[0] for each in told(world, "2026-12-01")] == ["ending"]


def test_a_fee_that_cannot_be_said_is_work_for_a_person() -> None:
    world = member("bill", "2024-03-01", make.bands((0, 1_000_00), (10, 2_000_00)))
    (someone,) = world.facts.organisations
    unknown = msgspec.structs.replace(someone, profiles=(make.profile(employees=None),))
    world.facts = msgspec.structs.replace(world.facts, organisations=(unknown,), charged=())
    (found,) = renewal_notices.coming(world.facts, NORA, date(2026, 12, 1))
    assert (found.state, found.problem and found.problem.field) == ("failed", "employees")


NOTICES = st.one_of(
    st.builds(lambda by: Notice("fixed_date", by=by), st.sampled_from(["11-01", "03-31", "09-30", "12-31"])),
    st.builds(lambda m: Notice("months", months=m), st.integers(0, 6)),
    st.just(Notice("none")),
)
YEARS = st.sampled_from([calendar(), calendar("window", "09-01"), calendar("anniversary")])


@QUICK
@given(NOTICES, YEARS, st.dates(date(2024, 1, 1), date(2025, 12, 31)), st.integers(2026, 2030))
def test_the_last_day_is_the_last_on_which_notice_is_in_time(notice: Notice, year: Any, joined: date, now: int) -> None:
    rules = book(notice=notice, period=year)
    start = year.containing(date(now, 6, 1), joined).end
    last = endings.last_day(rules, joined, start)
    assert earliest(rules, joined, last) <= start
    late = last + timedelta(days=1)
    assert late == start or earliest(rules, joined, late) > start


@pytest.mark.parametrize("days", [-1, rulebooks.MOST_RENEWAL_DAYS + 1])
def test_days_of_notice_have_bounds(days: int) -> None:
    with pytest.raises(RulebookError) as refused:
        rulebooks.check(book(notice=Notice("none", renewal_days=days)))
    assert (refused.value.code, refused.value.field) == ("renewal_days_wrong", "notice.renewal_days")


# Suspended when the year begins


@pytest.mark.parametrize(
    ("policy", "suspended", "asked", "expected"),
    [
        ("bill", ("2026-11-01", None), "2026-12-01", "due"),
        ("hold", ("2026-11-01", None), "2026-12-01", "held"),
        ("hold", ("2026-11-01", "2026-12-15"), "2026-12-01", "due"),  # lifted before the year begins
        ("hold", ("2026-11-01", "2027-01-01"), "2026-12-01", "due"),  # the day after its last is the first of the year
        ("hold", ("2026-11-01", "2027-01-02"), "2026-12-01", "held"),
        ("hold", ("2026-11-01", "2027-02-10"), "2027-02-09", "held"),
        ("hold", ("2026-11-01", "2027-02-10"), "2027-02-10", "due"),  # lifted: another run bills the whole year
        ("hold", ("2027-01-10", None), "2027-01-15", "held"),
        ("end", ("2026-11-01", None), "2026-12-01", "lapsing"),
        ("end", ("2026-11-01", "2026-12-15"), "2026-12-01", "due"),
        ("end", ("2026-11-01", None), "2027-01-03", "lapsing"),
        ("end", ("2026-11-01", "2027-01-02"), "2027-01-03", "due"),
        ("end", ("2027-01-10", None), "2027-01-15", "due"),  # it ends with this year, not with the one before
    ],
)
def test_what_becomes_of_a_member_on_hold(policy: str, suspended: Any, asked: str, expected: str) -> None:
    world = member(policy)
    world.decide("suspension", suspended[0], until=suspended[1])
    (found,) = renewals.due(world.facts, NORA, YEAR, day(asked))
    assert (found.state, found.net) == (expected, 12_000_00 if expected == "due" else 0)


@pytest.mark.parametrize("policy", ["hold", "end"])
def test_what_is_billed_stays_billed(policy: str) -> None:
    world = member(policy)
    world.decide("suspension", "2026-11-01")
    assert [r.state for r in renewals.due(world.facts, NORA, date(2026, 6, 1), date(2026, 12, 1))] == ["billed"]


def test_who_joined_within_the_year_does_not_lapse_at_its_start() -> None:
    world = member("end", joined="2026-03-01")
    world.facts = msgspec.structs.replace(world.facts, charged=())
    world.decide("suspension", "2026-03-01")
    assert [r.state for r in renewals.due(world.facts, NORA, date(2026, 6, 1), date(2026, 6, 1))] == ["due"]


def test_a_member_on_hold_is_not_told_of_a_bill() -> None:
    world = member("hold")
    world.decide("suspension", "2026-11-01")
    assert [each[0] for each in told(world, "2026-12-01")] == ["held"]
