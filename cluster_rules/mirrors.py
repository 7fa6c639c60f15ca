"""A network that another system runs, as it stands here: what an offer from there means in facts the rules know.

Such a network is a network like any other here, except that nobody here decides about its members: its offers do.
The granting side turns its linked grants into an offer's stretches; the receiving side turns stretches into decisions
about the membership there, from which the same link rules derive what follows here.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Literal
from uuid import UUID

import msgspec

from cluster_rules.errors import RuleViolation
from cluster_rules.federation import Offered, Register
from cluster_rules.memberships import Answer, Decision, Facts, Grant
from cluster_rules.networks import Rulebooks
from cluster_rules.periods import Period, elementary

Word = Literal["held", "accepted", "declined", "left"]


class Told(msgspec.Struct, frozen=True):
    """A decision as another system's offer makes it: what, from which day; `until` belongs to a suspension."""

    kind: Literal["joining", "tier_change", "ending", "suspension"]
    on: date
    tier: str = ""
    until: date | None = None


def offered_by(
    grants: Iterable[Grant], level_of: Callable[[Grant], str], rank: Callable[[str], int]
) -> tuple[Offered, ...]:
    """Linked grants under one agreement as stretches that do not overlap: on each day the highest level counts.

    `level_of` tells the level that a grant follows from, `rank` compares levels of the receiving network.
    """
    listed = list(grants)
    out: list[Offered] = []
    for piece in elementary(g.period for g in listed):
        covering = [g for g in listed if g.period.covers(piece.start)]
        if not covering:
            continue
        best = max(covering, key=lambda g: (rank(g.tier), g.tier, str(g.id)))
        new = Offered(best.tier, piece.start, piece.end, level_of(best))
        last = out[-1] if out else None
        if last and last.ends_on == new.starts_on and (last.tier, last.source_tier) == (new.tier, new.source_tier):
            out[-1] = msgspec.structs.replace(last, ends_on=new.ends_on)
        else:
            out.append(new)
    return tuple(out)


def as_if_accepted(facts: Facts, code: str, source: str) -> Facts:
    """The facts as if the other system had said yes to everything: what is offered does not depend on its answer.

    What people on this side said counts: who declined here is not offered.
    """
    rules = {r.code for book in facts.rulebooks.of(source) for r in book.link_rules if r.agreement == code}
    kept = [a for a in facts.answers if not (a.peer and a.source == source and a.rule in rules)]
    yes = [Answer(o.id, source, rule, "accepted", date.min) for o in facts.organisations for rule in sorted(rules)]
    return msgspec.structs.replace(facts, answers=(*yes, *kept))


def told(stretches: Sequence[Offered], until: date | None = None, pauses: Sequence[Period] = ()) -> tuple[Told, ...]:
    """The decisions that an offer's stretches stand for, in the order of days.

    `until` is the first day on which nothing of it counts any more: the agreement's end, or that of a lease. `pauses`
    are days on which the agreement was suspended. RuleViolation `periods_overlap` when stretches do.
    """
    out: list[Told] = []
    end: date | None = None
    for each in sorted(stretches, key=lambda o: o.starts_on):
        if out and (end is None or each.starts_on < end):
            raise RuleViolation("periods_overlap", "periods", on=each.starts_on)
        if until and each.starts_on >= until:
            break
        if out and end == each.starts_on:
            if each.source_tier != _level(out):
                out.append(Told("tier_change", each.starts_on, each.source_tier))
        else:
            if end:
                out.append(Told("ending", end))
            out.append(Told("joining", each.starts_on, each.source_tier))
        end = min(each.ends_on, until) if each.ends_on and until else each.ends_on or until
    if out and end:
        out.append(Told("ending", end))
    stands = [Period(o.starts_on, o.ends_on) for o in stretches]
    out += [Told("suspension", p.start, "", p.end) for p in pauses if any(s.covers(p.start) for s in stands)]
    return tuple(out)


def _level(out: Sequence[Told]) -> str:
    return next(t.tier for t in reversed(out) if t.tier)


def difference(stored: Iterable[Decision], wanted: Iterable[Told]) -> tuple[tuple[UUID, ...], tuple[Told, ...]]:
    """Which stored decisions no longer count, and which are new, to be recorded in the order given.

    What is the same from the beginning on is left alone: a membership that goes on keeps its grant, and with it
    everything that follows from it. Decisions count in the order they were recorded, so after the first difference
    all are told anew.
    """
    listed = sorted(stored, key=lambda d: (d.recorded_at, d.id))
    told = {each.id: as_told(each) for each in listed}
    new = list(wanted)
    gone: list[UUID] = []
    for suspends in (True, False):
        mine = [each for each in listed if (each.kind == "suspension") == suspends]
        theirs = [each for each in new if (each.kind == "suspension") == suspends]
        same = 0
        while same < min(len(mine), len(theirs)) and told[mine[same].id] == theirs[same]:
            same += 1
        gone += [each.id for each in mine[same:]]
        new = [each for each in new if each not in theirs[:same]]
    return tuple(gone), tuple(new)


def as_told(decision: Decision) -> Told | None:
    """A stored decision as an offer would make it; None for an event, which no offer makes."""
    if decision.kind == "event":
        return None
    return Told(decision.kind, decision.effective_on, decision.tier, decision.until)


def word(answers: Iterable[Answer], before: Register | None, automatic: bool, day: date) -> tuple[Word, str]:
    """What the receiving side says about an offer: state and reason, from its own answers on the link rule.

    The newest answer of the day counts; without one an automatic rule accepts, and otherwise it waits. Who declines
    what was accepted before has left.
    """
    said = [a for a in sorted(answers, key=lambda a: a.on) if a.on <= day]
    if said and said[-1].answer == "declined":
        was = before is not None and before.state in ("accepted", "left")
        return ("left" if was else "declined"), ""
    return ("accepted", "") if said or automatic else ("held", "waiting")


def peer_answer(decision: Register | None, offer: Register | None) -> Literal["accepted", "declined"] | None:
    """The other system's decision as an answer on the link rule, on the granting side; None: it has not said yet."""
    if decision is None or offer is None or decision.grant_no != offer.grant_no:
        return None
    if decision.state == "held":
        return None
    return "accepted" if decision.state == "accepted" else "declined"


def federated(rulebooks: Rulebooks, source: str, code: str) -> tuple[str, ...]:
    """The rules of `source` that rest on an agreement, in any version of its rulebook."""
    codes = {r.code: None for book in rulebooks.of(source) for r in book.link_rules if r.agreement == code}
    return tuple(codes)
