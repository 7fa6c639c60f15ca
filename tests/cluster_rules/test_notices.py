"""Who is told what, and when."""

from typing import Any

import pytest

from cluster_rules.intents import CancelNotices, Notify
from tests.cluster_rules.make import CIN, NORA, World, cin, company, day, nora, rule, rulebooks

PRINCIPAL = ("joining", "2027-03-01", "principal")
BOTH = ("member", "managers")


def world(today: str = "2026-11-22", **policy: Any) -> World:
    return World(company(), books=rulebooks(nora(rule(**policy)), cin()), today=day(today))


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (("tier_change", "2027-06-01", "partner"), "tier_changed"),
        (("ending", "2027-06-01"), "membership_ending"),
        (("suspension", "2027-06-01"), "membership_suspended"),
    ],
)
def test_each_decision_is_told_to_the_member_and_the_managers(step: tuple, kind: str) -> None:
    made = world()
    made.decide("joining", "2027-03-01", "member")
    assert made.mails() == [("membership_approved", to) for to in BOTH]
    made.decide(*step)
    assert [m for m in made.mails() if m[0] == kind] == [(kind, to) for to in BOTH]


def test_the_member_hears_of_the_link_in_the_mail_about_its_cause() -> None:
    made = world()
    made.decide(*PRINCIPAL)
    first = made.did(Notify)[0]
    assert first.values["linked"] == [{"network": CIN, "tier": "member", "starts_on": "2027-03-01"}]
    assert [(n.network, n.to) for n in made.did(Notify) if n.kind == "linked_membership_started"] == [(CIN, "managers")]


@pytest.mark.parametrize(
    ("name", "today", "notice", "ends", "not_before"),
    [
        ("ahead of time", "2027-04-01", 90, "2028-01-01", "2027-10-03"),
        ("too late to wait", "2027-12-01", 90, "2028-01-01", None),
        ("on the very day", "2027-10-03", 90, "2028-01-01", None),
        ("no notice asked for", "2027-04-01", 0, "2028-01-01", "2028-01-01"),
        ("over a leap day", "2027-04-01", 1, "2028-03-01", "2028-02-29"),
        ("backdated", "2027-12-01", 90, "2027-06-01", None),
    ],
)
def test_the_end_of_a_link_is_told_in_good_time(
    name: str, today: str, notice: int, ends: str, not_before: str | None
) -> None:
    made = world(today, notice_days=notice)
    made.decide(*PRINCIPAL)
    made.decide("tier_change", ends, "partner")
    told = {n.to: n for n in made.did(Notify) if n.kind == "linked_membership_ending"}
    assert told["member"].not_before == (day(not_before) if not_before else None), name
    assert told["managers"].not_before is None
    assert told["member"].values["ends_on"] == ends


def test_a_moved_end_replaces_the_mail_that_waits() -> None:
    made = world(notice_days=90)
    made.decide(*PRINCIPAL)
    made.decide("ending", "2029-01-01")
    made.decide("ending", "2028-01-01")
    (cancelled,) = made.did(CancelNotices)
    assert (cancelled.kind, cancelled.network) == ("linked_membership_ending", CIN)
    order = [type(i) for i in made.last.intents if getattr(i, "kind", "") == "linked_membership_ending"]
    assert order == [CancelNotices, Notify, Notify]


def test_an_end_that_is_called_off_is_told_and_its_mail_withdrawn() -> None:
    made = world(notice_days=90)
    made.decide(*PRINCIPAL)
    made.withdraw(made.decide("ending", "2028-01-01"))
    assert made.mails() == [
        *(("decision_withdrawn", to) for to in BOTH),
        *(("linked_membership_continues", to) for to in BOTH),
    ]
    assert len(made.did(CancelNotices)) == 1


def test_a_link_that_never_began_is_told_to_end_on_its_first_day() -> None:
    made = world()
    made.decide("joining", "2027-01-01", "partner")
    made.withdraw(made.decide("tier_change", "2027-03-01", "principal"))
    (told,) = [n for n in made.did(Notify) if (n.kind, n.to) == ("linked_membership_ending", "managers")]
    assert told.values["ends_on"] == told.values["starts_on"] == "2027-03-01"


def test_a_decision_without_a_link_says_nothing_to_other_networks() -> None:
    made = world()
    made.decide("joining", "2027-01-01", "partner")
    made.decide("ending", "2027-06-01", reason="moves abroad")
    assert {n.network for n in made.did(Notify)} == {NORA}
    assert {n.values["reason"] for n in made.did(Notify)} == {"moves abroad"}
