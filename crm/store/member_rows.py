"""Rows of a pushed list, settled: whom each means, new organisations made, then what is decided (member_changes).

All in the caller's transaction, for a batch of rows at once: a row takes effect as a whole or not at all, and a dry
run is the same thing in a transaction that is rolled back, so that the two cannot say different things.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec

from cluster_rules import matching, member_lists
from cluster_rules.errors import RuleViolation
from cluster_rules.matching import Identity
from cluster_rules.member_lists import Candidate, Meant
from cluster_rules.memberships import Facts
from cluster_rules.organisations import Organisation, Profile
from cluster_rules.periods import Period
from crm.catalogue import Catalogue, NetworkRow
from crm.database import Connection
from crm.listed import Listed, identity_of
from crm.store import families, feed, member_changes, member_identities
from crm.store import member_lists as lists
from crm.store.member_changes import At, Work
from crm.store.member_identities import Known
from crm.store.member_lists import Row, Run, Settled

NOBODY = UUID(int=0)
MAKE = UUID(int=1)  # a person's word: none of them, make a new organisation


class Raced(Exception):
    """Somebody else has registered one of the numbers at this very moment: look again."""


class _Seen(msgspec.Struct):
    """What is known when the rows of a wave are looked at; grows as they are."""

    called: dict[str, UUID]
    said: dict[str, member_identities.Said]
    candidates: dict[int, list[UUID]]
    known: dict[UUID, Known]
    theirs: dict[UUID, set[str]]
    main_units: dict[str, str]


async def settle(
    connection: Connection,
    kept: Catalogue,
    run: Run,
    rows: Sequence[Row],
    now: datetime,
    forced: Mapping[int, UUID] | None = None,
) -> list[Settled]:
    """What becomes of each row, done. `forced`: number of a row -> the organisation a person has said, or MAKE."""
    network = kept.by_id[run.network_id]
    at = At(kept, network, run, now, now.astimezone(network.zone).date(), bool(forced))
    await member_identities.lock(connection)
    done: list[Settled] = []
    work = [Work(row, row.organisation) for row in rows if row.row is None and row.organisation]
    for is_unit in (False, True):
        wave = {r.number: r.row for r in rows if r.row is not None and bool(r.row.parent_external_id) == is_unit}
        if not wave:
            continue
        seen = await _look(connection, network, run, wave)
        found, settled = _judge(wave, seen, forced or {}, at)
        made, refused = await _make(connection, at, [w for w in found if w.is_new], seen, forced or {})
        done += [*settled, *refused]
        work += [*(w for w in found if not w.is_new), *made]
        refs = [(w.row.external_id, w.organisation) for w in [*(w for w in found if not w.is_new), *made]]
        await member_identities.remember(connection, network.id, refs)
    done += await member_changes.decide(connection, at, work)
    await lists.hold(connection, run, [s for s in done if s.verdict == "held"])
    certain = [(s.external_id, s.organisation) for s in done if s.organisation and s.verdict not in ("held", "refused")]
    await lists.settle_open(connection, network.id, certain)
    return done


async def _look(connection: Connection, network: NetworkRow, run: Run, wave: Mapping[int, Listed]) -> _Seen:
    names = [name for row in wave.values() for name in (row.external_id, row.parent_external_id) if name]
    called = await member_identities.called(connection, network.id, names)
    candidates = await member_identities.candidates(connection, wave)
    everybody = {*called.values(), *(i for ids in candidates.values() for i in ids)}
    known = await member_identities.known(connection, everybody)
    theirs = await member_identities.theirs(connection, network.id, run.id, everybody)
    said = await member_identities.said(connection, network.id, names)
    pairs = [Identity(NOBODY, "", "", row.pairs) for row in wave.values()]
    units = await member_identities.main_units(connection, [*pairs, *(k.identity for k in known.values())])
    return _Seen(called, said, candidates, known, theirs, units)


def _judge(
    wave: Mapping[int, Listed], seen: _Seen, forced: Mapping[int, UUID], at: At
) -> tuple[list[Work], list[Settled]]:
    """Rows that mean somebody for certain (or somebody new), and those that are held or refused already."""
    found: list[Work] = []
    settled: list[Settled] = []
    for number, row in wave.items():
        whole = Row(number, row.external_id, row)
        parent = seen.known.get(seen.called[row.parent_external_id]) if row.parent_external_id in seen.called else None
        wrong = _parent_wrong(row, parent)
        if wrong:
            settled.append(member_changes.refused(whole, "parent_external_id", *wrong))
            continue
        meant = _meant(number, row, parent, seen, forced)
        if meant is None:
            settled.append(member_changes.refused(whole, "external_id", "refused_here", {}))
        elif meant.verdict == "held":
            settled.append(member_changes.held(whole, meant.why or "", meant.candidates))
        else:
            organisation = meant.organisation or uuid4()
            seen.called[row.external_id] = organisation
            seen.theirs.setdefault(organisation, set()).add(row.external_id)
            stored = seen.known.get(organisation)
            found.append(Work(whole, organisation, stored, parent, is_new=meant.organisation is None))
    return found, settled


def _parent_wrong(row: Listed, parent: Known | None) -> tuple[str, dict[str, Any]] | None:
    if not row.parent_external_id:
        return None
    if parent is None:
        return "parent_unknown", {"given": row.parent_external_id}
    return ("parent_wrong", {"name": parent.identity.name}) if parent.identity.parent else None


def _meant(number: int, row: Listed, parent: Known | None, seen: _Seen, forced: Mapping[int, UUID]) -> Meant | None:
    """Whom the row means; None when a person has said that it is not to be taken in."""
    if number in forced:
        return Meant("new") if forced[number] == MAKE else Meant("known", forced[number])
    called, person = seen.called.get(row.external_id), seen.said.get(row.external_id)
    if person and person.identity == identity_of(msgspec.to_builtins(row)):
        if person.outcome == "refused":
            return None
        if person.organisation:
            return Meant("known", called or person.organisation)
    identity = Identity(
        NOBODY,
        row.name,
        row.country,
        row.pairs - parent.identity.identifiers if parent else row.pairs,
        parent.identity.id if parent else None,
        matching.domain_of(row.website or ""),
    )
    listed = {*seen.candidates[number], *([called] if called else [])} - ({parent.identity.id} if parent else set())
    theirs = {i: min(others) for i in listed if (others := seen.theirs.get(i, set()) - {row.external_id})}
    return member_lists.who(
        identity, called, [seen.known[i].identity for i in sorted(listed) if i in seen.known], theirs, seen.main_units
    )


# --- organisations that nobody knew


async def _make(
    connection: Connection, at: At, work: Sequence[Work], seen: _Seen, forced: Mapping[int, UUID]
) -> tuple[list[Work], list[Settled]]:
    """The new organisations of those rows that a rule lets in. Raced."""
    made: list[Work] = []
    out: list[Settled] = []
    for each in work:
        row = each.listed
        try:
            decided = member_changes.decisions(await _facts(connection, at, each), at, each)
        except RuleViolation as refusal:
            out.append(member_changes.refused_by(each.row, refusal))
            continue
        if decided:
            made.append(each)
            seen.known[each.organisation] = _as_known(each)
        else:  # somebody nobody knew, who has left already: nothing to keep
            out.append(Settled(each.row.number, row.external_id, "unchanged"))
    await _insert(connection, at, made, bool(forced))
    return made, out


async def _facts(connection: Connection, at: At, work: Work) -> Facts:
    row = work.listed
    parent = work.parent.identity.id if work.parent else None
    profile = Profile(Period(at.today), row.kind or "company", row.country, row.employees, parent=parent)
    new = Organisation(work.organisation, row.name, (profile,))
    if work.parent is None:
        return Facts((new,), at.kept.rulebooks)
    facts = await families.load(connection, at.kept, work.parent.family)
    return msgspec.structs.replace(facts, organisations=(*facts.organisations, new))


def _as_known(work: Work) -> Known:
    """What the units of a new organisation need to know of it."""
    row = work.listed
    parent, family = (work.parent.identity.id, work.parent.family) if work.parent else (None, work.organisation)
    identity = Identity(
        work.organisation, row.name, row.country, row.pairs, parent, matching.domain_of(row.website or "")
    )
    return Known(identity, family, {}, frozenset((row.name,)))


async def _insert(connection: Connection, at: At, work: Sequence[Work], forced: bool) -> None:
    if not work:
        return
    await connection.executemany(
        "insert into organisation (id, name, family_id, website, fields, created_at)"
        " values ($1, $2, $3, $4, '[]', now())",
        [
            (w.organisation, w.listed.name, w.parent.family if w.parent else w.organisation, w.listed.website or "")
            for w in work
        ],
    )
    await connection.executemany(
        "insert into organisation_profile (id, organisation_id, name, kind, country, municipality, county, employees,"
        " employees_as_of, parent_id, starts_on, recorded_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, now())",
        [_profile(w, at.today) for w in work],
    )
    pairs = [(w.organisation, *pair) for w in work for pair in sorted(_own_numbers(w))]
    stored = await connection.fetch(
        "insert into identifier (id, organisation_id, scheme, value) select gen_random_uuid(), o, s, v"
        " from unnest($1::uuid[], $2::text[], $3::text[]) as n (o, s, v) on conflict (scheme, value) do nothing"
        " returning id",
        *([pair[n] for pair in pairs] for n in range(3)),
    )
    # The feed asks at the end of the transaction who is to hear of new names and numbers: of these nobody yet, so it
    # asks now, before they are members, and not twice for each of them afterwards.
    await feed.publish_touched(connection)
    if len(stored) != len(pairs) and not forced:  # a person who says "another one" knows that a number is taken
        raise Raced


def _own_numbers(work: Work) -> frozenset[tuple[str, str]]:
    """A unit does not take the number of the organisation that it belongs to."""
    return work.listed.pairs - work.parent.identity.identifiers if work.parent else work.listed.pairs


def _profile(work: Work, today: date) -> tuple[Any, ...]:
    row = work.listed
    parent = work.parent.identity.id if work.parent else None
    since = min(row.starts_on or today, today)
    counted = today if row.employees is not None else None
    where = (row.municipality or "", row.county or "")
    facts = (row.kind or "company", row.country, *where, row.employees, counted, parent, since)
    return (uuid4(), work.organisation, row.name, *facts)


__all__ = ["MAKE", "Candidate", "Raced", "settle"]
