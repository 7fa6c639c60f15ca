"""Less for members of another network (T2), explained line by line."""

from typing import Any

import pytest

from cluster_rules import fees, rulebooks
from cluster_rules.components import Discount
from cluster_rules.errors import RulebookError
from cluster_rules.fees import explained
from cluster_rules.intents import Charge
from cluster_rules.networks import LinkRule, Rulebook
from tests.cluster_rules.make import CIN, NORA, SIN, World, book, cin, company, day, fee, nora, rule, tier
from tests.cluster_rules.make import rulebooks as books_of

NAMES = {"nb": "Medlem i NORA", "en": "Member of NORA"}


def less(percent: int = 25, network: str = NORA, *tiers: str, **given: Any) -> Discount:
    return Discount(NAMES, network, tiers, percent=percent, **given)


def sin(*discounts: Discount, links: tuple[LinkRule, ...] = (), **given: Any) -> Rulebook:
    """The AI cluster: 20 000 kr a year and a service fee of 10 000 kr that has no discount."""
    component = fee(20_000_00, discounts=discounts or (less(),))
    levels = (tier("member", 10, component, fee(10_000_00, code="service", vat="standard")),)
    return book(SIN, *links, **({"tiers": levels} | given))


def world(*discounts: Discount, **given: Any) -> World:
    """Partner in NORA Industry Network for 2027."""
    made = World(company(), books=books_of(nora(), cin(), sin(*discounts, **given)), today=day("2027-01-01"))
    made.decide("joining", "2027-01-01", "partner")
    made.decide("ending", "2028-01-01")
    return made


@pytest.mark.parametrize(
    ("name", "discounts", "joined", "net"),
    [
        ("a quarter off", [less()], "2027-01-01", 15_000_00),
        ("all of it", [less(100)], "2027-01-01", 0),
        ("an amount", [less(0, amount=3_000_00)], "2027-01-01", 17_000_00),
        ("never below nothing", [less(0, amount=30_000_00)], "2027-01-01", 0),
        ("at another level", [less(25, NORA, "principal")], "2027-01-01", 20_000_00),
        ("at this level", [less(25, NORA, "principal", "partner")], "2027-01-01", 15_000_00),
        ("member of another network", [less(25, CIN)], "2027-01-01", 20_000_00),
        ("one after the other", [less(50), less(0, amount=1_000_00)], "2027-01-01", 9_000_00),
        ("cut to the days: 73 of 365", [less()], "2027-10-20", 3_000_00),
        ("no longer a member", [less()], "2028-01-01", 20_000_00),
        ("not yet a member", [less()], "2026-01-01", 20_000_00),
    ],
)
def test_t2_the_fee_for_members_of_another_network(name: str, discounts: list[Discount], joined: str, net: int) -> None:
    made = world(*discounts)
    made.decide("joining", joined, "member", network=SIN)
    assert made.nets(SIN)[0] == net, name
    for charge in made.did(Charge):
        assert explained(charge.line.steps) == charge.line.net, name
        assert charge.line.vat == (charge.line.net // 4 if charge.line.component == "service" else charge.line.vat)


def test_t2_only_the_component_that_says_so_is_reduced_and_the_line_explains_it() -> None:
    made = world()
    made.decide("joining", "2027-10-20", "member", network=SIN)
    membership, service = (c.line for c in made.did(Charge))
    assert [s.code for s in membership.steps] == ["fixed", "discount_percent", "prorated_days"]
    assert membership.steps[1].values == {"percent": 25, "network": NORA, "names": NAMES}
    assert [s.code for s in service.steps] == ["fixed", "prorated_days"]


def test_t2_each_year_is_looked_at_on_its_first_billed_day() -> None:
    made = world()
    made.today = day("2028-06-01")
    made.decide("joining", "2027-07-01", "member", network=SIN)
    assert [c.line.net for c in made.did(Charge) if c.line.component == "membership"][1] == 20_000_00
    assert made.nets(SIN)[0] < 10_000_00, "2027 with, 2028 without"


def test_t2_a_linked_membership_elsewhere_counts() -> None:
    made = world(less(25, CIN))
    made.decide("tier_change", "2027-02-01", "principal")
    made.decide("joining", "2027-10-20", "member", network=SIN)
    assert made.nets(SIN)[0] == 3_000_00


def test_t2_what_only_comes_with_this_membership_is_no_reason() -> None:
    """SIN gives CLAIRE, and has a discount for members of CLAIRE: not for those whom it made members itself."""
    signed = {"agreement": "sin-claire", "when": {"tiers": ()}}
    made = world(less(25, CIN), links=(rule("sin-joins-claire", **signed),), refund="credit")
    agreed = made.facts.rulebooks.agreement("nora-claire-2021")
    assert agreed is not None
    both = books_of(
        *made.facts.rulebooks.versions, agreements=[agreed, type(agreed)("sin-claire", SIN, CIN, agreed.period)]
    )
    made.change(rulebooks=both)
    made.decide("joining", "2027-01-01", "member", network=SIN)
    assert len(made.grants()) == 1
    billed = sum(made.nets(SIN))
    made.decide("ending", "2027-01-01", network=SIN)
    assert (billed, sum(made.nets(SIN))) == (30_000_00, -30_000_00), "what was billed is what comes back"


def test_t2_leaving_gives_back_what_was_billed_with_its_discount() -> None:
    made = world(refund="credit")
    made.decide("joining", "2027-01-01", "member", network=SIN)
    made.decide("ending", "2027-10-20", network=SIN)
    assert made.nets(SIN) == [-3_000_00, -2_000_00]


def test_t2_the_fee_of_a_linked_membership_is_a_matter_of_its_rule() -> None:
    dear = cin(tiers=(tier("member", 10, fee(1_000_00, discounts=(less(50, NORA),))),))
    made = World(company(), books=books_of(nora(rule(fee={"policy": "normal"})), dear))
    made.decide("joining", "2027-01-01", "principal")
    assert made.nets(CIN) == [1_000_00]


def test_t2_without_facts_the_full_price_is_shown() -> None:
    priced = sin()
    year = priced.period.containing(day("2027-01-01"), day("2027-01-01"))
    assert [line.net for line in fees.yearly(priced, priced.tiers[0], None, year)] == [20_000_00, 10_000_00]


@pytest.mark.parametrize(
    ("books", "code", "field"),
    [
        ([sin(less(101))], "percent_wrong", "tiers.member.fees.membership.discounts.percent"),
        ([sin(less(0))], "discount_wrong", "tiers.member.fees.membership.discounts"),
        ([sin(less(10, amount=5))], "discount_wrong", "tiers.member.fees.membership.discounts"),
        ([sin(less(0, amount=-5))], "discount_wrong", "tiers.member.fees.membership.discounts"),
        ([sin(less(25, SIN))], "discount_for_itself", "tiers.member.fees.membership.discounts.network"),
        ([sin()], "network_unknown", f"{SIN}.tiers.member.fees.membership.discounts.network"),
        (
            [sin(less(25, NORA, "gold")), book(NORA)],
            "tier_unknown",
            f"{SIN}.tiers.member.fees.membership.discounts.tiers",
        ),
    ],
)
def test_t2_a_mistake_names_its_field(books: list[Rulebook], code: str, field: str) -> None:
    with pytest.raises(RulebookError) as refused:
        for each in books:
            rulebooks.check(each)
        rulebooks.check_links(books)
    assert (refused.value.code, refused.value.field) == (code, field)
