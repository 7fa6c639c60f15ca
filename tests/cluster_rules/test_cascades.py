"""One decision in, everything that follows out: the acceptance scenarios AC-2 to AC-2f."""

from typing import Any

import pytest

from cluster_rules import cascades
from cluster_rules.errors import RuleViolation
from cluster_rules.intents import Charge, Notify, Publish, ReviseGrant, StartGrant
from tests.cluster_rules.make import (
    AGREEMENT,
    CIN,
    NORA,
    PRINCIPAL,
    RULE,
    World,
    agreement,
    answer,
    company,
    day,
    decision,
    dual_world,
    period,
    profile,
    rulebooks,
)

# AC-2: R-DUAL itself


def test_ac_02_a_principal_partner_is_at_once_a_member_of_claire() -> None:
    made = dual_world()
    made.decide(*PRINCIPAL)
    (linked,) = made.grants()
    (cause,) = made.grants(NORA, "direct")
    assert linked.period == period("2027-03-01")
    assert (linked.cause, linked.agreement, linked.rule, linked.version) == (cause.id, AGREEMENT, RULE, 1)
    assert made.nets(CIN) == [], "fee 0"
    assert sorted(made.published()) == [(CIN, "upsert"), (NORA, "upsert")], "on each feed exactly once"
    assert made.mails() == [
        ("membership_approved", "member"),
        ("membership_approved", "managers"),
        ("linked_membership_started", "managers"),
    ]


def test_ac_02_repeating_the_decision_creates_no_second_one() -> None:
    made = dual_world()
    joined = made.decide(*PRINCIPAL)
    with pytest.raises(RuleViolation) as refused:
        made.decide(*PRINCIPAL)
    assert refused.value.code == "already_member"
    replayed = (*made.facts.decisions, joined, decision(made.member, *PRINCIPAL))
    assert made.change(decisions=replayed) == (), "even when it is stored twice"


def test_ac_02_the_preview_is_the_same_call() -> None:
    made = dual_world()
    wish = decision(made.member, *PRINCIPAL)
    seen = cascades.decide(made.facts, wish, made.today)
    assert cascades.decide(made.facts, wish, made.today) == seen, "asking changes nothing"
    assert [i for i in seen.intents if isinstance(i, StartGrant) and i.grant.kind == "linked"]


def test_ac_02_on_an_upgrade_as_well() -> None:
    made = dual_world()
    made.decide("joining", "2027-01-01", "partner")
    assert made.grants() == []
    made.decide("tier_change", "2027-03-01", "principal")
    assert made.periods() == [period("2027-03-01")]


@pytest.mark.parametrize(
    ("name", "facts", "level", "failed"),
    [
        ("a Swedish company", {"country": "SE"}, "principal", ["countries"]),
        ("a Norwegian municipality", {"kind": "public_body"}, "principal", ["kinds"]),
        ("a Swedish municipality", {"country": "SE", "kind": "public_body"}, "principal", ["kinds", "countries"]),
        ("an ordinary partner", {}, "partner", ["tiers"]),
    ],
)
def test_ac_02b_the_decision_log_says_which_predicate_failed(
    name: str, facts: dict[str, Any], level: str, failed: list[str]
) -> None:
    made = dual_world(who=company(**facts))
    made.decide("joining", "2027-03-01", level)
    (outcome,) = made.last.considered
    assert not outcome.fired and [f.predicate for f in outcome.failed] == failed, name
    assert made.grants() == []


def test_ac_02b_an_agreement_that_is_not_in_force_is_said() -> None:
    made = dual_world(agreed={"end": "2027-01-01"})
    made.decide(*PRINCIPAL)
    assert [f.predicate for f in made.last.considered[0].failed] == ["agreement"]


def test_ac_02b_a_rule_that_fired_has_nothing_against_it() -> None:
    made = dual_world()
    made.decide(*PRINCIPAL)
    (outcome,) = made.last.considered
    assert (outcome.rule, outcome.target, outcome.fired, outcome.failed, outcome.held_back) == (RULE, CIN, True, (), "")


@pytest.mark.parametrize(
    ("policy", "words", "held_back"),
    [
        ({}, [("declined", "2027-01-01")], "declined"),
        ({"acceptance": "target_decides"}, [], "acceptance"),
        ({"acceptance": "target_decides"}, [("accepted", "2026-01-01"), ("declined", "2027-01-01")], "declined"),
        ({"start": "on_payment"}, [], "payment"),
    ],
)
def test_ac_02b_a_rule_that_is_held_back_says_by_what(policy: dict[str, Any], words: list, held_back: str) -> None:
    made = dual_world(**policy)
    made.change(answers=tuple(answer(made.member, *w) for w in words))
    made.decide(*PRINCIPAL)
    (outcome,) = made.last.considered
    assert (outcome.fired, outcome.failed, outcome.held_back) == (False, (), held_back)


# AC-2c: an own membership stands already


