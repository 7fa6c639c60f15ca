"""May this organisation apply for this tier, and from which day may it start?"""

from datetime import date, timedelta

from cluster_rules.eligibility import unmet
from cluster_rules.errors import RuleViolation
from cluster_rules.networks import Rulebook, Tier
from cluster_rules.organisations import Profile

LATEST_START_DAYS = 731  # two years ahead


def may_apply(book: Rulebook, tier_code: str, profile: Profile, today: date) -> Tier:
    """The tier, if it is open to an organisation like this one.

    RuleViolation `tier_unknown`, `tier_not_public`, `kind_not_open`, `country_not_open`,
    `too_many_employees`, `too_old`; each names the field that does not fit.
    """
    tier = book.tier(tier_code)
    if tier is None:
        raise RuleViolation("tier_unknown", "tier", tier=tier_code, network=book.network)
    if not tier.public:
        raise RuleViolation("tier_not_public", "tier", tier=tier_code)
    for each in unmet(tier.open_to, profile, today):
        raise RuleViolation(each.code, f"organisation.{each.field}", tier=tier_code, **each.values)
    return tier


def may_start(book: Rulebook, starts_on: date, today: date) -> None:
    """A membership starts on or after the first rulebook's day and at most two years ahead."""
    latest = today + timedelta(days=LATEST_START_DAYS)
    if not book.effective_from <= starts_on <= latest:
        raise RuleViolation(
            "start_out_of_range", "starts_on", given=starts_on, earliest=book.effective_from, latest=latest
        )
