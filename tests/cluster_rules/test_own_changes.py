"""What a member may change by itself, and from when."""

import pytest

from cluster_rules.errors import RuleViolation
from cluster_rules.networks import Notice, OpenTo, Temporary
from cluster_rules.own_changes import earliest, open_levels, refuse_closed, refuse_early
from tests.cluster_rules.make import book, calendar, day, profile, tier

MONTHS = Notice("months", months=3)
LEVELS = (tier("gold", 30), tier("silver", 20), tier("bronze", 10))


@pytest.mark.parametrize(
    ("kind", "before", "after", "expected"),
    [
        ("tier_change", "silver", "gold", "2027-11-22"),  # up: at once
        ("tier_change", "silver", "bronze", "2029-01-01"),  # down: three months, then the turn of the year
        ("ending", "silver", "", "2029-01-01"),
        ("tier_change", "gone", "bronze", "2027-11-22"),  # what the rules do not know any more is below everything
    ],
)
def test_up_at_once_down_and_out_with_notice(kind, before, after, expected):
    rules = book(tiers=LEVELS, notice=MONTHS, period=calendar())
    assert earliest(rules, day("2020-01-01"), day("2027-11-22"), kind, before, after) == day(expected)


def test_only_levels_that_anybody_may_apply_for_and_that_fit():
    tiers = (
        tier("hidden", 60, public=False),
        tier("few", 50, places=3),
        tier("project", 40, temporary=Temporary(months=6)),
        *LEVELS,
        tier("public-bodies", 5, open_to=OpenTo(kinds=("public_body",))),
    )
    rules, on = book(tiers=tiers), day("2027-01-01")
    assert [t.code for t in open_levels(rules, profile(), on)] == ["gold", "silver", "bronze"]
    refuse_closed(rules, profile(), on, "gold")
    refuse_closed(rules, profile(), on, "unknown")  # another rule says that it is not known
    for closed in ("hidden", "few", "project", "public-bodies"):
        with pytest.raises(RuleViolation, match="tier_by_manager"):
            refuse_closed(rules, profile(), on, closed)


def test_too_early_says_from_when():
    refuse_early(day("2027-01-01"), day("2027-01-01"))
    with pytest.raises(RuleViolation) as refused:
        refuse_early(day("2026-12-31"), day("2027-01-01"))
    assert (refused.value.code, refused.value.params["earliest"]) == ("notice_required", day("2027-01-01"))