@pytest.mark.parametrize(
    ("policy", "nets", "waived"),
    [
        ("keep", [], []),
        ("waive_at_renewal", [], [period("2028-01-01")]),
        ("credit", [-1_250_00], [period("2027-03-01")]),
    ],
)
def test_ac_02c_the_own_membership_is_kept_and_policy_decides_its_fee(policy: str, nets: list, waived: list) -> None:
    made = dual_world(own=True, fee={"own_membership": policy})
    own = made.grants(CIN, "direct")
    made.decide(*PRINCIPAL)
    assert made.grants(CIN, "direct") == own
    assert made.timeline() == [("2027-01-01", "member", "direct"), ("2027-03-01", "member", "both")]
    assert (made.nets(CIN), made.waived()) == (nets, waived)
    made.decide("ending", "2027-09-01")
    assert made.grants(CIN, "direct") == own, "its own membership goes on"
    assert made.timeline()[-1] == ("2027-09-01", "member", "direct")


@pytest.mark.parametrize(
    ("policy", "nets", "waived"),
    [
        ("keep", [1_000_00], []),
        ("waive_at_renewal", [1_000_00], [period("2028-01-01")]),
        ("credit", [], [period("2027-05-01")]),
    ],
)
def test_ac_02c_joining_itself_beside_a_linked_membership(policy: str, nets: list, waived: list) -> None:
    made = dual_world(fee={"own_membership": policy})
    made.decide(*PRINCIPAL)
    made.decide("joining", "2027-05-01", "member", network=CIN)
    assert (made.nets(CIN), made.waived()) == (nets, waived)
    assert made.timeline()[-1] == ("2027-05-01", "member", "both")


# AC-2d: the cause ends, and the end is called off


def test_ac_02d_a_drop_ends_the_linked_membership_and_offers_an_own_one() -> None:
    made = dual_world(notice_days=90)
    made.decide(*PRINCIPAL)
    made.decide("tier_change", "2028-01-01", "partner")
    assert made.periods() == [period("2027-03-01", "2028-01-01")], "the last day is 31 December 2027"
    (told,) = [i for i in made.did(Notify) if (i.kind, i.to) == ("linked_membership_ending", "member")]
    assert told.not_before == day("2027-10-03"), "90 days before"


def test_ac_02d_a_cancelled_drop_cancels_the_end() -> None:
    made = dual_world(notice_days=90)
    made.decide(*PRINCIPAL)
    before = made.facts
    drop = made.decide("tier_change", "2028-01-01", "partner")
    made.withdraw(drop)
    assert sorted(made.facts.grants, key=str) == sorted(before.grants, key=str), "the same grants, not new ones"
    assert made.facts.timelines == before.timelines
    assert [i.grant.id for i in made.did(ReviseGrant)] == [g.id for g in before.grants]
    assert ("linked_membership_continues", "member") in made.mails()
    assert ("decision_withdrawn", "member") in made.mails()
    assert not {"tier_changed", "membership_approved"} & {kind for kind, _ in made.mails()}


def test_ac_02d_withdrawing_says_nothing_about_rules_that_were_looked_at() -> None:
    made = dual_world()
    made.decide(*PRINCIPAL)
    made.withdraw(made.decide("tier_change", "2028-01-01", "partner"))
    assert made.last.considered == ()


def test_ac_02d_an_unknown_decision_cannot_be_withdrawn() -> None:
    made = dual_world()
    with pytest.raises(RuleViolation) as refused:
        made.withdraw(decision(made.member, *PRINCIPAL))
    assert refused.value.code == "decision_unknown"


def test_withdrawing_a_joining_takes_what_was_built_on_it_along() -> None:
    made = dual_world()
    joined = made.decide("joining", "2027-01-01", "partner")
    made.decide("tier_change", "2027-03-01", "principal")
    made.withdraw(joined)
    assert made.facts.grants == () and made.published() == [(CIN, "remove"), (NORA, "remove")]
    made.decide("joining", "2027-02-01", "partner")
    assert made.timeline(NORA) == [("2027-02-01", "partner", "direct")], "the old change is void"


def test_withdrawing_an_end_before_a_return_joins_the_two() -> None:
    made = dual_world()
    made.decide("joining", "2027-01-01", "partner")
    end = made.decide("ending", "2027-06-01")
    made.decide("joining", "2027-09-01", "principal")
    made.withdraw(end)
    assert made.timeline(NORA) == [("2027-01-01", "partner", "direct"), ("2027-09-01", "principal", "direct")]


# AC-2e: the agreement ends


@pytest.mark.parametrize(
    ("on_end", "expected"),
    [
        ("end_links", [period("2027-03-01", "2027-06-30")]),
        ("period_end", [period("2027-03-01", "2028-01-01")]),
        ("grandfather", [period("2027-03-01")]),
    ],
)
def test_ac_02e_when_the_agreement_is_terminated(on_end: Any, expected: list) -> None:
    made = dual_world()
    made.decide(*PRINCIPAL)
    terminated = agreement(end="2027-06-30", on_end=on_end)
    made.change(rulebooks=rulebooks(agreements=[terminated]))
    assert made.periods() == expected
    late = World(company("Equinor"), books=made.facts.rulebooks)
    late.decide("joining", "2027-06-30", "principal")
    assert late.periods() == [], "new ones stop at once"


