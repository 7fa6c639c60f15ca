"""One decision in, everything that follows out: the heart of the product.

`decide(facts, decision, today)` adds one decision to the facts, derives all grants again (want),
compares with the stored ones (have) and returns the difference as intents, together with the
charges, feed entries and mails that come with it. The preview, the approval, the import and
`crm verify` all call this; none has rules of its own.
"""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import msgspec

from cluster_rules import charges, notices, outcomes
from cluster_rules.errors import RuleViolation
from cluster_rules.events import refuse_event, refuse_locked, refuse_unlocking
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
from cluster_rules.links import Derived, derive, settled
from cluster_rules.memberships import Decision, Facts, Grant, Segment, Stretch, timeline
from cluster_rules.networks import Tier
from cluster_rules.places import waits
from cluster_rules.requirements import Turn, level_turns, refuse_unmet, turns
from cluster_rules.transfers import carried

RECOMPUTED = Step("recomputed")
PAID = Step("paid")
ANSWERED = Step("answered")
OFFERED = Step("offered")
PLACE = Step("place")


class Consequences(msgspec.Struct, frozen=True):
    """What a decision leads to: intents in the order to apply, and which rules were considered."""

    intents: tuple[Intent, ...]
    considered: tuple[outcomes.RuleOutcome, ...] = ()


def decide(facts: Facts, decision: Decision, today: date, bill: bool = True) -> Consequences:
    """All consequences of adding `decision`; `bill` False records history without charges.

    `today` is the day in the network's time zone; it only tells what is past (feed: gone or not;
    notices: now or later). RuleViolation when the decision itself is not allowed.
    """
    had = _former(facts)
    before = settled(facts, had)
    _allowed(before, decision, carried(facts))
    after = msgspec.structs.replace(facts, decisions=(*facts.decisions, decision))
    wanted = derive(after)
    turned = turns(had.lost, wanted.lost, decision)
    changed = _difference(facts, wanted, Step(decision.kind, {"decision": str(decision.id)}))
    grants = _with_requirements(changed, turned)
    memberships = _memberships(after, wanted, today)
    holds = settled(after, wanted)
    acting = _as_it_acts(holds, decision)
    billed = charges.of(before, holds, acting, grants, turned, today) if bill else ()
    told = (*notices.of(after, decision, acting, grants, today), *notices.required(turned))
    considered = () if waits(after, decision) else outcomes.of_decision(after, acting, wanted)
    return Consequences((*grants, *memberships, *billed, *told), considered)


def withdraw(facts: Facts, decision: UUID, today: date, instead: Decision | None = None) -> Consequences:
    """All consequences of taking one decision back (AC-2d: the end is cancelled).

    `instead` takes its place at once: a suspension that is lifted becomes one that ends today, so
    that the days it lasted stay what they were (AC-2f).

    What it cost or gave back is reversed, and what was said about it is said to be void. RuleViolation
    `decision_unknown` when there is no such decision. Decisions that only made sense after it (a tier
    change within a joining that is taken back) then change nothing, but are kept.
    """
    taken = next((d for d in facts.decisions if d.id == decision), None)
    if taken is None:
        raise RuleViolation("decision_unknown", "id")
    kept = tuple(d for d in facts.decisions if d.id != decision)
    after = msgspec.structs.replace(facts, decisions=(*kept, instead) if instead else kept)
    wanted, had = derive(after), _former(facts)
    before, holds = settled(facts, had), settled(after, wanted)
    refuse_unlocking(before, holds, taken.id)
    turned = turns(had.lost, wanted.lost, taken)
    changed = _difference(facts, wanted, Step("withdrawn", {"decision": str(decision)}))
    grants = _with_requirements(changed, turned)
    memberships = _memberships(after, wanted, today)
    billed = charges.taken_back(before, holds, _as_it_acts(before, taken), grants, turned, today)
    told = (*notices.taken_back(after, taken, grants, today, instead), *notices.required(turned))
    return Consequences((*grants, *memberships, *billed, *told))


def repair(facts: Facts, today: date, reason: Step = RECOMPUTED) -> tuple[Intent, ...]:
    """What is stored and should not be, or the other way round; empty when all is as it must be."""
    wanted = derive(facts)
    grants = _difference(facts, wanted, reason)
    return (*grants, *_memberships(facts, wanted, today))


