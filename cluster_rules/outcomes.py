"""Which link rules were looked at, and why each did or did not give a membership: the decision log (AC-2b).

The same answer is given about a decision (what a preview shows) and about any day ("why not?").
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Literal
from uuid import UUID

import msgspec

from cluster_rules.links import Derived, agreed, consented, derive
from cluster_rules.memberships import Decision, Facts, Grant
from cluster_rules.networks import LinkRule, When, in_force
from cluster_rules.periods import Period
from cluster_rules.predicates import FailedPredicate, covered, failed_predicates, looks_at

HeldBack = Literal["", "declined", "acceptance", "place", "payment"]


class RuleOutcome(msgspec.Struct, frozen=True):
    """A link rule that was looked at, and whether and why (not) it fired.

    `failed` are the predicates that do not hold. When all hold and it still did not fire, `held_back`
    says what stands in the way: it was declined, the target network has not accepted, no place
    is free, or the charge of the cause is not paid.
    """

    rule: str
    network: str
    target: str
    fired: bool
    failed: tuple[FailedPredicate, ...] = ()
    held_back: HeldBack = ""


class Looked(msgspec.Struct, frozen=True):
    """What a rule looks at: an organisation at a tier of its network on a day, by grant `cause` (None: it has none)."""

    organisation: UUID
    network: str
    tier: str
    on: date
    cause: Grant | None = None


def of_decision(facts: Facts, decision: Decision, wanted: Derived) -> tuple[RuleOutcome, ...]:
    """Every link rule of the network that was looked at for a decision's tier; `wanted` is what then stands."""
    if not decision.tier:
        return ()
    on = decision.effective_on
    key = decision.organisation, decision.network
    standing = next((s for s in wanted.stood if (s.organisation, s.network) == key and s.period.covers(on)), None)
    since = standing.period.start if standing else on
    cause = next((g for g in standing.grants if g.period.covers(on)), None) if standing else None
    book = facts.rulebooks.governing(decision.network, since, on)
    at = Looked(decision.organisation, decision.network, decision.tier, on, cause)
    return tuple(_outcome(rule, at, facts, wanted) for rule in book.link_rules) if book else ()


def of_day(facts: Facts, organisation: UUID, on: date, target: str = "") -> tuple[RuleOutcome, ...]:
    """Every link rule that could concern an organisation on a day, and what came of it.

    These are the rules of the networks it is a member of on that day; with `target`, those of every network
    that has rules towards it, too: not being a member there (`membership`) is then what failed.
    """
    wanted = derive(facts)
    held = [g for g in wanted.grants if g.organisation == organisation and g.period.covers(on)]
    out: dict[tuple[str, str], RuleOutcome] = {}
    for rule, at in [*_rules_of(held, facts, wanted, on), *_rules_towards(target, organisation, held, facts, on)]:
        found = _outcome(rule, at, facts, wanted)
        before = out.get((at.network, rule.code))
        if (not target or rule.grants.network == target) and (before is None or (found.fired and not before.fired)):
            out[at.network, rule.code] = found
    return tuple(out[key] for key in sorted(out))


def _rules_of(held: list[Grant], facts: Facts, wanted: Derived, on: date) -> Iterator[tuple[LinkRule, Looked]]:
    """The rules that govern each grant held, direct ones first."""
    since = {g.id: s.period.start for s in wanted.stood for g in s.grants}
    for grant in sorted(held, key=lambda g: (g.kind, g.network)):
        book = facts.rulebooks.governing(grant.network, since.get(grant.id, grant.period.start), on)
        for rule in book.link_rules if book else ():
            yield rule, Looked(grant.organisation, grant.network, grant.tier, on, grant)


def _rules_towards(
    target: str, organisation: UUID, held: list[Grant], facts: Facts, on: date
) -> Iterator[tuple[LinkRule, Looked]]:
    member_of = {g.network for g in held}
    for network in sorted(facts.rulebooks.networks - member_of) if target else ():
        book = facts.rulebooks.governing(network, on, on)
        for rule in book.link_rules if book else ():
            if rule.grants.network == target:
                yield rule, Looked(organisation, network, "", on)


def _outcome(rule: LinkRule, at: Looked, facts: Facts, wanted: Derived) -> RuleOutcome:
    failed = _failed(rule, at, facts)
    fired = looks_at(rule, at.tier) and any(
        g.rule == rule.code and g.source == at.network and g.organisation in _covers(rule, at, facts)
        for g in wanted.grants
        if g.period.end_or_far > at.on
    )
    held_back = _held_back(rule, at, facts) if not (fired or failed) else ""
    return RuleOutcome(rule.code, at.network, rule.grants.network, fired, () if fired else tuple(failed), held_back)


def _covers(rule: LinkRule, at: Looked, facts: Facts) -> list[UUID]:
    """Who gets what the rule gives on the day."""
    if rule.grants.to == "organisation":
        return [at.organisation]
    day = Period(at.on, at.on + timedelta(days=1))
    anyone = msgspec.structs.replace(rule, when=When(()))
    return [who for who, _ in covered(anyone, facts.organisation(at.organisation), day, facts)]


def _failed(rule: LinkRule, at: Looked, facts: Facts) -> list[FailedPredicate]:
    profile = facts.organisation(at.organisation).profile_on(at.on)
    failed = failed_predicates(rule.when, profile) if profile else []
    if not at.tier:
        failed.insert(0, FailedPredicate("membership", [at.network], ""))
    elif not looks_at(rule, at.tier):
        failed.insert(0, FailedPredicate("tiers", list(rule.when.tiers), at.tier))
    if at.cause and at.cause.kind == "linked" and not rule.policy.through_linked:
        failed.append(FailedPredicate("own_membership", [at.network], "linked"))
    if rule.grants.to != "organisation" and not _covers(rule, at, facts):
        failed.append(FailedPredicate("covers", [rule.grants.to], ""))
    agreement = in_force(rule, at.network, facts.rulebooks)
    if agreement is None or not agreement.period.covers(at.on):
        failed.append(FailedPredicate("agreement", [rule.agreement], str(at.on)))
    return failed


def _held_back(rule: LinkRule, at: Looked, facts: Facts) -> HeldBack:
    answered = [agreed(rule, who, at.network, facts) for who in _covers(rule, at, facts)]
    said_yes = [period for each in answered for period in each]
    if not any(period.end_or_far > at.on for period in said_yes):
        waits = rule.policy.acceptance == "target_decides" and not said_yes
        return "acceptance" if waits else "declined"
    if not any(
        p.end_or_far > at.on for who in _covers(rule, at, facts) for p in consented(rule, who, at.network, facts)
    ):
        return "place"
    if rule.policy.start == "on_payment" and (at.cause is None or at.cause.id not in facts.paid):
        return "payment"
    return ""
