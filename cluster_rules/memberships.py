"""Memberships: decisions by people, the direct grants they make, and the timeline they add up to.

A membership is organisation x network. It is never copied and never deleted; it stands while
at least one *grant* (direct or linked) is effective, at the highest-ranked effective tier, and
counts once (design.md 3).
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Literal
from uuid import UUID

import msgspec

from cluster_rules.fees import FeeLine
from cluster_rules.networks import Rulebook, Rulebooks
from cluster_rules.organisations import Organisation
from cluster_rules.periods import FAR, Period, between, elementary

DecisionKind = Literal["joining", "tier_change", "ending", "suspension", "event"]
GrantKind = Literal["direct", "linked"]
Status = Literal["active", "suspended"]
Origin = Literal["direct", "linked", "both"]
SHORTLY = timedelta(microseconds=1)  # what follows by itself is recorded right after what people recorded


class Decision(msgspec.Struct, frozen=True):
    """A stored decision of a person about one membership; withdrawn ones are not given to rules.

    `effective_on` is the first day it counts. `tier` belongs to joining and tier_change,
    `until` (first day after) to suspension. `recorded_at` orders decisions of one day. An event is a fact
    that a level may react to: `event` names it, `until` is its own end (of the project that was awarded).
    """

    id: UUID
    organisation: UUID
    network: str
    kind: DecisionKind
    effective_on: date
    recorded_at: datetime
    tier: str = ""
    until: date | None = None
    reason: str = ""
    event: str = ""


class Grant(msgspec.Struct, frozen=True, gc=False):
    """One reason why a membership stands, for `period`.

    direct: `id` is the id of the decision that opened it, `rule` the event if one did. linked: `rule` of
    `source` network's rulebook `version` under `agreement`, because of grant `cause`; the id is made from
    these, so that the same facts always give the same grant.
    """

    id: UUID
    organisation: UUID
    network: str
    kind: GrantKind
    tier: str
    period: Period
    source: str = ""
    rule: str = ""
    version: int = 0
    agreement: str = ""
    cause: UUID | None = None


class Answer(msgspec.Struct, frozen=True):
    """Declined or accepted: the organisation's or the target network's word on a link rule.

    Stored, so that no later recomputation revives what was declined (peers.md 2.5 item 10). `peer`: it was said on
    another system, where the target network is run (docs/federation.md).
    """

    organisation: UUID
    source: str
    rule: str
    answer: Literal["accepted", "declined"]
    on: date
    peer: bool = False


class Transfer(msgspec.Struct, frozen=True):
    """From `on`, one membership counts for another: a company was taken over, a unit left, networks became one.

    `source` and `target` are (organisation, network); without a target the membership just ends. `tiers` maps
    level codes where they are called otherwise. `links`: "move" takes what follows by rule along, "end" leaves
    it behind. Withdrawn ones are not given to rules. What it does: `transfers.py`.
    """

    id: UUID
    source: tuple[UUID, str]
    target: tuple[UUID, str] | None
    on: date
    recorded_at: datetime
    tiers: dict[str, str] = {}
    links: Literal["move", "end"] = "move"


class Place(msgspec.Struct, frozen=True):
    """A place that was given: of `rule` or `tier` (the other is empty) of `network`'s rulebook, for `period`."""

    organisation: UUID
    network: str
    rule: str
    tier: str
    cause: UUID
    period: Period


class Waiting(msgspec.Struct, frozen=True):
    """What a decision asks for and does not get at once: a place, with its number in the queue."""

    organisation: UUID
    network: str
    rule: str
    tier: str
    number: int


class Segment(msgspec.Struct, frozen=True, gc=False):
    """A stretch of a membership's timeline in which tier, status and origin do not change."""

    period: Period
    tier: str
    status: Status
    origin: Origin


class Charged(msgspec.Struct, frozen=True, gc=False):
    """A line that stands on an invoice or its draft: whose it is, because of which grant, and how it came about."""

    organisation: UUID
    network: str
    grant: UUID
    line: FeeLine

    @property
    def period(self) -> Period:
        """The days it is for."""
        return self.line.period


