"""What a decision costs or gives back, as charges for the draft invoice.

Joining is billed from its first day to the end of the membership year (and every further year
that has begun already). A linked membership is billed only if its rule says so (M15). Moving up
pays the difference for what is billed already; moving down or leaving gives money back only where
the rulebook says `refund = "credit"`. A decision that is taken back never costs anything.
"""

from collections.abc import Iterable, Iterator
from datetime import date

import msgspec

from cluster_rules import fees, prices
from cluster_rules.fees import FeeLine, Step
from cluster_rules.intents import Charge, EndGrant, GrantIntent, Intent, RetractGrant, StartGrant, WaiveFee
from cluster_rules.memberships import Decision, Facts, Grant, Stretch, direct_grants
from cluster_rules.networks import LinkFee, LinkRule, Rulebook
from cluster_rules.periods import Period, between
from cluster_rules.prices import MOST_YEARS
from cluster_rules.requirements import Turn


def of(
    before: Facts, after: Facts, decision: Decision, changed: Iterable[GrantIntent], turns: Iterable[Turn], today: date
) -> tuple[Intent, ...]:
    """The charges that follow from one decision; `before` knows what was billed already.

    `turns` are memberships that end or go on because of one they require.
    RuleViolation `size_unknown` or `band_missing` when a fee needs a size that nobody has told.
    """
    listed = list(changed)
    out: list[Intent] = []
    for intent in listed:
        if isinstance(intent, StartGrant) and intent.grant.kind == "linked":
            out += _linked(before, intent.grant, today)
        elif isinstance(intent, StartGrant) and intent.grant.id == decision.id and decision.kind == "joining":
            out += _joining(before, intent.grant, today)
    if decision.kind in ("tier_change", "ending"):
        on, leaves = decision.effective_on, decision.kind == "ending"
        out += _corrections(before, after, decision, on, leaves, today, Step(decision.kind))
    return (*out, *_required(before, after, turns, today), *_linked_back(before, listed))


def taken_back(
    facts: Facts, after: Facts, decision: Decision, changed: Iterable[GrantIntent], turns: Iterable[Turn], today: date
) -> tuple[Intent, ...]:
    """The charges when a stored decision is withdrawn: the reverse of what it costs or gives back."""
    listed = list(changed)
    started = [i.grant for i in listed if isinstance(i, StartGrant) and i.grant.kind == "linked"]
    out: list[Intent] = [intent for grant in started for intent in _linked(facts, grant, today)]
    reason = Step("withdrawn")
    if decision.kind == "joining":
        for stretch in prices.stretches_of(facts, decision):
            for grant in stretch.grants if stretch.period.start == decision.effective_on else ():
                back = _given_back(facts, grant, stretch.period.start, grant.period.start)
                out += [_charge(grant, line, reason) for line in back]
    elif decision.kind in ("tier_change", "ending"):
        on, leaves = decision.effective_on, decision.kind == "ending"
        for charge in _corrections(_as_before(after), facts, decision, on, leaves, today, reason, settles=False):
            (line,) = fees.credit([charge.line], "withdrawn")
            out.append(msgspec.structs.replace(charge, line=line))
    return (*out, *_required(facts, after, turns, today), *_linked_back(facts, listed))


def of_links(facts: Facts, changed: Iterable[GrantIntent], today: date) -> tuple[Intent, ...]:
    """The charges when links start or are taken back and nobody decided anything about the membership itself."""
    listed = list(changed)
    started = [i.grant for i in listed if isinstance(i, StartGrant) and i.grant.kind == "linked"]
    return (*(intent for grant in started for intent in _linked(facts, grant, today)), *_linked_back(facts, listed))


def of_facts(
    before: Facts, after: Facts, changed: Iterable[GrantIntent], turns: Iterable[Turn], today: date
) -> tuple[Intent, ...]:
    """The charges when facts about an organisation are others: of links that start or end, of memberships in `turns`.

    What was billed for days that stay membership stays as it was billed: a fee looks at its first billed day.
    """
    known = msgspec.structs.replace(before, organisations=after.organisations)
    listed = list(changed)
    started = [i.grant for i in listed if isinstance(i, StartGrant) and i.grant.kind == "linked"]
    linked = [intent for grant in started for intent in _linked(known, grant, today)]
    return (*linked, *_required(known, after, turns, today), *_linked_back(before, listed))


def _as_before(facts: Facts) -> Facts:
    """The facts as if a decision that is taken back had never been made: with the grants of the others."""
    linked = (g for g in facts.grants if g.kind == "linked")
    return msgspec.structs.replace(facts, grants=(*direct_grants(facts.decisions), *linked))


def _charge(grant: Grant, line: FeeLine, reason: Step) -> Charge:
    return Charge(grant.organisation, grant.network, grant.id, line, reason)


# What is billed when a grant starts


