"""Change a membership: another tier, an end, a suspension, an event; see first what follows; take it back.

A manager of its network decides. An administrator of the organisation may change the level and leave by itself
(`cluster_rules.own_changes`), and take back what the organisation decided.
"""

from datetime import date, timedelta
from typing import Literal
from uuid import UUID, uuid4

import msgspec

from cluster_rules import own_changes
from cluster_rules.applications import LATEST_START_DAYS
from cluster_rules.cascades import Consequences, allowed, decide, withdraw
from cluster_rules.errors import RuleViolation
from cluster_rules.intents import Intent
from cluster_rules.memberships import Decision, Facts, Stretch
from cluster_rules.networks import Rulebook
from cluster_rules.organisations import Profile
from cluster_rules.periods import Period
from crm import catalogue, faults, forms
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.context import Context
from crm.database import Connection
from crm.errors import Forbidden, Invalid, NotFound, Refused
from crm.store import audit, decisions, families, places, reviews
from crm.store.apply import apply

LONGEST_BACKDATING_DAYS = 3660
UNDO_WITHIN = timedelta(days=1)  # after an organisation decided, even when it counts already


class Change(msgspec.Struct, frozen=True):
    """What is asked for: `effective_on` is the first day it counts; `until` the first day after a suspension.

    An event is one that the rulebook names; its `until` is its own end (of the project that was awarded).
    """

    kind: Literal["tier_change", "ending", "suspension", "event"]
    effective_on: date
    tier: str = ""
    reason: str = ""
    until: date | None = None
    event: str = ""


class Changed(msgspec.Struct, frozen=True):
    """The decision's id (to take it back with), the memberships it touched, and draft invoices."""

    decision: UUID
    memberships: tuple[UUID, ...]
    invoices: tuple[UUID, ...]


class Choices(msgspec.Struct, frozen=True):
    """What an organisation may decide about its own membership: levels with the first day each may begin, and the
    first day without membership when notice is given now."""

    levels: tuple[tuple[str, date], ...]
    leave_on: date


class Found(msgspec.Struct, frozen=True):
    """One membership with its family's facts, as a decision needs it."""

    kept: Catalogue
    organisation: UUID
    network: str
    family: UUID
    facts: Facts
    today: date


async def choices(context: Context, actor: Actor, membership: UUID) -> Choices | None:
    """What the organisation may choose from today; None when it has no own membership there (any more)."""
    async with context.db.tx() as connection:
        found = await _find(connection, context, actor, membership, lock=False)
    own = _own(found)
    if own is None:
        return None
    book, stretch, tier = own
    since, told_on = stretch.period.start, max(found.today, stretch.period.start)
    levels = tuple(
        (each.code, own_changes.earliest(book, since, told_on, "tier_change", tier, each.code))
        for each in own_changes.open_levels(book, _profile(found), found.today)
        if each.code != tier
    )
    return Choices(levels, own_changes.earliest(book, since, told_on, "ending", tier, ""))


async def preview(context: Context, actor: Actor, membership: UUID, change: Change) -> tuple[Catalogue, Consequences]:
    """What the change would do; nothing is stored."""
    async with context.db.tx() as connection:
        found = await _find(connection, context, actor, membership, lock=False)
        decision = _decision(context, actor, found, change)
        facts = await places.ask(connection, found.kept, found.facts, found.today, decision, write=False)
        return found.kept, decide(facts, decision, found.today)


async def make(context: Context, actor: Actor, membership: UUID, change: Change) -> Changed:
    """Decide the change and everything that follows from it, in one transaction."""
    async with context.db.tx() as connection:
        found = await _find(connection, context, actor, membership, lock=True)
        decision = _decision(context, actor, found, change)
        facts = await places.ask(connection, found.kept, found.facts, found.today, decision)
        consequences = decide(facts, decision, found.today)
        await decisions.record(connection, membership, decision, actor)
        faults.point("change_recorded")
        applied = await apply(connection, found.kept, found.facts, consequences.intents, found.family)
        await reviews.decided(connection, membership, actor)
        detail = {
            "tier": change.tier,
            **({"event": change.event} if change.event else {}),
            "on": change.effective_on.isoformat(),
            "reason": change.reason,
            "rules": msgspec.to_builtins(consequences.considered),
        }
        await _audit(connection, actor, found, change.kind, decision.id, detail, consequences.intents)
        touched = [membership, *(m for m in applied.memberships.values() if m != membership)]
        return Changed(decision.id, tuple(touched), applied.invoices)


async def take_back(context: Context, actor: Actor, membership: UUID, decision: UUID) -> Changed:
    """Withdraw a decision that changed this membership: what followed from it is undone (AC-2d).

    A suspension that has begun is lifted: it ends today, and the days it lasted stay suspended (AC-2f). A
    joining is not taken back but ended. NotFound when the decision is another membership's.
    """
    async with context.db.tx() as connection:
        found = await _find(connection, context, actor, membership, lock=True)
        key = (found.organisation, found.network)
        stored = next(
            (d for d in found.facts.decisions if d.id == decision and (d.organisation, d.network) == key), None
        )
        if stored is None:
            raise NotFound("decision", decision)
        if stored.kind == "joining":
            raise Refused("joining_not_withdrawable", "id")
        if _by_member(actor) and not await _may_undo(connection, context, found, stored):
            raise Refused("not_yours_to_undo", "id")
        instead = _lifted(context, found, stored)
        consequences = withdraw(found.facts, decision, found.today, instead)
        await decisions.withdraw(connection, decision, actor)
        if instead:
            await decisions.record(connection, membership, instead, actor)
        applied = await apply(connection, found.kept, found.facts, consequences.intents, found.family)
        detail = {"decision": str(decision), "kind": stored.kind, "on": stored.effective_on.isoformat()}
        action = "suspension_lifted" if instead else "decision_withdrawn"
        await _audit(connection, actor, found, action, decision, detail, consequences.intents)
        touched = [membership, *(m for m in applied.memberships.values() if m != membership)]
        return Changed(decision, tuple(touched), applied.invoices)


