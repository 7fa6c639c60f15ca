"""Money: whole minor units (øre, cent) and a currency. Never a float, never mixed."""

from collections.abc import Sequence
from fractions import Fraction

import msgspec

from cluster_rules.errors import RuleViolation

# Currencies whose minor unit is not a hundredth (ISO 4217): how many decimals they have.
_DIGITS = {"ISK": 0, "JPY": 0, "KRW": 0, "BHD": 3, "KWD": 3}


class Money(msgspec.Struct, frozen=True):
    """An amount in minor units of `currency` (ISO 4217); 150 000 kr is Money(15_000_000, "NOK")."""

    amount: int
    currency: str

    def __add__(self, other: "Money") -> "Money":
        if self.currency != other.currency:
            raise RuleViolation("currency_mixed", "currency", left=self.currency, right=other.currency)
        return Money(self.amount + other.amount, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount, self.currency)


def digits(currency: str) -> int:
    """How many decimals an amount of `currency` has: its minor unit is 10 to the power of minus that."""
    return _DIGITS.get(currency, 2)


def half_up(value: Fraction) -> int:
    """Round to a whole minor unit, half away from zero (9 166.666... -> 9 166.67)."""
    sign = -1 if value < 0 else 1
    return sign * int(abs(value) + Fraction(1, 2))


def share(amount: int, part: int, whole: int) -> int:
    """`part` of `whole` of an amount in minor units, rounded half up.

    The same as `half_up` of the fraction, in whole numbers: every invoice line goes through here.
    """
    product = amount * part
    rounded = (2 * abs(product) + whole) // (2 * whole)
    return -rounded if product < 0 else rounded


def split(amount: int, weights: Sequence[int]) -> list[int]:
    """Split without losing a unit: the parts add up to `amount` (largest remainder, M10)."""
    total = sum(weights)
    if total <= 0 or min(weights) < 0:
        raise RuleViolation("weights_invalid", "weights", weights=list(weights))
    floors = [amount * w // total for w in weights]
    order = sorted(range(len(weights)), key=lambda i: (-(amount * weights[i] % total), i))
    for i in order[: amount - sum(floors)]:
        floors[i] += 1
    return floors
