"""What a decision costs or gives back."""

from typing import Any

import pytest

from cluster_rules.errors import RuleViolation
from cluster_rules.intents import Charge, WaiveFee
from cluster_rules.networks import Rulebook
from cluster_rules.periods import Period
from tests.cluster_rules.make import (
    CIN,
    NORA,
    World,
    agreement,
    bands,
    book,
    calendar,
    cin,
    company,
    day,
    fee,
    nora,
    period,
    profile,
    rule,
    rulebooks,
    tier,
)

TODAY = day("2027-06-15")


def world(*, today: str = "2027-06-15", who: Any = None, **given: Any) -> World:
    """A network with levels at 12,000 / 6,000 / 0 a year, by months, giving money back unless said otherwise."""
    monthly = {"proration": given.pop("proration", "months")}
    levels = (
        tier("principal", 30, fee(12_000, **monthly)),
        tier("partner", 20, fee(6_000, **monthly)),
        tier("member", 10),
    )
    rules = book(**({"refund": "credit", "tiers": levels} | given))
    return World(who or company(), books=rulebooks(rules), today=day(today))


def spent(world: World) -> list[tuple[int, str, str]]:
    """(net, first day, end) of each charge of the last decision."""
    charges = [i.line for i in world.did(Charge)]
    return [(c.net, c.period.start.isoformat(), c.period.end.isoformat()) for c in charges if c.period.end]


# Joining


def test_ac_15b_as_a_decision() -> None:
    service = fee(22_000_00, code="service", proration="months", vat="standard")
    membership = fee(1_000_00, proration="months", vat="exempt_3_13")
    made = world(tiers=(tier("medium", 10, service, membership),))
    made.decide("joining", "2027-08-15", "medium")
    lines = [i.line for i in made.did(Charge)]
    assert [(line.net, line.vat) for line in lines] == [(9_166_67, 2_291_67), (416_67, 0)]
    assert sum(line.gross for line in lines) == 11_875_01


def test_ac_15c_the_table_of_the_day_of_joining_counts() -> None:
    def priced(amount: int, **given: Any) -> Rulebook:
        return nora(tiers=(tier("partner", 20, fee(amount)), tier("principal", 30, fee(2 * amount))), **given)

    versions = rulebooks(
        priced(1_000),
        priced(2_000, version=2, effective_from=day("2027-07-01"), effective_from_existing=day("2028-01-01")),
        cin(),
    )
    march, july = World(company("March"), books=versions), World(company("July"), books=versions)
    march.decide("joining", "2027-03-01", "partner")
    july.decide("joining", "2027-07-02", "partner")
    assert march.nets() == [round(1_000 * 306 / 365)]
    assert july.nets() == [round(2_000 * 183 / 365)]
    march.decide("tier_change", "2027-07-02", "principal")
    assert march.nets() == [-501, 1_003], "a change of level does not make a member new"
    late = World(company("Late"), books=versions, today=day("2028-02-01"))
    late.decide("joining", "2027-03-01", "partner")
    assert late.nets() == [838, 2_000], "the old table for 2027, the new one from 2028"


def test_every_year_that_has_begun_is_billed() -> None:
    made = world(today="2027-06-15")
    made.decide("joining", "2025-07-01", "partner")
    assert spent(made) == [
        (3_000, "2025-07-01", "2026-01-01"),
        (6_000, "2026-01-01", "2027-01-01"),
        (6_000, "2027-01-01", "2028-01-01"),
    ]


def test_a_membership_in_the_future_is_billed_its_first_year() -> None:
    made = world()
    made.decide("joining", "2028-07-01", "partner")
    assert spent(made) == [(3_000, "2028-07-01", "2029-01-01")]


def test_what_is_billed_is_not_billed_again() -> None:
    made = world(refund="none")
    made.decide("joining", "2027-01-01", "partner")
    made.decide("ending", "2027-04-01")
    assert made.nets() == []
    made.decide("joining", "2027-09-01", "partner")
    assert made.nets() == [], "the year is paid for"


def test_what_was_given_back_is_billed_again() -> None:
    made = world()
    made.decide("joining", "2027-01-01", "partner")
    made.decide("ending", "2027-04-01")
    assert spent(made) == [(-4_500, "2027-04-01", "2028-01-01")]
    made.decide("joining", "2027-09-01", "partner")
    assert spent(made) == [(2_000, "2027-09-01", "2028-01-01")]


@pytest.mark.parametrize("level", ["partner", "principal"])
def test_an_unknown_size_stops_the_decision_and_says_what_is_missing(level: str) -> None:
    made = world(who=company(employees=None), tiers=(tier(level, 10, bands((0, 100), (10, 200))),))
    with pytest.raises(RuleViolation) as refused:
        made.decide("joining", "2027-01-01", level)
    assert (refused.value.code, refused.value.field) == ("size_unknown", "employees")
    made.decide("joining", "2027-01-01", level, bill=False)
    assert made.timeline(NORA) == [("2027-01-01", level, "direct")], "history needs no size"


