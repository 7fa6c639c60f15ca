"""Who may apply for a level, and from which day."""

from typing import Any

import pytest

from cluster_rules.applications import may_apply, may_start
from cluster_rules.errors import RuleViolation
from cluster_rules.networks import OpenTo
from tests.cluster_rules.make import book, day, profile, tier

STARTUP = OpenTo(kinds=("company",), countries=("NO", "SE"), max_employees=19, max_age_years=5)
BOOK = book(tiers=(tier("startup", open_to=STARTUP), tier("honorary", 20, public=False)))


def refused(level: str, **facts: Any) -> str | None:
    young = {"employees": 19, "founded_on": day("2022-11-23")} | facts
    try:
        may_apply(BOOK, level, profile(**young), day("2027-11-22"))
    except RuleViolation as violation:
        return violation.code
    return None


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({}, None),
        ({"employees": None}, None),
        ({"employees": 20}, "too_many_employees"),
        ({"founded_on": day("2022-11-22")}, "too_old"),
        ({"founded_on": day("2024-02-29")}, None),
        ({"kind": "university"}, "kind_not_open"),
        ({"country": "DK"}, "country_not_open"),
    ],
)
def test_eligibility_for_a_start_up_level(facts: dict[str, Any], code: str | None) -> None:
    assert refused("startup", **facts) == code


def test_levels_that_nobody_can_apply_for() -> None:
    assert refused("honorary") == "tier_not_public"
    assert refused("gold") == "tier_unknown"


@pytest.mark.parametrize(
    ("starts", "fits"),
    [("2015-01-01", True), ("2014-12-31", False), ("2028-11-22", True), ("2028-11-23", False)],
)
def test_the_day_to_start_on(starts: str, fits: bool) -> None:
    today = day("2026-11-22")
    if fits:
        may_start(BOOK, day(starts), today)
    else:
        with pytest.raises(RuleViolation) as violation:
            may_start(BOOK, day(starts), today)
        assert violation.value.code == "start_out_of_range"
