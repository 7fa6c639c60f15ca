"""Who owes what for the membership year that contains a day: the annual bill of those who are members already.

Every direct grant that stands in the year is billed for its days in it, by the rulebook version that governs
them (AC-15c) and at the sizes of its day of reference; a linked one by its rule's word (M15). What is billed
already is never billed again, and renewing changes no membership: it follows from facts and makes only charges
(M16: version -> period -> line). Amounts are minor units without VAT, days half-open in the network's time zone.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Literal
from uuid import UUID

import msgspec

from cluster_rules import fees, prices
from cluster_rules.errors import RuleViolation
from cluster_rules.explanations import PRORATIONS
from cluster_rules.fees import FeeLine, Step
from cluster_rules.intents import Charge
from cluster_rules.links import derive
from cluster_rules.memberships import Facts, Grant, Stretch
from cluster_rules.networks import Rulebook
from cluster_rules.periods import Period, between

# due: to be billed. billed: nothing is left to bill. free: it costs nothing. waived: a link takes the fee away.
# ending: notice was given, it ends when the year begins. failed: the fee cannot be said, which is work for a person.
# held: suspended, its bill waits until that is lifted. lapsing: suspended as the year begins, and ends then.
State = Literal["due", "billed", "free", "waived", "ending", "failed", "held", "lapsing"]
REASON = "renewal"
_SIZED = ("band", "case", "percentage", "agreed")
_OFFS = ("discount_percent", "discount_amount")


class Renewal(msgspec.Struct, frozen=True):
    """One membership's year. `charges` are what is to be billed now; `before` is what the year before came to.

    `differs` says in data why the amount is another than then: nothing when it is the same. `problem` belongs to
    `failed`. `tier` is that of the grant which stands first in the year. `leave_by` is there when it was asked ahead
    of the year (`renewal_notices`): the last day on which notice still ends the membership before it.
    """

    organisation: UUID
    network: str
    tier: str
    year: Period
    state: State
    charges: tuple[Charge, ...] = ()
    before: int = 0
    differs: tuple[Step, ...] = ()
    problem: RuleViolation | None = None
    leave_by: date | None = None

    @property
    def net(self) -> int:
        """What is to be billed without VAT."""
        return sum(charge.line.net for charge in self.charges)

    @property
    def currency(self) -> str:
        """The currency of what is to be billed; "" for nothing."""
        return self.charges[0].line.currency if self.charges else ""


def due(facts: Facts, network: str, day: date, on: date = date.min) -> list[Renewal]:
    """The renewals of one family in a network for the year that contains `day`, membership by membership.

    `on` is the day of asking: a suspension counts that stands on it, or on the year's first day if that is later.
    `facts.charged` and `facts.timelines` must be there. A fee that cannot be said (RuleViolation of `bases.begin`) is
    a `failed` renewal.
    """
    found = (one(facts, mine, day, on) for mine in members(facts, network))
    return [each for each in found if each is not None]


def members(facts: Facts, network: str) -> "list[Mine]":
    """The memberships of a family in a network, with their grants."""
    stood = derive(facts).stood if facts.transfers else facts.stood
    listed = {g.organisation: None for g in facts.grants if g.network == network}
    return [Mine(facts, stood, organisation, network) for organisation in listed]


class Mine:
    """One membership's grants, own ones first, and since when its own ones count."""

    def __init__(self, facts: Facts, stood: Iterable[Stretch], organisation: UUID, network: str) -> None:
        listed = [g for g in facts.grants if (g.organisation, g.network) == (organisation, network)]
        self.organisation = organisation
        self.network = network
        self.own = sorted((g for g in listed if g.kind == "direct"), key=lambda g: g.period.start)
        self.linked = sorted((g for g in listed if g.kind == "linked"), key=lambda g: g.period.start)
        self._joined = [s.period.start for s in stood if (s.organisation, s.network) == (organisation, network)]
        self._timeline = facts.timelines.get((organisation, network), ())

    def since(self, grant: Grant) -> date:
        """Since when who holds the grant is a member: for an own membership, the day it joined."""
        start = grant.period.start
        joined = [day for day in self._joined if day <= start] if grant.kind == "direct" else []
        return max(joined, default=start)

    def suspended(self, day: date) -> bool:
        """Is the membership on hold on a day?"""
        return any(part.status == "suspended" and part.period.covers(day) for part in self._timeline)


