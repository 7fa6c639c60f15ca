"""Twelve years of bugs with inherited memberships in CiviCRM, by class: each is a test that ours does not have it.

The classes and numbers are those users reported (issues and pull requests of that project). Mergers are in
test_transfers.py, capacity with a queue beside the rest of the places.
"""

from datetime import date

import pytest

from cluster_rules.intents import Charge, EndGrant, RetractGrant, SetTimeline, StartGrant
from cluster_rules.links import derive
from cluster_rules.memberships import counted
from cluster_rules.why import chain
from tests.cluster_rules.make import (
    CIN,
    NORA,
    PRINCIPAL,
    SIN,
    World,
    agreement,
    between,
    book,
    chained,
    cin,
    company,
    day,
    dual_world,
    nora,
    period,
    rule,
    rulebooks,
    tier,
    unit,
)


def _two_sources() -> World:
    signed = agreement("2021-06-01", code="sin-claire", source=SIN, target=CIN)
    books = rulebooks(nora(), book(SIN, rule(agreement="sin-claire")), cin(), agreements=[agreement(), signed])
    made = World(company(), books=books)
    made.decide(*PRINCIPAL)
    made.decide("joining", "2027-04-01", "principal", network=SIN)
    return made


@pytest.mark.parametrize("first_to_go", [NORA, SIN])
def test_civi_5650_15062_14410_deleted_while_still_valid(first_to_go: str) -> None:
    made = _two_sources()
    made.decide("ending", "2027-09-01", network=first_to_go)
    assert made.timeline() == [("2027-03-01", "member", "linked")]


def test_civi_existing_inherited_membership_drops_the_second_grant() -> None:
    """The second reason is kept from the start: when the first goes nobody needs to save anything again."""
    made = _two_sources()
    assert {g.source for g in made.grants()} == {NORA, SIN}
    made.decide("ending", "2027-09-01", network=NORA)
    assert not made.did(StartGrant), "it stood already"


def test_civi_12180_not_removed_after_a_change_of_type() -> None:
    made = dual_world()
    made.decide(*PRINCIPAL)
    made.decide("tier_change", "2027-10-01", "partner")
    assert made.periods() == [period("2027-03-01", "2027-10-01")]


def test_civi_12078_6597_deleted_instead_of_ended() -> None:
    made = dual_world()
    made.decide(*PRINCIPAL)
    made.decide("ending", "2027-09-01")
    assert not made.did(RetractGrant) and {g.grant.network for g in made.did(EndGrant)} == {NORA, CIN}
    assert made.timeline() == [("2027-03-01", "member", "linked")]


def test_civi_1854_17742_an_end_date_of_its_own_deletes_what_is_inherited() -> None:
    """An end that is planned, moved and cancelled: the linked membership follows its cause each time."""
    made = dual_world()
    made.decide(*PRINCIPAL)
    later = made.decide("ending", "2028-01-01")
    assert made.periods() == [period("2027-03-01", "2028-01-01")]
    sooner = made.decide("ending", "2027-07-01")
    assert made.periods() == [period("2027-03-01", "2027-07-01")]
    made.withdraw(sooner)
    made.withdraw(later)
    assert made.periods() == [period("2027-03-01")]


def test_civi_34836_a_membership_no_rule_made_is_deleted_when_the_parent_is_saved() -> None:
    """What hits anyone who builds dual membership on an owner field: the unit's own membership is nobody's copy."""
    entity = company()
    group = unit("group", entity)
    made = World(entity, group)
    made.decide("joining", "2027-01-01", "partner", who=group)
    own = [g for g in made.facts.grants if g.organisation == group.id]
    for step in (PRINCIPAL, ("tier_change", "2027-05-01", "partner"), ("ending", "2027-09-01")):
        made.decide(*step)
        assert [g for g in made.facts.grants if g.organisation == group.id] == own


def test_civi_20966_what_was_billed_is_deleted_with_the_relationship() -> None:
    made = dual_world()
    made.decide(*PRINCIPAL)
    billed = made.facts.charged
    assert billed
    made.decide("ending", "2027-09-01")
    assert made.facts.charged[: len(billed)] == billed


def test_civi_3371_16857_money_stays_with_the_one_who_pays() -> None:
    made = dual_world()
    made.decide(*PRINCIPAL)
    assert {i.network for i in made.did(Charge)} == {NORA}


def test_civi_29380_two_way_relationships_are_both_seen() -> None:
    both = (between("a", "b"), between("b", "a"))
    books = rulebooks(
        book("a", chained("a", "b", through_linked=False)),
        book("b", chained("b", "a", through_linked=False)),
        agreements=both,
    )
    for joined, other in (("a", "b"), ("b", "a")):
        made = World(company(), books=books)
        made.decide("joining", "2027-01-01", "member", network=joined)
        assert made.timeline(other) == [("2027-01-01", "member", "linked")]
        assert made.timeline(joined) == [("2027-01-01", "member", "direct")], "it does not come back as its own reason"


