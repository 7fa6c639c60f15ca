"""Who is told what, and when. Texts are not here: `templates/mail/` has one per kind and language.

Kinds: membership_approved, linked_membership_started, linked_membership_ending,
linked_membership_continues, tier_changed, membership_ending, membership_suspended, suspension_lifted,
decision_withdrawn, membership_event, linked_membership_accepted, linked_membership_paid, place_given, place_waiting,
facts_changed, organisation_merged, organisation_split, organisation_renamed.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec

from cluster_rules.intents import (
    CancelNotices,
    EndGrant,
    GrantIntent,
    Intent,
    Notify,
    RetractGrant,
    ReviseGrant,
    StartGrant,
)
from cluster_rules.memberships import Decision, Facts, Grant
from cluster_rules.places import waits
from cluster_rules.requirements import Turn

_ABOUT_DECISION = {
    "joining": "membership_approved",
    "tier_change": "tier_changed",
    "ending": "membership_ending",
    "suspension": "membership_suspended",
    "event": "membership_event",
}


class FactsChange(msgspec.Struct, frozen=True):
    """Which facts about an organisation are told anew, from which day, and (`told_by`) which networks tell it so.

    `facts`: name -> {old, new}. `taken_back`: an earlier change is void.
    """

    organisation: UUID
    on: date
    facts: dict[str, dict[str, Any]]
    told_by: tuple[str, ...]
    taken_back: bool = False


def of(
    facts: Facts, decision: Decision, acting: Decision, changed: Iterable[GrantIntent], today: date
) -> tuple[Intent, ...]:
    """The mails one decision leads to: to the member once, and to the managers of every network touched.

    `acting` is the decision as it acts: of an event, the change of level with the end of the lock-in.
    """
    listed = list(changed)
    about = () if waits(facts, decision) else _about_decision(facts, decision, acting, listed)
    return (*about, *_about_waiting(facts), *_about_links(facts, listed, today))


def taken_back(
    facts: Facts,
    decision: Decision,
    changed: Iterable[GrantIntent],
    today: date,
    instead: Decision | None = None,
) -> tuple[Intent, ...]:
    """The mails when a decision is withdrawn: what was said about it is void, and what that means for links.

    With `instead`, a suspension that ends today takes its place: it is lifted, and was right until then.
    """
    on = decision.effective_on
    kind = "decision_withdrawn"
    if instead and instead.until:
        kind, on = "suspension_lifted", instead.until
    values: dict[str, Any] = {"tier": decision.tier, "on": on.isoformat(), "linked": []}
    about = [Notify(kind, decision.organisation, decision.network, to, values) for to in ("member", "managers")]
    return (*about, *_about_links(facts, changed, today))


def of_payment(facts: Facts, changed: Iterable[GrantIntent], today: date) -> Iterator[Intent]:
    """The mails when a payment starts links: the member hears of each by itself, nothing else told of it."""
    return _links_given("linked_membership_paid", facts, list(changed), today)


def of_facts(
    facts: Facts, change: FactsChange, changed: Iterable[GrantIntent], held: Iterable[str], today: date
) -> Iterator[Intent]:
    """The mails when facts are told anew: the member hears of it once, the managers of every network it is in."""
    listed, networks = list(changed), sorted(held)
    started = _started(i for i in listed if _grant(i).organisation == change.organisation)
    values = {"on": change.on.isoformat(), "facts": change.facts, "taken_back": change.taken_back, "linked": started}
    teller = next((network for network in networks if network in change.told_by), None)
    if teller:
        yield Notify("facts_changed", change.organisation, teller, "member", values)
    for network in networks:
        yield Notify("facts_changed", change.organisation, network, "managers", values)
    yield from _about_links(facts, listed, today)


def of_organisations(
    kind: str,
    about: Iterable[UUID],
    held: Mapping[UUID, Iterable[str]],
    told_by: Iterable[str],
    values: dict[str, Any],
) -> Iterator[Notify]:
    """The mails about organisations that merge, split or get another name (`organisation_` and which).

    Each of `about` hears of it once, from a network of `told_by` or else one it is a member of (`held`); the
    managers of every network that holds any of them hear of it once.
    """
    tellers, listed = list(told_by), list(about)
    for organisation in listed:
        networks = sorted(held.get(organisation, ()))
        teller = next((n for n in networks if n in tellers), next(iter(networks or tellers), None))
        if teller:
            yield Notify(f"organisation_{kind}", organisation, teller, "member", values)
    for network in sorted({n for each in held.values() for n in each}):
        yield Notify(f"organisation_{kind}", listed[0], network, "managers", values)


def of_place(facts: Facts, changed: Iterable[GrantIntent], today: date) -> Iterator[Intent]:
    """The mails when a place of a link rule became free for who waited: the member, and the managers of the links."""
    return _links_given("place_given", facts, list(changed), today)


def of_answer(facts: Facts, changed: Iterable[GrantIntent], today: date) -> Iterator[Intent]:
    """The mails when a link is accepted or declined: the member hears of what it got, or when what it had ends."""
    return _links_given("linked_membership_accepted", facts, list(changed), today)


def of_offer(facts: Facts, changed: Iterable[GrantIntent], today: date) -> Iterator[Intent]:
    """The mails when a network on another system offers a membership here: as when a link is accepted."""
    listed = [i for i in changed if _grant(i).kind == "linked"]
    return _links_given("linked_membership_accepted", facts, listed, today)


def of_agreement(facts: Facts, changed: Iterable[GrantIntent], today: date) -> Iterator[Intent]:
    """The mails when an agreement ends or goes on: to every member it reaches, and here to no manager.

    Managers of both networks hear of the agreement itself, once, not of each of its links.
    """
    for intent in _about_links(facts, changed, today):
        if not (isinstance(intent, Notify) and intent.to == "managers"):
            yield intent


def required(turned: Iterable[Turn]) -> Iterator[Notify]:
    """The mails when a membership ends because one it requires does, or goes on after all."""
    for turn in turned:
        kind = "membership_ending" if turn.ends else "decision_withdrawn"
        source = turn.requirement.network if turn.requirement else ""
        values = {"tier": "", "on": turn.on.isoformat(), "reason": "", "linked": [], "source": source}
        for to in ("member", "managers"):
            yield Notify(kind, turn.organisation, turn.network, to, values)


def _links_given(kind: str, facts: Facts, changed: list[GrantIntent], today: date) -> Iterator[Intent]:
    """The member hears of each link that starts now by itself, as `kind` says why."""
    for intent in changed:
        if isinstance(intent, StartGrant):
            grant = intent.grant
            values = {"tier": grant.tier, "source": grant.source, "starts_on": grant.period.start.isoformat()}
            yield Notify(kind, grant.organisation, grant.network, "member", values)
    yield from _about_links(facts, changed, today)


def _about_links(facts: Facts, changed: Iterable[GrantIntent], today: date) -> Iterator[Intent]:
    for intent in changed:
        if _grant(intent).kind == "linked":
            yield from _about_link(facts, intent, today)


def _grant(intent: GrantIntent) -> Grant:
    return intent.before if isinstance(intent, RetractGrant) else intent.grant


def _about_waiting(facts: Facts) -> Iterator[Notify]:
    """Who did not get a place hears its number in the queue; so do the managers whose places they are."""
    for each in facts.waiting:
        book = facts.rulebooks.of(each.network)[-1]
        rule = book.link_rule(each.rule) if each.rule else None
        network, tier = (rule.grants.network, rule.grants.tier) if rule else (each.network, each.tier)
        values = {"tier": tier, "number": each.number, "source": each.network if rule else ""}
        yield Notify("place_waiting", each.organisation, network, "member", values)
        yield Notify("place_waiting", each.organisation, each.network, "managers", values | {"tier": ""})


def _about_decision(facts: Facts, decision: Decision, acting: Decision, changed: list[GrantIntent]) -> Iterator[Notify]:
    kind = _ABOUT_DECISION[decision.kind]
    started = _started(changed)
    values: dict[str, Any] = {
        "tier": acting.tier,
        "on": acting.effective_on.isoformat(),
        "reason": decision.reason,
        "linked": started,
    }
    if decision.kind == "event":
        values["event"] = facts.rulebooks.event_names(decision.network, decision.event)
        values["locked_until"] = acting.until.isoformat() if acting.until else None
    yield Notify(kind, decision.organisation, decision.network, "member", values)
    yield Notify(kind, decision.organisation, decision.network, "managers", values)


def _started(changed: Iterable[GrantIntent]) -> list[dict[str, str]]:
    return [
        {"network": i.grant.network, "tier": i.grant.tier, "starts_on": i.grant.period.start.isoformat()}
        for i in changed
        if isinstance(i, StartGrant) and i.grant.kind == "linked"
    ]


def _about_link(facts: Facts, intent: GrantIntent, today: date) -> Iterator[Intent]:
    grant = _grant(intent)
    values: dict[str, Any] = {
        "tier": grant.tier,
        "source": grant.source,
        "rule": grant.rule,
        "starts_on": grant.period.start.isoformat(),
        "ends_on": grant.period.end.isoformat() if grant.period.end else None,
    }
    if isinstance(intent, StartGrant):
        # the member's own mail about the decision lists what started with it
        yield Notify("linked_membership_started", grant.organisation, grant.network, "managers", values)
    elif isinstance(intent, EndGrant | RetractGrant):
        if isinstance(intent, RetractGrant):
            values["ends_on"] = grant.period.start.isoformat()
        yield from _ending(facts, grant, values, today)
    elif isinstance(intent, ReviseGrant) and intent.grant.period != intent.before.period:
        yield CancelNotices("linked_membership_ending", grant.organisation, grant.network)
        for to in ("member", "managers"):
            yield Notify("linked_membership_continues", grant.organisation, grant.network, to, values)


def _ending(facts: Facts, grant: Grant, values: dict[str, Any], today: date) -> Iterator[Intent]:
    """The member hears of it the rule's notice before the last day, and is offered its own (AC-2d)."""
    book = facts.rulebooks.version(grant.source, grant.version)
    rule = book.link_rule(grant.rule) if book else None
    told_on = date.fromisoformat(values["ends_on"]) - timedelta(days=rule.policy.notice_days if rule else 0)
    yield CancelNotices("linked_membership_ending", grant.organisation, grant.network)
    yield Notify(
        "linked_membership_ending",
        grant.organisation,
        grant.network,
        "member",
        values,
        told_on if told_on > today else None,
    )
    yield Notify("linked_membership_ending", grant.organisation, grant.network, "managers", values)
