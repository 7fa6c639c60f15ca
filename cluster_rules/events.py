"""What a level says about its own end: an event makes it another level, its time runs out, it stops fitting.

"Project members become full members when the grant is awarded, and must stay for the project's duration"
(domain.md T3, Bio-based Industries Consortium). The event is a fact that a person recorded; that it changes the
level, locks the membership in, or that a temporary one ends because it never came, is derived from the rulebook.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from uuid import UUID, uuid5

import msgspec

from cluster_rules.eligibility import closed_days
from cluster_rules.errors import RuleViolation
from cluster_rules.memberships import SHORTLY, Decision, Facts, Grant, Stretch, governed, stretches
from cluster_rules.networks import Rulebooks, Tier, Upgrade
from cluster_rules.periods import FAR, add_months
from cluster_rules.places import admitted


def acted(facts: Facts) -> Facts:
    """The facts with each event as the change of level it brings, and each end that a level brings by itself.

    What waits for a place is not there. A change keeps the event's id, its `event`, and in `until` the end of the
    lock-in (None = none). An event that means nothing at the level held on its day changes nothing. Doing it twice
    is the same as once.
    """
    facts = admitted(facts)
    networks = facts.rulebooks.with_own_ends
    mine = [d for d in facts.decisions if d.network in networks]
    if not mine:
        return facts
    made = [d for d in mine if d.kind != "event"]
    for event in sorted((d for d in mine if d.kind == "event"), key=lambda d: (d.effective_on, d.recorded_at, d.id)):
        held = _held([*made, *_ends(made, facts)], event)
        upgrade = upgrade_of(*held, event, facts.rulebooks) if held else None
        if upgrade:
            made.append(_change(event, upgrade))
    others = [d for d in facts.decisions if d.network not in networks]
    return msgspec.structs.replace(facts, decisions=(*others, *made, *_ends(made, facts)))


def upgrade_of(grant: Grant, since: date, event: Decision, rulebooks: Rulebooks) -> Upgrade | None:
    """What the level of `grant`, held by a member since `since`, says about this event on its day."""
    tier = _tier(grant, since, event.effective_on, rulebooks)
    return tier.upgrade(event.event) if tier else None


def lock_end(upgrade: Upgrade, on: date, until: date | None) -> date | None:
    """The first day on which a member may end or go down again after an event `on` a day, which is over `until` one."""
    if upgrade.lock_in == "event_end":
        return until
    return add_months(on, upgrade.lock_months) if upgrade.lock_in == "months" else None


def refuse_event(stored: Facts, event: Decision) -> None:
    """RuleViolation when an event cannot be recorded; `stored` are the facts without it, as they are stored.

    `not_a_member`, `event_unknown`, `event_end_missing`, `period_empty`, `ending_planned` (an end that somebody
    decided lies within the lock-in).
    """
    on = event.effective_on
    held = _held(acted(stored).decisions, event)
    if held is None:
        raise RuleViolation("not_a_member", "effective_on", on=on)
    grant, since = held
    upgrade = upgrade_of(grant, since, event, stored.rulebooks)
    if upgrade is None:
        raise RuleViolation("event_unknown", "event", given=event.event, tier=grant.tier, network=event.network)
    if upgrade.lock_in == "event_end" and event.until is None:
        raise RuleViolation("event_end_missing", "until")
    if event.until is not None and event.until <= on:
        raise RuleViolation("period_empty", "until", starts_on=on, ends_on=event.until)
    until = lock_end(upgrade, on, event.until)
    for planned in stored.decisions:
        same = (planned.organisation, planned.network, planned.kind) == (event.organisation, event.network, "ending")
        if until and same and on < planned.effective_on < until:
            raise RuleViolation("ending_planned", "effective_on", on=planned.effective_on, until=until)


def refuse_locked(settled: Facts, decision: Decision, holding: Stretch) -> None:
    """RuleViolation `locked_in` with the first free day, when `decision` ends or lowers what an event locked in."""
    for lock in locks(settled.decisions, holding):
        rank = settled.rulebooks.rank
        lowers = decision.kind == "tier_change" and rank(lock.network, decision.tier) < rank(lock.network, lock.tier)
        if lock.until and decision.effective_on < lock.until and (lowers or decision.kind == "ending"):
            raise RuleViolation("locked_in", "effective_on", until=lock.until)


def refuse_unlocking(before: Facts, after: Facts, taken: UUID) -> None:
    """RuleViolation `locked_in` when taking back `taken` would make another, later event mean nothing."""
    left = {lock.id for s in stretches(after.decisions) for lock in locks(after.decisions, s)}
    for stretch in stretches(before.decisions):
        for lock in locks(before.decisions, stretch):
            if lock.id not in (taken, *left):
                raise RuleViolation("locked_in", "id", until=lock.until or lock.effective_on)


def locks(settled: Iterable[Decision], stretch: Stretch) -> list[Decision]:
    """The events that made a level of this stretch, as changes of level (see `acted`)."""
    opened = {grant.id for grant in stretch.grants}
    return [d for d in settled if d.event and d.kind == "tier_change" and d.id in opened]


def _change(event: Decision, upgrade: Upgrade) -> Decision:
    until = lock_end(upgrade, event.effective_on, event.until)
    return msgspec.structs.replace(event, kind="tier_change", tier=upgrade.to, until=until)


def _held(decisions: Iterable[Decision], event: Decision) -> tuple[Grant, date] | None:
    """The direct grant of the event's membership on its day, and since when that is a member; an event acts once."""
    key = (event.organisation, event.network)
    mine = [d for d in decisions if (d.organisation, d.network) == key]
    for stretch in stretches(mine):
        for grant in stretch.grants:
            if grant.period.covers(event.effective_on):
                return grant, stretch.period.start
    return None


def _tier(grant: Grant, since: date, day: date, rulebooks: Rulebooks) -> Tier | None:
    book = rulebooks.governing(grant.network, since, day)
    return book.tier(grant.tier) if book else None


def _ends(decisions: Sequence[Decision], facts: Facts) -> list[Decision]:
    """The ends that levels bring by themselves, in the form of decisions that nobody had to make."""
    if not decisions:
        return []
    recorded = max(d.recorded_at for d in facts.decisions) + SHORTLY
    out: list[Decision] = []
    for _ in decisions:  # who joined again may run out of time again
        found = [end for s in stretches([*decisions, *out]) if (end := _end(s, facts))]
        if not found:
            break
        for stretch, day in found:
            made = uuid5(stretch.grants[0].id, f"level/{day}")
            out.append(Decision(made, stretch.organisation, stretch.network, "ending", day, recorded))
    return out


def _end(stretch: Stretch, facts: Facts) -> tuple[Stretch, date] | None:
    days = [day for grant in stretch.grants for day in _days(grant, stretch.period.start, facts)]
    first = min(days, default=FAR)
    return (stretch, first) if first < stretch.period.end_or_far else None


def _days(grant: Grant, since: date, facts: Facts) -> Iterator[date]:
    """The days within a grant on which its level says that the membership ends."""
    for span, book in governed(grant, since, facts.rulebooks):
        tier = book.tier(grant.tier)
        if tier is None:
            continue
        days = [max(day, span.start) for day in tier.temporary.ends(grant.period.start)]
        if tier.open_to.on_change == "end_at_period_end":
            for closed in closed_days(tier.open_to, facts.organisation(grant.organisation), span):
                if closed.start > grant.period.start:  # what did not fit from the start was let in by somebody
                    turn = book.period.boundary_on_or_after(closed.start, since) or closed.start
                    days += [turn] if turn < closed.end_or_far else []
        yield from (day for day in days if span.covers(day))