def on_facts(before: Facts, after: Facts, change: notices.FactsChange, today: date) -> Consequences:
    """What follows when an organisation is another than it was: it moves, becomes a public body, gets another parent.

    `before` and `after` differ in what is told of organisations (and in places that were given); nobody decided
    anything about a membership. Links start and end by what their rules say, and levels that are not open to it any
    more end where they say so (`open_to.on_change`).
    """
    had, wanted = derive(before), derive(after)
    old, new = settled(before, had), settled(after, wanted)
    required = turns(had.lost, wanted.lost)
    turned = [*required, *level_turns(old, new, required)]
    grants = _with_requirements(_difference(after, wanted, Step("facts_changed")), turned)
    memberships = _memberships(after, wanted, today)
    billed = charges.of_facts(old, new, grants, turned, today)
    held = {g.network for g in wanted.grants if g.organisation == change.organisation and g.period.end_or_far > today}
    told = (*notices.of_facts(after, change, grants, held, today), *notices.required(turned))
    return Consequences((*grants, *memberships, *billed, *told))


def on_agreement(before: Facts, after: Facts, agreement: str, today: date) -> Consequences:
    """What follows when an agreement between networks ends, or does not end after all (AC-2e, peers.md 2.5 item 12).

    `before` and `after` differ in that agreement alone; nobody decided anything about a membership. An own membership
    that requires a linked one ends with it as its level says.
    """
    had, wanted = derive(before), derive(after)
    turned = turns(had.lost, wanted.lost)
    changed = _difference(after, wanted, Step("agreement_changed", {"agreement": agreement}))
    grants = _with_requirements(changed, turned)
    memberships = _memberships(after, wanted, today)
    billed = charges.of_facts(settled(before, had), settled(after, wanted), grants, turned, today)
    told = (*notices.of_agreement(after, grants, today), *notices.required(turned))
    return Consequences((*grants, *memberships, *billed, *told))


def on_answer(before: Facts, after: Facts, today: date) -> Consequences:
    """What follows when somebody accepts or declines a link, or takes that back (peers.md 2.5 items 10, 11).

    `before` and `after` differ in that answer alone; nobody decided anything about an own membership.
    """
    had, wanted = derive(before), derive(after)
    turned = turns(had.lost, wanted.lost)
    grants = _with_requirements(_difference(after, wanted, ANSWERED), turned)
    memberships = _memberships(after, wanted, today)
    billed = charges.of_facts(settled(before, had), settled(after, wanted), grants, turned, today)
    told = (*notices.of_answer(after, grants, today), *notices.required(turned))
    return Consequences((*grants, *memberships, *billed, *told))


def on_offer(before: Facts, after: Facts, today: date) -> Consequences:
    """What follows when another system's network offers a membership, otherwise or no more (docs/federation.md).

    `before` and `after` differ in decisions about memberships in that network; nobody here decided anything.
    """
    had, wanted = derive(before), derive(after)
    turned = turns(had.lost, wanted.lost)
    grants = _with_requirements(_difference(after, wanted, OFFERED), turned)
    memberships = _memberships(after, wanted, today)
    billed = charges.of_facts(settled(before, had), settled(after, wanted), grants, turned, today)
    told = (*notices.of_offer(after, grants, today), *notices.required(turned))
    return Consequences((*grants, *memberships, *billed, *told))


def on_payment(facts: Facts, today: date) -> tuple[Intent, ...]:
    """What follows when `facts.paid` says more (or, after an undo, less) than it did: links that waited for it.

    Nobody decided anything, so nothing else changes; empty when no rule waits for a payment.
    """
    wanted = derive(facts)
    changed = _difference(facts, wanted, PAID)
    told = notices.of_payment(facts, changed, today)
    return (*changed, *_memberships(facts, wanted, today), *charges.of_links(facts, changed, today), *told)


def on_place(facts: Facts, today: date) -> tuple[Intent, ...]:
    """What follows when `facts.places` has one more: the link that waited for it."""
    wanted = derive(facts)
    changed = _difference(facts, wanted, PLACE)
    told = notices.of_place(facts, changed, today)
    return (*changed, *_memberships(facts, wanted, today), *charges.of_links(facts, changed, today), *told)


def allowed(facts: Facts, decision: Decision) -> None:
    """Refuse a decision that the rulebook or the membership's own state does not permit.

    RuleViolation `rulebook_missing`, `tier_unknown`, `already_member`, `not_a_member`, `tier_same`,
    `already_ending`, `period_empty`, `membership_required`, `locked_in`, and those of `events.refuse_event`. Only
    a direct membership changes tier or ends by decision; a linked one can be suspended by its network, and ends
    with its cause or by being declined.
    """
    _allowed(settled(facts), decision, carried(facts))


