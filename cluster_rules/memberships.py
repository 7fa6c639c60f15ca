"""Memberships: decisions by people, the direct grants they make, and the timeline they add up to.

A membership is organisation x network. It is never copied and never deleted; it stands while
at least one *grant* (direct or linked) is effective, at the highest-ranked effective tier, and
counts once (design.md 3).
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Literal
from uuid import UUID

import msgspec

from cluster_rules.networks import Rulebooks
from cluster_rules.organisations import Organisation
from cluster_rules.periods import Period, between, elementary

DecisionKind = Literal["joining", "tier_change", "ending", "suspension"]
GrantKind = Literal["direct", "linked"]
Status = Literal["active", "suspended"]
Origin = Literal["direct", "linked", "both"]


class Decision(msgspec.Struct, frozen=True):
    """A stored decision of a person about one membership; withdrawn ones are not given to rules.

    `effective_on` is the first day it counts. `tier` belongs to joining and tier_change,
    `until` (first day after) to suspension. `recorded_at` orders decisions of one day.
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


class Grant(msgspec.Struct, frozen=True):
    """One reason why a membership stands, for `period`.

    direct: `id` is the id of the decision that opened it. linked: `rule` of `source` network's
    rulebook `version` under `agreement`, because of grant `cause`; the id is made from these,
    so that the same facts always give the same grant.
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

    Stored, so that no later recomputation revives what was declined (peers.md 2.5 item 10).
    """

    organisation: UUID
    source: str
    rule: str
    answer: Literal["accepted", "declined"]
    on: date


class Segment(msgspec.Struct, frozen=True):
    """A stretch of a membership's timeline in which tier, status and origin do not change."""

    period: Period
    tier: str
    status: Status
    origin: Origin


class Facts(msgspec.Struct, frozen=True):
    """Everything rules need to decide about one family (a legal entity with its units).

    `grants` and `timelines` are what is stored now. `paid` has the ids of direct grants whose first charge is
    paid, with the day. `charged` has what was billed already: (organisation, network, period).
    """

    organisations: tuple[Organisation, ...]
    rulebooks: Rulebooks
    decisions: tuple[Decision, ...] = ()
    answers: tuple[Answer, ...] = ()
    grants: tuple[Grant, ...] = ()
    timelines: dict[tuple[UUID, str], tuple[Segment, ...]] = {}
    paid: dict[UUID, date] = {}
    charged: tuple[tuple[UUID, str, Period], ...] = ()

    def organisation(self, wanted: UUID) -> Organisation:
        """The family member with this id (KeyError when it is not of this family)."""
        for organisation in self.organisations:
            if organisation.id == wanted:
                return organisation
        raise KeyError(wanted)


def direct_grants(decisions: Iterable[Decision]) -> list[Grant]:
    """Fold decisions into direct grants: joining opens, a tier change turns, an ending closes.

    A decision that changes nothing (ending an ended membership, the same tier again) leaves the
    grants as they are: repeating is harmless.
    """
    by_membership: dict[tuple[UUID, str], list[Decision]] = {}
    for decision in decisions:
        by_membership.setdefault((decision.organisation, decision.network), []).append(decision)
    return [grant for key in sorted(by_membership) for grant in _fold(by_membership[key])]


def _fold(decisions: Sequence[Decision]) -> list[Grant]:
    grants: list[Grant] = []
    opened: Decision | None = None
    tier = ""
    for d in sorted(decisions, key=lambda d: (d.effective_on, d.recorded_at, d.id)):
        if d.kind == "ending" and opened:
            grants += _closed(opened, tier, d.effective_on)
            opened = None
        elif (d.kind == "joining" and not opened) or (d.kind == "tier_change" and opened and d.tier != tier):
            if opened:
                grants += _closed(opened, tier, d.effective_on)
            opened, tier = d, d.tier
    if opened:
        grants.append(_direct(opened, tier, Period(opened.effective_on)))
    return grants


def _closed(opened: Decision, tier: str, end: date) -> list[Grant]:
    period = between(opened.effective_on, end)
    return [_direct(opened, tier, period)] if period else []


def _direct(opened: Decision, tier: str, period: Period) -> Grant:
    return Grant(opened.id, opened.organisation, opened.network, "direct", tier, period)


def suspensions(decisions: Iterable[Decision], organisation: UUID, network: str) -> list[Period]:
    """The days for which a membership was suspended by decision."""
    return [
        Period(d.effective_on, d.until)
        for d in decisions
        if d.kind == "suspension" and (d.organisation, d.network) == (organisation, network)
        if d.until is None or d.until > d.effective_on
    ]


def timeline(
    grants: Iterable[Grant], suspended: dict[UUID, list[Period]], rulebooks: Rulebooks
) -> tuple[Segment, ...]:
    """One membership's timeline from all its grants; `suspended` has each grant's paused days.

    Highest rank counts; on equal rank a direct grant comes before a linked one, then the tier
    code decides. Touching segments that say the same are one.
    """
    listed = list(grants)
    pauses = [p for periods in suspended.values() for p in periods]
    out: list[Segment] = []
    for piece in elementary([g.period for g in listed] + pauses):
        covering = [g for g in listed if g.period.covers(piece.start)]
        if not covering:
            continue
        effective = [g for g in covering if not any(p.covers(piece.start) for p in suspended.get(g.id, []))]
        status: Status = "active" if effective else "suspended"
        counted = effective or covering
        best = max(counted, key=lambda g: (rulebooks.rank(g.network, g.tier), g.kind == "direct", g.tier))
        _append(out, Segment(piece, best.tier, status, _origin(counted)))
    return tuple(out)


def _origin(grants: Iterable[Grant]) -> Origin:
    kinds = {g.kind for g in grants}
    if len(kinds) == 2:
        return "both"
    return "linked" if "linked" in kinds else "direct"


def _append(out: list[Segment], new: Segment) -> None:
    last = out[-1] if out else None
    same = last and (last.tier, last.status, last.origin) == (new.tier, new.status, new.origin)
    if last and same and last.period.end == new.period.start:
        out[-1] = msgspec.structs.replace(last, period=Period(last.period.start, new.period.end))
    else:
        out.append(new)
