"""Rows of a members' file, stored: organisations, people, decisions, what follows by rule, opening balances.

In the caller's transaction, so many rows at a time and by the statement: one row costs what it weighs, not a round
trip for each of its parts. What came of each row is told as ids, so that it can be taken back.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
from asyncpg import UniqueViolationError

from cluster_rules import cascades
from cluster_rules.fees import Step
from cluster_rules.memberships import Decision, Facts
from cluster_rules.organisations import Organisation, Profile
from cluster_rules.periods import Period
from cluster_rules.profiles import changed, replaced
from crm.actor import Actor
from crm.catalogue import Catalogue, NetworkRow
from crm.database import Connection
from crm.errors import Refused
from crm.import_verdicts import PROFILE, Judged
from crm.store import apply_many, decisions, families, feed, ids, import_marks, opening_items, places, profiles
from crm.store.apply_many import Decided
from crm.store.opening_items import Opening

REASON = Step("imported")
_ORGANISATIONS = """
insert into organisation (id, name, family_id, website, fields, created_at)
select id, name, id, website, '[]', now() from unnest($1::uuid[], $2::text[], $3::text[]) as o (id, name, website)
"""
_PROFILES = """
insert into organisation_profile (id, organisation_id, name, kind, country, municipality, employees, employees_as_of,
    starts_on, recorded_at)
select p.id, organisation_id, name, kind, country, municipality, employees, case when employees is not null then
    $9::date end, starts_on, now()
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int[], $8::date[])
    as p (id, organisation_id, name, kind, country, municipality, employees, starts_on)
