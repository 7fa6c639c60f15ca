"""Suspension: followed or held, over ends, grace and changes of level (AC-2f)."""

from tests.cluster_rules.make import (
    CIN,
    NORA,
    PRINCIPAL,
    dual_world,
    period,
)

# AC-2f: suspension


def test_ac_02f_a_suspension_is_followed_and_lifted() -> None:
    made = dual_world()
    made.decide(*PRINCIPAL)
    before = made.grants()
    unpaid = made.decide("suspension", "2027-06-01", reason="unpaid")
    assert made.timeline() == [("2027-03-01", "member", "linked"), ("2027-06-01", "member", "suspended")]
    assert made.grants() == before, "suspended, not ended"
    made.withdraw(unpaid)
    assert made.timeline() == [("2027-03-01", "member", "linked")]


def test_ac_02f_or_held_by_policy() -> None:
    made = dual_world(suspension="hold")
    made.decide(*PRINCIPAL)
    made.decide("suspension", "2027-06-01", until="2027-09-01")
    assert made.timeline() == [("2027-03-01", "member", "linked")]
    assert made.timeline(NORA)[1] == ("2027-06-01", "principal", "suspended")


def test_ac_02f_an_own_membership_is_not_suspended_with_the_cause() -> None:
    made = dual_world(own=True)
    made.decide(*PRINCIPAL)
    made.decide("suspension", "2027-06-01", until="2027-09-01")
    assert made.timeline() == [
        ("2027-01-01", "member", "direct"),
        ("2027-03-01", "member", "both"),
        ("2027-06-01", "member", "direct"),
        ("2027-09-01", "member", "both"),
    ]


def test_ac_02f_who_leaves_while_suspended_is_not_revived_by_the_grace() -> None:
    made = dual_world(end="grace", grace_days=30)
    made.decide(*PRINCIPAL)
    made.decide("suspension", "2027-06-01")
    made.decide("ending", "2027-09-01")
    assert made.timeline() == [("2027-03-01", "member", "linked"), ("2027-06-01", "member", "suspended")]
    assert made.periods() == [period("2027-03-01", "2027-10-01")]


def test_ac_02f_a_suspension_beyond_the_end_is_over_with_the_membership() -> None:
    made = dual_world()
    made.decide(*PRINCIPAL)
    made.decide("suspension", "2027-06-01", until="2029-01-01")
    made.decide("ending", "2027-09-01")
    made.decide("joining", "2028-03-01", "principal")
    assert made.timeline(NORA)[1:] == [("2027-06-01", "principal", "suspended"), ("2028-03-01", "principal", "direct")]
    assert made.timeline()[-1] == ("2028-03-01", "member", "linked")


def test_ac_02f_a_suspension_goes_on_across_a_change_of_level() -> None:
    made = dual_world()
    made.decide("joining", "2027-01-01", "partner")
    made.decide("suspension", "2027-02-01", until="2027-06-01")
    made.decide("tier_change", "2027-03-01", "principal")
    assert made.timeline() == [("2027-03-01", "member", "suspended"), ("2027-06-01", "member", "linked")]


def test_a_network_can_suspend_a_linked_membership_of_its_own() -> None:
    made = dual_world()
    made.decide(*PRINCIPAL)
    made.decide("suspension", "2027-06-01", until="2027-09-01", network=CIN)
    assert made.timeline() == [
        ("2027-03-01", "member", "linked"),
        ("2027-06-01", "member", "suspended"),
        ("2027-09-01", "member", "linked"),
    ]
    assert made.timeline(NORA) == [("2027-03-01", "principal", "direct")]


def test_a_suspension_of_a_linked_membership_ends_with_it() -> None:
    made = dual_world()
    made.decide(*PRINCIPAL)
    made.decide("suspension", "2027-06-01", network=CIN)
    made.decide("tier_change", "2027-09-01", "partner")
    made.decide("tier_change", "2028-03-01", "principal")
    assert made.timeline()[-1] == ("2028-03-01", "member", "linked")
