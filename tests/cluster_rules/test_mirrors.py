"""An offer's stretches as decisions, and linked grants as stretches: there and back is the same."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_rules import mirrors
from cluster_rules.errors import RuleViolation
from cluster_rules.federation import Offered, Register
from cluster_rules.memberships import Answer, Decision, Grant, direct_grants
from cluster_rules.periods import Period

ORGANISATION = UUID(int=7)
DAY = date(2026, 11, 22)
FIRST = date(2026, 1, 1)


def stretches_of(steps: list[tuple[int, int, str]]) -> tuple[Offered, ...]:
    """(gap, length, level) as stretches one after the other; the last one is open when its length is 0."""
    out, at = [], FIRST
    for gap, length, level in steps:
        start = at + timedelta(days=gap)
        at = start + timedelta(days=length)
        out.append(Offered("full", start, at, level))
    return tuple(out)


steps = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9), st.sampled_from("xy")), max_size=5).map(stretches_of)


def as_decisions(wanted: tuple[mirrors.Told, ...], number: int = 0) -> list[Decision]:
    begin = datetime(2026, 11, 22, 9, tzinfo=UTC) + timedelta(hours=number)
    return [
        Decision(uuid4(), ORGANISATION, "nora", t.kind, t.on, begin + timedelta(microseconds=n), t.tier, t.until)
        for n, t in enumerate(wanted)
    ]


def folded(decisions: list[Decision]) -> list[tuple[str, Period]]:
    """Which level stands when; days of one level that touch are one."""
    out: list[tuple[str, Period]] = []
    for grant in direct_grants(decisions):
        last = out[-1] if out else None
        if last and last[0] == grant.tier and last[1].end == grant.period.start:
            out[-1] = (grant.tier, Period(last[1].start, grant.period.end))
        else:
            out.append((grant.tier, grant.period))
    return out


def days(stretches: tuple[Offered, ...]) -> list[tuple[str, Period]]:
    out: list[tuple[str, Period]] = []
    for each in stretches:
        last = out[-1] if out else None
        if last and last[0] == each.source_tier and last[1].end == each.starts_on:
            out[-1] = (each.source_tier, Period(last[1].start, each.ends_on))
        else:
            out.append((each.source_tier, each.period))
    return out


@given(st.lists(steps, min_size=2, max_size=4))
def test_whatever_is_offered_one_after_the_other_the_last_offer_stands(offers: list[tuple[Offered, ...]]) -> None:
    stored: list[Decision] = []
    for number, offered in enumerate(offers):
        gone, new = mirrors.difference(stored, mirrors.told(offered))
        stored = [d for d in stored if d.id not in gone] + as_decisions(new, number)
        assert folded(stored) == days(offered)
        assert mirrors.difference(stored, mirrors.told(offered)) == ((), ())


def test_a_membership_that_goes_on_keeps_its_decision() -> None:
    open_end = (Offered("full", FIRST, None, "x"),)
    stored = as_decisions(mirrors.told(open_end))
    for changed in ((Offered("full", FIRST, DAY, "x"),), open_end):
        gone, new = mirrors.difference(stored, mirrors.told(changed))
        assert stored[0].id not in gone
        assert {t.kind for t in new} <= {"ending"}


def test_nothing_counts_from_the_day_the_agreement_or_the_lease_is_over() -> None:
    offered = (Offered("full", FIRST, None, "x"), Offered("full", date(2027, 1, 1), None, "x"))
    assert mirrors.told(offered[:1], DAY)[-1] == mirrors.Told("ending", DAY)
    assert mirrors.told((offered[1],), DAY) == ()
    with pytest.raises(RuleViolation) as refused:
        mirrors.told(offered)
    assert refused.value.code == "periods_overlap"


def test_days_on_which_the_agreement_was_suspended_are_suspended() -> None:
    pauses = [Period(DAY, None), Period(date(2020, 1, 1), date(2020, 2, 1))]
    found = mirrors.told((Offered("full", FIRST, None, "x"),), None, pauses)
    assert found == (mirrors.Told("joining", FIRST, "x"), mirrors.Told("suspension", DAY, "", None))


def test_of_grants_under_one_agreement_the_highest_level_is_offered() -> None:
    def grant(tier: str, start: date, end: date | None, rule: str) -> Grant:
        return Grant(uuid4(), ORGANISATION, "claire", "linked", tier, Period(start, end), "nora", rule, 1, "a")

    grants = [grant("basic", FIRST, None, "one"), grant("full", date(2026, 6, 1), DAY, "two")]
    found = mirrors.offered_by(grants, lambda g: g.rule, ["basic", "full"].index)
    assert found == (
        Offered("basic", FIRST, date(2026, 6, 1), "one"),
        Offered("full", date(2026, 6, 1), DAY, "two"),
        Offered("basic", DAY, None, "one"),
    )


def test_what_the_receiving_side_says_follows_from_its_answers() -> None:
    def answer(said: str, on: date) -> Answer:
        return Answer(ORGANISATION, "nora", "r", said, on)  # type: ignore[arg-type]

    accepted = Register("a", "k", "decision", 1, 1, "b", "accepted")
    assert mirrors.word([], None, True, DAY) == ("accepted", "")
    assert mirrors.word([], None, False, DAY) == ("held", "waiting")
    assert mirrors.word([answer("accepted", DAY)], None, False, DAY) == ("accepted", "")
    assert mirrors.word([answer("declined", DAY)], None, True, DAY) == ("declined", "")
    assert mirrors.word([answer("declined", DAY)], accepted, True, DAY) == ("left", "")
    assert mirrors.word([answer("declined", DAY + timedelta(days=1))], accepted, True, DAY) == ("accepted", "")
