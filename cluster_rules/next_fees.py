"""What new facts change in the fees to come: each membership's next whole year, by the old facts and by the new.

What was billed stays. Amounts are minor units without VAT; None: the fee needs something that nobody has told.
"""

from collections.abc import Mapping
from datetime import date
from uuid import UUID

import msgspec

from cluster_rules import fees, prices
from cluster_rules.errors import RuleViolation
from cluster_rules.memberships import Facts, Grant
from cluster_rules.periods import Period


class FeeChange(msgspec.Struct, frozen=True):
    """A membership's fee for the next whole year, before and after."""

    network: str
    tier: str
    currency: str
    before: int | None
    after: int | None


def changes(before: Facts, after: Facts, organisation: UUID, today: Mapping[str, date]) -> list[FeeChange]:
    """For each direct membership of the organisation in a network that `today` (its day there) names."""
    out = []
    for stretch in before.stood:
        day = today.get(stretch.network)
        grant = next((g for g in stretch.grants if day and g.period.end_or_far > day), None)
        if stretch.organisation != organisation or grant is None or day is None:
            continue
        since = stretch.period.start
        book = before.rulebooks.governing(stretch.network, since, day)
        if book is None:
            continue
        running = book.period.containing(max(day, since), since)
        year = book.period.containing(running.end, since) if running.end else running
        nets = [_net(facts, grant, year, since) for facts in (before, after)]
        out.append(FeeChange(stretch.network, grant.tier, book.currency, *nets))
    return out


def _net(facts: Facts, grant: Grant, year: Period, since: date) -> int | None:
    book = facts.rulebooks.governing(grant.network, since, year.start)
    tier = book.tier(grant.tier) if book else None
    if book is None or tier is None:
        return 0
    profile = facts.organisation(grant.organisation).profile_on(year.start)
    try:
        lines = fees.yearly(
            book, tier, profile, year, lambda d: prices.member_of(facts, grant, d, year.start), since=since
        )
    except RuleViolation:
        return None
    return sum(line.net for line in lines)
