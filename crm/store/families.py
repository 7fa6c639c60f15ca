"""One family's facts, read under a lock: everything `cluster_rules` needs to decide about it.

A family is a legal entity with its units. Its root row is locked for the transaction, so two
decisions about the same family happen one after the other; other families are not held up.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

import msgspec

from cluster_rules.memberships import Answer, Decision, Facts, Grant, Segment
from cluster_rules.organisations import Organisation, Profile
from cluster_rules.periods import Period
from crm.catalogue import Catalogue
from crm.database import Connection
from crm.errors import NotFound

# Every fact of the wanted families in one answer: a decision waits for the database once, not seven times.
_FACTS = """
with members as (select id, family_id, name from organisation where family_id = any($1))
select 'organisation' as kind, family_id, to_jsonb(members) as row from members
union all
select 'profile', f.family_id, to_jsonb(p) from members f
    join organisation_profile p on p.organisation_id = f.id and p.superseded_at is null
union all
select 'decision', f.family_id, to_jsonb(d) || jsonb_build_object('organisation_id', f.id, 'network_id', m.network_id)
    from members f join membership m on m.organisation_id = f.id
    join membership_decision d on d.membership_id = m.id and d.withdrawn_at is null
union all
select 'answer', f.family_id, to_jsonb(a) from members f
    join link_answer a on a.organisation_id = f.id and a.withdrawn_at is null
union all
select 'grant', f.family_id, to_jsonb(g) from members f
    join membership_grant g on g.organisation_id = f.id and g.superseded_at is null
union all
select 'period', f.family_id, to_jsonb(p) from members f
    join membership_period p on p.organisation_id = f.id and p.superseded_at is null
union all
select 'charge', f.family_id, jsonb_build_object('organisation_id', f.id, 'network_id', m.network_id,
    'starts_on', c.starts_on, 'ends_on', c.ends_on)
    from members f join membership m on m.organisation_id = f.id
    join charge c on c.membership_id = m.id and c.net >= 0
"""


class _Row(msgspec.Struct, frozen=True):
    """A stored fact as the database tells it; which fields are filled depends on its kind."""

    organisation_id: UUID | None = None
    network_id: UUID | None = None
    starts_on: date = date.min
    ends_on: date | None = None
    tier: str = ""


class _Organisation(msgspec.Struct, frozen=True):
    id: UUID
    name: str


class _Profile(_Row, frozen=True, kw_only=True):
    organisation_id: UUID
    country: str
    kind: str
    employees: int | None
    founded_on: date | None
    parent_id: UUID | None


class _Decision(_Row, frozen=True, kw_only=True):
    id: UUID
    organisation_id: UUID
    network_id: UUID
    kind: str
    effective_on: date
    until_on: date | None
    reason: str
    recorded_at: datetime


class _Answer(_Row, frozen=True, kw_only=True):
    organisation_id: UUID
    source_network_id: UUID
    rule: str
    answer: str
    on_date: date
    recorded_at: datetime


class _Grant(_Row, frozen=True, kw_only=True):
    id: UUID
    organisation_id: UUID
    network_id: UUID
    kind: str
    source_network_id: UUID | None
    rule: str
    rulebook_version: int
    agreement: str
    cause_id: UUID | None


class _Period(_Row, frozen=True, kw_only=True):
    organisation_id: UUID
    network_id: UUID
    status: str
    origin: str


_KINDS = {
    "organisation": _Organisation,
    "profile": _Profile,
    "decision": _Decision,
    "answer": _Answer,
    "grant": _Grant,
    "period": _Period,
    "charge": _Row,
}


async def of(connection: Connection, organisation: UUID) -> UUID:
    """The family an organisation belongs to: the id of the legal entity at its root. NotFound."""
    family = await connection.fetchval("select family_id from organisation where id = $1", organisation)
    if family is None:
        raise NotFound("organisation", organisation)
    return family


async def lock(connection: Connection, organisation: UUID) -> UUID:
    """Lock the family of `organisation` until the transaction ends; returns its root's id. NotFound."""
    family = await connection.fetchval(
        "select id from organisation where id = (select family_id from organisation where id = $1) for no key update",
        organisation,
    )
    if family is None:
        raise NotFound("organisation", organisation)
    return family


async def lock_many(connection: Connection, families: Sequence[UUID]) -> None:
    """Lock several families, always in the same order, so that two who do so never wait for each other."""
    await connection.execute(
        "select 1 from organisation where id = any($1) order by id for no key update", list(families)
    )