"""
_IDENTIFIERS = """
insert into identifier (id, organisation_id, scheme, value)
select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[])
"""


class Work(msgspec.Struct, frozen=True):
    """What every row of an import is written with."""

    kept: Catalogue
    network: NetworkRow
    source: UUID
    today: date
    now: datetime
    actor: Actor


class Written(msgspec.Struct, frozen=True):
    """What came of a row: whose it is, and the ids of what was made."""

    row: int
    organisation: UUID
    made: dict[str, Any]


async def write(connection: Connection, work: Work, judged: Sequence[Judged]) -> list[Written]:
    """Store these rows, whose families are locked; `same` and left out ones are not among them.

    Refused `import_stale` when somebody else has registered one of the numbers at this very moment.
    """
    made: dict[int, dict[str, Any]] = {each.member.row: {} for each in judged}
    whose = await _organisations(connection, work, judged, made)
    await feed.publish_touched(connection)  # nobody is told of new ones yet: not asked again for each at the end
    await import_marks.contacts(connection, judged, whose, made)
    await import_marks.billing(connection, judged, whose, made)
    await import_marks.external(connection, work.network.id, judged, whose, made)
    await _profile_changes(connection, work, judged, made)
    held = await _decide(connection, work, judged, whose, made)
    await import_marks.tags(connection, work.network.id, work.actor, judged, whose, held, made)
    await import_marks.notes(connection, work.network.id, work.actor, work.today, judged, whose, made)
    await _openings(connection, work, judged, whose, made)
    return [Written(each.member.row, whose[each.member.row], made[each.member.row]) for each in judged]


async def follow(
    connection: Connection,
    kept: Catalogue,
    listed: Iterable[UUID],
    today: date,
    reason: Step,
    fresh: Mapping[UUID, Facts] = {},
) -> None:
    """Bring what is stored of these families in line with their facts, many at a time where that can be.

    `fresh`: the facts of families that came in this transaction, as they were stored; nothing else is known of them.
    """
    ordered = list(listed)
    rows = await families.fetch(connection, ordered, charged=False) if ordered else []
    at_once: list[Decided] = []
    others: list[Decided] = []
    for family, facts in (*zip(ordered, families.read(kept, ordered, rows), strict=True), *fresh.items()):
        intents = cascades.repair(facts, today, reason)
        if apply_many.plain(kept, facts, intents, today):
            at_once.append((family, facts, intents))
        else:
            facts = await places.ask(connection, kept, facts, today, at_once=False)
            others.append((family, facts, cascades.repair(facts, today, reason)))
    await apply_many.apply_many(connection, kept, at_once)
    await apply_many.apply_one_by_one(connection, kept, others)


async def _organisations(
    connection: Connection, work: Work, judged: Sequence[Judged], made: dict[int, dict[str, Any]]
) -> dict[int, UUID]:
    """New organisations with profile and numbers; whose each row is."""
    whose = {each.member.row: each.known.id for each in judged if each.known}
    fresh = [each.member for each in judged if each.known is None]
    if not fresh:
        return whose
    new = ids.together(len(fresh))
    whose |= {member.row: organisation for member, organisation in zip(fresh, new, strict=True)}
    await connection.execute(_ORGANISATIONS, new, [m.name for m in fresh], [m.website for m in fresh])
    await connection.execute(
        _PROFILES,
        ids.together(len(fresh)),
        new,
        [m.name for m in fresh],
        [m.kind for m in fresh],
        [m.country for m in fresh],
        [m.municipality for m in fresh],
        [m.employees for m in fresh],
        [min(m.joined or work.today, work.today) for m in fresh],
        work.today,
    )
    numbers = [(o, s, v) for m, o in zip(fresh, new, strict=True) for s, v in m.identifiers.items()]
    if numbers:
        columns = [list(column) for column in zip(*numbers, strict=True)]
        try:
            await connection.execute(_IDENTIFIERS, ids.together(len(numbers)), *columns)
        except UniqueViolationError as taken:
            raise Refused("import_stale", "rows", row=fresh[0].row) from taken
    for member in fresh:
        made[member.row]["organisation"] = True
    return whose


async def _profile_changes(
    connection: Connection, work: Work, judged: Sequence[Judged], made: dict[int, dict[str, Any]]
) -> None:
    """Facts of known organisations that are others from today."""
    for each in judged:
        wanted = {d.field for d in each.differences} & set(PROFILE)
        if each.known is None or not wanted:
            continue
        new: dict[str, Any] = {name: getattr(each.member, name) for name in wanted}
        told = await profiles.told(connection, each.known.id)
        was = next((t.values for t in told if t.period.covers(work.today)), told[0].values)
        if "employees" in new and was["employees_as_of"] != work.today:
            new["employees_as_of"] = work.today
        after = changed(told, work.today, new)
        now = next(t.values for t in after if t.period.covers(work.today))
        facts = {name: {"old": _plain(was[name]), "new": _plain(now[name])} for name in new if was[name] != now[name]}
        before = replaced(told, work.today, new)
        change = profiles.Change(uuid4(), each.known.id, work.today, facts, before, reason=REASON.code)
        await profiles.write(connection, each.known.id, told, after)
        await profiles.record(connection, change, work.actor)
        made[each.member.row]["change"] = str(change.id)


async def _decide(
    connection: Connection,
    work: Work,
    judged: Sequence[Judged],
    whose: dict[int, UUID],
    made: dict[int, dict[str, Any]],
) -> dict[UUID, UUID]:
    """Decisions about memberships with all that follows; {organisation: membership}."""
    known = sorted({each.known.family for each in judged if each.known})
    before = dict(zip(known, await families.load_many(connection, work.kept, known), strict=True)) if known else {}
    decided: list[Decision] = []
    for each in judged:
        facts = before.get(each.known.family) if each.known else None
        moment = families.moment(facts, work.now) if facts else work.now
        who = (whose[each.member.row], work.network.slug)
        some = [
            Decision(uuid4(), *who, kind, on, moment + timedelta(microseconds=n), tier)
            for n, (kind, on, tier) in enumerate(steps(work, each))
        ]
        made[each.member.row]["decisions"] = [str(d.id) for d in some]
        decided += some
        if each.known and facts:  # another row of the same family comes after this one
            before[each.known.family] = msgspec.structs.replace(facts, decisions=(*facts.decisions, *some))
    held = await decisions.record_many(connection, work.network.id, decided, work.actor) if decided else {}
    by_owner: dict[UUID, list[Decision]] = {}
    for decision in decided:
        by_owner.setdefault(decision.organisation, []).append(decision)
    new = [(each, whose[each.member.row]) for each in judged if each.known is None]
    fresh = {organisation: newcomer(work, each, organisation, by_owner[organisation]) for each, organisation in new}
    await follow(connection, work.kept, known, work.today, REASON, fresh)
    missing = [whose[each.member.row] for each in judged if whose[each.member.row] not in held]
    return held | await import_marks.memberships(connection, work.network.id, missing)


def newcomer(work: Work, judged: Judged, organisation: UUID, decided: Sequence[Decision] = ()) -> Facts:
    """The facts of an organisation that comes with this row, as they are stored."""
    member, known_from = judged.member, min(judged.member.joined or work.today, work.today)
    of = work.today if member.employees is not None else None
    profile = Profile(Period(known_from), member.kind, member.country, member.employees, employees_as_of=of)
    return Facts((Organisation(organisation, member.name, (profile,)),), work.kept.rulebooks, tuple(decided))


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


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


async def _openings(
    connection: Connection,
    work: Work,
    judged: Sequence[Judged],
    whose: dict[int, UUID],
    made: dict[int, dict[str, Any]],
) -> None:
    owing = [
        each.member
        for each in judged
        if each.member.opening and (each.known is None or any(d.field == "opening_amount" for d in each.differences))
    ]
    openings = [Opening(whose[m.row], m.opening, m.opening_due or work.today, m.opening_reference) for m in owing]
    found = await opening_items.add(connection, work.kept, work.network, work.source, openings, work.today, work.actor)
    for member, item in zip(owing, found, strict=True):
        made[member.row]["opening"] = str(item)


async def booked(connection: Connection, source: UUID) -> int:
    """What the ledger has of this import: minor units."""
    return await opening_items.total(connection, source)


async def settle(connection: Connection) -> None:
    """Tell directory and partners now, before the trail of audit is held: it is held by one at a time."""
    await connection.execute("set constraints all immediate")