class Facts(msgspec.Struct, frozen=True, dict=True):
    """Everything rules need to decide about one family (a legal entity with its units).

    `grants` and `timelines` are what is stored now. `paid` has the ids of direct grants whose first charge is
    paid, with the day. `charged` has every line that was billed or credited already, in the order it was.
    `places` were given; `waiting` did not get one now, and is only told about. `every_place`: as if there were one
    for everybody.
    """

    organisations: tuple[Organisation, ...]
    rulebooks: Rulebooks
    decisions: tuple[Decision, ...] = ()
    answers: tuple[Answer, ...] = ()
    grants: tuple[Grant, ...] = ()
    timelines: dict[tuple[UUID, str], tuple[Segment, ...]] = {}
    paid: dict[UUID, date] = {}
    charged: tuple[Charged, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    places: tuple[Place, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    every_place: bool = False

    def organisation(self, wanted: UUID) -> Organisation:
        """The family member with this id (KeyError when it is not of this family)."""
        for organisation in self.organisations:
            if organisation.id == wanted:
                return organisation
        raise KeyError(wanted)

    @cached_property
    def stood(self) -> "tuple[Stretch, ...]":
        """The unbroken direct memberships that the decisions add up to: asked for often, worked out once."""
        return tuple(stretches(self.decisions))


class Stretch(msgspec.Struct, frozen=True, gc=False):
    """An unbroken direct membership, from joining to ending: one grant for each tier held in it.

    `period.start` is the day the member is "member since": it anchors anniversary years and says
    which rulebook version holds (AC-15c); a change of tier does not move it.
    """

    organisation: UUID
    network: str
    period: Period
    grants: tuple[Grant, ...]


def stretches(decisions: Iterable[Decision]) -> list[Stretch]:
    """Every unbroken direct membership that the decisions add up to, membership by membership, in order.

    A decision that changes nothing (ending an ended membership, the same tier again) leaves all
    as it is: repeating is harmless. The order in which `decisions` are given does not matter.
    """
    by_membership: dict[tuple[UUID, str], list[Decision]] = {}
    for decision in decisions:
        if decision.kind not in ("suspension", "event"):
            by_membership.setdefault((decision.organisation, decision.network), []).append(decision)
    return [s for key in sorted(by_membership) for s in _stretches(_plan(by_membership[key]))]


def direct_grants(decisions: Iterable[Decision]) -> list[Grant]:
    """The direct grants the decisions make: joining opens, a tier change turns, an ending closes."""
    return [grant for stretch in stretches(decisions) for grant in stretch.grants]


def _plan(decisions: Iterable[Decision]) -> list[Decision]:
    """One membership's decisions that count, by day, once each has had its word on the plan of its time.

    They are taken in the order they were recorded. An ending drops what was planned after it in the
    same stretch, so that an end once planned for December cannot close the membership of somebody
    who left in June instead and joined again in September.
    """
    plan: list[Decision] = []
    for new in sorted(decisions, key=lambda d: (d.recorded_at, d.effective_on, d.kind, d.id)):
        at = len(plan)
        if plan and new.effective_on < plan[-1].effective_on:  # most are told in the order of their days
            at = bisect_right(plan, new.effective_on, key=lambda d: d.effective_on)
        stands = at > 0 and plan[at - 1].kind != "ending"
        if not stands and new.kind != "joining":
            continue
        if stands and new.kind != "tier_change":
            _drop_rest_of_stretch(plan, at)
        plan.insert(at, new)
    return plan


def _drop_rest_of_stretch(plan: list[Decision], at: int) -> None:
    while at < len(plan) and plan[at].kind != "joining":
        if plan.pop(at).kind == "ending":
            return


def _stretches(plan: Iterable[Decision]) -> Iterator[Stretch]:
    grants: list[Grant] = []
    since: date | None = None
    opened: Decision | None = None
    for d in plan:
        if opened is None or since is None:
            since, opened = d.effective_on, d
        elif d.kind == "ending":
            grants += _direct(opened, d.effective_on)
            if grants:
                yield _stretch(since, grants)
            grants, since, opened = [], None, None
        elif d.tier != opened.tier:
            grants += _direct(opened, d.effective_on)
            opened = d
    if opened and since:
        yield _stretch(since, [*grants, *_direct(opened, FAR)])


def _stretch(since: date, grants: Sequence[Grant]) -> Stretch:
    first, last = grants[0], grants[-1]
    return Stretch(first.organisation, first.network, Period(since, last.period.end), tuple(grants))


def _direct(opened: Decision, end: date) -> list[Grant]:
    """The grant that `opened` opens; none when it was overtaken on its own first day."""
    period = between(opened.effective_on, end)
    if period is None:
        return []
    return [Grant(opened.id, opened.organisation, opened.network, "direct", opened.tier, period, rule=opened.event)]


def governed(grant: Grant, since: date, rulebooks: Rulebooks) -> Iterator[tuple[Period, Rulebook]]:
    """Cut a grant's period where another rulebook version begins to hold for a member since `since`."""
    start, end = grant.period.start, grant.period.end_or_far
    turns = [day for day in rulebooks.turns(grant.network) if start < day < end]
    pieces = [grant.period]
    if turns:
        pieces = [Period(*days) for days in zip([start, *turns], [*turns, grant.period.end], strict=True)]
    for piece in pieces:
        book = rulebooks.governing(grant.network, since, piece.start)
        if book:
            yield piece, book


def suspensions(decisions: Iterable[Decision], organisation: UUID, network: str) -> list[Period]:
    """The days for which a membership was suspended by decision (not yet cut to how long it stands)."""
    return [
        Period(d.effective_on, d.until)
        for d in decisions
        if d.kind == "suspension" and (d.organisation, d.network) == (organisation, network)
        if d.until is None or d.until > d.effective_on
    ]


def timeline(grants: Iterable[Grant], suspended: dict[UUID, list[Period]], rulebooks: Rulebooks) -> tuple[Segment, ...]:
    """One membership's timeline from all its grants; `suspended` has each grant's paused days.

    Highest rank counts; on equal rank a direct grant comes before a linked one, then the tier
    code decides. Touching segments that say the same are one.
    """
    listed = list(grants)
    pauses = [p for g in listed for p in suspended.get(g.id, ())]
    if len(listed) == 1 and not pauses:  # most memberships
        return (Segment(listed[0].period, listed[0].tier, "active", listed[0].kind),)
    listed.sort(key=lambda g: (rulebooks.rank(g.network, g.tier), g.kind == "direct", g.tier), reverse=True)
    out: list[Segment] = []
    for piece in elementary([*[g.period for g in listed], *pauses]):
        day = piece.start
        covering = [g for g in listed if g.period.start <= day and (g.period.end is None or day < g.period.end)]
        if not covering:
            continue
        effective = [g for g in covering if not _paused(g, day, suspended)] if pauses else covering
        counted = effective or covering
        _append(out, Segment(piece, counted[0].tier, "active" if effective else "suspended", _origin(counted)))
    return tuple(out)


def _paused(grant: Grant, day: date, suspended: dict[UUID, list[Period]]) -> bool:
    return any(pause.covers(day) for pause in suspended.get(grant.id, ()))


def counted(facts: Facts, network: str, day: date) -> tuple[int, int]:
    """Memberships of a network that stand in this family on a day, and legal entities represented by them (AC-6).

    A unit is a membership of its own, but stands for the legal entity it is part of: nobody counts twice.
    """
    members = [
        organisation
        for (organisation, slug), segments in facts.timelines.items()
        if slug == network and any(s.period.covers(day) for s in segments)
    ]
    return len(members), len({legal_entity(facts, member, day) for member in members})


def legal_entity(facts: Facts, organisation: UUID, day: date) -> UUID:
    """The organisation that stands alone and that this one was part of on a day; itself when it stands alone."""
    family = {o.id: o for o in facts.organisations}
    for _ in family:  # a parent's parent at most
        profile = family[organisation].profile_on(day)
        if profile is None or profile.parent not in family:
            break
        organisation = profile.parent
    return organisation


def _origin(grants: Iterable[Grant]) -> Origin:
    kinds = {g.kind for g in grants}
    if len(kinds) > 1:
        return "both"
    return "linked" if "linked" in kinds else "direct"


def _append(out: list[Segment], new: Segment) -> None:
    last = out[-1] if out else None
    same = last and (last.tier, last.status, last.origin) == (new.tier, new.status, new.origin)
    if last and same and last.period.end == new.period.start:
        out[-1] = msgspec.structs.replace(last, period=Period(last.period.start, new.period.end))
    else:
        out.append(new)
