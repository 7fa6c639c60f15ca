"""The steps by which an amount came about: each a code, its values, and the one place with its arithmetic.

What computes a fee and what checks a stored one both go through `after`, so that every line can be
recomputed from its own explanation. Amounts are minor units.
"""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from cluster_rules.money import share, split

# Steps of which nothing but the arithmetic of a part is asked: `part` of `whole`.
PRORATIONS = frozenset(
    {"prorated_days", "prorated_months", "prorated_half_year", "prorated_joining_half", "prorated_free"}
)
_STARTS = frozenset({"fixed", "band", "case", "agreed", "work"})


class Step(msgspec.Struct, frozen=True):
    """One step of an explanation: a code for the sentence and the values in it."""

    code: str
    values: dict[str, Any] = {}


def after(net: int | None, step: Step) -> int | None:
    """The net amount once this step is taken; None when it is not one of ours or nothing went before it.

    `fixed`, `band`, `case`, `agreed` begin an explanation with their `amount` (None: a `percentage` or `hours`
    follows).
    """
    v = step.values
    if step.code in _STARTS:
        return int(v.get("amount") or 0)
    if net is None:
        return None
    if step.code in PRORATIONS:
        return share(net, v["part"], v["whole"])
    taken = _TAKEN.get(step.code)
    return taken(net, v) if taken else None


def explained(steps: Iterable[Step]) -> int | None:
    """The net amount that an explanation leads to; None when a step is not one of ours.

    The other direction of computing a fee: whoever holds a stored line can check it by its own words.
    """
    net: int | None = None
    for step in steps:
        net = after(net, step)
        if net is None:
            return None
    return net


def _percentage(_: int, v: dict[str, Any]) -> int:
    net = max(share(v["of"], v["basis_points"], 10_000), int(v.get("floor", 0)))
    return min(net, int(v["cap"])) if v.get("cap") else net


_TAKEN: dict[str, Callable[[int, dict[str, Any]], int]] = {
    "percentage": _percentage,
    "hours_as_money": lambda _, v: v["hours"] * v["value"],
    "hours_as_work": lambda _net, _v: 0,
    "half_of_year": lambda net, v: split(net, (1, 1))[v["half"] - 1],
    "link_percent": lambda net, v: share(net, v["percent"], 100),
    "discount_percent": lambda net, v: net - share(net, v["percent"], 100),
    "discount_amount": lambda net, v: max(0, net - int(v["amount"])),
    "unused_days": lambda net, _: -net,
    "withdrawn": lambda net, _: -net,
    "used_days": lambda net, v: net + v["amount"],
    "earlier_days": lambda net, v: net - v["amount"],
    "credited_before": lambda net, v: max(net, -v["amount"]),
    "all_of_it": lambda _, v: -v["amount"],
}
