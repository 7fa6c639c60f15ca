"""Who pays less: which discounts of a component count for an organisation, and the steps they leave."""

from collections.abc import Callable, Iterator
from typing import Any

from cluster_rules import bases
from cluster_rules.bases import Asked
from cluster_rules.components import Discount, FeeComponent
from cluster_rules.errors import RuleViolation
from cluster_rules.explanations import Step
from cluster_rules.periods import add_months

MemberOf = Callable[[Discount], bool]


def steps(component: FeeComponent, asked: Asked, member_of: MemberOf) -> Iterator[Step]:
    """One step for each discount that counts, in the order of the rulebook; each takes from what the last one left."""
    for discount in component.discounts:
        if _counts(discount, component, asked, member_of):
            kind, value = ("percent", discount.percent) if discount.percent else ("amount", discount.amount)
            values: dict[str, Any] = {kind: value, "network": discount.network, "names": discount.names}
            yield Step(f"discount_{kind}", values)


def _counts(discount: Discount, component: FeeComponent, asked: Asked, member_of: MemberOf) -> bool:
    if (discount.from_ and asked.day < discount.from_) or (discount.until and asked.day >= discount.until):
        return False
    if discount.years and not _in_first_years(discount.years, asked):
        return False
    if discount.when == "member_of" and not member_of(discount):
        return False
    if discount.months and not any(
        add_months(since, discount.months) > asked.day for since in bases.roles(discount.fits, asked)
    ):
        return False
    try:
        return bases.fits(discount.fits, component, asked, [])
    except RuleViolation:  # nobody has told: no reason for less
        return False


def _in_first_years(years: int, asked: Asked) -> bool:
    """Did the organisation join in this membership year, or in one of the `years` - 1 before it?"""
    return asked.since is not None and asked.since >= add_months(asked.year.start, -12 * (years - 1))
