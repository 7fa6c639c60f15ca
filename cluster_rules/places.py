"""A level or a link rule with a limited number of places: who has one counts, who has none waits.

"Capacity limit, queue order explicit, never iteration order" (peers.md 2.5 item 11). A place that was given is a
fact, like an answer: so one family is derived from its own facts alone, however large the network is. Who gets
the next place is decided where places are given (crm/store/places.py), never here.
"""

from uuid import UUID

import msgspec

from cluster_rules.memberships import Decision, Facts
from cluster_rules.periods import Period


def admitted(facts: Facts) -> Facts:
    """The facts with decisions for a limited level counting from the day their place was given; without one, never."""
    if facts.every_place or not facts.rulebooks.with_places:
        return facts
    given = {p.cause: p.period.start for p in facts.places if p.tier}
    decisions: list[Decision] = []
    for decision in facts.decisions:
        if not is_limited(facts, decision):
            decisions.append(decision)
        elif decision.id in given:
            first = max(decision.effective_on, given[decision.id])
            decisions.append(msgspec.structs.replace(decision, effective_on=first))
    return msgspec.structs.replace(facts, decisions=tuple(decisions))


def is_limited(facts: Facts, decision: Decision) -> bool:
    """Does the decision ask for a level with limited places, by the version for those who join on its day?"""
    if decision.kind not in ("joining", "tier_change") or decision.event:
        return False
    if decision.network not in facts.rulebooks.with_places:
        return False
    book = facts.rulebooks.governing(decision.network, decision.effective_on, decision.effective_on)
    tier = book.tier(decision.tier) if book else None
    return tier is not None and tier.places > 0


def waits(facts: Facts, decision: Decision) -> bool:
    """Has the decision no place for the level it asks for?"""
    if facts.every_place or not is_limited(facts, decision):
        return False
    return all(p.cause != decision.id for p in facts.places)


def of_rule(facts: Facts, source: str, rule: str, organisation: UUID) -> list[Period]:
    """The days for which an organisation has had a place of a link rule."""
    return [p.period for p in facts.places if (p.network, p.rule, p.organisation) == (source, rule, organisation)]
