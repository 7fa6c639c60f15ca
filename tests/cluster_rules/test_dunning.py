"""Which step is due when: never twice, never backwards, never in a dispute or a pause; ladders that are wrong."""

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_rules import dunning
from cluster_rules.dunning import DunningStep, Next, Nothing, Overdue, Taken
from cluster_rules.errors import RulebookError
from tests.cluster_rules.histories import QUICK

DUE = date(2026, 10, 1)
LADDER = (
    DunningStep("reminder", 14, fee=35_00),
    DunningStep("reminder", 28),
    DunningStep("collection_notice", 42, interest=True, compensation=True),
    DunningStep("suspension", 56),
    DunningStep("export", 70),
)


def owed(*taken: Taken, **other: Any) -> Overdue:
    return Overdue(DUE, 47_000_00, taken=taken, **other)


def on(days: int) -> date:
    return DUE + timedelta(days=days)


def step(about: Overdue, day: date, ladder: tuple[DunningStep, ...] = LADDER) -> str:
    found = dunning.next_step(ladder, about, day)
    return found.key if isinstance(found, Next) else found.why


def test_the_first_step_is_due_on_its_day_and_not_before() -> None:
    assert step(owed(), on(13)) == "early"
    assert step(owed(), on(14)) == "reminder-1"


def test_calendar_days_count_weekends_too() -> None:
    """1 October + 17 is a Sunday: the step is due then, no business-day rule moves it."""
    sunday = (DunningStep("reminder", 17),)
    assert on(17).weekday() == 6
    assert step(owed(), on(17), sunday) == "reminder-1"


def test_a_late_run_takes_the_lowest_step_and_the_next_keeps_its_distance() -> None:
    """Nobody looked for two months: a reminder comes first, the notice two weeks after it was really sent."""
    assert step(owed(), on(200)) == "reminder-1"
    reminded = owed(Taken("reminder-1", 14, on(200)))
    assert step(reminded, on(213)) == "early"
    assert step(reminded, on(214)) == "reminder-2"


@pytest.mark.parametrize(
    ("about", "why"),
    [
        (msgspec.structs.replace(owed(), principal=0), "paid"),
        (owed(disputed=True), "disputed"),
        (owed(paused=True), "paused"),
        (owed(paused=True, paused_until=on(21)), "paused"),
        (owed(Taken("suspension-1", 56, on(1), "waiting")), "decision"),
        (owed(Taken("export-1", 70, on(1))), "over"),
    ],
)
def test_nothing_is_due(about: Overdue, why: str) -> None:
    assert step(about, on(20)) == why


def test_a_pause_ends_by_itself_and_the_ladder_goes_on_where_it_was() -> None:
    about = owed(Taken("reminder-1", 14, on(14)), paused=True, paused_until=on(40))
    assert step(about, on(39)) == "paused"
    assert step(about, on(40)) == "reminder-2"


def test_money_that_went_back_starts_the_patience_anew() -> None:
    """A card payment was lost in a dispute months later: a reminder's time first, not a collection notice at once."""
    again = owed(Taken("reminder-1", 14, on(14)), Taken("reminder-2", 28, on(28)), owed_again_on=on(100))
    assert step(again, on(113)) == "early"
    assert step(again, on(114)) == "collection_notice-1"
    assert step(owed(owed_again_on=on(100)), on(113)) == "early"


def test_another_ladder_never_goes_back() -> None:
    """A new rulebook has a gentler ladder: what was taken by the old one stays taken."""
    about = owed(Taken("collection_notice-1", 42, on(42)))
    gentle = (DunningStep("reminder", 10), DunningStep("reminder", 30), DunningStep("suspension", 90))
    assert step(about, on(400), gentle) == "suspension-1"


def test_nothing_goes_to_a_collector_without_a_notice_that_has_run_out() -> None:
    taken = Taken("suspension-1", 56, on(56))
    assert step(owed(taken), on(400)) == "over"
    assert step(owed(taken, notice_until=on(90)), on(90)) == "early"
    assert step(owed(taken, notice_until=on(90)), on(91)) == "export-1"


