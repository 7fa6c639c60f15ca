"""Membership follows membership: one rule and its policies; chains and cycles are in test_chains.py."""

from typing import Any

import pytest

from cluster_rules.links import consented
from cluster_rules.memberships import Grant
from cluster_rules.networks import When
from cluster_rules.organisations import Organisation
from cluster_rules.periods import Period
from cluster_rules.predicates import failed_predicates
from tests.cluster_rules.make import (
    NORA,
    World,
    agreement,
    answer,
    calendar,
    cin,
    company,
    day,
    facts,
    nora,
    period,
    profile,
    rule,
    rulebooks,
)

PRINCIPAL = ("joining", "2027-03-01", "principal")
END = ("ending", "2027-10-10")


def world(*steps: tuple[Any, ...], who: Organisation | None = None, **policy: Any) -> World:
    made = World(who or company(), books=rulebooks(nora(rule(**policy)), cin()))
    for step in steps:
        made.decide(*step)
    return made


@pytest.mark.parametrize(
    ("name", "facts", "holds"),
    [
        ("a Norwegian company", {}, True),
        ("a Swedish company", {"country": "SE"}, False),
        ("a Norwegian municipality", {"kind": "public_body"}, False),
        ("a university", {"kind": "university"}, False),
    ],
)
def test_r_dual_is_for_norwegian_companies(name: str, facts: dict[str, Any], holds: bool) -> None:
    assert bool(world(PRINCIPAL, who=company(**facts)).grants()) is holds, name


@pytest.mark.parametrize(("level", "holds"), [("principal", True), ("partner", False)])
def test_r_dual_is_for_principal_partners(level: str, holds: bool) -> None:
    assert bool(world(("joining", "2027-03-01", level)).grants()) is holds


def test_without_levels_a_rule_looks_at_all_of_them() -> None:
    assert world(("joining", "2027-03-01", "member"), when={"tiers": ()}).periods() == [period("2027-03-01")]


@pytest.mark.parametrize(
    ("employees", "limits", "holds"),
    [
        (None, {"min_employees": 1}, False),
        (None, {}, True),
        (9, {"min_employees": 10}, False),
        (10, {"min_employees": 10}, True),
        (49, {"min_employees": 10, "max_employees": 49}, True),
        (50, {"max_employees": 49}, False),
    ],
)
def test_the_size_predicate(employees: int | None, limits: dict[str, int], holds: bool) -> None:
    failed = failed_predicates(When(("principal",), **limits), profile(employees=employees))
    assert [f.predicate for f in failed] == ([] if holds else ["employees"])


@pytest.mark.parametrize(
    ("name", "policy", "expected"),
    [
        ("with the cause", {"end": "with_cause"}, "2027-10-10"),
        ("at the target's turn of the year", {"end": "period_end"}, "2028-01-01"),
        ("30 days' grace", {"end": "grace", "grace_days": 30}, "2027-11-09"),
        ("no grace after all", {"end": "grace", "grace_days": 0}, "2027-10-10"),
    ],
)
def test_the_end_policy(name: str, policy: dict[str, Any], expected: str) -> None:
    assert world(PRINCIPAL, END, **policy).periods() == [period("2027-03-01", expected)], name


def test_period_end_on_the_turn_itself_is_that_day() -> None:
    assert world(PRINCIPAL, ("ending", "2028-01-01"), end="period_end").periods() == [
        period("2027-03-01", "2028-01-01")
    ]


def test_the_target_s_own_year_counts() -> None:
    books = rulebooks(nora(rule(end="period_end")), cin(period=calendar("window", "09-01")))
    made = World(books=books)
    made.decide(*PRINCIPAL)
    made.decide(*END)
    assert made.periods() == [period("2027-03-01", "2028-09-01")]


def test_starting_with_the_next_period() -> None:
    assert world(PRINCIPAL, start="next_period").periods() == [period("2028-01-01")]
    assert world(("joining", "2027-01-01", "principal"), start="next_period").periods() == [period("2027-01-01")]
    assert world(PRINCIPAL, END, start="next_period").periods() == [], "the cause ended before it could start"
    late = {"end": "grace", "grace_days": 200}
    assert world(PRINCIPAL, END, start="next_period", **late).periods() == [], "grace is no reason to start"