# Another level


@pytest.mark.parametrize(
    ("name", "refund", "first", "then", "on", "expected"),
    [
        ("up", "none", "partner", "principal", "2027-07-01", [-3_000, 6_000]),
        ("up, in a month begun", "none", "partner", "principal", "2027-07-31", [-3_000, 6_000]),
        ("down, nothing back", "none", "principal", "partner", "2027-07-01", []),
        ("down, money back", "credit", "principal", "partner", "2027-07-01", [-6_000, 3_000]),
        ("from a free level", "none", "member", "principal", "2027-07-01", [6_000]),
        ("to a free level", "credit", "principal", "member", "2027-07-01", [-6_000]),
        ("to a free level, nothing back", "none", "principal", "member", "2027-07-01", []),
        ("on the first day", "none", "partner", "principal", "2027-01-01", [-6_000, 12_000]),
        ("in a year nobody has billed yet", "credit", "partner", "principal", "2028-07-01", []),
    ],
)
def test_a_change_of_level(name: str, refund: str, first: str, then: str, on: str, expected: list[int]) -> None:
    made = world(refund=refund)
    made.decide("joining", "2027-01-01", first)
    made.decide("tier_change", on, then)
    assert made.nets() == expected, name


def test_a_backdated_change_reaches_every_year_billed() -> None:
    made = world()
    made.decide("joining", "2025-01-01", "partner")
    made.decide("tier_change", "2026-07-01", "principal")
    assert spent(made) == [
        (-3_000, "2026-07-01", "2027-01-01"),
        (-6_000, "2027-01-01", "2028-01-01"),
        (6_000, "2026-07-01", "2027-01-01"),
        (12_000, "2027-01-01", "2028-01-01"),
    ]


def test_a_backdated_change_stops_where_the_next_one_begins() -> None:
    made = world()
    made.decide("joining", "2027-01-01", "partner")
    made.decide("tier_change", "2027-07-01", "principal")
    made.decide("tier_change", "2027-04-01", "member")
    assert spent(made) == [(-1_500, "2027-04-01", "2027-07-01")]


def test_the_anniversary_is_that_of_joining_not_of_the_last_change() -> None:
    made = world(period=calendar("anniversary"))
    made.decide("joining", "2027-03-15", "partner")
    assert spent(made) == [(6_000, "2027-03-15", "2028-03-15")]
    made.decide("tier_change", "2027-06-15", "principal")
    assert spent(made) == [(-4_500, "2027-06-15", "2028-03-15"), (9_000, "2027-06-15", "2028-03-15")]
    made.decide("ending", "2027-09-15")
    assert spent(made) == [(-6_000, "2027-09-15", "2028-03-15")]


# Leaving


@pytest.mark.parametrize(
    ("name", "proration", "on", "expected"),
    [
        ("months: a month begun is paid", "months", "2027-12-02", []),
        ("months", "months", "2027-07-01", [-3_000]),
        ("days", "days", "2027-12-31", [-16]),
        ("half year: the second half has begun", "half_year", "2027-09-01", []),
        ("half year: in the first half", "half_year", "2027-03-01", [-3_000]),
        ("indivisible", "none", "2027-02-01", []),
        ("on the first day all is given back", "none", "2027-01-01", [-6_000]),
    ],
)
def test_leaving_where_money_is_given_back(name: str, proration: str, on: str, expected: list[int]) -> None:
    made = world(proration=proration)
    made.decide("joining", "2027-01-01", "partner")
    made.decide("ending", on)
    assert made.nets() == expected, name


def test_leaving_gives_back_at_the_size_that_was_billed() -> None:
    grows = company("G", profile(end=day("2027-04-01"), employees=9), profile(day("2027-04-01"), employees=90))
    made = world(who=grows, tiers=(tier("partner", 20, bands((0, 1_200), (10, 12_000), proration="months")),))
    made.decide("joining", "2027-01-01", "partner")
    assert made.nets() == [1_200]
    made.decide("ending", "2027-07-01")
    assert made.nets() == [-600]


def test_a_change_that_comes_after_the_end_is_given_back_too() -> None:
    made = world()
    made.decide("joining", "2027-01-01", "partner")
    made.decide("tier_change", "2027-07-01", "principal")
    made.decide("ending", "2027-04-01")
    assert spent(made) == [(-1_500, "2027-04-01", "2027-07-01"), (-6_000, "2027-07-01", "2028-01-01")]


def test_what_is_billed_after_a_return_stays_billed() -> None:
    made = world()
    made.decide("joining", "2026-01-01", "partner")
    made.decide("ending", "2026-10-01")
    made.decide("joining", "2027-01-01", "principal")
    made.decide("ending", "2026-07-01")
    assert spent(made) == [(-1_500, "2026-07-01", "2026-10-01")]