steps = st.lists(
    st.tuples(st.sampled_from(["reminder", "collection_notice", "suspension", "export"]), st.integers(1, 120)),
    min_size=1,
    max_size=6,
    unique_by=lambda each: each[1],
).map(lambda found: tuple(DunningStep(kind, days) for kind, days in sorted(found, key=lambda e: e[1])))
days = st.lists(st.integers(1, 20), min_size=5, max_size=60)


@QUICK
@given(ladder=steps, waits=days, events=st.data())
def test_whatever_happens_each_step_comes_once_upwards_and_with_its_distance(
    ladder: tuple[DunningStep, ...], waits: list[int], events: st.DataObject
) -> None:
    """A run on any days, with money going back, pauses, disputes and payments between."""
    about, day = owed(), DUE
    for wait in waits:
        day += timedelta(days=wait)
        change = events.draw(st.sampled_from(["", "", "paid", "owed", "dispute", "won", "pause", "resume"]))
        about = changed(about, change, day)
        found = dunning.next_step(ladder, about, day)
        if isinstance(found, Nothing):
            continue
        assert about.principal > 0 and not about.disputed
        assert not about.paused
        assert found.key not in {each.key for each in about.taken}
        assert day >= DUE + timedelta(days=found.step.after_days)
        last = about.taken[-1] if about.taken else None
        if last:
            assert found.step.after_days > last.after_days
            assert (day - last.on).days >= found.step.after_days - last.after_days
        if about.owed_again_on:
            least = found.step.after_days - (last.after_days if last else 0)
            assert (day - about.owed_again_on).days >= least
        about = msgspec.structs.replace(about, taken=(*about.taken, Taken(found.key, found.step.after_days, day)))
    assert [each.after_days for each in about.taken] == sorted({each.after_days for each in about.taken})


def changed(about: Overdue, change: str, day: date) -> Overdue:
    told: dict[str, dict[str, Any]] = {
        "": {},
        "paid": {"principal": 0},
        "owed": {"principal": 47_000_00, "owed_again_on": day} if about.principal == 0 else {},
        "dispute": {"disputed": True},
        "won": {"disputed": False},
        "pause": {"paused": True},
        "resume": {"paused": False},
    }
    return msgspec.structs.replace(about, **told[change])


@pytest.mark.parametrize(
    ("ladder", "code", "field"),
    [
        ((DunningStep("reminder", 0),), "dunning_days", "dunning[0].after_days"),
        ((DunningStep("reminder", 14), DunningStep("reminder", 14)), "dunning_order", "dunning[1].after_days"),
        ((DunningStep("suspension", 14), DunningStep("suspension", 15)), "dunning_once", "dunning[1].kind"),
        ((DunningStep("suspension", 14, fee=1),), "dunning_fee", "dunning[0].fee"),
        ((DunningStep("reminder", 14, fee=-1),), "dunning_fee", "dunning[0].fee"),
        ((DunningStep("collection_notice", 14, fee=1, compensation=True),), "dunning_fee", "dunning[0].fee"),
        ((DunningStep("reminder", 14, interest=True),), "dunning_claims", "dunning[0].interest"),
        ((DunningStep("reminder", 14, by="rule"),), "dunning_claims", "dunning[0].by"),
        ((DunningStep("collection_notice", 14, notice_days=13),), "dunning_notice", "dunning[0].notice_days"),
        ((DunningStep("export", 90),), "dunning_notice", "dunning[0].after_days"),
        ((DunningStep("collection_notice", 30), DunningStep("export", 43)), "dunning_notice", "dunning[1].after_days"),
        (tuple(DunningStep("reminder", n) for n in range(1, 22)), "dunning_days", "dunning[20]"),
    ],
)
def test_a_ladder_that_is_wrong_is_refused(ladder: tuple[DunningStep, ...], code: str, field: str) -> None:
    with pytest.raises(RulebookError) as refused:
        dunning.check(ladder)
    assert (refused.value.code, refused.value.field) == (code, field)


def test_a_ladder_that_is_right_is_taken() -> None:
    dunning.check(LADDER)
    assert dunning.keys(LADDER) == ["reminder-1", "reminder-2", "collection_notice-1", "suspension-1", "export-1"]