def test_starting_on_payment() -> None:
    made = world(PRINCIPAL, start="on_payment")
    assert made.periods() == []
    cause = made.grants(NORA, "direct")[0].id
    made.change(paid={cause: day("2027-03-20")})
    assert made.periods() == [period("2027-03-20")]
    made.change(paid={cause: day("2027-01-05")})
    assert made.periods() == [period("2027-03-01")], "paid in advance: not before the cause"


def test_paying_after_the_end_starts_nothing() -> None:
    made = world(PRINCIPAL, END, start="on_payment", end="grace", grace_days=90)
    made.change(paid={made.grants(NORA, "direct")[0].id: day("2027-11-01")})
    assert made.periods() == []


def test_the_target_decides() -> None:
    made = world(PRINCIPAL, acceptance="target_decides")
    assert made.periods() == []
    made.change(answers=(answer(made.member, "accepted", "2027-04-01"),))
    assert made.periods() == [period("2027-04-01")]


@pytest.mark.parametrize(
    ("name", "acceptance", "words", "expected"),
    [
        ("nothing said", "automatic", [], [Period(day("0001-01-01"))]),
        ("nothing said", "target_decides", [], []),
        ("declined", "automatic", [("declined", "2027-06-01")], [Period(day("0001-01-01"), day("2027-06-01"))]),
        (
            "declined, then accepted",
            "automatic",
            [("declined", "2027-06-01"), ("accepted", "2027-08-01")],
            [Period(day("0001-01-01"), day("2027-06-01")), period("2027-08-01")],
        ),
        (
            "accepted, declined",
            "target_decides",
            [("accepted", "2027-03-01"), ("declined", "2027-06-01")],
            [period("2027-03-01", "2027-06-01")],
        ),
        (
            "accepted twice",
            "target_decides",
            [("accepted", "2027-03-01"), ("accepted", "2027-06-01")],
            [period("2027-03-01")],
        ),
        (
            "second thoughts on one day",
            "automatic",
            [("declined", "2027-06-01"), ("accepted", "2027-06-01")],
            [Period(day("0001-01-01"), day("2027-06-01")), period("2027-06-01")],
        ),
        ("declined before anything", "target_decides", [("declined", "2027-06-01")], []),
    ],
)
def test_the_newest_answer_holds(name: str, acceptance: Any, words: list, expected: list[Period]) -> None:
    telenor = company()
    given = facts(telenor, answers=tuple(answer(telenor, *w) for w in words))
    assert consented(rule(acceptance=acceptance), telenor.id, NORA, given) == expected, name


def test_no_link_starts_when_acceptance_comes_after_the_cause() -> None:
    made = world(PRINCIPAL, END, acceptance="target_decides", end="grace", grace_days=90)
    made.change(answers=(answer(made.member, "accepted", "2027-11-01"),))
    assert made.periods() == []


@pytest.mark.parametrize(
    ("name", "start", "end", "on_end", "expected"),
    [
        ("starts after the cause", "2027-06-01", None, "end_links", [period("2027-06-01")]),
        ("ended before the cause", "2021-06-01", "2027-03-01", "grandfather", []),
        ("ends: links end", "2021-06-01", "2027-06-30", "end_links", [period("2027-03-01", "2027-06-30")]),
        (
            "ends: to the turn of the year",
            "2021-06-01",
            "2027-06-30",
            "period_end",
            [period("2027-03-01", "2028-01-01")],
        ),
        ("ends: grandfathered", "2021-06-01", "2027-06-30", "grandfather", [period("2027-03-01")]),
    ],
)
def test_the_life_of_the_agreement(name: str, start: str, end: str | None, on_end: Any, expected: list) -> None:
    made = World(books=rulebooks(agreements=[agreement(start, end, on_end=on_end)]))
    made.decide(*PRINCIPAL)
    assert made.periods() == expected, name


