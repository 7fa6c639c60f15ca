"""What a decision costs or gives back, as charges for the draft invoice.

Joining is billed from its first day to the end of the membership year (and every further year
that has begun already). A linked membership is billed only if its rule says so (M15). Moving up
pays the difference for the rest of the year; moving down or leaving gives money back only where
the rulebook says `refund = "credit"`.
"""

from collections.abc import Iterable, Iterator
from datetime import date

from cluster_rules import fees
from cluster_rules.fees import FeeLine, Step
from cluster_rules.intents import Charge, GrantIntent, Intent, StartGrant, WaiveFee
from cluster_rules.memberships import Decision, Facts, Grant, direct_grants
from cluster_rules.networks import LinkRule, Rulebook
from cluster_rules.periods import Period, between

MOST_YEARS_BACK = 30


def of(before: Facts, decision: Decision, changed: Iterable[GrantIntent], today: date) -> tuple[Intent, ...]:
    """The charges that follow from one decision; `before` knows what was billed already."""
    out: list[Intent] = []
    for intent in changed:
        if not isinstance(intent, StartGrant):
            continue
        if intent.grant.kind == "linked":
            out += _linked(before, intent.grant, today)
        elif decision.kind == "joining":
            out += _joining(before, intent.grant, today)
    if decision.kind in ("tier_change", "ending"):
        out += _rest_of_year(before, decision)
    return tuple(out)


def _joining(facts: Facts, grant: Grant, today: date) -> Iterator[Charge]:
    for line in _lines(facts, grant, today):
        yield Charge(grant.organisation, grant.network, grant.id, line, Step("joining"))


def _lines(facts: Facts, grant: Grant, today: date) -> Iterator[FeeLine]:
    """The grant's fee for each membership year from its start to the one of `today`, unless billed."""
    book = facts.rulebooks.governing(grant.network, grant.period.start, grant.period.start)
    tier = book.tier(grant.tier) if book else None
    if book is None or tier is None:
        return
    day = grant.period.start
    for _ in range(MOST_YEARS_BACK):
        year = book.period.containing(day, grant.period.start)
        part = year.overlap(grant.period)
        profile = facts.organisation(grant.organisation).profile_on(day)
        if part and profile and not _billed(facts, grant, part):
            yield from fees.prorated(fees.yearly(book, tier, profile, year), book, tier, part)
        if year.end is None or year.end > max(today, grant.period.start):
            return
        day = year.end


def _billed(facts: Facts, grant: Grant, part: Period) -> bool:
    return any(
        (organisation, network) == (grant.organisation, grant.network) and period.overlap(part)
        for organisation, network, period in facts.charged
    )


def _linked(facts: Facts, grant: Grant, today: date) -> Iterator[Intent]:
    rule = _rule(facts, grant)
    if rule is None:
        return
    for line in fees.linked(_lines(facts, grant, today), rule.fee):
        yield Charge(grant.organisation, grant.network, grant.id, line, Step("linked", {"rule": rule.code}))
    own = _own_grant(facts, grant)
    if own:
        yield from _own_fee(facts, own, grant, rule)


def _rule(facts: Facts, grant: Grant) -> LinkRule | None:
    books = [b for b in facts.rulebooks.of(grant.source) if b.version == grant.version]
    return books[0].link_rule(grant.rule) if books else None


def _own_grant(facts: Facts, grant: Grant) -> Grant | None:
    return next(
        (
            g
            for g in direct_grants(facts.decisions)
            if (g.organisation, g.network) == (grant.organisation, grant.network)
            if g.period.covers(grant.period.start)
        ),
        None,
    )


def _own_fee(facts: Facts, own: Grant, grant: Grant, rule: LinkRule) -> Iterator[Intent]:
    """The member pays for the same network itself already: the rule's word on that fee (AC-2c)."""
    book = facts.rulebooks.governing(own.network, own.period.start, grant.period.start)
    if book is None or rule.fee.own_membership == "keep":
        return
    if rule.fee.own_membership == "credit":
        for line in _unused(facts, own, book, grant.period.start):
            yield Charge(own.organisation, own.network, own.id, line, Step("linked", {"rule": rule.code}))
        since = grant.period.start
    else:
        since = book.period.boundary_on_or_after(grant.period.start, own.period.start) or grant.period.start
    waived = between(since, grant.period.end_or_far)
    if waived:
        yield WaiveFee(own.organisation, own.network, grant.id, waived)


def _rest_of_year(facts: Facts, decision: Decision) -> Iterator[Charge]:
    """The billed rest of the year at the new tier instead of the old one."""
    old = next(
        (
            g
            for g in direct_grants(facts.decisions)
            if (g.organisation, g.network) == (decision.organisation, decision.network)
            if g.period.covers(decision.effective_on)
        ),
        None,
    )
    book = (
        facts.rulebooks.governing(decision.network, old.period.start, decision.effective_on) if old else None
    )
    if old is None or book is None:
        return
    back = _unused(facts, old, book, decision.effective_on)
    new = _at_tier(facts, old, book, decision) if back and decision.kind == "tier_change" else []
    if book.refund == "credit" or sum(line.net for line in (*new, *back)) > 0:
        for line in (*back, *new):
            yield Charge(old.organisation, old.network, decision.id, line, Step(decision.kind))


def _unused(facts: Facts, own: Grant, book: Rulebook, day: date) -> list[FeeLine]:
    """What was billed for the days from `day` to the end of its year, as credit lines."""
    year = book.period.containing(day, own.period.start)
    rest = between(day, year.end_or_far)
    tier = book.tier(own.tier)
    profile = facts.organisation(own.organisation).profile_on(day)
    if not (rest and tier and profile and _billed(facts, own, rest)):
        return []
    lines = fees.prorated(fees.yearly(book, tier, profile, year), book, tier, rest)
    return fees.credit(lines, "unused_days")


def _at_tier(facts: Facts, old: Grant, book: Rulebook, decision: Decision) -> list[FeeLine]:
    year = book.period.containing(decision.effective_on, old.period.start)
    rest = between(decision.effective_on, year.end_or_far)
    tier = book.tier(decision.tier)
    profile = facts.organisation(old.organisation).profile_on(decision.effective_on)
    if not (rest and tier and profile):
        return []
    return fees.prorated(fees.yearly(book, tier, profile, year), book, tier, rest)
