"""A list from a partner's own system: whom does a row mean, and what does it want of the membership?

Strong numbers decide, likeness only makes a person look, and a unit is never folded into the organisation it belongs
to (sync_security.md 2.5). What the partner's system calls somebody is remembered and counts first. A list states how
things are: what is so already changes nothing, and nobody ends by not being named in a row.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Literal
from uuid import UUID

import msgspec

from cluster_rules import matching
from cluster_rules.links import settled
from cluster_rules.matching import Identity, Reason
from cluster_rules.memberships import Facts, Stretch

Why = Literal["ids_disagree", "alike", "other_id", "main_unit", "ended_here"]
Kind = Literal["joining", "tier_change", "ending"]


class Candidate(msgspec.Struct, frozen=True):
    """An organisation that a row may mean, with what speaks for it or against it."""

    organisation: UUID
    reasons: tuple[Reason, ...] = ()


class Meant(msgspec.Struct, frozen=True):
    """Whom a row means: somebody `known`, somebody `new`, or a person has to say (`held`: why, and who it may be)."""

    verdict: Literal["known", "new", "held"]
    organisation: UUID | None = None
    why: Why | None = None
    candidates: tuple[Candidate, ...] = ()


class Wish(msgspec.Struct, frozen=True):
    """A decision that would make the membership what the row says, on a day (half-open for an ending)."""

    kind: Kind
    on: date
    tier: str = ""


def who(
    row: Identity,
    called: UUID | None,
    found: Sequence[Identity],
    theirs: Mapping[UUID, str],
    main_units: Mapping[str, str],
) -> Meant:
    """Whom the row means. `called`: whom the partner's id for it has led to before.

    `found` are organisations that share anything with it, `theirs` {organisation: the partner's id} of those that the
    partner's system knows by another id: it says itself that they are not this one, so mere likeness to them is
    nothing. A unit's `row.parent` is set; only units of the same organisation are compared with it.
    """
    seen = {each.id: each for each in found}
    judged = {each.id: matching.compare(row, each, main_units) for each in found}
    by_number = [i for i, group in judged.items() if group.verdict in ("same", "held")]
    # A number of its own that a unit elsewhere has (or the other way round): nobody is folded into anybody.
    elsewhere = [i for i, each in seen.items() if each.parent != row.parent and row.identifiers & each.identifiers]
    kept = [i for i in sorted(judged) if judged[i].verdict != "different" or i in elsewhere]
    listed = tuple(Candidate(i, judged[i].reasons) for i in kept)
    by_number += [i for i in elsewhere if i != called]
    if called is not None:
        against = called in seen and _numbers_differ(row, seen[called], main_units)
        if against or any(i != called for i in by_number):
            others = tuple(c for c in listed if c.organisation != called)
            mine = judged[called].reasons if called in judged else ()
            return Meant("held", None, "ids_disagree", (Candidate(called, mine), *others))
        return Meant("known", called)
    if len(by_number) > 1 or elsewhere or any(judged[i].verdict == "held" for i in by_number):
        return Meant("held", None, "ids_disagree", listed)
    if by_number:
        (one,) = by_number
        if one in theirs:
            return Meant("held", None, "other_id", listed)
        if not any(reason.code == "number_shared" for reason in judged[one].reasons):
            return Meant("held", None, "main_unit", listed)
        return Meant("known", one)
    alike = tuple(c for c in listed if c.organisation not in theirs)
    return Meant("held", None, "alike", alike) if alike else Meant("new")


def wishes(
    facts: Facts,
    organisation: UUID,
    network: str,
    tier: str,
    days: tuple[date | None, date | None],
    own: bool,
    today: date,
    again: bool = False,
) -> tuple[Wish, ...] | None:
    """What has to be decided so that the membership is as the row says; () when it is so, None when a person must say.

    `days`: (starts_on, ends_on) of the row, both may be left out. `own`: the row says that it is a membership of its
    own; otherwise somebody who is a member by a link rule is a member, and that is that. A membership that was ended
    here comes back only if the row has a later start, or a person has said so (`again`).
    """
    starts_on, ends_on = days
    stood = [s for s in settled(facts).stood if (s.organisation, s.network) == (organisation, network)]
    current = next((s for s in reversed(stood) if s.period.end_or_far > today), None)
    if current:
        return _of_standing(current, tier, ends_on, today)
    if ends_on is not None and ends_on <= today:
        return ()  # the member is gone, as the row says
    linked = any(
        (g.organisation, g.network, g.kind) == (organisation, network, "linked") and g.period.end_or_far > today
        for g in facts.grants
    )
    if linked and not own:
        return ()
    on = starts_on or today
    if stood:
        over = stood[-1].period.end_or_far
        if not again and (starts_on is None or starts_on < over):
            return None
        on = max(on, over) if starts_on and starts_on >= over else today
    joined = Wish("joining", on, tier)
    return (joined, Wish("ending", ends_on)) if ends_on is not None else (joined,)


def too_many(absent: int, standing: int, percent: int, least: int, confirmed: int | None) -> bool:
    """Would so many endings be more than anybody means without saying the number?"""
    return absent > least and absent * 100 > standing * percent and confirmed != absent


def _of_standing(current: Stretch, tier: str, ends_on: date | None, today: date) -> tuple[Wish, ...]:
    on = max(today, current.period.start)
    out: list[Wish] = []
    holds = next((g.tier for g in current.grants if g.period.covers(on)), current.grants[-1].tier)
    if tier != holds and (ends_on is None or ends_on > on) and current.period.end_or_far > on:
        out.append(Wish("tier_change", on, tier))
    if ends_on is not None and ends_on != current.period.end:
        out.append(Wish("ending", ends_on))
    return tuple(out)


def _numbers_differ(row: Identity, other: Identity, main_units: Mapping[str, str]) -> bool:
    mine = dict(matching.keys(row, main_units))
    return any(scheme in mine and mine[scheme] != value for scheme, value in matching.keys(other, main_units))
