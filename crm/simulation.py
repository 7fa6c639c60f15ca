"""What a draft rulebook would do to a whole network: members and yearly fees before and after, and who changes.

Pure: it is handed each family's facts with the draft among their rulebooks, counts, and keeps no facts.
"""

from collections.abc import Iterable
from datetime import date
from typing import Literal
from uuid import UUID

import msgspec

from cluster_rules import cascades, fees
from cluster_rules.errors import RuleViolation
from cluster_rules.intents import EndGrant, Intent, RetractGrant, ReviseGrant, SetTimeline, StartGrant
from cluster_rules.memberships import Facts, Grant, Segment, stretches
from cluster_rules.networks import LinkRule, Rulebooks

Key = tuple[UUID, str]
Kind = Literal["starts", "ends", "level", "days", "fee"]


class Affected(msgspec.Struct, frozen=True):
    """A membership that changes: it starts, ends, moves to another level or other days; or only its fee changes.

    `old` and `new` are the levels on the day, "" where there is no membership; the fees are None where a
    size is not known.
    """

    organisation: UUID
    name: str
    network: str
    kind: Kind
    old: str
    new: str
    fee_before: int | None
    fee_after: int | None


class Level(msgspec.Struct):
    """Members of one level and what they pay in a whole year, in minor units of the rulebook's currency."""

    members_before: int = 0
    members_after: int = 0
    fees_before: int = 0
    fees_after: int = 0


class Simulation(msgspec.Struct):
    """How it stands on the day `on`, before and after; nothing of it is stored.

    `levels` are those of the network itself; other networks show only in `affected`. `unsized` is how
    many fees depend on a size that nobody has told: they count as 0. A fee that a link rule waives is 0.
    """

    network: str
    on: date
    currency_before: str
    currency_after: str
    families: int = 0
    unsized: int = 0
    levels: dict[str, Level] = {}
    affected: list[Affected] = []

    @property
    def total(self) -> Level:
        """All levels together."""
        out = Level()
        for each in self.levels.values():
            out.members_before += each.members_before
            out.members_after += each.members_after
            out.fees_before += each.fees_before
            out.fees_after += each.fees_after
        return out

    def add(self, facts: Facts, published: Rulebooks) -> None:
        """Count one family; `facts` hold the draft among their rulebooks, `published` are those without it."""
        intents = cascades.repair(facts, self.on)
        before = _Standing(facts.grants, facts.timelines, self.on)
        after = before
        if intents:
            after = _Standing(_granted(facts.grants, intents), _lined(facts.timelines, intents), self.on)
        since = {g.id: s.period.start for s in stretches(facts.decisions) for g in s.grants}
        moved = {(i.organisation, i.network) for i in intents if isinstance(i, SetTimeline)}
        self.families += 1
        for key in sorted({*before.tiers, *after.tiers, *moved}, key=str):
            if key[1] != self.network and key not in moved:
                continue
            paid = _fee(facts, published, before, since, key), _fee(facts, facts.rulebooks, after, since, key)
            self._count(key, before.tiers.get(key, ""), after.tiers.get(key, ""), paid)
            self._name(facts, key, (before.tiers.get(key, ""), after.tiers.get(key, "")), paid, key in moved)

    def _count(self, key: Key, old: str, new: str, paid: tuple[int | None, int | None]) -> None:
        if key[1] != self.network:
            return
        self.unsized += paid[1] is None
        if old:
            level = self.levels.setdefault(old, Level())
            level.members_before += 1
            level.fees_before += paid[0] or 0
        if new:
            level = self.levels.setdefault(new, Level())
            level.members_after += 1
            level.fees_after += paid[1] or 0

    def _name(
        self, facts: Facts, key: Key, tiers: tuple[str, str], paid: tuple[int | None, int | None], moved: bool
    ) -> None:
        old, new = tiers
        kind: Kind = "days" if moved else "fee"
        if old != new:
            kind = "level" if old and new else "starts" if new else "ends"
        if moved or old != new or paid[0] != paid[1]:
            name = facts.organisation(key[0]).name
            self.affected.append(Affected(key[0], name, key[1], kind, old, new, *paid))


class _Standing:
    """One family on the day: the level of each membership, and the grants behind it."""

    def __init__(self, grants: Iterable[Grant], timelines: dict[Key, tuple[Segment, ...]], on: date) -> None:
        self.on = on
        self.grants: dict[Key, list[Grant]] = {}
        for grant in grants:
            if grant.period.covers(on):
                self.grants.setdefault((grant.organisation, grant.network), []).append(grant)
        self.tiers = {
            key: segment.tier for key, line in timelines.items() for segment in line if segment.period.covers(on)
        }


def _granted(grants: Iterable[Grant], intents: Iterable[Intent]) -> list[Grant]:
    """The grants as they will stand."""
    out = {g.id: g for g in grants}
    for intent in intents:
        if isinstance(intent, RetractGrant):
            out.pop(intent.before.id)
        elif isinstance(intent, StartGrant | EndGrant | ReviseGrant):
            out[intent.grant.id] = intent.grant
    return list(out.values())


def _lined(timelines: dict[Key, tuple[Segment, ...]], intents: Iterable[Intent]) -> dict[Key, tuple[Segment, ...]]:
    new = {(i.organisation, i.network): i.segments for i in intents if isinstance(i, SetTimeline)}
    return timelines | new


def _fee(facts: Facts, books: Rulebooks, standing: _Standing, since: dict[UUID, date], key: Key) -> int | None:
    """What a membership costs a year on the day: its own fee, unless a link takes it away; else the linked one.

    None when it depends on a size that is not known.
    """
    held = standing.grants.get(key, [])
    rules = [rule for g in held if g.kind == "linked" and (rule := _rule(books, g))]
    own = [g for g in held if g.kind == "direct"]
    if own and any(rule.fee.own_membership != "keep" for rule in rules):
        return 0
    counted = own or held
    if not counted:
        return 0
    grant = max(counted, key=lambda g: books.rank(g.network, g.tier))
    book = books.governing(grant.network, since.get(grant.id, grant.period.start), standing.on)
    tier = book.tier(grant.tier) if book else None
    if book is None or tier is None:
        return 0
    year = book.period.containing(standing.on, since.get(grant.id, grant.period.start))
    try:
        lines = fees.yearly(book, tier, facts.organisation(grant.organisation).profile_on(standing.on), year)
    except RuleViolation:
        return None
    rule = None if own else _rule(books, grant)
    return sum(line.net for line in (fees.linked(lines, rule.fee) if rule else lines))


def _rule(books: Rulebooks, grant: Grant) -> LinkRule | None:
    book = books.version(grant.source, grant.version)
    return book.link_rule(grant.rule) if book else None
