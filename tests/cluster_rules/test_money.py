"""Whole minor units, rounded half up, never mixed."""

from fractions import Fraction

import pytest

from cluster_rules.errors import RuleViolation
from cluster_rules.money import Money, half_up, share, split


def test_money_of_one_currency_adds() -> None:
    assert Money(100, "NOK") + Money(50, "NOK") == Money(150, "NOK")
    assert -Money(100, "NOK") == Money(-100, "NOK")


def test_currencies_never_mix() -> None:
    with pytest.raises(RuleViolation) as refused:
        _ = Money(100, "NOK") + Money(100, "EUR")
    assert refused.value.code == "currency_mixed"


@pytest.mark.parametrize(
    ("value", "expected"),
    [(Fraction(1, 2), 1), (Fraction(-1, 2), -1), (Fraction(3, 2), 2), (Fraction(5, 2), 3), (Fraction(49, 100), 0)],
)
def test_halves_round_away_from_zero(value: Fraction, expected: int) -> None:
    assert half_up(value) == expected


def test_a_share_is_exact_for_amounts_no_float_can_hold() -> None:
    assert share(9_007_199_254_740_993, 1, 1) == 9_007_199_254_740_993
    assert share(22_000_00, 5, 12) == 9_166_67


@pytest.mark.parametrize(
    ("amount", "weights", "expected"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (100, [2, 1], [67, 33]),
        (-100, [1, 1, 1], [-33, -33, -34]),
        (1, [0, 1], [0, 1]),
        (0, [3, 4], [0, 0]),
    ],
)
def test_splitting_loses_nothing(amount: int, weights: list[int], expected: list[int]) -> None:
    assert split(amount, weights) == expected and sum(expected) == amount


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1, 2]])
def test_weights_must_make_sense(weights: list[int]) -> None:
    with pytest.raises(RuleViolation) as refused:
        split(100, weights)
    assert refused.value.code == "weights_invalid"
