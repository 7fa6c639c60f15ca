"""What a family would stand on if there were places for everybody: each of these asks for a place (item 11)."""

from collections.abc import Iterator
from datetime import date, datetime
from uuid import UUID

import msgspec

from cluster_rules.links import derive
from cluster_rules.memberships import Facts, Grant


class Claim(msgspec.Struct, frozen=True):
    """An organisation asks for a place of `rule` or `tier` (the other is empty) of a network's rulebook.

    `cause` is the decision it is rooted in and `asked_at` when that was recorded: the order of the queue.
    `starts_on` is the first day on which the membership would stand.
    """

    organisation: UUID
    network: str
    rule: str
    tier: str
    cause: UUID
    asked_at: datetime
    starts_on: date

    @property
    def pool(self) -> tuple[str, str, str]:
        """What the place is one of."""
        return self.network, self.rule, self.tier


def claims(facts: Facts, today: date) -> tuple[Claim, ...]:
    """Every place that is asked for and not held, pool by pool, in the order of the queue.

    Only what would stand today or later asks. RuleViolation as `derive`.
    """
    books = facts.rulebooks
    if not books.with_places and not books.with_limited_rules:
        return ()
    found = derive(msgspec.structs.replace(facts, every_place=True)).grants
    by_id = {g.id: g for g in found}
    held = {(p.organisation, p.network, p.rule, p.tier) for p in facts.places if p.period.end is None}
    out = [c for g in found if g.period.end_or_far > today for c in _asked(g, by_id, facts)]
    fresh = [c for c in out if (c.organisation, *c.pool) not in held]
    return tuple(sorted(fresh, key=lambda c: (c.pool, c.asked_at, c.organisation)))


def _asked(grant: Grant, by_id: dict[UUID, Grant], facts: Facts) -> Iterator[Claim]:
    root = grant
    while root.cause in by_id:
        root = by_id[root.cause]
    cause = next((d for d in facts.decisions if d.id == root.id), None)
    if cause is None:
        return
    if grant.kind == "linked":
        book = facts.rulebooks.version(grant.source, grant.version)
        rule = book.link_rule(grant.rule) if book else None
        if rule and rule.places:
            yield _claim(grant, grant.source, rule.code, "", cause.id, cause.recorded_at)
        return
    book = facts.rulebooks.governing(grant.network, cause.effective_on, cause.effective_on)
    tier = book.tier(grant.tier) if book and not grant.rule else None
    if tier and tier.places:
        yield _claim(grant, grant.network, "", tier.code, cause.id, cause.recorded_at)


def _claim(grant: Grant, network: str, rule: str, tier: str, cause: UUID, at: datetime) -> Claim:
    return Claim(grant.organisation, network, rule, tier, cause, at, grant.period.start)
