"""What must hold for every family, every rulebook and every story; and that these properties bite.

HYPOTHESIS_PROFILE=deep runs 3,000 stories for each instead of half a dozen.
"""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_rules import cascades, links
from cluster_rules.money import half_up, share, split
from cluster_rules.periods import FAR, Period, between, elementary, joined
from tests.cluster_rules import histories
from tests.cluster_rules.histories import QUICK, STORIES, Story, World, at, hunt, play

START = date(2027, 12, 25)
DATES = st.integers(0, 12).map(lambda n: START + timedelta(days=n))
PERIODS = st.builds(
    lambda start, length: Period(start, start + timedelta(days=length) if length else None), DATES, st.integers(0, 6)
)
MANY = st.lists(PERIODS, max_size=5)
WHOLE = [START + timedelta(days=n) for n in range(25)] + [FAR - timedelta(days=1)]


def days(periods: Any) -> set[date]:
    """The covered ones among the days that can matter."""
    return {d for d in WHOLE for p in periods if p.covers(d)}


# Periods and money


@QUICK
@given(PERIODS, PERIODS)
def test_overlap_is_the_days_in_both(one: Period, other: Period) -> None:
    both = one.overlap(other)
    assert days([one]) & days([other]) == days([both] if both else [])
    assert one.meets(other) == (len(joined([one, other])) == 1)


@QUICK
@given(PERIODS, MANY)
def test_minus_and_joined_lose_no_day_and_add_none(one: Period, holes: list[Period]) -> None:
    left = one.minus(holes)
    assert days(left) == days([one]) - days(holes)
    assert joined(left) == sorted(left, key=lambda p: p.start)
    assert days(joined(holes)) == days(holes)


@QUICK
@given(MANY)
def test_nothing_begins_or_ends_within_an_elementary_piece(periods: list[Period]) -> None:
    pieces = list(elementary(periods))
    for piece in pieces:
        for period in periods:
            assert period.overlap(piece) in (None, piece)
    assert days(periods) <= days(pieces)
    assert between(START, START) is None


@QUICK
@given(st.integers(-(10**12), 10**12), st.lists(st.integers(0, 10**6), min_size=1, max_size=8))
def test_m10_a_split_adds_up_and_no_part_is_off_by_a_unit(amount: int, weights: list[int]) -> None:
    if sum(weights) == 0:
        weights[0] = 1
    parts = split(amount, weights)
    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - amount * weight) < sum(weights)


@QUICK
@given(st.integers(-(10**9), 10**9), st.integers(0, 400), st.integers(1, 400))
def test_a_share_is_the_fraction_rounded_half_away_from_zero(amount: int, part: int, whole: int) -> None:
    assert share(amount, part, whole) == half_up(Fraction(amount * part, whole))


# Memberships


@QUICK
@given(STORIES)
def test_applying_twice_changes_nothing(story: Story) -> None:
    play(story, histories.settled)


@QUICK
@given(STORIES)
def test_step_by_step_is_the_same_as_from_scratch(story: Story) -> None:
    play(story, histories.from_scratch)


@QUICK
@given(STORIES)
def test_every_linked_grant_is_rooted_in_a_direct_one(story: Story) -> None:
    play(story, histories.rooted)


@QUICK
@given(STORIES)
def test_every_linked_grant_lies_within_the_life_its_policy_allows(story: Story) -> None:
    play(story, histories.within_policy)


@QUICK
@given(STORIES)
def test_two_grants_of_one_source_never_overlap(story: Story) -> None:
    play(story, histories.never_overlapping)


@QUICK
@given(STORIES)
def test_f8_memberships_are_bounded_for_any_graph_of_rules(story: Story) -> None:
    play(story, histories.bounded)


@QUICK
@given(STORIES)
def test_timelines_cover_exactly_the_grants(story: Story) -> None:
    play(story, histories.covering)


@QUICK
@given(STORIES, st.randoms(use_true_random=False))
def test_the_order_in_which_facts_are_listed_does_not_matter(story: Story, random: Any) -> None:
    def order(items: list[Any]) -> list[Any]:
        return random.sample(items, len(items))

    world = play(story)
    histories.same_in_any_order(world, order)
    histories.interleaved(world, order)


@QUICK
@given(STORIES, st.integers(0, 30))
def test_a_new_decision_leaves_every_earlier_day_as_it_was(story: Story, number: int) -> None:
    world = play(story)
    on = at(number)
    before = world.facts.timelines
    for kind in ("joining", "tier_change", "ending", "suspension"):
        for network in histories.NETWORKS:
            try:
                world.decide(kind, on.isoformat(), "high", network=network, bill=False)
            except histories.RuleViolation:
                continue
            for key in before.keys() | world.facts.timelines.keys():
                assert _until(before.get(key, ()), on) == _until(world.facts.timelines.get(key, ()), on)


def _until(segments: Any, day: date) -> list[tuple[date, date, str, str, str]]:
    return [
        (s.period.start, min(s.period.end_or_far, day), s.tier, s.status, s.origin)
        for s in segments
        if s.period.start < day
    ]


# The properties bite: three mutants of the engine, each caught by the property named


def no_root_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules act on linked grants whether they are marked `through_linked` or not."""
    original = links._fits

    def mutant(grant: Any, since: date, facts: Any) -> Any:
        return original(msgspec.structs.replace(grant, kind="direct"), since, facts)

    monkeypatch.setattr(links, "_fits", mutant)


def no_merge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every piece becomes a grant of its own."""

    def mutant(pieces: Any) -> Iterator[Any]:
        for piece in pieces:
            yield links._linked([piece], piece.period)

    monkeypatch.setattr(links, "_merged", mutant)


def hard_delete(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is stored is not looked at: everything is written anew, nothing is closed."""
    original = cascades._difference

    def mutant(facts: Any, wanted: Any, reason: Any) -> Any:
        return original(msgspec.structs.replace(facts, grants=()), wanted, reason)

    monkeypatch.setattr(cascades, "_difference", mutant)


@pytest.mark.parametrize(
    ("mutant", "caught_by"),
    [
        (no_root_check, histories.rooted),
        (no_merge, histories.never_overlapping),
        (hard_delete, histories.settled),
    ],
)
def test_a_mutant_of_the_engine_is_caught(
    mutant: Callable[[pytest.MonkeyPatch], None],
    caught_by: Callable[[World], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mutant(monkeypatch)
    with pytest.raises(AssertionError):
        hunt(caught_by)
