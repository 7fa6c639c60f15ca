"""T3: an event makes a project member a full one and locks it in; a temporary level ends when the event never came."""

import contextlib
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_rules import cascades, rulebooks
from cluster_rules.errors import RulebookError, RuleViolation
from cluster_rules.links import derive
from cluster_rules.networks import OpenTo, Rulebook, Temporary, Upgrade
from cluster_rules.periods import add_months
from cluster_rules.why import chain
from tests.cluster_rules.histories import QUICK
from tests.cluster_rules.make import NORA, World, book, cin, company, day, decision, fee, period, profile, tier
from tests.cluster_rules.make import rulebooks as books_of

AWARDED: dict[str, Any] = {"event": "grant_awarded", "names": {"en": "Grant awarded"}, "to": "principal"}


def bic(*, months: int = 12, until: str | None = None, **lock: Any) -> Rulebook:
    """Project members for a year at most; who is awarded a grant becomes principal partner, locked in."""
    upgrade = Upgrade(**AWARDED, **({"lock_in": "event_end"} | lock))
    time = Temporary(months, day(until) if until else None)
    project = tier("project", 5, fee(12_000_00, proration="months", vat="outside"), upgrades=(upgrade,), temporary=time)
    principal = tier("principal", 30, fee(150_000_00, vat="exempt_3_13"))
    member = tier("member", 10, fee(12_000_00))
    return book(NORA, tiers=(principal, member, project))


def world(*names: str, **given: Any) -> World:
    """Project member from 2027."""
    made = World(company(), books=books_of(bic(**given), cin()), today=day("2027-02-01"))
    made.decide("joining", "2027-01-01", "project")
    return made


def award(made: World, on: str = "2027-06-01", until: str | None = "2030-01-01", **given: Any) -> Any:
    return made.decide("event", on, event="grant_awarded", until=until, **given)


def refused(made: World, kind: str, on: str, tier: str = "", **given: Any) -> RuleViolation:
    with pytest.raises(RuleViolation) as caught:
        cascades.allowed(made.facts, decision(made.member, kind, on, tier, **given))
    return caught.value


def test_t3_a_temporary_level_ends_when_the_event_never_came():
    made = world()
    assert made.periods(NORA, "direct") == [period("2027-01-01", "2028-01-01")]
    assert made.nets() == [12_000_00]


def test_t3_a_temporary_level_ends_on_its_day_whichever_comes_first():
    assert world(until="2027-09-01").periods(NORA, "direct") == [period("2027-01-01", "2027-09-01")]
    assert world(months=3, until="2027-09-01").periods(NORA, "direct") == [period("2027-01-01", "2027-04-01")]
    assert world(months=0).periods(NORA, "direct") == [period("2027-01-01")]


def test_t3_the_award_makes_a_full_member_and_is_billed_like_a_change_of_level():
    made = world()
    given = award(made)
    assert made.timeline(NORA) == [("2027-01-01", "project", "direct"), ("2027-06-01", "principal", "direct")]
    assert made.periods(NORA, "direct")[-1] == period("2027-06-01")
    full = 150_000_00 * 214 // 365
    assert sum(made.nets()) == pytest.approx(full - 7_000_00, abs=100)
    assert made.mails() == [("membership_event", "member"), ("membership_event", "managers")]
    grant = made.grants(NORA, "direct")[-1]
    assert (grant.id, grant.rule) == (given.id, "grant_awarded")
    (link,) = chain(grant, made.facts.grants, made.facts.rulebooks)
    assert link.rule_names == {"en": "Grant awarded"}
    assert cascades.repair(made.facts, made.today) == ()


@pytest.mark.parametrize(
    ("lock", "free"),
    [({}, "2030-01-01"), ({"lock_in": "months", "lock_months": 18}, "2028-12-01")],
    ids=["until the project ends", "18 months"],
)
def test_t3_locked_in_until(lock, free):
    made = world(**lock)
    award(made)
    for kind, level in (("ending", ""), ("tier_change", "member")):
        no = refused(made, kind, "2028-01-01", level)
        assert (no.code, no.field, no.params) == ("locked_in", "effective_on", {"until": day(free)})
    cascades.allowed(made.facts, decision(made.member, "ending", free))
    made.decide("suspension", "2028-01-01")  # a pause is no way out, and none is closed


def test_t3_without_lock_in_the_member_may_leave():
    made = world(lock_in="none")
    award(made)
    made.decide("ending", "2027-07-01")
    assert made.periods(NORA, "direct")[-1] == period("2027-06-01", "2027-07-01")


def test_t3_taking_the_award_back_brings_the_temporary_level_and_its_end_back():
    made = world()
    before = made.facts
    given = award(made)
    made.withdraw(given)
    assert made.facts.grants == before.grants and made.facts.timelines == before.timelines
    assert refused(made, "ending", "2028-06-01").code == "not_a_member"


def test_t3_an_end_that_is_planned_stands_in_the_way_of_the_award():
    made = world()
    made.decide("ending", "2027-10-01")
    no = refused(made, "event", "2027-06-01", event="grant_awarded", until="2030-01-01")
    assert (no.code, no.params) == ("ending_planned", {"on": day("2027-10-01"), "until": day("2030-01-01")})


@pytest.mark.parametrize(
    ("on", "given", "code"),
    [
        ("2027-06-01", {"event": "moon_landing"}, "event_unknown"),
        ("2027-06-01", {"event": "grant_awarded"}, "event_end_missing"),
        ("2027-06-01", {"event": "grant_awarded", "until": "2027-06-01"}, "period_empty"),
        ("2028-01-01", {"event": "grant_awarded", "until": "2030-01-01"}, "not_a_member"),
    ],
)
def test_t3_an_event_that_cannot_be_recorded(on, given, code):
    assert refused(world(), "event", on, **given).code == code


