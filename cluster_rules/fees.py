"""What a tier costs: components, bands, proration and VAT, explained line by line.

All amounts are whole minor units excluding VAT; VAT is computed per line, rounded half up
(AC-15b). The VAT rate follows the component's treatment, never a guess (domain.md 4.1).
"""

from collections.abc import Callable, Iterable
from datetime import date

import msgspec

from cluster_rules import bases, discounts, prorations, vat
from cluster_rules.bases import Asked
from cluster_rules.components import Discount, FeeComponent, Text
from cluster_rules.errors import RuleViolation
from cluster_rules.explanations import PRORATIONS, Step, after, explained
from cluster_rules.money import share
from cluster_rules.networks import LinkFee, Rulebook, Tier
from cluster_rules.organisations import Profile
from cluster_rules.periods import Period
from cluster_rules.vat import Percent

__all__ = [
    "FeeLine",
    "Step",
    "as_billed",
    "beyond",
    "capped",
    "costs",
    "credit",
    "explained",
    "less",
    "linked",
    "needed",
    "prorated",
    "settled",
    "span",
    "yearly",
]


class FeeLine(msgspec.Struct, frozen=True):
    """One computed line: `net` and `vat` in minor units of `currency` for `period`.

    `hours` of work are owed beside the money; `account` is where the host books the line.
    """

    network: str
    tier: str
    component: str
    names: Text
    period: Period
    net: int
    vat_code: str
    vat_percent: Percent
    vat: int
    currency: str
    example: bool = False
    steps: tuple[Step, ...] = ()
    hours: int = 0
    account: str = ""

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
    *,
    day: date | None = None,
    since: date | None = None,
) -> list[FeeLine]:
    """The tier's fee for one whole membership year, for an organisation like `profile` (None: nothing is known).

    `day` is the first day that is billed of it (None: its first), `since` the day of joining (None: in some
    year before); `applies` says which discounts for members elsewhere count. RuleViolation `size_unknown` when
    a fee needs a size nobody has told, and the other codes of `bases.begin` and `vat.percent`.
    """
    if book.period.kind == "project" and year.end is None:
        return []  # the project is over
    asked = Asked(book, profile, year, day or year.start, since)
    return [_line(tier, c, asked, applies) for c in tier.fees if _is_charged(c, year, since)]


def prorated(
    lines: Iterable[FeeLine], book: Rulebook, tier: Tier, part: Period, since: date | None = None
) -> list[FeeLine]:
    """The same lines for the `part` of their year in which the membership stands, by each component's own way.

    How: `prorations.step`. Rounded half up to a minor unit per line (AC-15b). RuleViolation `outside_year`
    when the part lies outside.
    """
    by_code = {c.code: c for c in tier.fees}
    return [_part_of(line, by_code[line.component], part, since) for line in lines]


def linked(lines: Iterable[FeeLine], fee: LinkFee) -> list[FeeLine]:
    """A linked membership's fee by its rule: none when waived, a percentage, or as it is (M15)."""
    if fee.policy == "waived":
        return []
    percent = 100 if fee.policy == "normal" else fee.percent
    return [_taking(line, Step("link_percent", {"percent": percent})) for line in lines]


def credit(lines: Iterable[FeeLine], reason: str) -> list[FeeLine]:
    """The same lines taken back."""
    return [_taking(line, Step(reason)) for line in lines]


def less(credit: FeeLine, used: FeeLine) -> FeeLine:
    """A credit line, less what the used days of the same component cost."""
    return _taking(credit, Step("used_days", {"amount": used.net}))


def beyond(line: FeeLine, earlier: FeeLine) -> FeeLine:
    """A fee, less what the days before it cost: those are billed already."""
    return _taking(line, Step("earlier_days", {"amount": earlier.net}))


def capped(credit: FeeLine, left: int) -> FeeLine:
    """A credit line of at most `left`: what is still billed of its component. Never more comes back than was paid."""
    return credit if -credit.net <= left else _taking(credit, Step("credited_before", {"amount": max(0, left)}))


def settled(credit: FeeLine, left: int) -> FeeLine:
    """A credit line of exactly `left`: nothing of the component was used."""
    return credit if -credit.net == left else _taking(credit, Step("all_of_it", {"amount": max(0, left)}))


