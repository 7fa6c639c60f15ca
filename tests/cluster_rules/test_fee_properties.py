"""What must hold for every fee table, every size and every part of a year; and refunds that are what was billed."""

from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_rules import fees, prices
from cluster_rules.components import Band, Discount, FeeComponent, VatTerms
from cluster_rules.fees import FeeLine
from cluster_rules.intents import Charge
from cluster_rules.networks import LinkFee, Rulebook
from cluster_rules.organisations import Profile, Size
from cluster_rules.periods import Period
from tests.cluster_rules.histories import QUICK
from tests.cluster_rules.make import (
    CIN,
    NORA,
    SIN,
    World,
    agreement,
    bands,
    book,
    calendar,
    cin,
    company,
    day,
    fee,
    nora,
    period,
    profile,
    rule,
    tier,
)
from tests.cluster_rules.make import rulebooks as books_of

YEAR = period("2027-01-01", "2028-01-01")
AMOUNTS = st.integers(0, 300_000_00)
SIZES = st.integers(0, 2_000)


@st.composite
def band_tables(draw: st.DrawFn) -> tuple[Band, ...]:
    """Bands without a hole whose prices never fall."""
    limits = sorted(draw(st.sets(st.integers(1, 1_000), max_size=6)))
    prices = sorted(draw(st.lists(AMOUNTS, min_size=len(limits) + 1, max_size=len(limits) + 1)))
    ends = zip([0, *limits], [*limits, None], prices, strict=True)
    return tuple(Band(amount=amount, from_=start, below=below) for start, below, amount in ends)


DISCOUNTS = st.builds(
    lambda number, in_percent: Discount(
        {"en": "Less"}, when="fits", **({"percent": number % 100 + 1} if in_percent else {"amount": number + 1})
    ),
    st.integers(0, 10_000_00),
    st.booleans(),
)
COMPONENTS = st.builds(
    FeeComponent,
    code=st.just("fee"),
    names=st.just({"en": "Fee"}),
    basis=st.just("employees"),
    bands=band_tables(),
    proration=st.sampled_from(["none", "days", "months", "half_year", "joining_half"]),
    vat=st.sampled_from(["standard", "exempt_3_13", "outside", "zero"]),
    discounts=st.lists(DISCOUNTS, max_size=2).map(tuple),
    free_after=st.sampled_from(["", "10-01"]),
)
PARTS = st.tuples(st.integers(0, 364), st.integers(1, 365)).map(
    lambda two: Period(YEAR.start + timedelta(two[0]), min(date(2028, 1, 1), YEAR.start + timedelta(two[0] + two[1])))
)


def priced(component: FeeComponent, size: int, **rules: Any) -> tuple[Rulebook, FeeLine]:
    rulebook = book(tiers=(tier("t", 1, component),), **rules)
    (line,) = fees.yearly(rulebook, rulebook.tiers[0], profile(employees=size), YEAR)
    return rulebook, line


@QUICK
@given(COMPONENTS, SIZES, PARTS, st.integers(0, 100))
def test_every_line_is_explained_bears_its_vat_and_is_never_below_nothing(
    component: FeeComponent, size: int, part: Period, percent: int
) -> None:
    rulebook, whole = priced(component, size)
    lines = fees.prorated([whole], rulebook, rulebook.tiers[0], part)
    lines += fees.linked(lines, LinkFee("percent", percent=percent))
    for line in [whole, *lines]:
        assert 0 <= line.net <= whole.net
        exact = Fraction(line.net * line.vat_percent, 100)
        assert line.vat - exact <= Fraction(1, 2) and exact - line.vat < Fraction(1, 2), "half up, on this line alone"
    for line in [whole, *lines, *fees.credit(lines, "unused_days")]:
        assert fees.explained(line.steps) == line.net


@QUICK
@given(COMPONENTS, SIZES, SIZES)
def test_whoever_is_larger_never_pays_less_where_the_bands_rise(component: FeeComponent, one: int, other: int) -> None:
    (_, small), (_, large) = (priced(component, size) for size in sorted((one, other)))
    assert small.net <= large.net


