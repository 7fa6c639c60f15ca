"""A membership that counts for another from a day on: mergers and splits of organisations, mergers of networks.

"Grants unioned, contributions kept; acquired company's link ends or moves by choice" (peers.md 2.5 item 16);
"derived memberships re-pointed" (AC-14b). A transfer is a fact like a decision, and is folded into decisions
that nobody had to make: the source ends that day, the target has what both had together. So derivation stays
one function, a transfer that is withdrawn leaves no trace, and a later correction of the days before it counts.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from uuid import UUID, uuid5

import msgspec

from cluster_rules.events import acted
from cluster_rules.memberships import Answer, Charged, Decision, Facts, Grant, Transfer, stretches, suspensions
from cluster_rules.networks import LinkRule
from cluster_rules.periods import FAR, Period, between, elementary
from cluster_rules.predicates import looks_at

Key = tuple[UUID, str]


def carried(facts: Facts) -> Facts:
    """The facts with every transfer turned into decisions, answers, payments and charges; none is left to turn.

    In the order they were recorded: who takes over somebody who took over another gets both.
    """
    for transfer in sorted(facts.transfers, key=lambda t: (t.recorded_at, t.id)):
        facts = _carry(facts, transfer)
    return msgspec.structs.replace(facts, transfers=()) if facts.transfers else facts


def _carry(facts: Facts, transfer: Transfer) -> Facts:
    """One transfer. What was decided about the source after it, for days after it, is not the target's business."""
    on, seen = transfer.on, acted(facts)  # with the levels that events and time bring
    theirs = [d for d in _about(seen, transfer.source) if d.recorded_at < transfer.recorded_at or d.effective_on < on]
    moving = [g for s in stretches(theirs) for g in s.grants if g.period.end_or_far > on]
    if not moving:
        return facts
    # After all that it takes into account: an ending that is recorded too early would end nothing.
    told = max(transfer.recorded_at, *(d.recorded_at for d in theirs))
    ends = [
        _decision(transfer, transfer.source, "ending", max(on, s.period.start), told)
        for s in stretches(theirs)
        if s.period.end_or_far > on
    ]
    parted = [*facts.answers, *_parted(facts, transfer, ends)]
    if transfer.target is None:
        return msgspec.structs.replace(facts, decisions=(*facts.decisions, *ends), answers=tuple(parted))
    own = [d for d in _about(seen, transfer.target) if d.recorded_at < transfer.recorded_at]
    held = [g for s in stretches(own) for g in s.grants if g.period.end_or_far > on]
    standing = next((g for g in held if g.period.covers(on)), None)
    joined = list(_united(facts, transfer, moving, held))
    taken = [decision for decision, _ in joined]
    if standing is None:
        taken += _paused(transfer, theirs, [g.period for g in moving])
    return msgspec.structs.replace(
        facts,
        decisions=(*facts.decisions, *ends, *taken),
        answers=(*parted, *_said(facts, transfer, standing, [d.tier for d, _ in joined])),
        paid=facts.paid | {d.id: facts.paid[opened] for d, opened in joined if opened in facts.paid},
        charged=(*facts.charged, *_charged(facts, transfer)),
    )


def _about(facts: Facts, key: Key) -> list[Decision]:
    return [d for d in facts.decisions if (d.organisation, d.network) == key]


def _united(
    facts: Facts, transfer: Transfer, moving: Sequence[Grant], held: Sequence[Grant]
) -> Iterator[tuple[Decision, UUID | None]]:
    """What both have together, the higher level where both have one, as decisions with the grant each came from.

    Every stretch is said again as a joining: within a membership that only sets its level, and what was planned
    for it before (an end, another level) counts no more than what is said here.
    """
    assert transfer.target is not None
    network = transfer.target[1]
    theirs = [(transfer.tiers.get(g.tier, g.tier), g) for g in moving]
    own = [(g.tier, g) for g in held]
    before: date | None = None
    for piece in elementary(_from(transfer.on, [g.period for g in (*moving, *held)])):
        covering = [(tier, g) for tier, g in (*own, *theirs) if g.period.covers(piece.start)]
        if not covering:
            continue
        if before is not None and before < piece.start:
            yield _decision(transfer, transfer.target, "ending", before, transfer.recorded_at), None
        tier, grant = max(covering, key=lambda found: facts.rulebooks.rank(network, found[0]))  # own first
        yield _decision(transfer, transfer.target, "joining", piece.start, transfer.recorded_at, tier), grant.id
        before = piece.end_or_far
    if before is not None and before != FAR:
        yield _decision(transfer, transfer.target, "ending", before, transfer.recorded_at), None


