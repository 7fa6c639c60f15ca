"""Memberships that count for others from a day on: mergers, splits, networks that become one (T6, item 16)."""

from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given

from cluster_rules.memberships import Transfer
from cluster_rules.transfers import carried
from tests.cluster_rules import histories
from tests.cluster_rules.histories import MERGING, QUICK, Story, World, play
from tests.cluster_rules.make import (
    CIN,
    NORA,
    agreement,
    answer,
    book,
    cin,
    company,
    day,
    decision,
    nora,
    period,
    rule,
    rulebooks,
    tier,
)

EQUINOR, STATOIL = company("Equinor"), company("Statoil")
MERGED = "2027-06-01"


def world(**given: Any) -> World:
    made = World(EQUINOR, STATOIL, **given)
    made.today = date(2027, 5, 1)
    return made


def transfer(on: str = MERGED, source: Any = None, target: Any = "", **given: Any) -> Transfer:
    """Statoil's membership in NORA counts for Equinor, unless said otherwise."""
    made = decision(STATOIL, "ending", on)
    into = (EQUINOR.id, NORA) if target == "" else target
    return Transfer(made.id, source or (STATOIL.id, NORA), into, day(on), made.recorded_at, **given)


def merge(made: World, *transfers: Transfer) -> None:
    made.change(transfers=(*made.facts.transfers, *(transfers or (transfer(),))))


def test_a_membership_and_its_link_move_and_the_past_stays() -> None:
    made = world()
    made.decide("joining", "2025-01-01", "principal", who=STATOIL)
    merge(made)
    assert made.timeline(NORA, STATOIL) == [("2025-01-01", "principal", "direct")]
    assert made.timeline(NORA, EQUINOR) == [(MERGED, "principal", "direct")]
    assert {(g.organisation, g.period) for g in made.grants()} == {
        (STATOIL.id, period("2025-01-01", MERGED)),
        (EQUINOR.id, period(MERGED)),
    }
    assert sorted(made.published()) == [(CIN, "upsert"), (CIN, "upsert"), (NORA, "upsert"), (NORA, "upsert")]


def test_item_16_links_end_by_choice_whatever_grace_they_have() -> None:
    made = world(books=rulebooks(nora(rule(end="grace", grace_days=90)), cin()))
    made.decide("joining", "2025-01-01", "principal", who=STATOIL)
    merge(made, transfer(links="end"))
    assert made.periods() == [period("2025-01-01", MERGED)]
    assert made.timeline(NORA, EQUINOR) == [(MERGED, "principal", "direct")]


def test_two_members_are_one_at_the_higher_level_and_no_grants_overlap() -> None:
    made = world()
    made.decide("joining", "2026-01-01", "partner")
    made.decide("joining", "2025-01-01", "principal", who=STATOIL)
    made.decide("ending", "2028-01-01", who=STATOIL)
    merge(made)
    assert made.timeline(NORA) == [
        ("2026-01-01", "partner", "direct"),
        (MERGED, "principal", "direct"),
        ("2028-01-01", "partner", "direct"),
    ]
    histories.never_overlapping(made)
    histories.from_scratch(made)


@pytest.mark.parametrize("planned", ["ending", "tier_change"])
def test_what_was_planned_for_the_lower_one_does_not_shorten_the_higher_one(planned: str) -> None:
    made = world()
    made.decide("joining", "2026-01-01", "partner")
    made.decide(planned, "2027-09-01", "member" if planned == "tier_change" else "")
    made.decide("joining", "2025-01-01", "principal", who=STATOIL)
    merge(made)
    assert made.timeline(NORA) == [("2026-01-01", "partner", "direct"), (MERGED, "principal", "direct")]
    # What is decided after the merger rules.
    made.decide("ending", "2027-12-01")
    assert made.timeline(NORA)[-1][0] == MERGED and made.periods(NORA, "direct")[-1].end == day("2027-12-01")


def test_a_correction_of_the_days_before_is_carried_too() -> None:
    made = world()
    made.decide("joining", "2025-01-01", "principal", who=STATOIL)
    merge(made)
    made.decide("tier_change", "2027-01-01", "partner", who=STATOIL)
    assert made.timeline(NORA) == [(MERGED, "partner", "direct")]
    made.decide("ending", "2027-03-01", who=STATOIL)
    assert made.timeline(NORA) == [] and made.timeline(NORA, STATOIL)[-1] == ("2027-01-01", "partner", "direct")
    histories.from_scratch(made)