@QUICK
@given(COMPONENTS, SIZES)
def test_m10_two_halves_of_a_year_are_the_year_to_the_unit(component: FeeComponent, size: int) -> None:
    _, whole = priced(component, size)
    rulebook = book(tiers=(tier("t", 1, component),), period=calendar("half_year"))
    days = [rulebook.period.containing(day(on), YEAR.start) for on in ("2027-02-01", "2027-08-01")]
    halves = [fees.yearly(rulebook, rulebook.tiers[0], profile(employees=size), half)[0].net for half in days]
    assert sum(halves) == whole.net
    assert days == [period("2027-01-01", "2027-07-01"), period("2027-07-01", "2028-01-01")]


# VAT


@pytest.mark.parametrize(
    ("country", "code", "percent", "vat"),
    [("NO", "standard", 25, 250_00), ("SE", "outside", 0, 0), ("DE", "outside", 0, 0)],
)
def test_vat_of_members_abroad_is_a_setting(country: str, code: str, percent: int, vat: int) -> None:
    level = tier("t", 1, fee(1_000_00, vat="standard"))
    for setting, expected in [
        ({"standard": "outside"}, (code, percent, vat)),
        ({}, ("standard", 25, 250_00)),  # not set: as at home
    ]:
        rulebook = book(tiers=(level,), vat=msgspec.convert({"country": "NO", "foreign": setting}, VatTerms))
        (line,) = fees.yearly(rulebook, level, profile(country=country), YEAR)
        assert (line.vat_code, line.vat_percent, line.vat) == expected


@pytest.mark.parametrize(
    ("country", "on", "percent"),
    [
        ("NO", "2027-01-01", 25),
        ("DK", "2027-01-01", 25),
        ("DE", "2020-06-30", 19),
        ("DE", "2020-07-01", 16),
        ("DE", "2020-12-31", 16),
        ("DE", "2021-01-01", 19),
        ("EE", "2025-06-30", 22),
        ("EE", "2025-07-01", 24),
    ],
)
def test_the_vat_rate_is_that_of_the_country_on_the_day(country: str, on: str, percent: int) -> None:
    level = tier("t", 1, fee(1_000_00, vat="standard"))
    rulebook = book(tiers=(level,), vat=VatTerms(country))
    year = rulebook.period.containing(day(on), day(on))
    (line,) = fees.yearly(rulebook, level, None, year, day=day(on))
    assert (line.vat_percent, line.vat) == (percent, percent * 10_00)


# What comes back is what was billed


def cluster(**given: Any) -> Rulebook:
    """The AI cluster: 20,000 a year by months, a quarter less for members of NORA; money back on leaving."""
    less = Discount({"en": "Member of NORA"}, NORA, percent=25)
    level = tier("member", 10, fee(20_000_00, proration="months", discounts=(less,), **given))
    return book(SIN, tiers=(level, tier("gold", 20, fee(40_000_00, proration="months"))), refund="credit")


def member_of_both(**given: Any) -> tuple[World, Any]:
    made = World(company(), books=books_of(nora(), cin(), cluster(**given)), today=day("2027-01-01"))
    nora_joined = made.decide("joining", "2027-01-01", "partner")
    made.decide("joining", "2027-01-01", "member", network=SIN)
    assert made.nets(SIN) == [15_000_00]
    return made, nora_joined


def test_t2_a_refund_is_what_was_billed_when_the_reason_for_the_discount_is_gone() -> None:
    made, nora_joined = member_of_both()
    made.withdraw(nora_joined)
    made.decide("ending", "2027-07-01", network=SIN)
    assert made.nets(SIN) == [-7_500_00], "half of what was paid, not half of the full price"
    for charge in made.did(Charge):
        assert fees.explained(charge.line.steps) == charge.line.net


def test_t2_taking_back_the_joining_gives_back_all_of_it_and_no_more() -> None:
    made, nora_joined = member_of_both()
    joined = next(d for d in made.facts.decisions if d.network == SIN)
    made.withdraw(nora_joined)
    made.withdraw(joined)
    assert made.nets(SIN) == [-15_000_00]


