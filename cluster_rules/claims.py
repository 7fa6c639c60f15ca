"""What a family would stand on if there were places for everybody: each of these asks for a place (item 11)."""

from collections.abc import Iterator
from datetime import date, datetime
from uuid import UUID

import msgspec

from cluster_rules.links import derive
from cluster_rules.memberships import Facts, Grant, Place
from cluster_rules.networks import Rulebook
from cluster_rules.periods import Period


class Claim(msgspec.Struct, frozen=True):
    """An organisation asks for a place of `rule` or `tier` (the other is empty) of a network's rulebook.

    `cause` is the decision it is rooted in and `asked_at` when that was recorded: the order of the queue.
    `starts_on` is the first day on which the membership would stand. `entitled`: it stands by a version of the
    rulebook without a limit, needs no place, and yet takes one of those there are now.
    """

    organisation: UUID
    network: str
    rule: str
    tier: str
    cause: UUID
    asked_at: datetime
    starts_on: date
    entitled: bool = False

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
    out = [c for g in found if g.period.end_or_far > today for c in _asked(g, by_id, facts, today)]
    fresh = [c for c in out if (c.organisation, *c.pool) not in held]
    return tuple(sorted(fresh, key=lambda c: (c.pool, c.asked_at, c.organisation)))


def _asked(grant: Grant, by_id: dict[UUID, Grant], facts: Facts, today: date) -> Iterator[Claim]:
    """The claim of one grant, if places are limited by the version it stands by or by the one for those of today."""
    root = grant
    while root.cause in by_id:
        root = by_id[root.cause]
    cause = next((d for d in facts.decisions if d.id == root.id), None)
    if cause is None:
        return
    network = grant.source or grant.network
    rule, tier = (grant.rule, "") if grant.kind == "linked" else ("", grant.tier)
    if grant.kind == "linked":
        own = facts.rulebooks.version(network, grant.version)
    else:
        own = facts.rulebooks.governing(network, cause.effective_on, cause.effective_on)
    limited = _limit(own, rule, tier) > 0
    if limited or _limit(facts.rulebooks.governing(network, today, today), rule, tier):
        at, starts = cause.recorded_at, grant.period.start
        yield Claim(grant.organisation, network, rule, tier, cause.id, at, starts, entitled=not limited)


def _limit(book: Rulebook | None, rule: str, tier: str) -> int:
    limited = (book.link_rule(rule) if rule else book.tier(tier)) if book else None
    return limited.places if limited else 0


def place(claim: Claim, on: date) -> Place:
    """The place that is asked for, given on a day."""
    return Place(claim.organisation, claim.network, claim.rule, claim.tier, claim.cause, Period(on))
