"""What a grant costs for a part of a membership year, and what was billed and given back of it already.

`fee` is the price by the facts of today; `as_billed` the one that stands on the invoice, for whatever is
given back. Amounts are minor units without VAT; days are half-open periods in the network's time zone.
"""

from collections.abc import Iterator
from datetime import date

from cluster_rules import fees
from cluster_rules.components import Discount
from cluster_rules.fees import FeeLine
from cluster_rules.memberships import Charged, Decision, Facts, Grant, Stretch
from cluster_rules.networks import LinkRule, Rulebook
from cluster_rules.periods import Period
from cluster_rules.requirements import Turn

MOST_YEARS = 30  # billed back, or looked at for a correction, in one decision


def fee(
    facts: Facts, book: Rulebook, grant: Grant, year: Period, part: Period, first: date, since: date
) -> list[FeeLine]:
    """The fee of the grant's tier for `part` of a year, as things are on its `first` billed day; none for no tier."""
    tier = book.tier(grant.tier)
    return fees.prorated(_year(facts, book, grant, year, first, since), book, tier, part, since) if tier else []


def _year(facts: Facts, book: Rulebook, grant: Grant, year: Period, first: date, since: date) -> list[FeeLine]:
    """The fee of the grant's tier for a whole year, by the facts of today."""
    tier = book.tier(grant.tier)
    profile = facts.organisation(grant.organisation).profile_on(first)

    def applies(discount: Discount) -> bool:
        return member_of(facts, grant, discount, first)

    return fees.yearly(book, tier, profile, year, applies, day=first, since=since) if tier else []


def as_billed(
    facts: Facts, book: Rulebook, grant: Grant, year: Period, part: Period, first: date, since: date
) -> list[FeeLine]:
    """The same at the price that was billed for the grant and the year: a refund does not look at the facts anew.

    A discount, a size or a rate may have changed since. What was never billed has the price of today.
    """
    tier = book.tier(grant.tier)
    newest = {c.line.component: c.line for c in _of_year(facts, grant, year) if c.line.net >= 0}
    whole = [line for each in newest.values() if (line := fees.as_billed(each, year))]
    if tier is None or not whole or not {line.component for line in whole} <= {c.code for c in tier.fees}:
        return fee(facts, book, grant, year, part, first, since)
    return fees.prorated(whole, book, tier, part, since)


def _of_year(facts: Facts, grant: Grant, year: Period) -> list[Charged]:
    """What was billed and credited for days of the year because of the grant.

    When that is nothing: what was at its tier, because of a grant whose place it took (another cause of the
    same link, a membership that was carried over, a year that was paid for before).
    """
    mine = [c for c in facts.charged if key(c) == key(grant) and c.period.overlap(year)]
    return [c for c in mine if c.grant == grant.id] or [c for c in mine if c.line.tier == grant.tier]


def member_of(facts: Facts, grant: Grant, discount: Discount, day: date) -> bool:
    """Is the organisation of an own membership a member elsewhere on `day`, and not only because of this one?"""
    if grant.kind != "direct":
        return False
    wanted = discount.networks or (discount.network,)
    return sum(_member_in(facts, grant, network, discount.tiers, day) for network in wanted) >= discount.at_least


def _member_in(facts: Facts, grant: Grant, network: str, tiers: tuple[str, ...], day: date) -> bool:
    by_id = {g.id: g for g in facts.grants}
    for there in facts.grants:
        if (there.organisation, there.network) != (grant.organisation, network) or not there.period.covers(day):
            continue
        root = there
        while root.cause in by_id:
            root = by_id[root.cause]
        if not same(root, grant) and (not tiers or there.tier in tiers):
            return True
    return False


def settled(facts: Facts, grant: Grant, year: Period, line: FeeLine, all_of_it: bool) -> FeeLine:
    """A credit line that never exceeds what is still billed of its component for the year, and equals it when
    no day of the grant was used.
    """
    left = sum(c.line.net for c in _of_year(facts, grant, year) if c.line.component == line.component)
    return fees.settled(line, left) if all_of_it else fees.capped(line, left)


def years_billed(facts: Facts, grant: Grant, since: date, day: date) -> Iterator[tuple[Rulebook, Period]]:
    """The membership years from the one of `day` to the last that something was billed for."""
    ends = [c.period.end_or_far for c in facts.charged if c.line.net >= 0 and key(c) == key(grant)]
    for _ in range(MOST_YEARS):
        book = facts.rulebooks.governing(grant.network, since, day)
        if book is None or not ends or day >= max(ends):
            return
        year = book.period.containing(day, since)
        yield book, year
        if year.end is None:
            return
        day = year.end


def billed(facts: Facts, grant: Grant, part: Period, book: Rulebook) -> bool:
    """Were any of these days billed (and, where the network gives money back, not given back since)?"""
    known = [c.period for c in facts.charged if c.line.net >= 0 and key(c) == key(grant)]
    shared = [days for period in known if (days := period.overlap(part))]
    if book.refund == "none":
        return bool(shared)
    paid_for = [g.period for g in facts.grants if same(g, grant) and _costs(facts, g)]
    return any(days.overlap(stood) for days in shared for stood in paid_for)


def _costs(facts: Facts, grant: Grant) -> bool:
    rule = rule_of(facts, grant)
    return rule is None or rule.fee.policy != "waived"


def rule_of(facts: Facts, grant: Grant) -> LinkRule | None:
    """The rule a linked grant came by, in the version it was made from."""
    book = facts.rulebooks.version(grant.source, grant.version)
    return book.link_rule(grant.rule) if book else None


def stretches_of(facts: Facts, about: Grant | Decision | Turn) -> list[Stretch]:
    """The unbroken direct memberships of the organisation in the network that something is about."""
    wanted = key(about)
    return [s for s in facts.stood if key(s) == wanted]


def key(about: Grant | Decision | Turn | Charged | Stretch) -> tuple[object, str]:
    """Whose membership it is, and where."""
    return about.organisation, about.network


def same(one: Grant, other: Grant) -> bool:
    """Are both of one membership?"""
    return key(one) == key(other)


def source(grant: Grant) -> tuple[object, str, str, str]:
    """What a linked grant comes from, whichever version of it: the same source gives one grant at a time."""
    return grant.organisation, grant.network, grant.source, grant.rule