async def touched(connection: Connection, organisations: Iterable[UUID], networks: Iterable[UUID]) -> list[UUID]:
    """The families of these organisations and of every member of these networks, in the order of `lock_many`."""
    rows = await connection.fetch(
        "select distinct o.family_id from organisation o where o.id = any($1) or exists"
        " (select from membership m where m.organisation_id = o.id and m.network_id = any($2)) order by 1",
        list(organisations),
        list(networks),
    )
    return [row["family_id"] for row in rows]


async def load(connection: Connection, catalogue: Catalogue, family: UUID) -> Facts:
    """The facts of one family, as stored now (call `lock` first when you mean to write)."""
    (facts,) = await load_many(connection, catalogue, [family])
    return facts


async def load_many(connection: Connection, catalogue: Catalogue, families: Sequence[UUID]) -> list[Facts]:
    """The facts of many families, in the order given; `crm verify` and imports read them in batches."""
    found: dict[UUID, dict[str, list]] = {family: {kind: [] for kind in _KINDS} for family in families}
    for record in await connection.fetch(_FACTS, list(families)):
        row = msgspec.convert(record["row"], _KINDS[record["kind"]])
        found[record["family_id"]][record["kind"]].append(row)
    return [_facts(rows, catalogue) for rows in found.values()]


def moment(facts: Facts, now: datetime) -> datetime:
    """When a new decision of this family is recorded: now, but always after those before it.

    Decisions are taken in the order they were recorded, so no two may share a moment (a coarse or
    corrected clock would otherwise turn them round).
    """
    latest = max((d.recorded_at for d in facts.decisions), default=None)
    return max(now, latest + timedelta(microseconds=1)) if latest else now


def _facts(rows: dict[str, list], catalogue: Catalogue) -> Facts:
    slugs = {network.id: network.slug for network in catalogue.networks}
    profiles: dict[UUID, list[Profile]] = {}
    for p in sorted(rows["profile"], key=lambda p: p.starts_on):
        known = Profile(
            period=Period(p.starts_on, p.ends_on),
            kind=p.kind,
            country=p.country,
            employees=p.employees,
            founded_on=p.founded_on,
            parent=p.parent_id,
        )
        profiles.setdefault(p.organisation_id, []).append(known)
    timelines: dict[tuple[UUID, str], tuple[Segment, ...]] = {}
    for p in sorted(rows["period"], key=lambda p: p.starts_on):
        key = (p.organisation_id, slugs[p.network_id])
        segment = Segment(Period(p.starts_on, p.ends_on), p.tier, p.status, p.origin)
        timelines[key] = (*timelines.get(key, ()), segment)
    return Facts(
        organisations=tuple(
            Organisation(o.id, o.name, tuple(profiles.get(o.id, ())))
            for o in sorted(rows["organisation"], key=lambda o: o.id)
        ),
        rulebooks=catalogue.rulebooks,
        decisions=tuple(_decision(d, slugs) for d in sorted(rows["decision"], key=lambda d: (d.recorded_at, d.id))),
        answers=tuple(
            Answer(a.organisation_id, slugs[a.source_network_id], a.rule, a.answer, a.on_date)
            for a in sorted(rows["answer"], key=lambda a: (a.on_date, a.recorded_at))  # the newest counts
        ),
        grants=tuple(_grant(g, slugs) for g in sorted(rows["grant"], key=lambda g: (g.starts_on, g.id))),
        timelines=timelines,
        charged=tuple((c.organisation_id, slugs[c.network_id], Period(c.starts_on, c.ends_on)) for c in rows["charge"]),
    )


def _decision(row: _Decision, slugs: dict[UUID, str]) -> Decision:
    return Decision(
        id=row.id,
        organisation=row.organisation_id,
        network=slugs[row.network_id],
        kind=row.kind,
        effective_on=row.effective_on,
        recorded_at=row.recorded_at,
        tier=row.tier,
        until=row.until_on,
        reason=row.reason,
    )


def _grant(row: _Grant, slugs: dict[UUID, str]) -> Grant:
    return Grant(
        id=row.id,
        organisation=row.organisation_id,
        network=slugs[row.network_id],
        kind=row.kind,
        tier=row.tier,
        period=Period(row.starts_on, row.ends_on),
        source=slugs[row.source_network_id] if row.source_network_id else "",
        rule=row.rule,
        version=row.rulebook_version,
        agreement=row.agreement,
        cause=row.cause_id,
    )