def one(facts: Facts, mine: Mine, day: date, on: date) -> Renewal | None:
    """One membership's renewal; None when nothing of it stands in the year, and nothing ends as the year begins."""
    standing = [(grant, year) for grant in (*mine.own, *mine.linked) if (year := _year(facts, mine, grant, day))]
    inside = [(g, year) for g, year in standing if year.overlap(g.period)]
    if not inside:
        left = next(((g, year) for g, year in standing if g.period.end == year.start), None)
        return Renewal(mine.organisation, mine.network, left[0].tier, left[1], "ending") if left else None
    grant, year = inside[0]
    before = _before(facts, mine, grant, year)
    told = Renewal(mine.organisation, mine.network, grant.tier, year, "billed", before=sum(c.net for c in before))
    return _while_suspended(facts, mine, grant, _billing(facts, mine, inside, told, before), on)


def _while_suspended(facts: Facts, mine: Mine, grant: Grant, found: Renewal, on: date) -> Renewal:
    """What the level says of a membership on hold; what is billed already stays billed."""
    year, book = found.year, _governing(facts, mine, grant, found.year)
    tier = book.tier(grant.tier) if book else None
    if tier is None or tier.suspended_renewal == "bill" or found.state == "billed":
        return found
    first = max(year.start, grant.period.start)
    if not mine.suspended(max(first, on)):
        return found
    if tier.suspended_renewal == "hold":
        held = found.state in ("due", "failed")
        return msgspec.structs.replace(found, state="held", charges=(), problem=None) if held else found
    goes = grant.kind == "direct" and grant.period.start < year.start and mine.suspended(year.start)
    return msgspec.structs.replace(found, state="lapsing", charges=(), differs=(), problem=None) if goes else found


def _billing(
    facts: Facts, mine: Mine, inside: list[tuple[Grant, Period]], told: Renewal, before: list[FeeLine]
) -> Renewal:
    """The renewal as it is when nothing is on hold."""
    try:
        charges = tuple(_charges(facts, mine, inside))
    except RuleViolation as problem:
        return msgspec.structs.replace(told, state="failed", problem=problem)
    if sum(c.line.net for c in charges) > 0:
        differs = tuple(_differences([c.line for c in charges], before))
        return msgspec.structs.replace(told, state="due", charges=charges, differs=differs)
    return msgspec.structs.replace(told, state=_nothing(facts, mine, inside, charges))


def _year(facts: Facts, mine: Mine, grant: Grant, day: date) -> Period | None:
    """The membership year that contains the day, for who holds this grant; None when there is no such thing."""
    since = mine.since(grant)
    book = facts.rulebooks.governing(grant.network, since, max(day, grant.period.start))
    if book is None or (book.period.kind == "project" and book.period.last and day >= book.period.last):
        return None
    return book.period.containing(day, since)


def _nothing(facts: Facts, mine: Mine, inside: Iterable[tuple[Grant, Period]], charges: tuple[Charge, ...]) -> State:
    """Why there is nothing to bill."""
    if charges:
        return "free"
    grant, year = next(iter(inside))
    part = year.overlap(grant.period)
    if grant.kind == "linked":
        rule = prices.rule_of(facts, grant)
        return "waived" if rule is None or rule.fee.policy == "waived" else "billed"
    if part and not list(_unwaived(facts, mine, part, year)):
        return "waived"
    tier = _book(facts, mine, grant, year).tier(grant.tier)
    return "free" if tier is None or not fees.costs(tier) else "billed"


def _charges(facts: Facts, mine: Mine, inside: Iterable[tuple[Grant, Period]]) -> Iterator[Charge]:
    """The lines of every grant for its days in the year, but for those that a link takes away or that are billed."""
    held: list[Period] = []
    for grant, year in inside:
        part = year.overlap(grant.period)
        pieces = [part] if part else []
        if grant.kind == "direct":
            pieces = [left for piece in pieces for left in _unwaived(facts, mine, piece, year)]
            held += [part] if part else []
        else:
            pieces = [left for piece in pieces for left in piece.minus(held)]
        for piece in pieces:
            yield from _lines(facts, mine, grant, year, piece)


def _unwaived(facts: Facts, mine: Mine, part: Period, year: Period) -> list[Period]:
    """The days of an own membership on which no linked grant takes its fee away (AC-2c): only while that stands."""
    taken = []
    for linked in mine.linked:
        rule = prices.rule_of(facts, linked)
        policy = rule.fee.own_membership if rule else "keep"
        if policy == "credit" or (policy == "waive_at_renewal" and linked.period.start <= year.start):
            taken.append(linked.period)
    return part.minus(taken)


