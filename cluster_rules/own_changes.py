"""What a member may change about its own membership, and from which day (its administrator asks, no manager decides).

Up at once, down and out with the rulebook's notice (domain.md 1.15, "notice rule"): a manager may do more, and sooner.
"""

from datetime import date
from typing import Literal

from cluster_rules import endings
from cluster_rules.eligibility import unmet
from cluster_rules.errors import RuleViolation
from cluster_rules.networks import Rulebook, Tier
from cluster_rules.organisations import Profile


def earliest(
    book: Rulebook, member_since: date, told_on: date, kind: Literal["tier_change", "ending"], before: str, after: str
) -> date:
    """The first day on which the change may count for a member that asks on `told_on`.

    To a higher level: that very day. To a lower one or out: as `endings.earliest`, because the network has counted
    on the fee until then.
    """
    ranks = {tier.code: tier.rank for tier in book.tiers}
    if kind == "tier_change" and ranks.get(after, -1) > ranks.get(before, -1):
        return told_on
    return endings.earliest(book, member_since, told_on)


def open_levels(book: Rulebook, profile: Profile, day: date) -> list[Tier]:
    """The levels a member may choose by itself, the highest first: those anybody may apply for that fit it.

    What is not public, ends by itself or has a limited number of places is for the network to give.
    """
    found = [t for t in book.tiers if t.public and not t.places and not t.temporary.months and not t.temporary.until]
    return sorted((t for t in found if not any(unmet(t.open_to, profile, day))), key=lambda t: -t.rank)


def refuse_early(on: date, earliest_on: date) -> None:
    """RuleViolation `notice_required` with the first day that is possible."""
    if on < earliest_on:
        raise RuleViolation("notice_required", "effective_on", given=on, earliest=earliest_on)


def refuse_closed(book: Rulebook, profile: Profile, day: date, tier: str) -> None:
    """RuleViolation `tier_by_manager` for a level that only the network gives."""
    known = book.tier(tier)
    if known is not None and known not in open_levels(book, profile, day):
        raise RuleViolation("tier_by_manager", "tier", tier=tier, network=book.network)
