"""Whom a level is open to (`open_to`): asked at the application, and again when the organisation changes.

What a level says about kind, country, size and age is about the organisation as it is. So it can stop holding:
a start-up turns five, a company moves abroad (domain.md AC-3, peers.md 2.5 item 15).
"""

from collections.abc import Iterator
from datetime import date

import msgspec

from cluster_rules.networks import OpenTo
from cluster_rules.organisations import Organisation, Profile
from cluster_rules.periods import Period, add_months, between, joined


class Unmet(msgspec.Struct, frozen=True):
    """One thing a level asks for and an organisation is not: `field` of its profile, what is given or the limit."""

    code: str
    field: str
    values: dict[str, object]


def unmet(open_to: OpenTo, profile: Profile, day: date) -> Iterator[Unmet]:
    """What does not fit on `day`: `kind_not_open`, `country_not_open`, `too_many_employees`, `too_old`."""
    if open_to.kinds and profile.kind not in open_to.kinds:
        yield Unmet("kind_not_open", "kind", {"given": profile.kind})
    if open_to.countries and profile.country not in open_to.countries:
        yield Unmet("country_not_open", "country", {"given": profile.country})
    if open_to.max_employees and (profile.employees or 0) > open_to.max_employees:
        yield Unmet("too_many_employees", "employees", {"limit": open_to.max_employees})
    end = too_old_from(open_to, profile)
    if end and end <= day:
        yield Unmet("too_old", "founded_on", {"limit": open_to.max_age_years})


def too_old_from(open_to: OpenTo, profile: Profile) -> date | None:
    """The first day on which the organisation is as old as the level does not want it (its 5th anniversary)."""
    if not open_to.max_age_years or profile.founded_on is None:
        return None
    return add_months(profile.founded_on, 12 * open_to.max_age_years)


def closed_days(open_to: OpenTo, organisation: Organisation, span: Period) -> list[Period]:
    """The days of `span` on which the level is not open to the organisation, by what is known of it."""
    out: list[Period] = []
    for profile in organisation.profiles:
        known = profile.period.overlap(span)
        if known is None:
            continue
        turn = too_old_from(open_to, profile)
        for day in sorted({known.start, turn} if turn and known.covers(turn) else {known.start}):
            if any(unmet(open_to, profile, day)):
                out += [p for p in [between(day, known.end_or_far)] if p]
    return joined(out)