def test_grace_does_not_outlive_an_agreement_that_ends_its_links() -> None:
    books = rulebooks(
        nora(rule(end="grace", grace_days=90)), cin(), agreements=[agreement(end="2027-10-20", on_end="end_links")]
    )
    made = World(books=books)
    made.decide(*PRINCIPAL)
    made.decide(*END)
    assert made.periods() == [period("2027-03-01", "2027-10-20")]


def test_a_link_that_waits_for_the_next_period_does_not_start_after_the_agreement() -> None:
    books = rulebooks(
        nora(rule(start="next_period")), cin(), agreements=[agreement(end="2027-06-30", on_end="grandfather")]
    )
    made = World(books=books)
    made.decide(*PRINCIPAL)
    assert made.periods() == []


def test_a_rule_under_an_agreement_nobody_knows_gives_nothing() -> None:
    assert world(PRINCIPAL, agreement="never-signed").periods() == []


def test_two_rules_give_two_reasons_for_one_membership() -> None:
    books = rulebooks(nora(rule(), rule("partners-too", when={"tiers": ("principal", "partner")})), cin())
    made = World(books=books)
    made.decide(*PRINCIPAL)
    made.decide("tier_change", "2027-09-01", "partner")
    assert {g.rule: g.period for g in made.grants()} == {
        "principal-joins-claire": period("2027-03-01", "2027-09-01"),
        "partners-too": period("2027-03-01"),
    }
    assert made.timeline() == [("2027-03-01", "member", "linked")]


def test_a_change_between_two_levels_of_one_rule_keeps_the_grant() -> None:
    made = world(PRINCIPAL, when={"tiers": ("principal", "partner")})
    before = made.grants()
    made.decide("tier_change", "2027-09-01", "partner")
    assert made.grants() == before and made.did(Grant) == []


# Grace windows that meet the next cause


@pytest.mark.parametrize(
    ("name", "back", "expected"),
    [
        ("within the grace", "2027-10-20", [period("2027-03-01")]),
        ("on its last day", "2027-11-09", [period("2027-03-01")]),
        ("a day too late", "2027-11-10", [period("2027-03-01", "2027-11-09"), period("2027-11-10")]),
    ],
)
def test_upgrading_back_within_the_grace_continues_the_grant(name: str, back: str, expected: list) -> None:
    made = world(PRINCIPAL, ("tier_change", "2027-10-10", "partner"), end="grace", grace_days=30)
    first = made.grants()[0].id
    made.decide("tier_change", back, "principal")
    assert made.periods() == expected, name
    assert made.grants()[0].id == first


# Predicates that change while the membership stands


def test_a_company_that_moves_abroad_and_back() -> None:
    moves = company(
        "Telenor",
        profile(end=day("2027-06-01")),
        profile(day("2027-06-01"), day("2027-09-01"), country="SE"),
        profile(day("2027-09-01")),
    )
    assert world(PRINCIPAL, who=moves).periods() == [period("2027-03-01", "2027-06-01"), period("2027-09-01")]


def test_a_move_shorter_than_the_grace_changes_nothing() -> None:
    moves = company(
        "Telenor",
        profile(end=day("2027-06-01")),
        profile(day("2027-06-01"), day("2027-06-20"), country="SE"),
        profile(day("2027-06-20")),
    )
    assert world(PRINCIPAL, who=moves, end="grace", grace_days=30).periods() == [period("2027-03-01")]


def test_a_new_profile_that_fits_as_well_splits_nothing() -> None:
    grows = company("Telenor", profile(end=day("2027-06-01")), profile(day("2027-06-01"), employees=900))
    assert world(PRINCIPAL, who=grows, start="next_period").periods() == [period("2028-01-01")]


def test_facts_start_somewhere_the_first_profile_holds_before() -> None:
    registered = company("Telenor", profile(day("2026-11-22")))
    assert world(("joining", "2019-05-05", "principal"), who=registered).periods() == [period("2021-06-01")]


def test_an_organisation_that_was_struck_off_has_no_more_links() -> None:
    gone = company("Telenor", profile(end=day("2027-08-01")))
    assert world(PRINCIPAL, who=gone).periods() == [period("2027-03-01", "2027-08-01")]