def timelines(facts: Facts, wanted: Derived) -> dict[tuple[UUID, str], tuple[Segment, ...]]:
    """What each membership of the family adds up to, in order; one that is stored and has no grant left: nothing."""
    by_membership: dict[tuple[UUID, str], list[Grant]] = {key: [] for key in facts.timelines}
    for grant in wanted.grants:
        by_membership.setdefault((grant.organisation, grant.network), []).append(grant)
    return {key: timeline(by_membership[key], wanted.suspended, facts.rulebooks) for key in sorted(by_membership)}


def _former(facts: Facts) -> Derived:
    """What was derived before the decision; looked at only where memberships require others."""
    return derive(facts) if facts.rulebooks.with_requirements else Derived((), {})


def _as_it_acts(settled_facts: Facts, decision: Decision) -> Decision:
    """An event as the change of level it brings; every other decision as it is."""
    return next((d for d in settled_facts.decisions if d.id == decision.id), decision)


def _allowed(facts: Facts, decision: Decision, stored: Facts) -> None:
    if decision.kind == "event":
        refuse_event(stored, decision)
        return
    on = decision.effective_on
    stood = [s for s in facts.stood if (s.organisation, s.network) == _membership(decision)]
    holding = next((s for s in stood if s.period.covers(on)), None)
    book = facts.rulebooks.governing(decision.network, holding.period.start if holding else on, on)
    if book is None:
        raise RuleViolation("rulebook_missing", "network", network=decision.network)
    tier = book.tier(decision.tier)
    if decision.kind in ("joining", "tier_change") and tier is None:
        raise RuleViolation("tier_unknown", "tier", tier=decision.tier, network=decision.network)
    if decision.kind == "joining":
        later = next((s for s in stood if s.period.end_or_far > on), None)
        if later:
            raise RuleViolation("already_member", "network", network=decision.network, since=later.period.start)
        _refuse_unmet(tier, facts, decision)
        return
    if decision.kind == "ending" and not holding and any(s.period.end == on for s in stood):
        raise RuleViolation("already_ending", "effective_on", on=on)
    if not holding and not (decision.kind == "suspension" and _linked_on(facts, decision)):
        raise RuleViolation("not_a_member", "effective_on", on=on)
    if decision.kind == "suspension" and decision.until is not None and decision.until <= on:
        raise RuleViolation("period_empty", "until", starts_on=on, ends_on=decision.until)
    if holding:
        refuse_locked(facts, decision, holding)
    if decision.kind == "tier_change" and holding and _tier_on(holding, on) == decision.tier:
        raise RuleViolation("tier_same", "tier", tier=decision.tier)
    if decision.kind == "tier_change":
        _refuse_unmet(tier, facts, decision)


def _refuse_unmet(tier: Tier | None, facts: Facts, decision: Decision) -> None:
    if tier and tier.requires:
        refuse_unmet(tier, decision.organisation, decision.effective_on, derive(facts).grants)


def _membership(decision: Decision) -> tuple[UUID, str]:
    return decision.organisation, decision.network


def _linked_on(facts: Facts, decision: Decision) -> bool:
    return any(
        (g.organisation, g.network) == _membership(decision) and g.period.covers(decision.effective_on)
        for g in derive(facts).grants
    )


def _tier_on(stretch: Stretch, day: date) -> str:
    return next(g.tier for g in stretch.grants if g.period.covers(day))


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


def _with_requirements(changed: tuple[GrantIntent, ...], turned: Sequence[Turn]) -> tuple[GrantIntent, ...]:
    """The same, where a direct grant ends (or goes on) because of a required one with that as its reason."""
    if not turned:
        return changed
    required = {(turn.organisation, turn.network): turn.requirement.network for turn in turned if turn.requirement}
    out: list[GrantIntent] = []
    for intent in changed:
        grant = intent.before if isinstance(intent, RetractGrant) else intent.grant
        network = required.get((grant.organisation, grant.network)) if grant.kind == "direct" else None
        if network:
            reason = Step("required", intent.reason.values | {"network": network})
            intent = msgspec.structs.replace(intent, reason=reason)
        out.append(intent)
    return tuple(out)


def _memberships(facts: Facts, wanted: Derived, today: date) -> tuple[Intent, ...]:
    """The new timeline of every membership that adds up differently now, and its one feed entry."""
    out: list[Intent] = []
    for (organisation, network), segments in timelines(facts, wanted).items():
        if segments == facts.timelines.get((organisation, network), ()):
            continue
        gone = not segments or segments[-1].period.end_or_far <= today
        out.append(SetTimeline(organisation, network, segments))
        out.append(Publish(organisation, network, "remove" if gone else "upsert", "left" if gone else "changed", today))
    return tuple(out)
