"""A membership that covers units (T5), or the organisation a unit belongs to; in the same network or another."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_rules import rulebooks
from cluster_rules.errors import RulebookError
from cluster_rules.intents import Charge, Notify, StartGrant
from cluster_rules.links import derive
from cluster_rules.memberships import counted
from cluster_rules.networks import LinkRule, Rulebooks
from cluster_rules.organisations import Organisation
from cluster_rules.predicates import FailedPredicate
from cluster_rules.why import chain
from tests.cluster_rules import histories
from tests.cluster_rules.histories import COVERING, QUICK, Story, play
from tests.cluster_rules.make import (
    CIN,
    NORA,
    World,
    answer,
    cin,
    company,
    day,
    fee,
    nora,
    period,
    profile,
    rule,
    tier,
    uid,
    unit,
)
from tests.cluster_rules.make import rulebooks as books_of

INSTITUTES = "covers-institutes"
ENTITY = company("LargeCo")
GROUP, LAB = unit("Group AI", ENTITY), unit("Lab", ENTITY)


def to(whom: Any, made: LinkRule) -> LinkRule:
    return msgspec.structs.replace(made, grants=msgspec.structs.replace(made.grants, to=whom))


def within(**given: Any) -> LinkRule:
    """Principal partners of NORA cover their units, which are ordinary members there."""
    return to("units", rule(INSTITUTES, NORA, agreement="", **given))


def world(*rules: LinkRule, who: tuple[Organisation, ...] = (ENTITY, GROUP, LAB), **given: Any) -> World:
    return World(*who, books=books_of(nora(*(rules or (within(),)), **given), cin()))


def units(made: World, network: str = NORA) -> dict[str, list[Any]]:
    names = {o.id: o.name for o in made.facts.organisations}
    found: dict[str, list[Any]] = {}
    for grant in made.grants(network):
        found.setdefault(names[grant.organisation], []).append(grant.period)
    return found


def test_t5_a_parents_membership_covers_its_units_and_nobody_else() -> None:
    made = world(who=(ENTITY, GROUP, LAB, company("Stranger")))
    made.decide("joining", "2027-03-01", "principal")
    assert units(made) == {"Group AI": [period("2027-03-01")], "Lab": [period("2027-03-01")]}
    assert len({g.id for g in made.facts.grants}) == 3
    assert made.timeline(NORA, GROUP) == [("2027-03-01", "member", "linked")]
    assert made.timeline(NORA) == [("2027-03-01", "principal", "direct")]
    assert made.change() == ()


def test_t5_the_cause_is_the_parents_own_membership() -> None:
    made = world()
    joined = made.decide("joining", "2027-03-01", "principal")
    for grant in made.grants(NORA):
        links = chain(grant, made.facts.grants, made.facts.rulebooks)
        assert [(x.grant, x.rule, x.covers) for x in links] == [
            (joined.id, "", "organisation"),
            (grant.id, INSTITUTES, "units"),
        ]


@pytest.mark.parametrize(
    ("policy", "end"),
    [({}, "2027-07-01"), ({"end": "grace", "grace_days": 30}, "2027-07-31"), ({"end": "period_end"}, "2028-01-01")],
)
def test_t5_it_ends_with_the_parents_by_policy(policy: dict[str, Any], end: str) -> None:
    made = world(within(**policy))
    made.decide("joining", "2027-03-01", "principal")
    made.decide("tier_change", "2027-07-01", "partner")
    assert units(made) == {name: [period("2027-03-01", end)] for name in ("Group AI", "Lab")}


def test_t5_a_unit_is_covered_while_it_belongs_to_the_parent() -> None:
    """The lab was bought in April and sold again in September."""
    years = [
        profile(end=day("2027-04-01")),
        profile(day("2027-04-01"), day("2027-09-01"), parent=ENTITY.id),
        profile(day("2027-09-01")),
    ]
    made = world(who=(ENTITY, company("Lab", *years)))
    made.decide("joining", "2027-03-01", "principal")
    assert units(made) == {"Lab": [period("2027-04-01", "2027-09-01")]}


def test_t5_a_units_own_membership_stays_beside_it() -> None:
    made = world()
    made.decide("joining", "2027-01-01", "partner", who=GROUP)
    made.decide("joining", "2027-03-01", "principal")
    assert made.timeline(NORA, GROUP) == [("2027-01-01", "partner", "direct"), ("2027-03-01", "partner", "both")]
    made.decide("ending", "2027-06-01", who=GROUP)
    assert made.timeline(NORA, GROUP)[-1] == ("2027-06-01", "member", "linked")


def test_t5_a_unit_may_decline_for_itself() -> None:
    made = world()
    made.decide("joining", "2027-03-01", "principal")
    made.change(answers=(answer(GROUP, "declined", "2027-05-01", INSTITUTES),))
    assert units(made) == {"Group AI": [period("2027-03-01", "2027-05-01")], "Lab": [period("2027-03-01")]}


def test_t5_suspended_with_the_parent() -> None:
    made = world()
    made.decide("joining", "2027-03-01", "principal")
    made.decide("suspension", "2027-05-01", until="2027-06-01")
    assert ("2027-05-01", "member", "suspended") in made.timeline(NORA, LAB)


@pytest.mark.parametrize(
    ("policy", "amounts"), [("waived", []), ("normal", [1_000_00, 1_000_00]), ("percent", [250_00, 250_00])]
)
def test_t5_each_unit_costs_what_the_rule_says(policy: str, amounts: list[int]) -> None:
    levels = (tier("principal", 30), tier("member", 10, fee(1_000_00)))
    made = world(within(fee={"policy": policy, "percent": 25}), tiers=levels)
    made.decide("joining", "2027-01-01", "principal")
    assert made.nets() == amounts
    assert len({c.organisation for c in made.did(Charge)}) == len(amounts)


def test_t5_a_unit_gets_membership_in_another_network_under_the_agreement() -> None:
    made = world(to("units", rule()))
    made.decide("joining", "2027-03-01", "principal")
    assert set(units(made, CIN)) == {"Group AI", "Lab"} and made.timeline(CIN) == []
    made.change(rulebooks=Rulebooks(made.facts.rulebooks.versions))
    assert units(made, CIN) == {}, "no agreement, no link"


def test_ac_06_two_memberships_one_legal_entity_and_the_rule_says_who_gets_it() -> None:
    """Group AI is a member of CLAIRE itself, then LargeCo becomes principal partner in NORA."""
    made = world(rule())
    made.decide("joining", "2026-01-01", "member", network=CIN, who=GROUP)
    made.decide("joining", "2027-03-01", "principal")
    assert made.timeline(CIN) == [("2027-03-01", "member", "linked")], "by this rule the legal entity gets it"
    assert counted(made.facts, CIN, day("2027-03-01")) == (2, 1)
    assert counted(made.facts, CIN, day("2026-06-01")) == (1, 1), "a unit alone represents its legal entity"
    assert counted(made.facts, CIN, day("2025-01-01")) == (0, 0)
    other = world(to("units", rule()))
    other.decide("joining", "2026-01-01", "member", network=CIN, who=GROUP)
    other.decide("joining", "2027-03-01", "principal")
    assert other.timeline(CIN) == [] and other.timeline(CIN, GROUP)[-1][2] == "both"


def test_t5_a_units_membership_can_bring_in_its_parent() -> None:
    gives = to("parent", rule(when={"unit": "unit"}))
    made = world(gives)
    made.decide("joining", "2027-03-01", "principal", who=GROUP)
    made.decide("joining", "2027-05-01", "principal", who=LAB)
    assert units(made, CIN) == {"LargeCo": [period("2027-03-01")]}, "one grant, however many units"
    made.decide("ending", "2027-08-01", who=GROUP)
    assert units(made, CIN) == {"LargeCo": [period("2027-03-01")]}
    made.decide("ending", "2027-10-01", who=LAB)
    assert units(made, CIN) == {"LargeCo": [period("2027-03-01", "2027-10-01")]}


def test_t5_the_decision_says_that_it_fired_or_why_nobody_is_covered() -> None:
    made = world()
    made.decide("joining", "2027-03-01", "principal")
    (fired,) = made.last.considered
    assert fired.fired
    alone = world(who=(ENTITY,))
    alone.decide("joining", "2027-03-01", "principal")
    (outcome,) = alone.last.considered
    assert not outcome.fired and outcome.failed == (FailedPredicate("covers", ["units"], ""),)
    assert not outcome.held_back


def test_t5_everybody_touched_is_told_and_published() -> None:
    made = world()
    made.decide("joining", "2027-03-01", "principal")
    assert {g.grant.organisation for g in made.did(StartGrant)} == {ENTITY.id, GROUP.id, LAB.id}
    told = {n.organisation for n in made.did(Notify) if n.kind == "linked_membership_started"}
    assert told == {GROUP.id, LAB.id} and len(made.published()) == 3


def test_t5_the_grants_of_rules_without_units_keep_their_ids() -> None:
    made = World(ENTITY, GROUP)
    made.decide("joining", "2027-03-01", "principal", id=uid("fixed"))
    (grant,) = made.grants()
    assert str(grant.id) == "a838b291-9437-5359-a746-65e6ba46a3f8"


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        (rule(agreement=""), "agreement_missing", "link_rules.principal-joins-claire.agreement"),
        (rule("r", NORA, agreement=""), "link_to_itself", "link_rules.r.grants.network"),
        (to("units", rule("r", NORA, "gold", agreement="")), "tier_unknown", "link_rules.r.grants.tier"),
    ],
)
def test_t5_a_mistake_names_its_field(wrong: LinkRule, code: str, field: str) -> None:
    with pytest.raises(RulebookError) as refused:
        rulebooks.check(nora(wrong))
    assert (refused.value.code, refused.value.field) == (code, field)


def test_t5_a_rule_within_its_network_is_no_circle() -> None:
    rulebooks.check_links([nora(within())])
    with pytest.raises(RulebookError, match="rule_cycle"):
        rulebooks.check_links([nora(within(through_linked=True))])


@QUICK
@given(COVERING, st.randoms(use_true_random=False))
def test_t5_what_holds_for_every_rule_holds_for_those_that_cover_others(story: Story, chance: Any) -> None:
    def look(made: World) -> None:
        for check in (histories.settled, histories.from_scratch, histories.rooted, histories.never_overlapping):
            check(made)
        histories.covering(made)
        histories.same_in_any_order(made, lambda listed: chance.sample(listed, len(listed)))
        assert len({g.id for g in made.facts.grants}) == len(derive(made.facts).grants)

    play(story, look)