def _lifted(context: Context, found: Found, stored: Decision) -> Decision | None:
    """The suspension as it was, ending today; None when it has not begun yet, or is over."""
    over = stored.until is not None and stored.until <= found.today
    if stored.kind != "suspension" or stored.effective_on >= found.today or over:
        return None
    recorded_at = families.moment(found.facts, context.clock.now())
    return msgspec.structs.replace(stored, id=uuid4(), until=found.today, recorded_at=recorded_at)


async def _find(connection: Connection, context: Context, actor: Actor, membership: UUID, lock: bool) -> Found:
    kept = await catalogue.load(connection)
    organisation, slug = await decisions.membership(connection, kept, membership)
    network = kept.network(slug)
    if _by_member(actor):
        actor.must_run(organisation)
    else:
        actor.must_manage(network.id)
    family = await (families.lock if lock else families.of)(connection, organisation)
    facts = await families.load(connection, kept, family)
    return Found(kept, organisation, slug, family, facts, context.clock.today(network.zone))


def _by_member(actor: Actor) -> bool:
    """Is it the organisation itself that decides?"""
    return actor.channel == "member"


async def _may_undo(connection: Connection, context: Context, found: Found, stored: Decision) -> bool:
    young = context.clock.now() - stored.recorded_at < UNDO_WITHIN
    own = await decisions.channel(connection, stored.id) == "member"
    return own and (stored.effective_on > found.today or young)


def _own(found: Found) -> tuple[Rulebook, Stretch, str] | None:
    """The rules that hold today for the direct membership, its stretch, and the level it has today or begins with."""
    key, today = (found.organisation, found.network), found.today
    stood = [s for s in found.facts.stood if (s.organisation, s.network) == key and s.period.end_or_far > today]
    if not stood:
        return None
    day = max(today, stood[0].period.start)
    book = found.facts.rulebooks.governing(found.network, stood[0].period.start, day)
    tier = next(grant.tier for grant in stood[0].grants if grant.period.covers(day))
    return (book, stood[0], tier) if book else None


def _profile(found: Found) -> Profile:
    """The organisation as it is today; one of which nothing is told fits where nothing is asked."""
    told = found.facts.organisation(found.organisation).profile_on(found.today)
    return told or Profile(Period(found.today), "", "")


def _as_members_may(found: Found, change: Change) -> None:
    """RuleViolation `notice_required`, `tier_by_manager`; Forbidden for what only a manager decides."""
    if change.kind not in ("tier_change", "ending"):
        raise Forbidden
    own = _own(found)
    if own is None:
        return  # the membership's own state says why not
    book, stretch, tier = own
    if change.kind == "tier_change":
        own_changes.refuse_closed(book, _profile(found), found.today, change.tier)
    since = stretch.period.start
    first = own_changes.earliest(book, since, max(found.today, since), change.kind, tier, change.tier)
    own_changes.refuse_early(change.effective_on, first)


def _decision(context: Context, actor: Actor, found: Found, change: Change) -> Decision:
    if _by_member(actor):
        _as_members_may(found, change)
    problems: forms.Problems = []
    forms.text(problems, "reason", change.reason, forms.NOTE_MAX, required=False)
    if problems:
        raise Invalid(problems)
    earliest = found.today - timedelta(days=LONGEST_BACKDATING_DAYS)
    latest = found.today + timedelta(days=LATEST_START_DAYS)
    if not earliest <= change.effective_on <= latest:
        raise RuleViolation(
            "date_out_of_range", "effective_on", given=change.effective_on, earliest=earliest, latest=latest
        )
    if change.until is not None and change.until <= change.effective_on:
        raise RuleViolation("period_empty", "until", starts_on=change.effective_on, ends_on=change.until)
    decision = Decision(
        id=uuid4(),
        organisation=found.organisation,
        network=found.network,
        kind=change.kind,
        effective_on=change.effective_on,
        recorded_at=families.moment(found.facts, context.clock.now()),
        tier=change.tier,
        until=change.until,
        reason=change.reason.strip(),
        event=change.event,
    )
    allowed(found.facts, decision)
    return decision


async def _audit(
    connection: Connection,
    actor: Actor,
    found: Found,
    action: str,
    decision: UUID,
    detail: dict[str, object],
    intents: tuple[Intent, ...],
) -> None:
    """One entry for the network that decided, one for every other network a rule reached."""
    own = found.kept.network(found.network).id
    await audit.append(connection, actor, action, detail, own, found.organisation, decision)
    reached = {i.network for i in intents if getattr(i, "network", found.network) != found.network}
    for slug in sorted(reached):
        linked = {"decision": str(decision), "source": found.network}
        await audit.append(
            connection, actor, "linked_membership", linked, found.kept.network(slug).id, found.organisation
        )