@pytest.mark.parametrize("times", [2, 3])
def test_civi_19735_17723_20955_a_second_save_in_one_request_deletes(times: int) -> None:
    made = dual_world()
    made.decide(*PRINCIPAL)
    stood = made.facts
    for _ in range(times):
        assert made.change() == ()
    assert made.facts == stood


def test_civi_28194_a_downgrade_revives_a_membership_of_years_ago_and_hides_the_gap() -> None:
    made = dual_world()
    made.decide("joining", "2019-01-01", "principal")
    made.decide("ending", "2020-01-01")
    made.decide("joining", "2027-03-01", "principal")
    made.decide("tier_change", "2027-06-01", "partner")
    assert made.timeline(NORA) == [
        ("2019-01-01", "principal", "direct"),
        ("2027-03-01", "principal", "direct"),
        ("2027-06-01", "partner", "direct"),
    ]
    assert made.grants(NORA, "direct")[0].period.end == day("2020-01-01")
    assert made.periods() == [period("2027-03-01", "2027-06-01")], "and no linked one before the agreement of 2021"


def test_civi_15992_renewing_what_is_inherited_renews_somebody_at_random() -> None:
    """Only own memberships are renewed or changed; a linked one always names the one cause it has."""
    made = dual_world()
    decided = made.decide(*PRINCIPAL)
    (linked,) = made.grants()
    assert linked.cause == decided.id
    root, end = chain(linked, made.facts.grants, made.facts.rulebooks)
    assert (root.grant, end.grant) == (decided.id, linked.id)


def test_civi_status_is_copied_and_a_past_relationship_sets_the_first_other_status() -> None:
    """Status follows from the grants of the day: it is computed, for the past and for the future too."""
    made = dual_world()
    made.decide(*PRINCIPAL)
    made.decide("suspension", "2027-06-01", until="2027-08-01")
    expected = [("2027-03-01", "member", "linked"), ("2027-06-01", "member", "suspended")]
    assert made.timeline() == [*expected, ("2027-08-01", "member", "linked")]
    made.decide("ending", "2027-07-01")
    assert made.timeline() == expected


def test_civi_rules_cannot_be_edited_once_members_exist() -> None:
    """A new version of the rule holds for existing members from its day; what was before stays what it was."""
    made = dual_world()
    made.decide("joining", "2026-03-01", "principal")
    turn = date(2027, 1, 1)
    second = nora(rule(gives="associate"), version=2, effective_from=turn, effective_from_existing=turn)
    levels = (tier("member", 10), tier("associate", 5))
    made.change(rulebooks=rulebooks(nora(), second, cin(tiers=levels)))
    assert made.timeline() == [("2026-03-01", "member", "linked"), ("2027-01-01", "associate", "linked")]


def test_civi_6322_the_job_for_relationships_times_out() -> None:
    """There is no such job: a decision looks at one family, whatever the number of members of the network."""
    made = dual_world()
    made.decide(*PRINCIPAL)
    touched = {i.organisation for i in made.did(SetTimeline)}
    assert touched == {made.member.id}
    assert {g.organisation for g in derive(made.facts).grants} == touched


def test_tendenci_a_linked_membership_has_its_source_and_follows_it_without_a_request() -> None:
    """Nothing cascaded when the national membership ended, and no source was stored."""
    made = dual_world()
    made.decide(*PRINCIPAL)
    (linked,) = made.grants()
    assert (linked.source, linked.rule, linked.version, linked.agreement) != ("", "", 0, "")
    made.decide("ending", "2027-09-01")
    assert made.periods() == [period("2027-03-01", "2027-09-01")]


def test_odoo_own_lines_are_ignored_while_the_pointer_is_set() -> None:
    made = dual_world(own=True)
    made.decide(*PRINCIPAL)
    assert counted(made.facts, CIN, day("2027-04-01")) == (1, 1)
    made.decide("ending", "2027-09-01")
    assert [status for *_, status in made.timeline()] == ["direct", "both", "direct"]


def test_odoo_39803_one_cancelled_line_cancels_for_ever() -> None:
    made = dual_world()
    decided = made.decide(*PRINCIPAL)
    made.withdraw(decided)
    assert made.timeline() == [] and made.timeline(NORA) == []
    made.decide("joining", "2027-05-01", "principal")
    assert made.timeline() == [("2027-05-01", "member", "linked")]
