"""Rates of VAT with decimals: known by day, computed to the minor unit, stored as they are written."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_rules import documents, vat
from tests.cluster_rules.histories import QUICK

RATES = st.sampled_from([24, 25, 25.5, 8.1, 7.7, 0])


@pytest.mark.parametrize(
    ("country", "on", "percent"),
    [
        ("FI", "2024-08-31", 24),
        ("FI", "2024-09-01", 25.5),
        ("FI", "2027-01-01", 25.5),
        ("CH", "2023-12-31", 7.7),
        ("CH", "2024-01-01", 8.1),
        ("NO", "2027-01-01", 25),
    ],
)
def test_the_rate_of_a_country_on_a_day(country: str, on: str, percent: vat.Percent) -> None:
    assert vat.percent(country, "standard", date.fromisoformat(on)) == percent
    assert vat.possible("standard", percent)


@pytest.mark.parametrize(
    ("net", "percent", "expected"),
    [
        (1_000_00, 25.5, 255_00),
        (1, 25.5, 0),
        (2, 25.5, 1),  # 0.51
        (10, 25.5, 3),  # 2.55
        (100, 25.5, 26),  # 25.5, half up
        (-100, 25.5, -26),  # what is taken back is what was charged
        (1_234_56, 8.1, 100_00),  # 9999.936
        (100, 25, 25),
    ],
)
def test_vat_by_hand(net: int, percent: vat.Percent, expected: int) -> None:
    assert vat.of(net, percent) == expected


@QUICK
@given(st.integers(-(10**12), 10**12), RATES)
def test_vat_is_within_half_a_unit_of_the_exact_amount(net: int, percent: vat.Percent) -> None:
    exact = Fraction(net) * Fraction(str(percent)) / 100
    assert abs(vat.of(net, percent) - exact) <= Fraction(1, 2)


@QUICK
@given(st.lists(st.integers(-(10**7), 10**7), min_size=1, max_size=8), RATES)
def test_lines_share_it_to_the_unit(nets: list[int], percent: vat.Percent) -> None:
    owed = vat.of(sum(nets), percent)
    parts = documents.spread(nets, percent, owed)
    assert sum(parts) == owed
    for net, part in zip(nets, parts, strict=True):
        assert abs(part - Fraction(net) * Fraction(str(percent)) / 100) < 1


@pytest.mark.parametrize("percent", [0, 25, 25.5, 8.1, 7.7, 24])
def test_what_is_stored_comes_back(percent: vat.Percent) -> None:
    stored = vat.exact(percent)
    back = vat.rate(stored)
    assert (back, type(back), str(stored)) == (percent, type(percent), str(percent))
    assert vat.rate(Decimal(f"{percent:.2f}")) == percent
