"""What a tier costs: components, bands, proration and VAT, explained line by line.

All amounts are whole minor units excluding VAT; VAT is computed per line, rounded half up
(AC-15b). The VAT rate follows the component's treatment, never a guess (domain.md 4.1).
"""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from cluster_rules.errors import RuleViolation
from cluster_rules.money import share
from cluster_rules.networks import Band, Discount, FeeComponent, LinkFee, Rulebook, Text, Tier
from cluster_rules.organisations import Profile
from cluster_rules.periods import Period, add_months

# Percent by treatment. standard: Norwegian ordinary rate; exempt_3_13: membership fee of a
# non-profit (mval. § 3-13); outside: seller not in the VAT register; zero: zero-rated.
VAT_PERCENT = {"standard": 25, "exempt_3_13": 0, "outside": 0, "zero": 0}


class Step(msgspec.Struct, frozen=True):
    """One step of an explanation: a code for the sentence and the values in it."""

    code: str
    values: dict[str, Any] = {}


class FeeLine(msgspec.Struct, frozen=True):
    """One computed line: `net` and `vat` in minor units of `currency` for `period`."""

    network: str
    tier: str
    component: str
    names: Text
    period: Period
    net: int
    vat_code: str
    vat_percent: int
    vat: int
    currency: str
    example: bool = False
    steps: tuple[Step, ...] = ()

    @property
    def gross(self) -> int:
        """Net and VAT together."""
        return self.net + self.vat


def yearly(
    book: Rulebook,
    tier: Tier,
    profile: Profile | None,
    year: Period,
    applies: Callable[[Discount], bool] = lambda discount: False,
) -> list[FeeLine]:
    """The tier's fee for one whole membership year, for an organisation like `profile` (None: nothing is known).

    `applies` says which discounts count for it. RuleViolation `size_unknown` when a band needs a size
    nobody has told, `band_missing` when no band covers it.
    """
    lines = [(c, _line(book, tier, c, year, *_base(c, profile))) for c in tier.fees]
    return [_discounted(line, filter(applies, c.discounts)) if c.discounts else line for c, line in lines]


def prorated(lines: Iterable[FeeLine], book: Rulebook, tier: Tier, part: Period) -> list[FeeLine]:
    """The same lines for the `part` of their year in which the membership stands, by each component's own way.

    days: by the day. months: a month begun is a month. half_year: up to six months are half a year.
    none: the whole fee. Rounded half up to a minor unit per line (AC-15b). RuleViolation
    `outside_year` when the part lies outside.
    """
    by_code = {c.code: c for c in tier.fees}
    return [_part_of(line, by_code[line.component].proration, part) for line in lines]


def linked(lines: Iterable[FeeLine], fee: LinkFee) -> list[FeeLine]:
    """A linked membership's fee by its rule: none when waived, a percentage, or as it is (M15)."""
    if fee.policy == "waived":
        return []
    percent = 100 if fee.policy == "normal" else fee.percent
    return [
        _with_net(line, share(line.net, percent, 100), Step("link_percent", {"percent": percent})) for line in lines
    ]


def credit(lines: Iterable[FeeLine], reason: str) -> list[FeeLine]:
    """The same lines taken back."""
    return [_with_net(line, -line.net, Step(reason)) for line in lines]


def less(credit: FeeLine, used: FeeLine) -> FeeLine:
    """A credit line, less what the used days of the same component cost."""
    step = Step("used_days", {"amount": used.net})
    return _with_net(credit, credit.net + used.net, step)


def beyond(line: FeeLine, earlier: FeeLine) -> FeeLine:
    """A fee, less what the days before it cost: those are billed already."""
    return _with_net(line, line.net - earlier.net, Step("earlier_days", {"amount": earlier.net}))


