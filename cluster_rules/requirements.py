"""A membership that requires another: "members of the chapter must be members of the association" (domain.md T4).

Joining is refused without the required membership. When that one ends, the own membership that rests
on it ends too, as its level says. This is derived like everything else: nothing is deleted, and when
the required one turns out to go on, so does the other. It does not come back by itself later, though:
who lost it joins again. A linked membership asks for nothing here: its agreement says who gets it.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from uuid import UUID, uuid5

import msgspec

from cluster_rules.errors import RuleViolation
from cluster_rules.memberships import SHORTLY, Decision, Facts, Grant, Stretch, governed, stretches
from cluster_rules.networks import Requirement, Tier
from cluster_rules.periods import Period


class Lost(msgspec.Struct, frozen=True):
    """The direct membership `opened` by a grant ends because one it requires is not there.

    `ending` says so in the form of a decision that nobody had to make.
    """

    opened: UUID
    ending: Decision
    requirement: Requirement


class Turn(msgspec.Struct, frozen=True):
    """What changed in this respect: a membership now ends on a day, or goes on from it after all.

    No `requirement`: it ends because its level is not open to the organisation any more, or goes on as it is again.
    """

    organisation: UUID
    network: str
    on: date
    ends: bool
    requirement: Requirement | None = None


def lost(facts: Facts, grants: Iterable[Grant]) -> tuple[Lost, ...]:
    """Which direct memberships end for want of a required one, if `grants` are all there is."""
    networks = facts.rulebooks.with_requirements
    decisions = [d for d in facts.decisions if d.network in networks]
    if not decisions:
        return ()
    held = list(grants)
    recorded = max(d.recorded_at for d in facts.decisions) + SHORTLY
    out: list[Lost] = []
    for _ in decisions:  # who joined again after a loss may lose it again
        endings = [each.ending for each in out]
        found = [end for s in stretches([*decisions, *endings]) if (end := _first(s, facts, held))]
        if not found:
            break
        for requirement, stretch, day in found:
            opened = stretch.grants[0].id
            made = uuid5(opened, f"requires/{requirement.network}/{day}")
            ending = Decision(made, stretch.organisation, stretch.network, "ending", day, recorded)
            out.append(Lost(opened, ending, requirement))
    return tuple(sorted(out, key=lambda each: (str(each.ending.organisation), each.ending.network, each.ending.id)))


def turns(before: Iterable[Lost], after: Iterable[Lost], decided: Decision | None = None) -> list[Turn]:
    """Which memberships, other than the one decided about, now end earlier than before, or later, or not at all."""
    own = (decided.organisation, decided.network) if decided else None
    was, now = ({each.opened: each for each in some} for some in (before, after))
    out: list[Turn] = []
    for opened in sorted({*was, *now}):
        old, new = was.get(opened), now.get(opened)
        ends = new is not None and (old is None or new.ending.effective_on < old.ending.effective_on)
        lost = new if ends else old
        same = old and new and old.ending.effective_on == new.ending.effective_on
        if lost is None or same or (lost.ending.organisation, lost.ending.network) == own:
            continue
        made = lost.ending
        out.append(Turn(made.organisation, made.network, made.effective_on, ends, lost.requirement))
    return out


def level_turns(before: Facts, after: Facts, required: Iterable[Turn]) -> list[Turn]:
    """The same for ends that levels bring by themselves; both facts are `settled`, `required` are the other turns."""
    known = {(turn.organisation, turn.network) for turn in required}
    ends = {stretch.grants[0].id: stretch.period.end_or_far for stretch in after.stood}
    out: list[Turn] = []
    for old in before.stood:
        was = old.period.end_or_far
        now = ends.get(old.grants[0].id, was)
        if now != was and (old.organisation, old.network) not in known:
            out.append(Turn(old.organisation, old.network, min(was, now), now < was))
    return out


def refuse_unmet(tier: Tier, organisation: UUID, day: date, grants: Sequence[Grant]) -> None:
    """RuleViolation `membership_required` when the tier asks for a membership that does not stand on `day`."""
    for requirement in tier.requires:
        if any(p.covers(day) for p in _held(requirement, organisation, grants)):
            continue
        network, tiers = requirement.network, list(requirement.tiers)
        if tiers:
            raise RuleViolation("membership_required", "tier", network=network, tiers=tiers, on=day)
        raise RuleViolation("membership_required", "tier", network=network, on=day)


def _held(requirement: Requirement, organisation: UUID, grants: Iterable[Grant]) -> list[Period]:
    return [
        g.period
        for g in grants
        if (g.organisation, g.network) == (organisation, requirement.network)
        if not requirement.tiers or g.tier in requirement.tiers
    ]


def _first(stretch: Stretch, facts: Facts, grants: Sequence[Grant]) -> tuple[Requirement, Stretch, date] | None:
    """The first day within the stretch on which it must end, and the requirement that says so."""
    days = [found for found in _losses(stretch, facts, grants) if found[1] < stretch.period.end_or_far]
    if not days:
        return None
    requirement, day = min(days, key=lambda found: found[1])
    return requirement, stretch, day


def _losses(stretch: Stretch, facts: Facts, grants: Sequence[Grant]) -> Iterator[tuple[Requirement, date]]:
    since = stretch.period.start
    for grant in stretch.grants:
        for span, book in governed(grant, since, facts.rulebooks):
            tier = book.tier(grant.tier)
            for requirement in tier.requires if tier else ():
                if requirement.on_loss in ("refuse_only", "review"):
                    continue
                for gap in span.minus(_held(requirement, stretch.organisation, grants)):
                    day = gap.start
                    if requirement.on_loss == "period_end":
                        day = book.period.boundary_on_or_after(day, since) or day
                    if day < gap.end_or_far:  # else it stands again by then
                        yield requirement, day
