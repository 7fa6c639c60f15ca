"""What a level costs and brings for an organisation like this one: an approval today, tried on paper.

`cluster_rules.cascades.decide` is asked, as an approval asks it; so a price shown here is the price billed then.
"""

from datetime import UTC, date, datetime
from uuid import UUID

import msgspec

from cluster_rules import applications, fees
from cluster_rules.cascades import Consequences, decide
from cluster_rules.errors import RuleViolation
from cluster_rules.fees import FeeLine
from cluster_rules.intents import Charge
from cluster_rules.memberships import Decision, Facts
from cluster_rules.networks import Agreement, LinkRule, Rulebook, Rulebooks, Tier
from cluster_rules.organisations import Organisation, Profile
from cluster_rules.outcomes import RuleOutcome
from cluster_rules.periods import Period
from crm.catalogue import Catalogue, NetworkRow

_NOBODY = UUID(int=0)


class Included(msgspec.Struct, frozen=True):
    """A membership elsewhere that a level may bring, by a rule under an agreement that is in force."""

    network: NetworkRow
    tier: str
    rule: LinkRule
    agreement: Agreement
    fires: bool  # for the organisation asked about


class Offer(msgspec.Struct, frozen=True):
    """One level. `yearly` and `first` are None while the size they depend on is not known.

    `least` and `most` span a year's fee over all sizes (`most` None: it cannot be said);
    `refusal` says why this organisation cannot have it.
    """

    tier: Tier
    book: Rulebook
    year: Period
    least: int
    most: int | None
    yearly: tuple[FeeLine, ...] | None
    first: tuple[FeeLine, ...] | None
    included: tuple[Included, ...]
    refusal: RuleViolation | None

    @property
    def example(self) -> bool:
        """Is any of its fees ours, and not from a source?"""
        return any(component.example for component in self.tier.fees)


def of_network(kept: Catalogue, slug: str, told: Profile, today: date) -> list[Offer]:
    """The levels one may apply for, the highest first; what is not known of the organisation is assumed to fit."""
    book = kept.book(slug, today)
    tiers = sorted((t for t in book.tiers if t.public), key=lambda t: -t.rank)
    return [of_tier(kept, book, t, typical(t, told, today), today) for t in tiers]


def typical(tier: Tier, told: Profile, today: date) -> Profile:
    """The organisation asked about; where kind or country are not known, the usual one the level is open to."""
    kinds, countries = tier.open_to.kinds or ("company",), tier.open_to.countries or ("NO",)
    assumed_kind = "company" if "company" in kinds else kinds[0]
    assumed_country = "NO" if "NO" in countries else countries[0]
    kind, country = told.kind or assumed_kind, told.country or assumed_country
    return msgspec.structs.replace(told, period=Period(today), kind=kind, country=country)


def of_tier(kept: Catalogue, book: Rulebook, tier: Tier, profile: Profile, today: date) -> Offer:
    """One level for one organisation that joins today."""
    found = _tried(kept, book, tier, profile, today, bill=False)
    year = book.period.containing(today, today)
    try:
        applications.may_apply(book, tier.code, profile, today)
        refusal = None
    except RuleViolation as violation:
        refusal = violation
    try:
        yearly = tuple(fees.yearly(book, tier, profile, year))
        billed = _tried(kept, book, tier, profile, today, bill=True)
        first = tuple(i.line for i in billed.intents if isinstance(i, Charge))
    except RuleViolation:  # the size is not known yet
        yearly = first = None
    spans = [fees.span(component) for component in tier.fees if component.charged != "first_year"]
    return Offer(
        tier,
        book,
        year,
        sum(least for least, _ in spans),
        None if any(most is None for _, most in spans) else sum(most or 0 for _, most in spans),
        yearly,
        first,
        tuple(_included(kept, book, found, tier, today)),
        refusal,
    )


def outcomes(kept: Catalogue, book: Rulebook, tier: Tier, profile: Profile, today: date) -> tuple[RuleOutcome, ...]:
    """Which link rules would be looked at, and what would stand in the way."""
    return _tried(kept, book, tier, profile, today, bill=False).considered


def links_of(kept: Catalogue, slug: str, today: date) -> list[Included]:
    """Every membership elsewhere that some level of this network brings."""
    book = kept.book(slug, today)
    return [found for rule in book.link_rules if (found := _one(kept, rule, False, today))]


def links_to(kept: Catalogue, slug: str, today: date) -> list[tuple[NetworkRow, LinkRule]]:
    """The rules of other networks that bring membership in this one."""
    return [
        (network, rule)
        for network in kept.networks
        if network.slug != slug and kept.rulebooks.of(network.slug)
        for rule in kept.book(network.slug, today).link_rules
        if rule.grants.network == slug and _one(kept, rule, False, today)
    ]


def _tried(kept: Catalogue, book: Rulebook, tier: Tier, profile: Profile, today: date, bill: bool) -> Consequences:
    facts = Facts((Organisation(_NOBODY, "", (profile,)),), _as_if_met(kept.rulebooks, book, tier))
    moment = datetime.combine(today, datetime.min.time(), UTC)
    joining = Decision(_NOBODY, _NOBODY, book.network, "joining", today, moment, tier.code)
    return decide(facts, joining, today, bill)


def _as_if_met(books: Rulebooks, book: Rulebook, tier: Tier) -> Rulebooks:
    """The rules with what a level requires elsewhere left out: what is not known is assumed to fit."""
    if not tier.requires:
        return books
    free = msgspec.structs.replace(tier, requires=())
    tiers = tuple(free if each.code == tier.code else each for each in book.tiers)
    freed = msgspec.structs.replace(book, tiers=tiers)
    return msgspec.structs.replace(books, versions=tuple(freed if b == book else b for b in books.versions))


def _included(kept: Catalogue, book: Rulebook, found: Consequences, tier: Tier, today: date) -> list[Included]:
    fired = {outcome.rule for outcome in found.considered if outcome.fired}
    rules = [rule for rule in book.link_rules if tier.code in rule.when.tiers]
    return [one for rule in rules if (one := _one(kept, rule, rule.code in fired, today))]


def _one(kept: Catalogue, rule: LinkRule, fires: bool, today: date) -> Included | None:
    """None where nothing new can come of it now; what a rule gives to units or parents is not the reader's own."""
    agreement = kept.rulebooks.agreement(rule.agreement)
    if rule.grants.to != "organisation":
        return None
    if agreement is None or not agreement.period.covers(today) or rule.grants.network not in kept.by_slug:
        return None
    return Included(kept.by_slug[rule.grants.network], rule.grants.tier, rule, agreement, fires)