def explained(steps: Iterable[Step]) -> int | None:
    """The net amount that an explanation leads to; None when a step is not one of ours.

    The other direction of everything above: whoever holds a stored line can check it by its own words.
    """
    net: int | None = None
    for step in steps:
        v = step.values
        if step.code in ("fixed", "band"):
            net = v["amount"]
        elif net is None:
            return None
        elif step.code == "link_percent":
            net = share(net, v["percent"], 100)
        elif step.code in ("discount_percent", "discount_amount"):
            net = _less_discount(net, step)
        elif step.code in ("prorated_days", "prorated_months", "prorated_half_year"):
            net = share(net, v["part"], v["whole"])
        elif step.code in ("unused_days", "withdrawn"):
            net = -net
        elif step.code == "used_days":
            net += v["amount"]
        elif step.code == "earlier_days":
            net -= v["amount"]
        else:
            return None
    return net


def _discounted(line: FeeLine, discounts: Iterable[Discount]) -> FeeLine:
    """One after the other, each from what the one before left; never below nothing."""
    for discount in discounts:
        values: dict[str, Any] = {"network": discount.network, "names": discount.names}
        kind, value = ("percent", discount.percent) if discount.percent else ("amount", discount.amount)
        step = Step(f"discount_{kind}", {kind: value} | values)
        line = _with_net(line, _less_discount(line.net, step), step)
    return line


def _less_discount(net: int, step: Step) -> int:
    if step.code == "discount_percent":
        return net - share(net, step.values["percent"], 100)
    return max(0, net - int(step.values["amount"]))


def _base(component: FeeComponent, profile: Profile | None) -> tuple[int, tuple[Step, ...]]:
    if component.basis == "fixed":
        return component.amount, (Step("fixed", {"amount": component.amount}),)
    size = getattr(profile, component.basis, None)
    if size is None:
        raise RuleViolation("size_unknown", component.basis, component=component.code)
    band = _band(component.bands, size)
    if band is None:
        raise RuleViolation("band_missing", component.basis, component=component.code, size=size)
    values = {"basis": component.basis, "size": size, "from": band.from_, "below": band.below}
    return band.amount, (Step("band", values | {"amount": band.amount}),)


def _band(bands: Iterable[Band], size: int) -> Band | None:
    return next((b for b in bands if b.from_ <= size and (b.below is None or size < b.below)), None)


def _line(
    book: Rulebook, tier: Tier, component: FeeComponent, year: Period, net: int, steps: tuple[Step, ...]
) -> FeeLine:
    percent = VAT_PERCENT[component.vat]
    return FeeLine(
        network=book.network,
        tier=tier.code,
        component=component.code,
        names=component.names,
        period=year,
        net=net,
        vat_code=component.vat,
        vat_percent=percent,
        vat=share(net, percent, 100),
        currency=book.currency,
        example=component.example,
        steps=steps,
    )


def _part_of(line: FeeLine, proration: str, part: Period) -> FeeLine:
    year = line.period
    overlap = year.overlap(part)
    if overlap is None:
        raise RuleViolation("outside_year", "starts_on", starts_on=part.start)
    if year.end is None or proration == "none" or overlap == year:
        return msgspec.structs.replace(line, period=overlap)
    counted, whole = _fraction(proration, overlap, year)
    step = Step(f"prorated_{proration}", {"part": counted, "whole": whole})
    return _with_net(line, share(line.net, counted, whole), step, overlap)


def _fraction(proration: str, part: Period, year: Period) -> tuple[int, int]:
    if proration == "days":
        return part.days, year.days
    months = _months_begun(part)
    if proration == "half_year":
        return (1, 2) if months <= 6 else (2, 2)
    return months, _months_begun(year)


def _months_begun(period: Period) -> int:
    """Calendar months touched, counted back from the year's end: 15 August -> 31 December is 5."""
    end = period.end_or_far
    months = 0
    while add_months(end, -months) > period.start:
        months += 1
    return months


def _with_net(line: FeeLine, net: int, step: Step, period: Period | None = None) -> FeeLine:
    vat = share(net, line.vat_percent, 100)
    return msgspec.structs.replace(line, net=net, vat=vat, steps=(*line.steps, step), period=period or line.period)
