"""Decisions become direct grants; grants become one timeline."""

import itertools
from typing import Any

import pytest

from cluster_rules.memberships import Grant, direct_grants, stretches, suspensions, timeline
from tests.cluster_rules.make import CIN, NORA, company, day, decision, period, rulebooks, uid

TELENOR = company()


def grants(*steps: tuple[Any, ...]) -> list[tuple[str, str, str | None]]:
    """(level, start, end) of the direct grants that these (kind, day, level) make, in the order recorded."""
    made = [decision(TELENOR, *step) for step in steps]
    for shuffled in itertools.islice(itertools.permutations(made), 24):
        assert direct_grants(shuffled) == direct_grants(made), "the order of the list must not matter"
    return [
        (g.tier, g.period.start.isoformat(), g.period.end.isoformat() if g.period.end else None)
        for g in direct_grants(made)
    ]


JOIN = ("joining", "2027-01-01", "partner")
JOIN_TO_JUNE = ("partner", "2027-01-01", "2027-06-01")


@pytest.mark.parametrize(
    ("name", "steps", "expected"),
    [
        ("joining opens", [JOIN], [("partner", "2027-01-01", None)]),
        (
            "a tier change turns",
            [JOIN, ("tier_change", "2027-03-01", "principal")],
            [("partner", "2027-01-01", "2027-03-01"), ("principal", "2027-03-01", None)],
        ),
        ("an ending closes", [JOIN, ("ending", "2027-06-01")], [("partner", "2027-01-01", "2027-06-01")]),
        ("ending twice", [JOIN, ("ending", "2027-06-01"), ("ending", "2027-06-01")], [JOIN_TO_JUNE]),
        ("an earlier ending", [JOIN, ("ending", "2027-12-31"), ("ending", "2027-06-01")], [JOIN_TO_JUNE]),
        ("joining twice", [JOIN, JOIN], [("partner", "2027-01-01", None)]),
        ("the same level again", [JOIN, ("tier_change", "2027-03-01", "partner")], [("partner", "2027-01-01", None)]),
        ("ended on the day of joining", [JOIN, ("ending", "2027-01-01")], []),
        (
            "changed on the day of joining",
            [JOIN, ("tier_change", "2027-01-01", "principal")],
            [("principal", "2027-01-01", None)],
        ),
        (
            "tier change and end on the same day",
            [JOIN, ("tier_change", "2027-06-01", "principal"), ("ending", "2027-06-01")],
            [JOIN_TO_JUNE],
        ),
        (
            "left, and back after a gap",
            [JOIN, ("ending", "2027-06-01"), ("joining", "2027-09-01", "principal")],
            [JOIN_TO_JUNE, ("principal", "2027-09-01", None)],
        ),
        (
            "an end once planned does not close a later membership",
            [JOIN, ("ending", "2027-12-31"), ("ending", "2027-06-01"), ("joining", "2027-09-01", "partner")],
            [JOIN_TO_JUNE, ("partner", "2027-09-01", None)],
        ),
        (
            "a change once planned does not turn a later membership",
            [
                JOIN,
                ("tier_change", "2027-10-01", "principal"),
                ("ending", "2027-06-01"),
                ("joining", "2027-09-01", "partner"),
            ],
            [JOIN_TO_JUNE, ("partner", "2027-09-01", None)],
        ),
        (
            "a backdated change holds until the next one",
            [JOIN, ("tier_change", "2027-07-01", "principal"), ("tier_change", "2027-03-01", "member")],
            [
                ("partner", "2027-01-01", "2027-03-01"),
                ("member", "2027-03-01", "2027-07-01"),
                ("principal", "2027-07-01", None),
            ],
        ),
        (
            "a backdated end leaves the membership after it alone",
            [JOIN, ("ending", "2027-09-01"), ("joining", "2027-11-01", "member"), ("ending", "2027-06-01")],
            [JOIN_TO_JUNE, ("member", "2027-11-01", None)],
        ),
        (
            "a change before joining",
            [("tier_change", "2026-01-01", "principal"), JOIN],
            [("partner", "2027-01-01", None)],
        ),
        (
            "joining again at another level while it stands is a change of level",
            [JOIN, ("joining", "2027-09-01", "principal")],
            [("partner", "2027-01-01", "2027-09-01"), ("principal", "2027-09-01", None)],
        ),
    ],
)
def test_direct_grants(name: str, steps: list, expected: list) -> None:
    assert grants(*steps) == expected, name


