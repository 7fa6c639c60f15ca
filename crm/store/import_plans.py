"""What rows of a members' file decide, and what follows for those nobody knows yet: worked out before it is written.

Nothing is read and nothing written, so it is done in a thread of its own while the database stores the rows before.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from cluster_rules import cascades
from cluster_rules.fees import Step
from cluster_rules.memberships import Decision, Facts
from cluster_rules.organisations import Organisation, Profile
from cluster_rules.periods import Period
from crm.actor import Actor
from crm.catalogue import Catalogue, NetworkRow
from crm.errors import Refused
from crm.import_rows import Member, Problem
from crm.import_verdicts import Directory, Judged, Seen, judge
from crm.store import apply_many, ids
from crm.store.apply_many import Decided

REASON = Step("imported")


class Work(msgspec.Struct, frozen=True):
    """What every row of an import is written with."""

    kept: Catalogue
    network: NetworkRow
    source: UUID
    today: date
    now: datetime
    actor: Actor


class Plan(msgspec.Struct, frozen=True):
    """Those of so many `rows` that are to be stored. `new`: {row: organisation} of who comes with them.

    `decisions`: what was decided of those. `at_once` follows by rule and may be written with many others; `others`
    (facts and what follows) may not.
    """

    rows: int
    judged: tuple[Judged, ...]
    new: dict[int, UUID]
    decisions: dict[int, tuple[Decision, ...]]
    at_once: tuple[Decided, ...]
    others: tuple[Decided, ...]


def planned(work: Work, members: Sequence[Member], directory: Directory, seen: Seen) -> Plan:
    """Judge rows anew and think through what follows. Refused `import_stale` when one does not fit any more."""
    judged = [by_book(judge(member, [], directory, seen), work.kept, work.network.slug) for member in members]
    for each in judged:
        if each.verdict == "refused":
            raise Refused("import_stale", f"rows.{each.member.row}", row=each.member.row)
    return _plan(work, len(members), [each for each in judged if each.verdict in ("new", "change")])


def _plan(work: Work, rows: int, judged: Sequence[Judged]) -> Plan:
    fresh = [each for each in judged if each.known is None]
    new = {each.member.row: made for each, made in zip(fresh, ids.together(len(fresh)), strict=True)}
    decisions: dict[int, tuple[Decision, ...]] = {}
    at_once: list[Decided] = []
    others: list[Decided] = []
    for each in fresh:
        row = each.member.row
        decisions[row] = decided(work, each, new[row], work.now)
        facts = newcomer(work, each, new[row], decisions[row])
        intents = cascades.repair(facts, work.today, REASON)
        (at_once if apply_many.plain(work.kept, facts, intents, work.today) else others).append(
            (new[row], facts, intents)
        )
    return Plan(rows, tuple(judged), new, decisions, tuple(at_once), tuple(others))


def by_book(judged: Judged, kept: Catalogue, slug: str) -> Judged:
    """A row whose level was not there on the day the membership begins is refused."""
    member = judged.member
    if judged.verdict != "new" or member.joined is None:
        return judged
    book = kept.rulebooks.governing(slug, member.joined, member.joined)
    if book and book.tier(member.level):
        return judged
    params = {"on": member.joined.isoformat(), "given": member.level}
    wrong = Problem("level", "level_not_then", params)
    return msgspec.structs.replace(judged, verdict="refused", problems=(wrong,))


def decided(work: Work, judged: Judged, organisation: UUID, moment: datetime) -> tuple[Decision, ...]:
    """The decisions of a row about its organisation, one microsecond after the other from a moment on."""
    wanted = steps(work, judged)
    return tuple(
        Decision(made, organisation, work.network.slug, kind, on, moment + timedelta(microseconds=n), tier)
        for n, (made, (kind, on, tier)) in enumerate(zip(ids.together(len(wanted)), wanted, strict=True))
    )


def newcomer(work: Work, judged: Judged, organisation: UUID, decided: tuple[Decision, ...] = ()) -> Facts:
    """The facts of an organisation that comes with this row, as they are stored."""
    member, known_from = judged.member, min(judged.member.joined or work.today, work.today)
    of = work.today if member.employees is not None else None
    profile = Profile(Period(known_from), member.kind, member.country, member.employees, employees_as_of=of)
    return Facts((Organisation(organisation, member.name, (profile,)),), work.kept.rulebooks, decided)


def steps(work: Work, judged: Judged) -> list[tuple[Any, date, str]]:
    """What is decided by a row: (kind, the first day it counts, level)."""
    member, fields = judged.member, {each.field for each in judged.differences}
    if judged.verdict == "new":
        assert member.joined is not None
        steps: list[tuple[Any, date, str]] = [("joining", member.joined, member.level)]
        return [*steps, ("ending", member.left, "")] if member.left else steps
    out: list[tuple[Any, date, str]] = []
    if "level" in fields and judged.known and judged.known.joined:
        out.append(("tier_change", max(work.today, judged.known.joined), member.level))
    if "left" in fields and member.left:
        out.append(("ending", member.left, ""))
    return out