def _from(day: date, periods: Iterable[Period]) -> list[Period]:
    return [p for period in periods if (p := between(max(day, period.start), period.end_or_far))]


def _paused(transfer: Transfer, theirs: Sequence[Decision], lives: Sequence[Period]) -> Iterator[Decision]:
    """A membership that is suspended goes on suspended."""
    assert transfer.target is not None
    for pause in suspensions(theirs, *transfer.source):
        for life in lives:
            rest = life.overlap(pause)
            for days in _from(transfer.on, [rest] if rest else []):
                made = _decision(transfer, transfer.target, "suspension", days.start, transfer.recorded_at)
                yield msgspec.structs.replace(made, until=days.end)


def _decision(transfer: Transfer, key: Key, kind: str, on: date, recorded_at: datetime, tier: str = "") -> Decision:
    made = uuid5(transfer.id, f"{key[0]}/{key[1]}/{kind}/{on}")
    return msgspec.convert(
        {
            "id": made,
            "organisation": key[0],
            "network": key[1],
            "kind": kind,
            "effective_on": on,
            "recorded_at": recorded_at,
            "tier": tier,
        },
        Decision,
    )


# Links


def _parted(facts: Facts, transfer: Transfer, ends: Sequence[Decision]) -> Iterator[Answer]:
    """The source's own links end that day, whatever grace their rules give; who joins again later has them again."""
    organisation, network = transfer.source
    again = [
        d.effective_on
        for d in _about(facts, transfer.source)
        if d.kind == "joining" and d.effective_on >= transfer.on and d.recorded_at > ends[0].recorded_at
    ]
    for rule in _rules(facts, network):
        if rule.grants.to == "organisation":
            yield Answer(organisation, network, rule.code, "declined", transfer.on)
            if again and _agreed(facts, transfer.source, rule):
                yield Answer(organisation, network, rule.code, "accepted", min(again))


def _said(facts: Facts, transfer: Transfer, standing: Grant | None, tiers: Sequence[str]) -> Iterator[Answer]:
    """What was said about the source's links holds for a target that had no membership there itself.

    When links end, the target gets none for the source's sake: only those that its own level gives it.
    """
    assert transfer.target is not None
    organisation, network = transfer.target
    for rule in _rules(facts, network):
        if transfer.links == "end":
            if not (standing and looks_at(rule, standing.tier)) and any(looks_at(rule, tier) for tier in tiers):
                yield Answer(organisation, network, rule.code, "declined", transfer.on)
        elif standing is None and network == transfer.source[1] and not _answers(facts, transfer.target, rule):
            for answer in _answers(facts, transfer.source, rule)[-1:]:
                yield msgspec.structs.replace(answer, organisation=organisation, on=transfer.on)


def _rules(facts: Facts, network: str) -> list[LinkRule]:
    """Each link rule of a network once, in its newest version."""
    return list({rule.code: rule for book in facts.rulebooks.of(network) for rule in book.link_rules}.values())


def _answers(facts: Facts, key: Key, rule: LinkRule) -> list[Answer]:
    found = [a for a in facts.answers if (a.organisation, a.source, a.rule) == (*key, rule.code)]
    return sorted(found, key=lambda a: a.on)


def _agreed(facts: Facts, key: Key, rule: LinkRule) -> bool:
    said = _answers(facts, key, rule)
    return said[-1].answer == "accepted" if said else rule.policy.acceptance == "automatic"


# Money


def _charged(facts: Facts, transfer: Transfer) -> Iterator[Charged]:
    """In the same network, what the source was billed is billed for the target too: nobody pays for a day twice."""
    assert transfer.target is not None
    if transfer.source[1] != transfer.target[1]:
        return
    organisation, network = transfer.target
    for charged in facts.charged:
        if (charged.organisation, charged.network) == transfer.source and charged.line.net >= 0:
            for days in _from(transfer.on, [charged.period]):
                line = msgspec.structs.replace(charged.line, period=days)
                yield Charged(organisation, network, charged.grant, line)


# Asked by those who record transfers


def standing(facts: Facts, key: Key, on: date) -> list[Grant]:
    """The direct grants of one membership that stand on `on` or later: what a transfer from that day would move."""
    settled = acted(carried(facts))
    return [g for s in stretches(_about(settled, key)) for g in s.grants if g.period.end_or_far > on]


def member_since(facts: Facts, key: Key, on: date) -> date | None:
    """Since when the direct membership has stood without a break that `on` lies in, or that comes next; None: none."""
    settled = acted(carried(facts))
    lives = [s.period for s in stretches(_about(settled, key)) if s.period.end_or_far > on]
    return lives[0].start if lives else None
