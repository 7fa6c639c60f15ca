"""Where a headcount matters: the EU's classes, bands of fees, levels, link rules; and where it is all one."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_rules.components import Band, Case, Discount, FeeComponent, Fits, Range
from cluster_rules.headcounts import SME_CLASSES, bounds, same_class
from cluster_rules.networks import OpenTo, Rulebook
from cluster_rules.register import Ours, Unit, differences
from tests.cluster_rules import make


def book(*fees: FeeComponent, **given: Any) -> Rulebook:
    return make.book("nora", tiers=(msgspec.structs.replace(make.tier("partner", 1, *fees), **given),))


@pytest.mark.parametrize(
    ("asked", "more"),
    [
        (FeeComponent("fee", {}, "employees", bands=(Band(amount=1, below=20), Band(amount=2, from_=20))), {20}),
        (FeeComponent("fee", {}, "turnover", bands=(Band(amount=1, below=77), Band(amount=2, from_=77))), set()),
        (FeeComponent("fee", {}, "cases", cases=(Case(amount=1, when=(Fits(employees=Range(5, 30)),)),)), {5, 30}),
        (FeeComponent("fee", {}, discounts=(Discount({}, when="fits", fits=Fits(employees=Range(0, 3))),)), {3}),
    ],
)
def test_what_a_fee_asks_for_is_a_bound(asked: FeeComponent, more: set[int]) -> None:
    assert bounds([book(asked)]) == SME_CLASSES | more


def test_levels_and_link_rules_have_bounds_too() -> None:
    asked = {
        "tiers": ("partner",),
        "kinds": (),
        "countries": (),
        "unit": "any",
        "min_employees": 7,
        "max_employees": 70,
    }
    linking = make.book("nora", make.rule("r", "other", when=asked))
    assert bounds([linking, book(open_to=OpenTo(max_employees=24))]) == SME_CLASSES | {25, 7, 71}


@given(st.integers(0, 400), st.integers(0, 400), st.frozensets(st.integers(1, 400)))
def test_two_headcounts_are_of_one_class_when_no_bound_parts_them(
    ours: int, theirs: int, found: frozenset[int]
) -> None:
    parted = any(min(ours, theirs) < bound <= max(ours, theirs) for bound in found)
    assert same_class(ours, theirs, found) is not parted


def test_what_nobody_told_is_never_all_one() -> None:
    assert not same_class(None, 3, SME_CLASSES) and not same_class(3, None, SME_CLASSES)
    unit = Unit("923609016", "EQUINOR ASA", employees=45)
    reasons = [differences(Ours("Equinor", employees=n), unit)[0].reason for n in (44, 50, None)]
    assert reasons == ["register_headcount", "register_employees", "register_employees"]
    assert differences(Ours("Equinor", employees=44), unit, SME_CLASSES | {45})[0].reason == "register_employees"
