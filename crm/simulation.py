"""What a draft rulebook would do to a whole network: members and yearly fees before and after, and who changes.

Pure: `Simulating` is handed each family's facts, one after the other, counts, and keeps none of them; so what it
needs does not grow with the network.
"""

from collections.abc import Iterable
from datetime import date
from typing import Literal
from uuid import UUID

import msgspec

from cluster_rules import cascades, fees
from cluster_rules.components import Discount
from cluster_rules.errors import RuleViolation
from cluster_rules.links import derive
from cluster_rules.memberships import Facts, Grant, Segment, Stretch
from cluster_rules.networks import LinkRule, Rulebook, Rulebooks
from cluster_rules.prices import member_of

MOST_NAMED = 1000  # of those who change; all of them are counted

Key = tuple[UUID, str]
Kind = Literal["starts", "ends", "level", "days", "fee"]
Timelines = dict[Key, tuple[Segment, ...]]
_WEIGHT = {"ends": 0, "starts": 1, "level": 2, "days": 3, "fee": 4}


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

    `levels` are those of the network itself; other networks show only among those who change. `unsized` is
    how many fees depend on a size that nobody has told: they count as 0. A fee that a link rule waives is 0;
    discounts count as they stand on the day. `changed` are all memberships that change, `reached` those of
    other networks by network and kind, `affected` the first `MOST_NAMED`: ends and starts, then levels, then
    the largest differences of fees.
    """

    network: str
    on: date
    currency_before: str
    currency_after: str
    families: int = 0
    unsized: int = 0
    levels: dict[str, Level] = {}
    changed: int = 0
    reached: dict[str, dict[Kind, int]] = {}
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


class Simulating:
    """Counts families on the day `on` into `found`. `published` are the rules without the draft."""

    def __init__(self, network: str, on: date, published: Rulebooks, draft: Rulebook) -> None:
        books = published.of(network)
        currency = books[-1].currency if books else draft.currency
        self.found = Simulation(network, on, currency, draft.currency)
        self.published = published
        both = published, msgspec.structs.replace(published, versions=(*published.versions, draft))
        self.ruled = frozenset(slug for each in both for slug in (*each.with_requirements, *each.with_own_ends))

    def add(self, facts: Facts) -> list[Affected]:
        """Count one family, whose `facts` have the draft among their rulebooks; those of it who change."""
        found = self.found
        wanted = derive(facts)
        lines = cascades.timelines(facts, wanted)
        now = msgspec.structs.replace(facts, rulebooks=self.published)
        then = msgspec.structs.replace(facts, grants=wanted.grants, timelines=lines)
        before = _Standing(now, self._stood(now, wanted.stood), found.on)
        after = _Standing(then, wanted.stood, found.on)
        found.families += 1
        changing: list[Affected] = []
        for key, line in lines.items():
            moved = line != facts.timelines.get(key, ())
            old, new = before.tiers.get(key, ""), after.tiers.get(key, "")
            if not moved and (key[1] != found.network or not (old or new)):
                continue
            paid = before.fee(key), after.fee(key)
            self._count(key, (old, new), paid)
            if moved or old != new or paid[0] != paid[1]:
                name = facts.organisation(key[0]).name
                changing.append(Affected(key[0], name, key[1], _kind(moved, old, new), old, new, *paid))
        self._name(changing)
        return changing

    def _stood(self, now: Facts, then: Iterable[Stretch]) -> Iterable[Stretch]:
        """The direct memberships as they stand now: the same as then, unless rules have a say in when they end."""
        ruled = now.transfers or any(d.network in self.ruled for d in now.decisions)
        return derive(now).stood if ruled else then

    def done(self) -> Simulation:
        """What was found, once all families are counted."""
        _sort_out(self.found.affected)
        return self.found

    def _count(self, key: Key, tiers: tuple[str, str], paid: tuple[int | None, int | None]) -> None:
        if key[1] != self.found.network:
            return
        self.found.unsized += paid[1] is None
        levels = self.found.levels
        old, new = tiers
        if old:
            level = levels.setdefault(old, Level())
            level.members_before += 1
            level.fees_before += paid[0] or 0
        if new:
            level = levels.setdefault(new, Level())
            level.members_after += 1
            level.fees_after += paid[1] or 0

    def _name(self, changing: list[Affected]) -> None:
        found = self.found
        found.changed += len(changing)
        found.affected += changing
        if len(found.affected) > 2 * MOST_NAMED:
            _sort_out(found.affected)
        for each in changing:
            if each.network != found.network:
                counted = found.reached.setdefault(each.network, {})
                counted[each.kind] = counted.get(each.kind, 0) + 1


def _kind(moved: bool, old: str, new: str) -> Kind:
    if old != new:
        return "level" if old and new else "starts" if new else "ends"
    return "days" if moved else "fee"


def _sort_out(affected: list[Affected]) -> None:
    """The first, in the order in which they are told."""
    affected.sort(key=_order)
    del affected[MOST_NAMED:]


def _order(each: Affected) -> tuple[int, int, str, str, UUID]:
    difference = abs((each.fee_after or 0) - (each.fee_before or 0))
    return _WEIGHT[each.kind], -difference, each.name, each.network, each.organisation


class _Standing:
    """One family on the day: the level of each membership, and the grants behind it."""

    def __init__(self, facts: Facts, stood: Iterable[Stretch], on: date) -> None:
        self.facts = facts
        self.stood = stood
        self.on = on
        self.grants: dict[Key, list[Grant]] = {}
        for grant in facts.grants:
            if grant.period.covers(on):
                self.grants.setdefault((grant.organisation, grant.network), []).append(grant)
        self.tiers = {
            key: segment.tier for key, line in facts.timelines.items() for segment in line if segment.period.covers(on)
        }

    def fee(self, key: Key) -> int | None:
        """What a membership costs a year on the day: its own fee, unless a link takes it away; else the linked one.

        None when it depends on a size that is not known.
        """
        held = self.grants.get(key, [])
        linked = [rule for g in held if g.kind == "linked" and (rule := self._rule(g))]
        own = [g for g in held if g.kind == "direct"]
        if own and any(rule.fee.own_membership != "keep" for rule in linked):
            return 0
        counted = own or held
        if not counted:
            return 0
        books = self.facts.rulebooks
        grant = max(counted, key=lambda g: books.rank(g.network, g.tier)) if len(counted) > 1 else counted[0]
        since = self._since(key, grant)
        book = books.governing(grant.network, since, self.on)
        tier = book.tier(grant.tier) if book else None
        if book is None or tier is None:
            return 0
        profile = self.facts.organisation(grant.organisation).profile_on(self.on)
        year = book.period.containing(self.on, since)

        def applies(discount: Discount) -> bool:
            return member_of(self.facts, grant, discount, self.on)

        try:
            lines = fees.yearly(book, tier, profile, year, applies, day=self.on, since=since)
        except RuleViolation:
            return None
        rule = None if own else self._rule(grant)
        return sum([line.net for line in (fees.linked(lines, rule.fee) if rule else lines)])

    def _rule(self, grant: Grant) -> LinkRule | None:
        book = self.facts.rulebooks.version(grant.source, grant.version)
        return book.link_rule(grant.rule) if book else None

    def _since(self, key: Key, grant: Grant) -> date:
        """Since when who holds the grant is a member: for its own membership, the day it joined."""
        start = grant.period.start
        if grant.kind == "linked":
            return start
        joined = [s.period.start for s in self.stood if (s.organisation, s.network) == key and s.period.start <= start]
        return max(joined, default=start)