def test_networks_and_organisations_do_not_touch_each_other() -> None:
    other = company("Equinor")
    made = [
        decision(TELENOR, "joining", "2027-01-01", "partner"),
        decision(TELENOR, "joining", "2027-01-01", "member", network=CIN),
        decision(other, "joining", "2027-01-01", "partner"),
        decision(other, "ending", "2027-02-01"),
    ]
    assert len(direct_grants(made)) == 3
    assert {(g.organisation, g.network) for g in direct_grants(made) if g.period.end is None} == {
        (TELENOR.id, NORA),
        (TELENOR.id, CIN),
    }


def test_a_change_of_level_does_not_move_the_day_of_joining() -> None:
    made = [
        decision(TELENOR, "joining", "2027-01-01", "partner"),
        decision(TELENOR, "tier_change", "2027-03-01", "principal"),
        decision(TELENOR, "ending", "2027-06-01"),
        decision(TELENOR, "joining", "2027-06-01", "member"),
    ]
    assert [s.period for s in stretches(made)] == [period("2027-01-01", "2027-06-01"), period("2027-06-01")]
    assert [len(s.grants) for s in stretches(made)] == [2, 1]


def test_suspensions_of_one_membership() -> None:
    made = [
        decision(TELENOR, "suspension", "2027-03-01", until="2027-04-01"),
        decision(TELENOR, "suspension", "2027-05-01"),
        decision(TELENOR, "suspension", "2027-06-01", until="2027-06-01"),
        decision(TELENOR, "suspension", "2027-07-01", network=CIN),
    ]
    assert suspensions(made, TELENOR.id, NORA) == [period("2027-03-01", "2027-04-01"), period("2027-05-01")]


def grant(kind: str, level: str, start: str, end: str | None = None, network: str = NORA) -> Grant:
    source = "" if kind == "direct" else "elsewhere"
    return Grant(uid(f"{kind}{level}{start}"), TELENOR.id, network, kind, level, period(start, end), source=source)


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("one grant", [("direct", "partner", "2027-01-01")], [("2027-01-01", "partner", "direct")]),
        (
            "the highest level counts",
            [("direct", "partner", "2027-01-01"), ("linked", "principal", "2027-03-01", "2027-06-01")],
            [
                ("2027-01-01", "partner", "direct"),
                ("2027-03-01", "principal", "both"),
                ("2027-06-01", "partner", "direct"),
            ],
        ),
        (
            "an own level above the linked one stays",
            [("direct", "principal", "2027-01-01"), ("linked", "member", "2027-03-01")],
            [("2027-01-01", "principal", "direct"), ("2027-03-01", "principal", "both")],
        ),
        (
            "a gap is a gap",
            [("direct", "partner", "2027-01-01", "2027-03-01"), ("direct", "partner", "2027-05-01")],
            [("2027-01-01", "partner", "direct"), ("2027-05-01", "partner", "direct")],
        ),
        (
            "what touches and says the same is one",
            [("direct", "partner", "2027-01-01", "2027-03-01"), ("direct", "partner", "2027-03-01")],
            [("2027-01-01", "partner", "direct")],
        ),
        (
            "a level nobody knows any more is the lowest",
            [("linked", "gold", "2027-01-01"), ("direct", "member", "2027-02-01")],
            [("2027-01-01", "gold", "linked"), ("2027-02-01", "member", "both")],
        ),
    ],
)
def test_the_timeline(name: str, given: list, expected: list) -> None:
    for order in itertools.permutations([grant(*each) for each in given]):
        found = timeline(order, {}, rulebooks())
        assert [(s.period.start.isoformat(), s.tier, s.origin) for s in found] == expected, name


def test_suspended_only_while_every_grant_is() -> None:
    own, linked = grant("direct", "principal", "2027-01-01"), grant("linked", "member", "2027-01-01")
    paused = {own.id: [period("2027-03-01", "2027-06-01")], linked.id: [period("2027-05-01", "2027-07-01")]}
    found = timeline([own, linked], paused, rulebooks())
    assert [(s.period.start, s.tier, s.status, s.origin) for s in found] == [
        (day("2027-01-01"), "principal", "active", "both"),
        (day("2027-03-01"), "member", "active", "linked"),
        (day("2027-05-01"), "principal", "suspended", "both"),
        (day("2027-06-01"), "principal", "active", "direct"),
        (day("2027-07-01"), "principal", "active", "both"),
    ]
