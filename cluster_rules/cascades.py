"""One decision in, everything that follows out: the heart of the product.

`decide(facts, decision, today)` adds one decision to the facts, derives all grants again (want),
compares with the stored ones (have) and returns the difference as intents, together with the
charges, feed entries and mails that come with it. The preview, the approval, the import and
`crm verify` all call this; none has rules of its own.
"""

from datetime import date
from uuid import UUID

import msgspec

from cluster_rules import charges, notices
from cluster_rules.errors import RuleViolation
from cluster_rules.fees import Step
from cluster_rules.intents import (
    EndGrant,
    GrantIntent,
    Intent,
    Publish,
    RetractGrant,
    ReviseGrant,
    SetTimeline,
    StartGrant,
)
from cluster_rules.links import Derived, FailedPredicate, derive, failed_predicates
from cluster_rules.memberships import Decision, Facts, Grant, timeline


RECOMPUTED = Step("recomputed")


class RuleOutcome(msgspec.Struct, frozen=True):
    """The decision log: a link rule that was looked at, and whether and why (not) it fired."""

    rule: str
    network: str
    target: str
    fired: bool
    failed: tuple[FailedPredicate, ...] = ()


class Consequences(msgspec.Struct, frozen=True):
    """What a decision leads to: intents in the order to apply, and which rules were considered."""

    intents: tuple[Intent, ...]
    considered: tuple[RuleOutcome, ...] = ()


def decide(facts: Facts, decision: Decision, today: date, bill: bool = True) -> Consequences:
    """All consequences of adding `decision`; `bill` False records history without charges.

    `today` is the day in the network's time zone; it only tells what is past (feed: gone or not;
    notices: now or later). RuleViolation when the decision itself is not allowed.
    """
    allowed(facts, decision)
    after = msgspec.structs.replace(facts, decisions=(*facts.decisions, decision))
    return _compare(facts, after, decision, today, bill)


def withdraw(facts: Facts, decision: UUID, today: date) -> Consequences:
    """All consequences of taking one decision back (AC-2d: the end is cancelled)."""
    taken = next((d for d in facts.decisions if d.id == decision), None)
    if taken is None:
        raise RuleViolation("decision_unknown", "id")
    kept = tuple(d for d in facts.decisions if d.id != decision)
    return _compare(facts, msgspec.structs.replace(facts, decisions=kept), taken, today, bill=False)


def repair(facts: Facts, today: date, reason: Step = RECOMPUTED) -> tuple[Intent, ...]:
    """What is stored and should not be, or the other way round; empty when all is as it must be."""
    wanted = derive(facts)
    grants = _difference(facts, wanted, reason)
    return (*grants, *_memberships(facts, wanted, today))


def allowed(facts: Facts, decision: Decision) -> None:
    """Refuse a decision that the rulebook or the membership's own state does not permit."""
    book = facts.rulebooks.governing(decision.network, decision.effective_on, decision.effective_on)
    if book is None:
        raise RuleViolation("rulebook_missing", "network", network=decision.network)
    stands = [g for g in derive(facts).grants if g.kind == "direct" and _same(g, decision)]
    current = next((g for g in stands if g.period.covers(decision.effective_on)), None)
    later = [g for g in stands if g.period.end_or_far > decision.effective_on]
    if decision.kind in ("joining", "tier_change") and book.tier(decision.tier) is None:
        raise RuleViolation("tier_unknown", "tier", tier=decision.tier, network=decision.network)
    if decision.kind == "joining" and later:
        raise RuleViolation(
            "already_member", "network", network=decision.network, since=later[0].period.start
        )
    if decision.kind in ("tier_change", "ending", "suspension") and current is None:
        raise RuleViolation("not_a_member", "effective_on", on=decision.effective_on)
    if decision.kind == "tier_change" and current and current.tier == decision.tier:
        raise RuleViolation("tier_same", "tier", tier=decision.tier)
    if decision.kind == "ending" and current and current.period.end == decision.effective_on:
        raise RuleViolation("already_ending", "effective_on", on=decision.effective_on)


def _same(grant: Grant, decision: Decision) -> bool:
    return (grant.organisation, grant.network) == (decision.organisation, decision.network)


def _compare(before: Facts, after: Facts, decision: Decision, today: date, bill: bool) -> Consequences:
    wanted = derive(after)
    grants = _difference(before, wanted, Step(decision.kind, {"decision": str(decision.id)}))
    memberships = _memberships(after, wanted, today)
    billed = charges.of(before, decision, grants, today) if bill else ()
    told = notices.of(after, decision, grants, today)
    return Consequences((*grants, *memberships, *billed, *told), _considered(after, decision, wanted))


def _difference(facts: Facts, wanted: Derived, reason: Step) -> tuple[GrantIntent, ...]:
    """Want minus have, have minus want; what is equal is left alone (applying twice changes nothing)."""
    have = {g.id: g for g in facts.grants}
    want = {g.id: g for g in wanted.grants}
    out: list[GrantIntent] = [RetractGrant(g, reason) for g in facts.grants if g.id not in want]
    for grant in wanted.grants:
        before = have.get(grant.id)
        if before is None:
            out.append(StartGrant(grant, reason))
        elif grant.period.end_or_far < before.period.end_or_far:
            out.append(EndGrant(grant, before, reason))
        elif grant != before:
            out.append(ReviseGrant(grant, before, reason))
    return tuple(out)


def _memberships(facts: Facts, wanted: Derived, today: date) -> tuple[Intent, ...]:
    """The new timeline of every membership that adds up differently now, and its one feed entry."""
    by_membership: dict[tuple[UUID, str], list[Grant]] = {key: [] for key in facts.timelines}
    for grant in wanted.grants:
        by_membership.setdefault((grant.organisation, grant.network), []).append(grant)
    out: list[Intent] = []
    for organisation, network in sorted(by_membership, key=str):
        segments = timeline(by_membership[organisation, network], wanted.suspended, facts.rulebooks)
        if segments == facts.timelines.get((organisation, network), ()):
            continue
        gone = not segments or segments[-1].period.end_or_far <= today
        out.append(SetTimeline(organisation, network, segments))
        out.append(
            Publish(organisation, network, "remove" if gone else "upsert", "left" if gone else "changed")
        )
    return tuple(out)


def _considered(facts: Facts, decision: Decision, wanted: Derived) -> tuple[RuleOutcome, ...]:
    """Which link rules were looked at for this decision's tier, and what stood in the way."""
    book = facts.rulebooks.governing(decision.network, decision.effective_on, decision.effective_on)
    profile = facts.organisation(decision.organisation).profile_on(decision.effective_on)
    out: list[RuleOutcome] = []
    for rule in book.link_rules if book and decision.tier else ():
        failed = failed_predicates(rule.when, profile) if profile else []
        if decision.tier not in rule.when.tiers:
            failed.insert(0, FailedPredicate("tiers", list(rule.when.tiers), decision.tier))
        agreement = facts.rulebooks.agreement(rule.agreement)
        if agreement is None or not agreement.period.covers(decision.effective_on):
            failed.append(FailedPredicate("agreement", [rule.agreement], str(decision.effective_on)))
        fired = any(
            g.rule == rule.code and g.source == decision.network and g.organisation == decision.organisation
            for g in wanted.grants
            if g.period.end_or_far > decision.effective_on
        )
        out.append(RuleOutcome(rule.code, decision.network, rule.grants.network, fired, tuple(failed)))
    return tuple(out)