def as_billed(line: FeeLine, year: Period) -> FeeLine | None:
    """The whole year's fee that a billed line was a part of, by its own explanation; None when it has none."""
    steps: list[Step] = []
    for step in line.steps:
        if step.code in PRORATIONS or step.code == "link_percent":
            break
        steps.append(step)
    net = explained(steps)
    if net is None:
        return None
    whole = msgspec.structs.replace(line, period=year, steps=tuple(steps))
    return _with_net(whole, net)


def costs(tier: Tier) -> bool:
    """Can this tier cost anything?"""
    return any(c.basis == "agreed" or any(p.amount or p.basis_points for p in c.prices) for c in tier.fees)


def span(component: FeeComponent) -> tuple[int, int | None]:
    """The least and the most a year can cost over all sizes; None where there is no upper limit to be said."""
    if component.basis == "agreed":
        return 0, component.cap or None
    least, most = [], []
    for price in component.prices:
        if price.hours:
            amount = price.hours * component.hour_value if component.hours_as == "money" else 0
        else:
            amount = price.amount or price.floor
        least.append(amount)
        most.append(None if price.basis_points and not price.cap else max(amount, price.cap))
    known = [m for m in most if m is not None]
    return min(least, default=0), max(known, default=0) if len(known) == len(most) else None


def needed(tier: Tier) -> list[str]:
    """The facts about an organisation that the tier's fee may ask for (`bases.needed`), in a settled order."""
    return list(dict.fromkeys(fact for component in tier.fees for fact in bases.needed(component)))


def _is_charged(component: FeeComponent, year: Period, since: date | None) -> bool:
    first = since is not None and since >= year.start
    return component.charged == "every_year" or (component.charged == "first_year") == first


def _line(tier: Tier, component: FeeComponent, asked: Asked, member_of: discounts.MemberOf) -> FeeLine:
    steps = [*bases.begin(component, asked), *discounts.steps(component, asked, member_of), *_half(component, asked)]
    book, buyer = asked.book, asked.profile.country if asked.profile else None
    code = vat.treatment(book.vat, component.vat, buyer)
    percent = vat.percent(book.vat.country, code, asked.day)
    line = FeeLine(
        network=book.network,
        tier=tier.code,
        component=component.code,
        names=component.names,
        period=asked.year,
        net=0,
        vat_code=code,
        vat_percent=percent,
        vat=0,
        currency=book.currency,
        example=component.example,
        hours=next((s.values["hours"] for s in steps if s.code == "hours_as_work"), 0),
        account=component.account,
    )
    for step in steps:
        line = _taking(line, step)
    return line


def _half(component: FeeComponent, asked: Asked) -> tuple[Step, ...]:
    """Where a year is billed in two halves: which one this is. Together they are the whole to the unit (M10)."""
    if asked.book.period.kind != "half_year" or component.charged == "first_year":
        return ()
    start = (asked.year.start.month, asked.year.start.day)
    return (Step("half_of_year", {"half": 2 if start == asked.book.period.second_half_starts else 1}),)


def _part_of(line: FeeLine, component: FeeComponent, part: Period, since: date | None) -> FeeLine:
    year = line.period
    overlap = year.overlap(part)
    if overlap is None:
        raise RuleViolation("outside_year", "starts_on", starts_on=part.start)
    step = prorations.step(component, overlap, year, since)
    if step is None:
        return msgspec.structs.replace(line, period=overlap)
    hours = share(line.hours, step.values["part"], step.values["whole"])
    return msgspec.structs.replace(_taking(line, step), period=overlap, hours=hours)


def _taking(line: FeeLine, step: Step) -> FeeLine:
    """The line one step further; the step's own arithmetic is in `explanations`."""
    net = after(line.net, step)
    if net is None:
        raise RuleViolation("step_unknown", "steps", given=step.code)
    return _with_net(msgspec.structs.replace(line, steps=(*line.steps, step)), net)


def _with_net(line: FeeLine, net: int) -> FeeLine:
    return msgspec.structs.replace(line, net=net, vat=vat.of(net, line.vat_percent))