def test_t3_the_second_award_means_nothing_to_a_full_member():
    made = world()
    award(made)
    assert refused(made, "event", "2027-07-01", event="grant_awarded", until="2030-01-01").code == "event_unknown"


def test_t3_what_an_award_rests_on_cannot_be_taken_back_under_it():
    """Member first, then moved to the project level: without that move the award would mean nothing."""
    made = World(company(), books=books_of(bic(), cin()), today=day("2027-02-01"))
    made.decide("joining", "2026-01-01", "member")
    moved = made.decide("tier_change", "2027-01-01", "project")
    award(made)
    with pytest.raises(RuleViolation) as caught:
        made.withdraw(moved)
    assert caught.value.code == "locked_in"


def test_t3_who_ran_out_of_time_may_join_again_and_run_out_again():
    made = world()
    made.decide("joining", "2028-06-01", "project")
    assert made.periods(NORA, "direct") == [period("2027-01-01", "2028-01-01"), period("2028-06-01", "2029-06-01")]


def test_events_are_the_same_in_whatever_order_they_are_given():
    made = world()
    award(made)
    turned = msgspec.structs.replace(made.facts, decisions=made.facts.decisions[::-1])
    assert derive(turned).grants == derive(made.facts).grants


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"to": "nobody"}, "tier_unknown", "tiers.project.upgrades[0].to"),
        ({"to": "project"}, "upgrade_cycle", "tiers.project.upgrades[0].to"),
        ({"lock_in": "months"}, "lock_in_wrong", "tiers.project.upgrades[0].lock_months"),
        ({"lock_months": 3}, "lock_in_wrong", "tiers.project.upgrades[0].lock_months"),
    ],
)
def test_mistakes_in_upgrades(change, code, field):
    found = Upgrade(**(AWARDED | change))
    wrong = msgspec.structs.replace(bic(), tiers=(*bic().tiers[:2], tier("project", 5, upgrades=(found,))))
    with pytest.raises(RulebookError) as caught:
        rulebooks.check(wrong)
    assert (caught.value.code, caught.value.field) == (code, field)


def test_upgrades_in_a_circle_are_spelled_out():
    there, back = (Upgrade(event=e, names={}, to=t) for e, t in (("up", "b"), ("down", "a")))
    wrong = book(NORA, tiers=(tier("a", 10, upgrades=(there,)), tier("b", 20, upgrades=(back,))))
    with pytest.raises(RulebookError) as caught:
        rulebooks.check(wrong)
    assert caught.value.params == {"cycle": "a -> b -> a"}


def startup(on_change: Any) -> World:
    """Founded on 1 March 2023; the level is for companies under five years old in Norway."""
    small = tier("member", 10, open_to=OpenTo(countries=("NO",), max_age_years=5, on_change=on_change))
    who = company("Fjord", profile(founded_on=day("2023-03-01")))
    made = World(who, books=books_of(book(NORA, tiers=(small,)), cin()), today=day("2027-02-01"))
    made.decide("joining", "2027-01-01", "member")
    return made


@pytest.mark.parametrize(("on_change", "end"), [("review", None), ("keep", None), ("end_at_period_end", "2029-01-01")])
def test_ac_03_a_member_that_turns_five_leaves_only_where_the_level_says_so(on_change, end):
    assert startup(on_change).periods(NORA, "direct") == [period("2027-01-01", end)]


def test_a_member_that_moves_abroad_leaves_with_the_year_unless_it_comes_back():
    made = startup("end_at_period_end")
    abroad = (
        profile(end=day("2027-05-01"), founded_on=day("2023-03-01")),
        profile(day("2027-05-01"), day("2027-10-01"), country="SE"),
        profile(day("2027-10-01")),
    )
    made.change(organisations=(company("Fjord", *abroad),))
    assert made.periods(NORA, "direct") == [period("2027-01-01")]
    made.change(organisations=(company("Fjord", *abroad[:1], profile(day("2027-05-01"), country="SE")),))
    assert made.periods(NORA, "direct") == [period("2027-01-01", "2028-01-01")]


DAYS = st.integers(0, 60).map(lambda n: (day("2027-01-01") + timedelta(days=30 * n)).isoformat())
STEPS = st.one_of(
    st.tuples(st.just("joining"), DAYS, st.sampled_from(["project", "member"])),
    st.tuples(st.just("tier_change"), DAYS, st.sampled_from(["project", "member", "principal"])),
    st.tuples(st.sampled_from(["ending", "event", "withdraw"]), DAYS, st.just("")),
)


@QUICK
@given(st.lists(STEPS, min_size=1, max_size=9))
def test_events_decisions_and_withdrawals_add_up_whatever_the_order(steps):
    """Step by step is the same as from scratch, and nothing locked in ends or goes down early."""
    made = World(company(), books=books_of(bic(lock_in="months", lock_months=6), cin()), today=day("2027-02-01"))
    for kind, on, level in steps:
        known = {"event": "grant_awarded"} if kind == "event" else {}
        with contextlib.suppress(RuleViolation):
            if kind == "withdraw" and made.facts.decisions:
                made.withdraw(made.facts.decisions[-1])
            elif kind != "withdraw":
                made.decide(kind, on, level, **known)
        assert cascades.repair(made.facts, made.today) == ()
    for grant in made.grants(NORA, "direct"):
        if grant.rule:
            free = add_months(grant.period.start, 6)
            assert grant.period.end_or_far >= free, "locked in for six months"
