"""Whom a link rule looks at, which of its predicates hold on which days, and whom its grant covers."""

from collections.abc import Iterator
from uuid import UUID

import msgspec

from cluster_rules.memberships import Facts
from cluster_rules.networks import LinkRule, When
from cluster_rules.organisations import Organisation, Profile
from cluster_rules.periods import Period, joined


class FailedPredicate(msgspec.Struct, frozen=True):
    """Why a rule did not give a membership: which predicate, what it wants, what is."""

    predicate: str
    wanted: list[str]
    actual: str


def looks_at(rule: LinkRule, tier: str) -> bool:
    """Is `tier` among those the rule asks for? An empty list means any."""
    return not rule.when.tiers or tier in rule.when.tiers


def covered(rule: LinkRule, holder: Organisation, span: Period, facts: Facts) -> Iterator[tuple[UUID, list[Period]]]:
    """Who gets what the rule gives because of `holder`, and on which days of `span` all predicates hold.

    organisation: the holder itself. units: each unit that has it as its parent, while it has (a parent's
    membership covers its units, domain.md T5). parent: the organisation that it is a unit of. The
    predicates are always about the holder.
    """
    fits = _fitting(rule.when, holder, span)
    if rule.grants.to == "organisation":
        yield holder.id, fits
        return
    for other in facts.organisations:
        below, above = (other, holder) if rule.grants.to == "units" else (holder, other)
        days = [d for p in _known(below, span) if p.parent == above.id and (d := p.period.overlap(span))]
        both = [d for fit in fits for day in joined(days) if (d := fit.overlap(day))]
        if both:
            yield other.id, both


def _fitting(when: When, organisation: Organisation, span: Period) -> list[Period]:
    """The days of `span` on which the organisation fulfils the rule's predicates."""
    fits = [p.period.overlap(span) for p in _known(organisation, span) if not failed_predicates(when, p)]
    return joined([f for f in fits if f])


def _known(organisation: Organisation, span: Period) -> list[Profile]:
    """Its profiles; facts start somewhere, and the first one holds before as well."""
    known = list(organisation.profiles)
    if known and span.start < known[0].period.start:
        known[0] = msgspec.structs.replace(known[0], period=Period(span.start, known[0].period.end))
    return known


def failed_predicates(when: When, profile: Profile) -> list[FailedPredicate]:
    """Which predicates about the organisation do not hold (AC-2b); empty when all do."""
    failed: list[FailedPredicate] = []
    shape = "unit" if profile.is_unit else "legal_entity"
    if when.kinds and profile.kind not in when.kinds:
        failed.append(FailedPredicate("kinds", list(when.kinds), profile.kind))
    if when.countries and profile.country not in when.countries:
        failed.append(FailedPredicate("countries", list(when.countries), profile.country))
    if when.unit not in ("any", shape):
        failed.append(FailedPredicate("unit", [when.unit], shape))
    if not _size_fits(when, profile):
        failed.append(FailedPredicate("employees", _limits(when), str(profile.employees)))
    return failed


def _limits(when: When) -> list[str]:
    return [str(when.min_employees), str(when.max_employees or "")]


def _size_fits(when: When, profile: Profile) -> bool:
    if not when.min_employees and not when.max_employees:
        return True
    if profile.employees is None:
        return False
    return when.min_employees <= profile.employees <= (when.max_employees or profile.employees)