def _joining(facts: Facts, grant: Grant, today: date) -> Iterator[Intent]:
    """A new direct membership; what its fee is beside a linked one is that rule's word (AC-2c)."""
    beside = _linked_beside(facts, grant)
    linked, policy = beside if beside else (None, "keep")
    if policy != "credit":
        for line in _lines(facts, grant, today):
            yield _charge(grant, line, Step("joining"))
    book = facts.rulebooks.governing(grant.network, grant.period.start, grant.period.start)
    if linked is None or book is None or policy == "keep":
        return
    year = book.period.containing(grant.period.start, grant.period.start)
    since = grant.period.start if policy == "credit" else year.end_or_far
    waived = between(since, linked.period.end_or_far)
    if waived:
        yield WaiveFee(grant.organisation, grant.network, linked.id, waived)


def _linked_beside(facts: Facts, own: Grant) -> tuple[Grant, str] | None:
    """The linked grant that stands where `own` starts, with its rule's word on the own fee."""
    for grant in facts.grants:
        rule = prices.rule_of(facts, grant) if grant.kind == "linked" and prices.same(grant, own) else None
        if rule and rule.fee.own_membership != "keep" and grant.period.covers(own.period.start):
            return grant, rule.fee.own_membership
    return None


def _linked(facts: Facts, grant: Grant, today: date) -> Iterator[Intent]:
    rule = prices.rule_of(facts, grant)
    if rule is None:
        return
    for line in fees.linked(_lines(facts, grant, today), rule.fee):
        yield _charge(grant, line, Step("linked", {"rule": rule.code}))
    for stretch in prices.stretches_of(facts, grant):
        own = next((g for g in stretch.grants if g.period.covers(grant.period.start)), None)
        if own:
            yield from _own_fee(facts, own, stretch.period.start, grant, rule)


def _own_fee(facts: Facts, own: Grant, since: date, grant: Grant, rule: LinkRule) -> Iterator[Intent]:
    """The member pays for the same network itself already: the rule's word on that fee (AC-2c)."""
    start = grant.period.start
    book = facts.rulebooks.governing(own.network, since, start)
    if book is None or rule.fee.own_membership == "keep":
        return
    if rule.fee.own_membership == "credit":
        for line in _given_back(facts, own, since, start):
            yield _charge(own, line, Step("linked", {"rule": rule.code}))
        waived = between(start, grant.period.end_or_far)
    else:
        turn = book.period.boundary_on_or_after(start, since)
        waived = between(turn or start, grant.period.end_or_far)
    if waived:
        yield WaiveFee(own.organisation, own.network, grant.id, waived)


def _lines(facts: Facts, grant: Grant, today: date, member_since: date | None = None) -> Iterator[FeeLine]:
    """The grant's fee for each membership year from its start to the one of `today`, unless billed."""
    day = grant.period.start
    since = member_since or day
    for _ in range(MOST_YEARS):
        book = facts.rulebooks.governing(grant.network, since, day)
        if book is None:
            return
        year = book.period.containing(day, since)
        part = year.overlap(grant.period)
        if part and not prices.billed(facts, grant, part, book):
            yield from prices.fee(facts, book, grant, year, part, day, since)
        if year.end is None or year.end > max(today, grant.period.start) or year.end >= grant.period.end_or_far:
            return
        day = year.end


# What is changed or given back


def _required(before: Facts, after: Facts, turns: Iterable[Turn], today: date) -> Iterator[Charge]:
    """Memberships that end with one they require are billed like any that ends; the reverse when they go on."""
    for turn in turns:
        reason = Step("required", {"network": turn.requirement.network}) if turn.requirement else Step("not_open")
        if turn.ends:
            yield from _corrections(before, after, turn, turn.on, True, today, reason)
        else:
            yield from _continued(before, after, turn, today, reason)


def _continued(before: Facts, after: Facts, turn: Turn, today: date, reason: Step) -> Iterator[Charge]:
    """A membership that goes on after all: the rest of its year, and the years that have begun since, unless billed."""
    for stretch in prices.stretches_of(after, turn):
        since = stretch.period.start
        for grant in stretch.grants if stretch.period.covers(turn.on) else ():
            day = max(turn.on, grant.period.start)
            book = after.rulebooks.governing(grant.network, since, day)
            if book is None or day >= grant.period.end_or_far:
                continue
            year = book.period.containing(day, since)
            rest = between(day, min(year.end_or_far, grant.period.end_or_far))
            if rest and not prices.billed(before, grant, rest, book):
                for line in _unused(after, book, grant, year, rest, since):
                    yield _charge(grant, line, reason)
            later = between(year.end_or_far, min(grant.period.end_or_far, max(today, year.end_or_far)))
            if later:
                following = msgspec.structs.replace(grant, period=Period(later.start, grant.period.end))
                for line in _lines(before, following, today, since):
                    yield _charge(grant, line, reason)


def _unused(facts: Facts, book: Rulebook, grant: Grant, year: Period, rest: Period, since: date) -> list[FeeLine]:
    """What the `rest` of a year costs beyond the days before it: the whole, less what those cost alone."""
    start = max(year.start, grant.period.start)
    whole = prices.as_billed(facts, book, grant, year, Period(start, rest.end), start, since)
    used = between(start, rest.start)
    if used:
        before = prices.as_billed(facts, book, grant, year, used, start, since)
        whole = [fees.beyond(line, earlier) for line, earlier in zip(whole, before, strict=True)]
    return [msgspec.structs.replace(line, period=rest) for line in whole if line.net]