def test_a_refund_does_not_look_at_the_size_anew() -> None:
    table = bands((0, 12_000_00), (10, 24_000_00), proration="months")
    books = books_of(nora(tiers=(tier("partner", 20, table),), refund="credit"), cin())
    made = World(company(employees=40), books=books, today=day("2027-01-01"))
    made.decide("joining", "2027-01-01", "partner")
    assert made.nets() == [24_000_00]
    shrunk = msgspec.structs.replace(made.member, profiles=(profile(employees=3),))
    made.change(organisations=(shrunk,))
    made.decide("ending", "2027-04-01")
    assert made.nets() == [-18_000_00]


def test_a_change_of_level_gives_back_the_discounted_price() -> None:
    made, nora_joined = member_of_both()
    made.withdraw(nora_joined)
    made.decide("tier_change", "2027-07-01", "gold", network=SIN)
    assert made.nets(SIN) == [-7_500_00, 20_000_00]


def test_a_linked_membership_gets_back_its_share_of_what_was_billed() -> None:
    linked = nora(rule(fee={"policy": "percent", "percent": 50}), refund="credit")
    dear = cin(tiers=(tier("member", 10, bands((0, 1_000_00), (10, 3_000_00), proration="none")),), refund="credit")
    made = World(company(employees=40), books=books_of(linked, dear, agreements=[agreement()]), today=day("2027-01-01"))
    made.decide("joining", "2027-01-01", "principal")
    assert made.nets(CIN) == [1_500_00]
    joined = made.facts.decisions[0]
    made.change(organisations=(msgspec.structs.replace(made.member, profiles=(profile(employees=3),)),))
    made.withdraw(joined)
    assert made.nets(CIN) == [-1_500_00]


LIFE = st.lists(
    st.tuples(st.sampled_from(["nora", "nora off", "tier_change", "ending", "joining", "undo"]), st.integers(1, 12)),
    max_size=7,
)


@QUICK
@given(LIFE, st.sampled_from(["none", "days", "months", "half_year"]))
def test_credits_never_exceed_what_was_billed(life: list[tuple[str, int]], proration: str) -> None:
    """Per membership and component, after every decision, in whatever order reasons for a discount come and go."""
    made = World(company(), books=books_of(nora(), cin(), cluster()), today=day("2027-12-31"))
    level = 0
    for what, month in life:
        on = f"2027-{month:02}-01"
        try:
            if what == "nora":
                made.decide("joining", on, "partner")
            elif what == "nora off":
                made.decide("ending", on)
            elif what == "undo":
                made.withdraw(made.facts.decisions[-1])
            else:
                level += 1
                made.decide(what, on, ("member", "gold")[level % 2] if what != "ending" else "", network=SIN)
        except (fees.RuleViolation, IndexError):
            continue
        sums: dict[Any, int] = {}
        for charged in made.facts.charged:
            key = (charged.network, charged.line.component)
            sums[key] = sums.get(key, 0) + charged.line.net
        assert min(sums.values(), default=0) >= 0, life


def test_sizes_are_taken_as_of_their_day() -> None:
    known = Profile(
        YEAR,
        "company",
        "NO",
        sizes=(
            Size("turnover", 5, day("2025-12-31"), currency="NOK"),
            Size("turnover", 9, day("2026-12-31"), currency="NOK"),
        ),
    )
    sizes = [known.size("turnover", day(on), "own", "NOK") for on in ("2024-01-01", "2026-12-30", "2026-12-31")]
    assert [size.value for size in sizes if size] == [5, 5, 9], "facts start somewhere"
    assert known.size("turnover", YEAR.start, "own", "EUR") is None
    assert known.size("balance", YEAR.start) is None
    assert profile(employees=4).size("employees", YEAR.start) == Size("employees", 4)


def test_control_a_refund_at_the_price_of_today_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prices, "as_billed", prices.fee)
    monkeypatch.setattr(prices, "settled", lambda facts, grant, year, line, all_of_it: line)
    made, nora_joined = member_of_both()
    made.withdraw(nora_joined)
    made.decide("ending", "2027-07-01", network=SIN)
    assert made.nets(SIN) == [-10_000_00], "what the tests above would see"
