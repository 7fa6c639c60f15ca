"""A membership that requires another (T4): refused without it, and what becomes of it when the other ends."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_rules import rulebooks
from cluster_rules.errors import RulebookError, RuleViolation
from cluster_rules.fees import explained
from cluster_rules.intents import Charge, EndGrant, Notify, RetractGrant
from cluster_rules.links import derive
from cluster_rules.networks import Requirement, Rulebook
from cluster_rules.why import chain
from tests.cluster_rules import histories
from tests.cluster_rules.histories import QUICK, REQUIRING, Story, play
from tests.cluster_rules.make import (
    CIN,
    NORA,
    SIN,
    World,
    agreement,
    book,
    cin,
    company,
    day,
    fee,
    nora,
    period,
    rule,
    tier,
    unit,
)
from tests.cluster_rules.make import (
    rulebooks as books_of,
)

CHAPTER = "nora-chapter"
BOTH = ("member", "managers")


def requires(network: str = NORA, *tiers: str, on_loss: Any = "end_with") -> Requirement:
    return Requirement(network, tiers, on_loss)


def chapter(*asked: Requirement, **given: Any) -> Rulebook:
    """A chapter with one level, 3 650 kr a year, for members of NORA Industry Network (unless said otherwise)."""
    member = tier("member", 10, fee(3_650_00, vat="outside"), requires=asked or (requires(),))
    return book(CHAPTER, **({"tiers": (member,), "refund": "credit"} | given))


def world(*asked: Requirement, **given: Any) -> World:
    """Member of NORA from 2026 and of its chapter from 2027."""
    made = World(company(), books=books_of(nora(), cin(), chapter(*asked, **given)), today=day("2027-02-01"))
    made.decide("joining", "2026-01-01", "partner")
    made.decide("joining", "2027-01-01", "member", network=CHAPTER)
    return made


def ends(made: World) -> list[date | None]:
    return [p.end for p in made.periods(CHAPTER, "direct")]


@pytest.mark.parametrize(
    ("name", "asked", "held", "on", "params"),
    [
        ("nothing held", requires(), None, "2027-01-01", {"network": NORA}),
        ("another level held", requires(NORA, "principal"), "partner", "2027-01-01", {"tiers": ["principal"]}),
        ("not yet held", requires(), "partner", "2026-05-31", {"on": day("2026-05-31")}),
        ("also where only joining asks", requires(on_loss="refuse_only"), None, "2027-01-01", {"network": NORA}),
    ],
)
def test_t4_joining_is_refused_without_it(
    name: str, asked: Requirement, held: str | None, on: str, params: dict[str, Any]
) -> None:
    made = World(company(), books=books_of(nora(), cin(), chapter(asked)))
    if held:
        made.decide("joining", "2026-06-01", held)
    with pytest.raises(RuleViolation) as refused:
        made.decide("joining", on, "member", network=CHAPTER)
    assert (refused.value.code, refused.value.field) == ("membership_required", "tier"), name
    assert params.items() <= refused.value.params.items(), name


def test_t4_a_level_that_asks_for_more_is_refused_and_the_former_stays() -> None:
    levels = (tier("member", 10), tier("gold", 20, requires=(requires(NORA, "principal"),)))
    made = world(tiers=levels)
    change = ("tier_change", "2027-05-01", "gold")
    with pytest.raises(RuleViolation, match="membership_required"):
        made.decide(*change, network=CHAPTER)
    assert made.timeline(CHAPTER) == [("2027-01-01", "member", "direct")]
    made.decide("tier_change", "2027-04-01", "principal")
    made.decide(*change, network=CHAPTER)
    assert made.timeline(CHAPTER)[-1] == ("2027-05-01", "gold", "direct")


def test_t4_a_linked_membership_is_as_good_as_an_own_one() -> None:
    made = World(company(), books=books_of(nora(), cin(), chapter(requires(CIN))))
    made.decide("joining", "2027-01-01", "principal")
    made.decide("joining", "2027-01-01", "member", network=CHAPTER)
    made.decide("tier_change", "2027-07-01", "partner")
    assert ends(made) == [day("2027-07-01")], "the link ended, and with it what required it"


def test_t4_only_the_organisations_own_memberships_count() -> None:
    entity = company()
    group = unit("Group AI", entity)
    made = World(entity, group, books=books_of(nora(), cin(), chapter()))
    made.decide("joining", "2026-01-01", "partner")
    with pytest.raises(RuleViolation, match="membership_required"):
        made.decide("joining", "2027-01-01", "member", network=CHAPTER, who=group)


def test_t4_a_linked_membership_asks_for_nothing_its_agreement_says_who_gets_it() -> None:
    strict = cin(tiers=(tier("member", requires=(requires(SIN),)),))
    made = World(company(), books=books_of(nora(), strict, book(SIN)))
    made.decide("joining", "2027-01-01", "principal")
    assert made.timeline() == [("2027-01-01", "member", "linked")]
    with pytest.raises(RuleViolation, match="membership_required"):
        made.decide("joining", "2027-01-01", "member", network=CIN)


@pytest.mark.parametrize(
    ("on_loss", "left", "end"),
    [
        ("end_with", "2027-06-15", "2027-06-15"),
        ("period_end", "2027-06-15", "2028-01-01"),
        ("period_end", "2028-01-01", "2028-01-01"),
        ("refuse_only", "2027-06-15", None),
    ],
)
def test_t4_what_becomes_of_it_when_the_required_one_ends(on_loss: str, left: str, end: str | None) -> None:
    made = world(requires(on_loss=on_loss))
    made.decide("ending", left)
    assert ends(made) == [day(end) if end else None]
    assert made.grants(CHAPTER, "direct"), "ended, never deleted"
    assert made.change() == (), "and asking again changes nothing"


def test_t4_a_level_lost_is_a_requirement_lost() -> None:
    made = World(company(), books=books_of(nora(), cin(), chapter(requires(NORA, "principal"))))
    made.decide("joining", "2026-01-01", "principal")
    made.decide("joining", "2027-01-01", "member", network=CHAPTER)
    made.decide("tier_change", "2027-07-01", "partner")
    assert ends(made) == [day("2027-07-01")]


def test_t4_a_suspended_membership_still_stands() -> None:
    made = world()
    made.decide("suspension", "2027-03-01")
    assert ends(made) == [None]


def test_t4_restored_before_the_year_turns_it_goes_on() -> None:
    made = world(requires(on_loss="period_end"))
    made.decide("ending", "2027-06-15")
    made.decide("joining", "2027-09-01", "member")
    assert ends(made) == [None]


def test_t4_who_lost_it_joins_again_and_the_gap_is_seen() -> None:
    made = world()
    made.decide("ending", "2027-06-15")
    made.decide("joining", "2027-09-01", "member")
    assert ends(made) == [day("2027-06-15")], "it does not come back by itself"
    made.decide("joining", "2027-10-01", "member", network=CHAPTER)
    assert made.periods(CHAPTER, "direct") == [period("2027-01-01", "2027-06-15"), period("2027-10-01")]
    made.decide("ending", "2027-12-01")
    assert ends(made) == [day("2027-06-15"), day("2027-12-01")], "and it can be lost again"


def test_t4_the_reason_says_so() -> None:
    made = world()
    left = made.decide("ending", "2027-06-15")
    (ended,) = [i for i in made.did(EndGrant) if i.grant.network == CHAPTER]
    assert (ended.reason.code, ended.reason.values) == ("required", {"decision": str(left.id), "network": NORA})
    (own,) = [i for i in made.did(EndGrant) if i.grant.network == NORA]
    assert own.reason.code == "ending"


def test_t4_member_and_managers_are_told_when_it_ends_and_when_it_goes_on() -> None:
    made = world()
    left = made.decide("ending", "2027-06-15")
    told = [n for n in made.did(Notify) if n.network == CHAPTER]
    assert [(n.kind, n.to) for n in told] == [("membership_ending", to) for to in BOTH]
    assert all((n.values["on"], n.values["source"]) == ("2027-06-15", NORA) for n in told)
    made.withdraw(left)
    assert [(n.kind, n.to) for n in made.did(Notify) if n.network == CHAPTER] == [
        ("decision_withdrawn", to) for to in BOTH
    ]
    assert made.published() == [(CHAPTER, "upsert"), (NORA, "upsert")]


@pytest.mark.parametrize(("refund", "back"), [("credit", [-2_000_00]), ("none", [])])
def test_t4_money_comes_back_where_the_network_gives_money_back(refund: str, back: list[int]) -> None:
    made = world(refund=refund)
    left = made.decide("ending", "2027-06-15")  # 200 of 365 days
    assert made.nets(CHAPTER) == back
    made.withdraw(left)
    assert made.nets(CHAPTER) == [-net for net in back], "and is charged again when it goes on after all"
    assert ends(made) == [None]


def test_t4_days_that_were_not_billed_are_billed_when_it_goes_on() -> None:
    made = World(company(), books=books_of(nora(), cin(), chapter()), today=day("2027-02-01"))
    made.decide("joining", "2026-01-01", "partner")
    left = made.decide("ending", "2027-06-15")
    made.decide("joining", "2027-01-01", "member", network=CHAPTER)
    assert made.nets() == [1_650_00], "the end was known: 165 of 365 days"
    made.withdraw(left)
    assert made.nets(CHAPTER) == [2_000_00]
    (charge,) = [c for c in made.did(Charge) if c.network == CHAPTER]
    assert charge.line.period == period("2027-06-15", "2028-01-01")
    assert explained(charge.line.steps) == charge.line.net


def test_t4_years_that_have_begun_since_are_billed_when_it_goes_on() -> None:
    made = world(requires(on_loss="period_end"))
    left = made.decide("ending", "2027-06-15")
    made.today = day("2028-03-01")
    made.withdraw(left)
    assert made.nets(CHAPTER) == [3_650_00]
    assert [c.line.period for c in made.did(Charge) if c.network == CHAPTER] == [period("2028-01-01", "2029-01-01")]


def test_t4_an_own_ending_before_that_day_stands() -> None:
    made = world()
    made.decide("ending", "2027-06-15")
    made.decide("ending", "2027-04-01", network=CHAPTER)
    assert ends(made) == [day("2027-04-01")]
    with pytest.raises(RuleViolation, match="not_a_member"):
        made.decide("ending", "2027-08-01", network=CHAPTER)


def test_t4_a_joining_that_turns_out_never_to_have_had_it_is_taken_back_not_deleted() -> None:
    made = world()
    joined = next(d for d in made.facts.decisions if d.network == NORA)
    made.withdraw(joined)
    assert ends(made) == [] and len(made.did(RetractGrant)) == 2
    assert any(d.network == CHAPTER for d in made.facts.decisions), "the decision is kept"


def test_t4_linked_memberships_that_rest_on_it_end_too_and_the_chain_is_whole() -> None:
    gives = rule("chapter-joins-claire", when={"tiers": ()}, agreement="chapter-claire")
    signed = agreement(code="chapter-claire", source=CHAPTER, target=CIN)
    home = book(CHAPTER, gives, tiers=chapter().tiers)
    made = World(company(), books=books_of(book(NORA), cin(), home, agreements=[signed]))
    made.decide("joining", "2026-01-01", "partner")
    made.decide("joining", "2027-01-01", "member", network=CHAPTER)
    made.decide("ending", "2027-06-15")
    (linked,) = made.grants()
    assert linked.period == period("2027-01-01", "2027-06-15")
    assert [link.network for link in chain(linked, made.facts.grants, made.facts.rulebooks)] == [CHAPTER, CIN]


def test_t4_two_that_require_each_other_cannot_hold_each_other_up() -> None:
    """A requirement must be rooted too: NORA gives CLAIRE, and full membership in NORA requires CLAIRE."""
    full = (tier("principal", 30, requires=(requires(CIN),)), tier("partner", 20))
    made = World(company(), books=books_of(nora(rule(), tiers=full), cin()))
    with pytest.raises(RuleViolation, match="membership_required"):
        made.decide("joining", "2027-01-01", "principal")
    made.decide("joining", "2027-01-01", "member", network=CIN)
    made.decide("joining", "2027-01-01", "principal")
    assert len(made.grants()) == 1
    made.decide("ending", "2027-07-01", network=CIN)
    assert [g.period for g in made.facts.grants] == [period("2027-01-01", "2027-07-01")] * 3


def test_t4_a_new_version_asks_existing_members_from_its_day() -> None:
    free = book(CHAPTER, tiers=(tier("member"),))
    asks = chapter(version=2, effective_from=day("2028-01-01"), effective_from_existing=day("2028-07-01"))
    made = World(company(), books=books_of(nora(), cin(), free, asks))
    made.decide("joining", "2027-01-01", "member", network=CHAPTER)
    assert ends(made) == [day("2028-07-01")]
    grandfathered = chapter(version=2, effective_from=day("2028-01-01"), effective_from_existing=None)
    made.change(rulebooks=books_of(nora(), cin(), free, grandfathered))
    assert ends(made) == [None]


@pytest.mark.parametrize(
    ("name", "books", "code", "field"),
    [
        ("itself", [chapter(requires(CHAPTER))], "requires_itself", "tiers.member.requires.network"),
        ("unknown", [chapter(requires("gone"))], "network_unknown", f"{CHAPTER}.tiers.member.requires.network"),
        (
            "level",
            [chapter(requires(NORA, "gold")), book(NORA)],
            "tier_unknown",
            f"{CHAPTER}.tiers.member.requires.tiers",
        ),
        (
            "circle",
            [chapter(), book(NORA, tiers=(tier("partner", requires=(requires(CHAPTER),)),))],
            "tier_out_of_reach",
            f"{CHAPTER}.tiers.member.requires",
        ),
    ],
)
def test_t4_a_mistake_names_its_field(name: str, books: list[Rulebook], code: str, field: str) -> None:
    with pytest.raises(RulebookError) as refused:
        for each in books:
            rulebooks.check(each)
        rulebooks.check_links(books)
    assert (refused.value.code, refused.value.field) == (code, field), name


def test_t4_a_circle_with_a_way_in_is_none() -> None:
    """Gold in NORA requires the chapter, the chapter requires any level of NORA: partner first, then gold."""
    levels = (tier("partner", 10), tier("gold", 20, requires=(requires(CHAPTER),)))
    rulebooks.check_links([chapter(), book(NORA, tiers=levels)])


def test_t4_a_level_that_a_link_rule_gives_is_within_reach() -> None:
    strict = cin(tiers=(tier("member", requires=(requires(CHAPTER),)),))
    rulebooks.check_links([nora(), strict, chapter(requires(CIN))])


@QUICK
@given(REQUIRING)
def test_t4_whatever_happens_no_day_of_it_lacks_the_required_one(story: Story) -> None:
    for check in (histories.settled, histories.from_scratch, histories.rooted, histories.covering):
        play(story, check)
    play(story, histories.required)


@QUICK
@given(REQUIRING, st.randoms(use_true_random=False))
def test_t4_the_order_of_facts_does_not_matter(story: Story, chance: Any) -> None:
    def order(listed: list[Any]) -> list[Any]:
        return chance.sample(listed, len(listed))

    play(story, lambda made: histories.same_in_any_order(made, order))


def test_t4_where_nothing_is_required_nothing_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cluster_rules.links.lost", None)
    made = World()
    made.decide("joining", "2027-03-01", "principal")
    assert derive(made.facts).lost == ()