# Taking back


@pytest.mark.parametrize("refund", ["none", "credit"])
@pytest.mark.parametrize(
    ("kind", "on", "level"),
    [
        ("tier_change", "2027-07-15", "principal"),
        ("tier_change", "2027-07-15", "member"),
        ("ending", "2027-07-15", ""),
        ("tier_change", "2028-07-01", "principal"),
    ],
)
def test_a_decision_taken_back_costs_nothing(refund: str, kind: str, on: str, level: str) -> None:
    made = world(refund=refund)
    made.decide("joining", "2027-01-01", "partner")
    decided = made.decide(kind, on, level)
    cost = sum(made.nets())
    made.withdraw(decided)
    assert sum(made.nets()) == -cost
    assert all(i.reason.code == "withdrawn" for i in made.did(Charge))


def test_leaving_a_free_level_and_taking_it_back() -> None:
    made = world()
    made.decide("joining", "2027-01-01", "member")
    up = made.decide("tier_change", "2027-07-01", "principal")
    assert made.nets() == [6_000]
    made.withdraw(up)
    assert made.nets() == [-6_000]


def test_a_joining_taken_back_is_not_billed() -> None:
    made = world(refund="none")
    joined = made.decide("joining", "2027-04-01", "partner")
    assert made.nets() == [4_500]
    made.withdraw(joined)
    assert made.nets() == [-4_500]


# Linked memberships (M15, F14)


def linked_world(today: str = "2027-06-15", **given: Any) -> World:
    policy = {"fee": given.pop("fee", {"policy": "normal"})} | given.pop("policy", {})
    books = rulebooks(nora(rule(**policy)), cin(**given), agreements=[agreement()])
    return World(company(), books=books, today=day(today))


@pytest.mark.parametrize(
    ("fee", "expected"),
    [
        ({"policy": "waived"}, []),
        ({"policy": "normal"}, [1_250_00]),
        ({"policy": "percent", "percent": 25}, [312_50]),
        ({"policy": "percent", "percent": 0}, [0]),
    ],
)
def test_m15_a_linked_membership_books_what_its_rule_says(fee: dict[str, Any], expected: list[int]) -> None:
    made = linked_world(fee=fee)
    made.decide("joining", "2027-03-01", "principal")
    assert made.nets(CIN) == expected


def test_f14_never_two_fees_for_one_membership() -> None:
    made = linked_world()
    made.decide("joining", "2027-01-01", "member", network=CIN)
    made.decide("joining", "2027-03-01", "principal")
    assert made.nets(CIN) == [], "the own membership is paid for the year"


@pytest.mark.parametrize(("refund", "expected"), [("credit", [-500_00]), ("none", [])])
def test_a_linked_fee_is_given_back_where_the_target_gives_back(refund: str, expected: list[int]) -> None:
    made = linked_world(refund=refund)
    made.decide("joining", "2027-03-01", "principal")
    made.decide("ending", "2027-09-01")
    assert made.nets(CIN) == expected


def test_a_linked_fee_whose_cause_is_taken_back_is_reversed() -> None:
    made = linked_world()
    made.decide("joining", "2027-01-01", "partner")
    up = made.decide("tier_change", "2027-03-01", "principal")
    assert made.nets(CIN) == [1_250_00]
    made.withdraw(up)
    assert made.nets(CIN) == [-1_250_00]


def test_an_own_membership_paid_years_ahead_is_credited_to_the_end() -> None:
    made = linked_world(fee={"own_membership": "credit"}, today="2028-02-01", refund="credit")
    made.decide("joining", "2027-01-01", "member", network=CIN)
    made.decide("joining", "2027-07-01", "principal")
    assert made.nets(CIN) == [-750_00, -1_500_00]


def test_a_waiver_lasts_as_long_as_the_link_is_known_to() -> None:
    made = linked_world(fee={"own_membership": "waive_at_renewal"})
    made.decide("joining", "2025-01-01", "member", network=CIN)
    made.decide("joining", "2025-03-01", "principal")
    (waiver,) = made.did(WaiveFee)
    assert waiver.period == Period(day("2026-01-01")) and waiver.because == made.grants()[0].id


def test_on_the_turn_of_the_year_the_renewal_is_that_day() -> None:
    made = linked_world(fee={"own_membership": "waive_at_renewal"})
    made.decide("joining", "2026-01-01", "member", network=CIN)
    made.decide("joining", "2027-01-01", "principal")
    assert made.waived() == [period("2027-01-01")]


def test_m16_every_charge_names_its_grant_and_reason() -> None:
    made = linked_world()
    made.decide("joining", "2027-03-01", "principal")
    known = {g.id for g in made.facts.grants}
    for charge in made.did(Charge):
        assert charge.grant in known and charge.reason.code in {"joining", "linked"} and charge.line.steps