# What may be decided at all


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ([("joining", "2027-01-01", "gold")], "tier_unknown"),
        ([("tier_change", "2027-01-01", "principal")], "not_a_member"),
        ([("ending", "2027-01-01")], "not_a_member"),
        ([("suspension", "2027-01-01")], "not_a_member"),
        ([("joining", "2027-01-01", "partner"), ("joining", "2027-06-01", "member")], "already_member"),
        ([("joining", "2027-06-01", "partner"), ("joining", "2027-01-01", "member")], "already_member"),
        ([("joining", "2027-01-01", "partner"), ("tier_change", "2027-06-01", "partner")], "tier_same"),
        ([("joining", "2027-01-01", "partner"), ("tier_change", "2027-06-01", "gold")], "tier_unknown"),
        ([("joining", "2027-01-01", "partner"), ("ending", "2026-12-31")], "not_a_member"),
        ([("joining", "2027-01-01", "partner"), ("ending", "2027-06-01"), ("ending", "2027-06-01")], "already_ending"),
        ([("joining", "2027-01-01", "partner"), ("ending", "2027-06-01"), ("ending", "2027-07-01")], "not_a_member"),
        (
            [
                ("joining", "2027-01-01", "partner"),
                ("ending", "2027-06-01"),
                ("tier_change", "2027-06-01", "principal"),
            ],
            "not_a_member",
        ),
    ],
)
def test_what_is_refused(steps: list, code: str) -> None:
    made = dual_world()
    for step in steps[:-1]:
        made.decide(*step)
    before = made.facts
    with pytest.raises(RuleViolation) as refused:
        made.decide(*steps[-1])
    assert refused.value.code == code and made.facts == before


def test_a_suspension_needs_an_end_after_its_start() -> None:
    made = dual_world()
    made.decide(*PRINCIPAL)
    with pytest.raises(RuleViolation) as refused:
        made.decide("suspension", "2027-06-01", until="2027-06-01")
    assert (refused.value.code, refused.value.field) == ("period_empty", "until")


def test_a_linked_membership_is_not_ended_or_changed_by_decision() -> None:
    made = dual_world()
    made.decide(*PRINCIPAL)
    for kind in ("ending", "tier_change"):
        with pytest.raises(RuleViolation) as refused:
            made.decide(kind, "2027-06-01", "member", network=CIN)
        assert refused.value.code == "not_a_member"


def test_a_network_without_a_rulebook_takes_nobody() -> None:
    with pytest.raises(RuleViolation) as refused:
        dual_world().decide("joining", "2027-01-01", "member", network="unheard-of")
    assert refused.value.code == "rulebook_missing"


# The feed and repair


def test_the_feed_says_gone_only_when_the_end_is_past() -> None:
    made = dual_world()
    made.decide("joining", "2024-03-01", "principal")
    made.decide("ending", "2026-11-23")
    assert made.published() == [(CIN, "upsert"), (NORA, "upsert")], "tomorrow is not today"
    made.decide("ending", "2026-11-22")
    assert made.published() == [(CIN, "remove"), (NORA, "remove")]


def test_history_without_charges() -> None:
    made = dual_world()
    made.decide("joining", "2024-03-01", "principal", bill=False)
    assert made.did(Charge) == [] and made.periods() == [period("2024-03-01")]


def test_repair_finds_what_is_missing_and_what_is_too_much() -> None:
    made = dual_world()
    made.decide(*PRINCIPAL)
    whole = made.facts
    made.change(grants=whole.grants[:1], timelines={})
    assert made.facts == whole
    left = World(company(), books=whole.rulebooks)
    left.facts = whole
    left.change(decisions=())
    assert left.facts.grants == () and set(left.facts.timelines.values()) == {()}
    assert {i.op for i in left.did(Publish)} == {"remove"}


def test_grants_with_the_same_first_day_and_different_ends_can_be_ordered() -> None:
    made = World(company(), books=rulebooks())
    made.decide("joining", "2027-03-01", "member", network=CIN)
    made.decide(*PRINCIPAL)
    made.decide("ending", "2028-01-01")
    assert made.timeline() == [("2027-03-01", "member", "both"), ("2028-01-01", "member", "direct")]


def test_a_company_moving_abroad_is_a_new_fact_like_any_other() -> None:
    made = dual_world()
    made.decide(*PRINCIPAL)
    moved = company("Telenor", profile(end=day("2027-08-01")), profile(day("2027-08-01"), country="SE"))
    made.change(organisations=(moved,))
    assert made.periods() == [period("2027-03-01", "2027-08-01")]
