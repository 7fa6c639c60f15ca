"""What a level would cost an organisation that joins on a day: an approval and an ordinary year, tried on paper.

The functions that price a sign-up, an approval and a renewal (`cluster_rules`) are asked, so what is shown here is
what would be billed. Amounts are minor units without VAT; VAT stands on each line.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from uuid import UUID

import msgspec

from cluster_rules import applications, fees
from cluster_rules.cascades import decide
from cluster_rules.components import Discount
from cluster_rules.errors import RuleViolation
from cluster_rules.fees import FeeLine
from cluster_rules.intents import Charge
from cluster_rules.memberships import Decision, Facts, Grant
from cluster_rules.networks import Rulebook, Rulebooks, Tier
from cluster_rules.organisations import Organisation, Profile
from cluster_rules.periods import Period
from cluster_rules.prices import member_of
from crm.catalogue import Catalogue

_NOBODY = UUID(int=0)
Elsewhere = tuple[tuple[str, str], ...]  # (network, level) of memberships in its own right


class Price(msgspec.Struct, frozen=True):
    """`first`: what joining on the day bills; `yearly`: an ordinary `year`. None where `missing` says why not.

    `refusal` says why such an organisation cannot apply for the level; the price holds for a manager who lets it in.
    """

    book: Rulebook
    tier: Tier
    year: Period
    first: tuple[FeeLine, ...] | None
    yearly: tuple[FeeLine, ...] | None
    missing: RuleViolation | None
    refusal: RuleViolation | None


def price(
    kept: Catalogue, book: Rulebook, tier: Tier, profile: Profile, starts_on: date, elsewhere: Elsewhere = ()
) -> Price:
    """The price by this version of the rules, whether it is published, in force, or a draft."""
    year = book.period.containing(starts_on, starts_on)
    facts = _facts(kept, book, tier, profile, starts_on, elsewhere)
    first = yearly = missing = refusal = None
    try:
        yearly = tuple(fees.yearly(book, tier, profile, year, _applies(facts, book, tier, year.start), day=year.start))
        first = _billed(facts, book, tier, starts_on)
    except RuleViolation as violation:
        missing = violation
    try:
        applications.may_apply(book, tier.code, profile, starts_on)
    except RuleViolation as violation:
        refusal = violation
    return Price(book, tier, year, first, yearly, missing, refusal)


def _facts(
    kept: Catalogue, book: Rulebook, tier: Tier, profile: Profile, starts_on: date, elsewhere: Elsewhere
) -> Facts:
    """An organisation like this, with its memberships elsewhere; of the network itself only this version is known."""
    moment = datetime.combine(starts_on, datetime.min.time(), UTC)
    days = Period(starts_on)
    decisions, grants = [], []
    for number, (network, code) in enumerate(elsewhere, 1):
        decisions.append(Decision(UUID(int=number), _NOBODY, network, "joining", starts_on, moment, code))
        grants.append(Grant(UUID(int=number), _NOBODY, network, "direct", code, days))
    organisation = Organisation(_NOBODY, "", (msgspec.structs.replace(profile, period=days),))
    books = _only(kept.rulebooks, book, tier)
    return Facts((organisation,), books, decisions=tuple(decisions), grants=tuple(grants))


def _only(books: Rulebooks, book: Rulebook, tier: Tier) -> Rulebooks:
    """Of the network's own rules this version alone, without what the level requires elsewhere."""
    tiers = tuple(msgspec.structs.replace(t, requires=()) if t.code == tier.code else t for t in book.tiers)
    others = tuple(b for b in books.versions if b.network != book.network)
    return msgspec.structs.replace(books, versions=(*others, msgspec.structs.replace(book, tiers=tiers)))


def _billed(facts: Facts, book: Rulebook, tier: Tier, starts_on: date) -> tuple[FeeLine, ...]:
    """The lines of the first invoice, those of linked memberships that come along included."""
    moment = datetime.combine(starts_on, datetime.min.time(), UTC)
    joining = Decision(_NOBODY, _NOBODY, book.network, "joining", starts_on, moment, tier.code)
    lines = [i.line for i in decide(facts, joining, starts_on, True).intents if isinstance(i, Charge)]
    already = {grant.network for grant in facts.grants}
    return tuple(line for line in lines if line.network == book.network or line.network not in already)


def _applies(facts: Facts, book: Rulebook, tier: Tier, day: date) -> Callable[[Discount], bool]:
    grant = Grant(_NOBODY, _NOBODY, book.network, "direct", tier.code, Period(day))
    since = max(day, min((g.period.start for g in facts.grants), default=day))

    def applies(discount: Discount) -> bool:
        return member_of(facts, grant, discount, since)

    return applies