def test_a_withdrawn_transfer_leaves_no_trace() -> None:
    made = world()
    made.decide("joining", "2025-01-01", "principal", who=STATOIL)
    before = made.facts.grants
    merge(made)
    made.change(transfers=())
    assert set(made.facts.grants) == set(before)
    assert made.timeline(NORA, EQUINOR) == []


def test_without_a_target_the_membership_ends_that_day() -> None:
    made = world()
    made.decide("joining", "2025-01-01", "principal", who=STATOIL)
    merge(made, transfer(target=None))
    assert made.periods(NORA, "direct") == [period("2025-01-01", MERGED)]
    assert made.periods() == [period("2025-01-01", MERGED)]


def test_suspended_and_declined_stay_so() -> None:
    made = world()
    made.decide("joining", "2025-01-01", "principal", who=STATOIL)
    made.change(answers=(answer(STATOIL, "declined", "2026-01-01"),))
    made.decide("suspension", "2027-01-01", who=STATOIL)
    merge(made)
    assert made.timeline(NORA) == [(MERGED, "principal", "suspended")]
    assert made.timeline(CIN) == []


def test_paid_and_billed_days_are_paid_and_billed_for_the_target() -> None:
    paying = nora(rule(start="on_payment"), refund="credit")
    made = world(books=rulebooks(paying, cin()))
    joined = made.decide("joining", "2027-01-01", "principal", who=STATOIL)
    made.change(paid={joined.id: day("2027-02-01")})
    merge(made)
    assert made.timeline(CIN) == [(MERGED, "member", "linked")]
    made.decide("ending", "2027-07-01")  # 184 of the 365 days that Statoil was billed for are given back
    (net,) = made.nets(NORA)
    assert net == -7561644


def test_who_is_taken_over_twice_and_who_joins_again() -> None:
    telenor = company("Telenor")
    made = World(EQUINOR, STATOIL, telenor)
    made.decide("joining", "2025-01-01", "principal", who=telenor)
    merge(made, transfer(source=(telenor.id, NORA), target=(STATOIL.id, NORA)), transfer("2027-09-01"))
    assert made.timeline(NORA) == [("2027-09-01", "principal", "direct")]
    assert made.timeline(NORA, STATOIL) == [(MERGED, "principal", "direct")]
    made.decide("joining", "2028-01-01", "principal", who=telenor)
    assert [p.start for p in made.periods() if p.end is None] == [day("2027-09-01"), day("2028-01-01")]


def test_t6_networks_become_one_by_a_table_of_levels() -> None:
    old, new = book("subsea"), book("energy", tiers=(tier("core", 20), tier("associate", 10)))
    moved = World(EQUINOR, books=rulebooks(old, new, agreements=[agreement()]))
    moved.decide("joining", "2024-01-01", "principal", network="subsea")
    merge(moved, transfer(source=(EQUINOR.id, "subsea"), target=(EQUINOR.id, "energy"), tiers={"principal": "core"}))
    assert moved.timeline("energy") == [(MERGED, "core", "direct")]
    assert moved.periods("subsea", "direct") == [period("2024-01-01", MERGED)]


def test_carried_facts_are_carried_once() -> None:
    made = world()
    made.decide("joining", "2025-01-01", "principal", who=STATOIL)
    merge(made)
    once = carried(made.facts)
    assert carried(once) == once and once.transfers == ()


PROPERTIES = (
    histories.settled,
    histories.from_scratch,
    histories.rooted,
    histories.never_overlapping,
    histories.covering,
)


@QUICK
@given(MERGING)
def test_what_holds_for_every_story_holds_with_mergers(story: Story) -> None:
    def check(made: World) -> None:
        for holds in PROPERTIES:
            holds(made)

    made = play(story, check)
    undone = msgspec.structs.replace(made.facts, transfers=())
    made.change(transfers=())
    assert made.facts.decisions == undone.decisions
    histories.from_scratch(made)


def test_the_property_bites(monkeypatch: pytest.MonkeyPatch) -> None:
    """A merger that forgets to end the source's links is caught."""
    monkeypatch.setattr("cluster_rules.transfers._parted", lambda *_: ())
    made = world(books=rulebooks(nora(rule(end="grace", grace_days=90)), cin()))
    made.decide("joining", "2025-01-01", "principal", who=STATOIL)
    merge(made)
    assert made.periods()[0] == period("2025-01-01", "2027-08-30")
