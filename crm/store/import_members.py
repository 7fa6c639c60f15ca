"""Rows of a members' file, stored: organisations, people, decisions, what follows by rule, opening balances.

In the caller's transaction, so many rows at a time and by the statement: one row costs what it weighs, not a round
trip for each of its parts. What came of each row is told as ids, so that it can be taken back.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import msgspec
from asyncpg import UniqueViolationError

from cluster_rules import cascades
from cluster_rules.fees import Step
from cluster_rules.memberships import Decision
from cluster_rules.profiles import changed, replaced
from crm.catalogue import Catalogue
from crm.database import Connection
from crm.errors import Refused
from crm.import_verdicts import PROFILE, Judged
from crm.store import (
    apply_many,
    decisions,
    families,
    feed,
    ids,
    import_marks,
    opening_credits,
    opening_items,
    places,
    profiles,
)
from crm.store.apply_many import Decided
from crm.store.import_plans import REASON, Plan, Work, decided
from crm.store.opening_credits import Credit
from crm.store.opening_items import Opening

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


class Written(msgspec.Struct, frozen=True):
    """What came of a row: whose it is, and the ids of what was made."""

    row: int
    organisation: UUID
    made: dict[str, Any]


async def write(connection: Connection, work: Work, plan: Plan) -> list[Written]:
    """Store these rows, whose families are locked.

    Refused `import_stale` when somebody else has registered one of the numbers at this very moment.
    """
    judged = plan.judged
    made: dict[int, dict[str, Any]] = {each.member.row: {} for each in judged}
    whose = {each.member.row: each.known.id for each in judged if each.known} | plan.new
    await _organisations(connection, work, plan, made)
    await feed.publish_touched(connection)  # nobody is told of new ones yet: not asked again for each at the end
    await import_marks.contacts(connection, judged, whose, made)
    await import_marks.billing(connection, judged, whose, made)
    await import_marks.external(connection, work.network.id, judged, whose, made)
    await _profile_changes(connection, work, judged, made)
    held = await _decide(connection, work, plan, whose, made)
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
    at_once: Iterable[Decided] = (),
    others: Iterable[Decided] = (),
) -> None:
    """Bring what is stored of these families in line with their facts, many at a time where that can be.

    `at_once`, `others`: families that came in this transaction, with what follows for them (`Plan`).
    """
    ordered = list(listed)
    rows = await families.fetch(connection, ordered, charged=False) if ordered else []
    together, apart = [*at_once], [*others]
    for family, facts in zip(ordered, families.read(kept, ordered, rows), strict=True):
        intents = cascades.repair(facts, today, reason)
        plain = apply_many.plain(kept, facts, intents, today)
        (together if plain else apart).append((family, facts, intents))
    one_by_one: list[Decided] = []
    for family, facts, _ in apart:
        facts = await places.ask(connection, kept, facts, today, at_once=False)
        one_by_one.append((family, facts, cascades.repair(facts, today, reason)))
    await apply_many.apply_many(connection, kept, together)
    await apply_many.apply_one_by_one(connection, kept, one_by_one)


async def _organisations(connection: Connection, work: Work, plan: Plan, made: dict[int, dict[str, Any]]) -> None:
    """New organisations with profile and numbers."""
    fresh, new = [each.member for each in plan.judged if each.known is None], list(plan.new.values())
    if not fresh:
        return
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
    connection: Connection, work: Work, plan: Plan, whose: dict[int, UUID], made: dict[int, dict[str, Any]]
) -> dict[UUID, UUID]:
    """Decisions about memberships with all that follows; {organisation: membership}."""
    known = sorted({each.known.family for each in plan.judged if each.known})
    before = dict(zip(known, await families.load_many(connection, work.kept, known), strict=True)) if known else {}
    all_of_them: list[Decision] = []
    for each in plan.judged:
        row = each.member.row
        if each.known:
            facts = before[each.known.family]
            some = decided(work, each, each.known.id, families.moment(facts, work.now))
            # another row of the same family comes after this one
            before[each.known.family] = msgspec.structs.replace(facts, decisions=(*facts.decisions, *some))
        else:
            some = plan.decisions[row]
        made[row]["decisions"] = [str(d.id) for d in some]
        all_of_them += some
    held = await decisions.record_many(connection, work.network.id, all_of_them, work.actor)
    await follow(connection, work.kept, known, work.today, REASON, plan.at_once, plan.others)
    missing = [whose[each.member.row] for each in plan.judged if whose[each.member.row] not in held]
    return held | await import_marks.memberships(connection, work.network.id, missing)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


async def _openings(
    connection: Connection,
    work: Work,
    judged: Sequence[Judged],
    whose: dict[int, UUID],
    made: dict[int, dict[str, Any]],
) -> None:
    owing = [each.member for each in judged if each.member.opening and _fresh(each, "opening_amount")]
    openings = [Opening(whose[m.row], m.opening, m.opening_due or work.today, m.opening_reference) for m in owing]
    found = await opening_items.add(connection, work.kept, work.network, work.source, openings, work.today, work.actor)
    for member, item in zip(owing, found, strict=True):
        made[member.row]["opening"] = str(item)
    having = [each.member for each in judged if each.member.credit and _fresh(each, "opening_credit")]
    credits = [Credit(whose[m.row], m.credit, m.name, m.opening_reference) for m in having]
    for member, payment in zip(having, await opening_credits.add(connection, work, credits), strict=True):
        made[member.row]["credit"] = str(payment)


def _fresh(each: Judged, field: str) -> bool:
    """Is this opening balance not in the books yet?"""
    return each.known is None or any(difference.field == field for difference in each.differences)


async def booked(connection: Connection, source: UUID) -> dict[str, int]:
    """What the ledger has of this import, minor units: `booked` is owed, `credited` is credit."""
    return {
        "booked": await opening_items.total(connection, source),
        "credited": await opening_credits.total(connection, source),
    }


async def settle(connection: Connection) -> None:
    """Tell directory and partners now, before the trail of audit is held: it is held by one at a time."""
    await connection.execute("set constraints all immediate")