def _lines(facts: Facts, mine: Mine, grant: Grant, year: Period, part: Period) -> Iterator[Charge]:
    book = _book(facts, mine, grant, year)
    if prices.billed(facts, grant, part, book):
        return
    lines = prices.fee(facts, book, grant, year, part, part.start, mine.since(grant))
    if grant.kind == "linked":
        rule = prices.rule_of(facts, grant)
        lines = fees.linked(lines, rule.fee) if rule else []
    why = Step(REASON, {"version": book.version, "year": year.start.isoformat()})
    for line in lines:
        yield Charge(grant.organisation, grant.network, grant.id, line, why)


def _governing(facts: Facts, mine: Mine, grant: Grant, year: Period) -> Rulebook | None:
    first = max(year.start, grant.period.start)
    return facts.rulebooks.governing(grant.network, mine.since(grant), first)


def _book(facts: Facts, mine: Mine, grant: Grant, year: Period) -> Rulebook:
    book = _governing(facts, mine, grant, year)
    if book is None:
        raise RuleViolation("rulebook_missing", "network", network=grant.network)
    return book


# The year before, and why this one is different


def _before(facts: Facts, mine: Mine, grant: Grant, year: Period) -> list[FeeLine]:
    """What was billed and given back for the membership year before."""
    eve = year.start - timedelta(days=1)
    book = facts.rulebooks.governing(grant.network, mine.since(grant), eve)
    if book is None or mine.since(grant) > eve:
        return []
    former = book.period.containing(eve, mine.since(grant))
    days = between(former.start, min(former.end_or_far, year.start))
    wanted = prices.key(grant)
    return [c.line for c in facts.charged if prices.key(c) == wanted and days and days.covers(c.period.start)]


def _differences(lines: list[FeeLine], before: list[FeeLine]) -> Iterator[Step]:
    """Why the bill is another than that of the year before, most telling first."""
    if not before:
        yield Step("first_bill")
        return
    if sum(line.net for line in lines) == sum(line.net for line in before):
        return
    found = list(_reasons(lines, [line for line in before if line.net >= 0]))
    yield from found or [Step("new_fees")]


def _reasons(lines: list[FeeLine], before: list[FeeLine]) -> Iterator[Step]:
    if before and lines[0].tier != before[-1].tier:
        yield Step("new_level", {"from": before[-1].tier, "to": lines[0].tier})
    if any(step.code in PRORATIONS for line in before for step in line.steps):
        yield Step("whole_year")
    if any(step.code in PRORATIONS for line in lines for step in line.steps):
        yield Step("part_of_year")
    earlier = {line.component: line for line in before}
    for line in lines:
        if line.component in earlier:
            yield from _turned(line, earlier[line.component])
        else:
            yield Step("new_component", {"names": line.names})
    for gone in sorted(earlier.keys() - {line.component for line in lines}):
        yield Step("component_gone", {"names": earlier[gone].names})


def _turned(line: FeeLine, before: FeeLine) -> Iterator[Step]:
    """What changed within one component: size, index, discounts; or its price, when it is none of these."""
    new, old = ({s.code: s.values for s in each.steps} for each in (line, before))
    told = False
    for code in _SIZED:
        if code in new and code in old and new[code] != old[code]:
            told = True
            yield _sized(code, new[code], old[code])
    here, there = _offs(line), _offs(before)
    for kind, names in (
        ("discount_new", [here[key] for key in sorted(here.keys() - there.keys())]),
        ("discount_ended", [there[key] for key in sorted(there.keys() - here.keys())]),
    ):
        for each in names:
            told = True
            yield Step(kind, {"names": each})
    if not told and line.net != before.net and line.tier == before.tier and new.get("fixed") != old.get("fixed"):
        yield Step("new_fees")


def _offs(line: FeeLine) -> dict[str, object]:
    """The discounts of a line by name."""
    found = [step.values.get("names", {}) for step in line.steps if step.code in _OFFS]
    return {str(names): names for names in found}


def _sized(code: str, new: dict[str, object], old: dict[str, object]) -> Step:
    if code == "percentage" and "index" in new and new.get("of") != old.get("of"):
        return Step("new_index", {"from": old.get("of"), "to": new.get("of")})
    if code == "agreed":
        return Step("new_agreed")
    if new.get("size", new.get("sizes", new.get("of"))) == old.get("size", old.get("sizes", old.get("of"))):
        return Step("new_fees")
    return Step("new_size")
