"""Limited places (item 11): what waits does not stand, what was given stands from that day; who asks, since when."""

from datetime import date
from typing import Any

import msgspec
import pytest

from cluster_rules import cascades, rulebooks
from cluster_rules.claims import Claim, claims
from cluster_rules.errors import RulebookError
from cluster_rules.intents import Charge, Notify
from cluster_rules.memberships import Decision, Facts, Place, Waiting
from cluster_rules.networks import Upgrade
from cluster_rules.periods import Period
from tests.cluster_rules.make import (
    CIN,
    NORA,
    RULE,
    TODAY,
    World,
    book,
    cin,
    company,
    day,
    decision,
    fee,
    nora,
    period,
    tier,
)
from tests.cluster_rules.make import rule as link_rule
from tests.cluster_rules.make import rulebooks as books_of


def rule(places: int = 1, **given: Any) -> Any:
    return msgspec.structs.replace(link_rule(**given), places=places)


def linked() -> World:
    """Principal partners join CLAIRE, where NORA has one place."""
    return World(company(), books=books_of(nora(rule()), cin()))


def limited() -> World:
    """The level member of NORA has so many places."""
    few = tier("member", 10, fee(12_000_00), places=24)
    return World(company(), books=books_of(book(NORA, tiers=(few, tier("partner", 20))), cin()))


def given(claim: Claim, on: date, until: date | None = None) -> Place:
    return Place(claim.organisation, claim.network, claim.rule, claim.tier, claim.cause, Period(on, until))


def asked(made: World, decided: Decision) -> Claim:
    after = msgspec.structs.replace(made.facts, decisions=(*made.facts.decisions, decided))
    (claim,) = claims(after, TODAY)
    return claim


def test_item_11_a_link_without_a_place_waits_and_says_so():
    made = linked()
    joining = decision(made.member, "joining", "2027-03-01", "principal")
    claim = asked(made, joining)
    assert (claim.pool, claim.cause, claim.asked_at) == ((NORA, RULE, ""), joining.id, joining.recorded_at)
    made.facts = msgspec.structs.replace(made.facts, waiting=(Waiting(made.member.id, NORA, RULE, "", 3),))
    found = cascades.decide(made.facts, joining, TODAY)
    assert [o.held_back for o in found.considered] == ["place"]
    told = [(i.kind, i.network, i.values.get("number")) for i in found.intents if isinstance(i, Notify)]
    assert ("place_waiting", CIN, 3) in told and ("membership_approved", NORA, None) in told


def test_item_11_a_place_given_later_starts_the_link_then_and_ends_with_its_cause():
    made = linked()
    joining = made.decide("joining", "2027-03-01", "principal")
    assert made.grants() == []
    (claim,) = claims(made.facts, TODAY)
    place = given(claim, day("2027-05-01"))
    after = msgspec.structs.replace(made.facts, places=(place,))
    found = cascades.on_place(after, day("2027-05-01"))
    assert [i.kind for i in found if isinstance(i, Notify)] == ["place_given", "linked_membership_started"]
    made.change(places=(place,))
    assert made.periods() == [period("2027-05-01")]
    assert claims(made.facts, TODAY) == ()
    made.decide("ending", "2028-01-01")
    assert made.periods() == [period("2027-05-01", "2028-01-01")]
    freed = msgspec.structs.replace(place, period=period("2027-05-01", "2028-01-01"))
    assert made.change(places=(freed,)) == (), "a place that is free again changes nothing of what was"
    assert joining.id == claim.cause


def test_item_11_joining_a_full_level_stands_from_the_day_the_place_is_given():
    made = limited()
    joining = decision(made.member, "joining", "2027-03-01", "member")
    claim = asked(made, joining)
    assert claim.pool == (NORA, "", "member")
    made.facts = msgspec.structs.replace(made.facts, waiting=(Waiting(made.member.id, NORA, "", "member", 1),))
    found = cascades.decide(made.facts, joining, TODAY)
    assert {type(i) for i in found.intents} == {Notify} and found.considered == ()
    assert {i.kind for i in found.intents if isinstance(i, Notify)} == {"place_waiting"}

    facts = msgspec.structs.replace(made.facts, waiting=(), places=(given(claim, day("2027-05-01")),))
    then = cascades.decide(facts, joining, day("2027-05-01"))
    assert [i.line.period for i in then.intents if isinstance(i, Charge)] == [period("2027-05-01", "2028-01-01")]
    approved = next(i for i in then.intents if isinstance(i, Notify) and i.kind == "membership_approved")
    assert approved.values["on"] == "2027-05-01"


def test_item_11_a_change_to_a_full_level_leaves_the_member_where_it_is():
    made = limited()
    made.decide("joining", "2026-01-01", "partner")
    moved = decision(made.member, "tier_change", "2027-01-01", "member")
    claim = asked(made, moved)
    found = cascades.decide(made.facts, moved, TODAY)
    assert not [i for i in found.intents if not isinstance(i, Notify)]
    facts = msgspec.structs.replace(made.facts, places=(given(claim, TODAY),))
    assert [g.tier for g in derived(facts, moved)] == ["partner", "member"]


def derived(facts: Facts, decided: Decision) -> list[Any]:
    found = cascades.derive(msgspec.structs.replace(facts, decisions=(*facts.decisions, decided))).grants
    return [g for g in found if g.network == NORA]


def test_item_11_members_of_an_older_version_need_no_place():
    old = book(NORA, tiers=(tier("member"),))
    few = (tier("member", places=1),)
    new = book(NORA, version=2, effective_from=day("2027-01-01"), effective_from_existing=day("2027-01-01"), tiers=few)
    made = World(company(), books=books_of(old, new, cin()))
    made.decide("joining", "2026-01-01", "member")
    assert made.periods(NORA, "direct") == [period("2026-01-01")]
    assert claims(made.facts, TODAY) == ()


def test_item_11_what_was_declined_asks_for_no_place():
    made = linked()
    made.decide("joining", "2027-03-01", "principal")
    assert len(claims(made.facts, TODAY)) == 1
    assert claims(made.facts, day("2027-06-01")), "what stands for ever asks for ever"
    made.decide("ending", "2027-04-01")
    assert claims(made.facts, day("2027-06-01")) == ()


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (book(NORA, rule(-1)), "places_negative"),
        (book(NORA, tiers=(tier("member", places=-1),)), "places_negative"),
        (
            book(NORA, tiers=(tier("a", 1, upgrades=(Upgrade(event="e", names={}, to="b"),)), tier("b", 2, places=3))),
            "upgrade_limited",
        ),
    ],
)
def test_mistakes_about_places(wrong, code):
    with pytest.raises(RulebookError) as caught:
        rulebooks.check(wrong)
    assert caught.value.code == code