def _corrections(
    before: Facts,
    after: Facts,
    about: Decision | Turn,
    on: date,
    leaves: bool,
    today: date,
    reason: Step,
    settles: bool = True,
) -> list[Charge]:
    """The billed days from `on`, at the tier that now holds instead of the one that held."""
    stood = prices.stretches_of(before, about)
    old = next((s for s in stood if s.period.covers(on)), None)
    if old is None:
        return []
    since = old.period.start
    held, holds = ([g for s in each for g in s.grants] for each in (stood, prices.stretches_of(after, about)))
    lines: list[tuple[Grant, FeeLine]] = []
    for grant in old.grants:
        if grant not in holds and grant.period.end_or_far > on:
            first = max(on, grant.period.start)
            back = _given_back(before, grant, since, first, less_used=leaves, settles=settles)
            lines += [(grant, line) for line in back]
    free = not lines and _is_free(before, old, on)
    for grant in holds:
        if grant not in held and grant.period.start >= on:
            more = list(_instead(before, grant, since))
            lines += [(grant, line) for line in more or (_lines(before, grant, today, since) if free else ())]
    book = before.rulebooks.governing(about.network, since, on)
    due = sum(line.net for _, line in lines) > 0 or (book is not None and book.refund == "credit")
    return [_charge(grant, line, reason) for grant, line in lines] if due else []


def _is_free(facts: Facts, stretch: Stretch, day: date) -> bool:
    """Does the tier held on `day` cost nothing, so that nothing of it can have been billed?"""
    grant = next(g for g in stretch.grants if g.period.covers(day))
    book = facts.rulebooks.governing(grant.network, stretch.period.start, day)
    tier = book.tier(grant.tier) if book else None
    return tier is not None and not fees.costs(tier)


def _given_back(
    facts: Facts,
    grant: Grant,
    since: date,
    day: date,
    less_used: bool = True,
    fee: LinkFee | None = None,
    settles: bool = True,
) -> Iterator[FeeLine]:
    """What was billed for the days of `grant` from `day` on, as credit lines; `fee` is a linked grant's.

    `less_used`: whoever leaves pays for its used days as if it had been a member for these alone
    (a month begun is a month, a half-year begun a half-year, an indivisible fee is kept).
    `settles`: what comes back is held against what is still billed, see `_settled`.
    """
    for book, year in prices.years_billed(facts, grant, since, day):
        whole = year.overlap(grant.period)
        rest = between(max(day, whole.start), whole.end_or_far) if whole else None
        if whole is None or rest is None or not prices.billed(facts, grant, rest, book):
            continue
        used = between(whole.start, rest.start)
        part = whole if used and less_used else rest
        credit = fees.credit(prices.as_billed(facts, book, grant, year, part, whole.start, since), "unused_days")
        if used and less_used:
            kept = prices.as_billed(facts, book, grant, year, used, whole.start, since)
            credit = [fees.less(line, k) for line, k in zip(credit, kept, strict=True)]
        if fee:
            credit = fees.linked(credit, fee)
        if settles:
            credit = [prices.settled(facts, grant, year, line, all_of_it=used is None) for line in credit]
        yield from (msgspec.structs.replace(line, period=rest) for line in credit if line.net)


def _instead(facts: Facts, grant: Grant, since: date) -> Iterator[FeeLine]:
    """The fee of a grant that takes the place of a billed one, for the years that are billed."""
    for book, year in prices.years_billed(facts, grant, since, grant.period.start):
        part = year.overlap(grant.period)
        if part and prices.billed(facts, grant, part, book):
            yield from prices.fee(facts, book, grant, year, part, part.start, since)


def _linked_back(facts: Facts, changed: Iterable[GrantIntent]) -> Iterator[Charge]:
    """What was billed for a linked grant that is taken back, or ends where the network gives money back."""
    listed = list(changed)
    if not any(isinstance(i, RetractGrant | EndGrant) for i in listed):
        return
    replaced = {prices.source(i.grant) for i in listed if isinstance(i, StartGrant)}
    for intent in listed:
        if not isinstance(intent, RetractGrant | EndGrant) or intent.before.kind != "linked":
            continue
        grant, rule = intent.before, prices.rule_of(facts, intent.before)
        book = facts.rulebooks.governing(grant.network, grant.period.start, grant.period.start)
        own = any(s.period.overlap(grant.period) for s in prices.stretches_of(facts, grant))
        if rule is None or book is None or own or prices.source(grant) in replaced:
            continue
        if isinstance(intent, RetractGrant):
            day = grant.period.start
        elif book.refund == "credit":
            day = intent.grant.period.end_or_far
        else:
            continue
        for line in _given_back(facts, grant, grant.period.start, day, fee=rule.fee):
            yield _charge(grant, line, Step("linked", {"rule": rule.code}))
