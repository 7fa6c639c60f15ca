"""One family's facts, read under a lock: everything `cluster_rules` needs to decide about it.

A family is a legal entity with its units. Its root row is locked for the transaction, so two
decisions about the same family happen one after the other; other families are not held up.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from cluster_rules.memberships import Answer, Decision, Facts, Grant, Segment
from cluster_rules.organisations import Organisation, Profile
from cluster_rules.periods import Period
from crm.catalogue import Catalogue
from crm.database import Connection
from crm.errors import NotFound


async def of(connection: Connection, organisation: UUID) -> UUID:
    """The family an organisation belongs to: the id of the legal entity at its root. NotFound."""
    family = await connection.fetchval("select family_id from organisation where id = $1", organisation)
    if family is None:
        raise NotFound("organisation", organisation)
    return family


async def lock(connection: Connection, organisation: UUID) -> UUID:
    """Lock the family of `organisation` until the transaction ends; returns its root's id."""
    family = await of(connection, organisation)
    await connection.execute("select 1 from organisation where id = $1 for no key update", family)
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
    """The facts of many families with one query per kind of fact; `crm verify` reads them in batches."""
    members = await connection.fetch(
        "select id, family_id, name from organisation where family_id = any($1) order by family_id, id",
        families,
    )
    ids = [row["id"] for row in members]
    profiles = _grouped(
        await connection.fetch(
            "select * from organisation_profile where organisation_id = any($1) and superseded_at is null"
            " order by organisation_id, starts_on",
            ids,
        )
    )
    decisions = _grouped(
        await connection.fetch(
            "select d.*, m.organisation_id, m.network_id from membership_decision d"
            " join membership m on m.id = d.membership_id"
            " where m.organisation_id = any($1) and d.withdrawn_at is null order by d.recorded_at, d.id",
            ids,
        )
    )
    answers = _grouped(
        await connection.fetch(
            "select * from link_answer where organisation_id = any($1) and withdrawn_at is null", ids
        )
    )
    grants = _grouped(
        await connection.fetch(
            "select * from membership_grant where organisation_id = any($1) and superseded_at is null"
            " order by starts_on, id",
            ids,
        )
    )
    periods = _grouped(
        await connection.fetch(
            "select * from membership_period where organisation_id = any($1) and superseded_at is null"
            " order by membership_id, starts_on",
            ids,
        )
    )
    charged = _grouped(
        await connection.fetch(
            "select m.organisation_id, m.network_id, c.starts_on, c.ends_on from charge c"
            " join membership m on m.id = c.membership_id where m.organisation_id = any($1) and c.net >= 0",
            ids,
        )
    )
    out: dict[UUID, list[asyncpg.Record]] = {family: [] for family in families}
    for row in members:
        out[row["family_id"]].append(row)
    return [
        Facts(
            organisations=tuple(_organisation(o, profiles.get(o["id"], ())) for o in rows),
            rulebooks=catalogue.rulebooks,
            decisions=tuple(_decision(r, catalogue) for o in rows for r in decisions.get(o["id"], ())),
            answers=tuple(_answer(r, catalogue) for o in rows for r in answers.get(o["id"], ())),
            grants=tuple(grant_of(r, catalogue) for o in rows for r in grants.get(o["id"], ())),
            timelines=_timelines((r for o in rows for r in periods.get(o["id"], ())), catalogue),
            charged=tuple(_charged(r, catalogue) for o in rows for r in charged.get(o["id"], ())),
        )
        for rows in out.values()
    ]


def moment(facts: Facts, now: datetime) -> datetime:
    """When a new decision of this family is recorded: now, but always after those before it.

    Decisions are taken in the order they were recorded, so no two may share a moment (a coarse or
    corrected clock would otherwise turn them round).
    """
    latest = max((d.recorded_at for d in facts.decisions), default=None)
    return max(now, latest + timedelta(microseconds=1)) if latest else now


def _grouped(rows: Iterable[asyncpg.Record]) -> dict[UUID, list[asyncpg.Record]]:
    out: dict[UUID, list[asyncpg.Record]] = {}
    for row in rows:
        out.setdefault(row["organisation_id"], []).append(row)
    return out


def _organisation(row: asyncpg.Record, profiles: Iterable[asyncpg.Record]) -> Organisation:
    return Organisation(
        row["id"],
        row["name"],
        tuple(
            Profile(
                period=Period(p["starts_on"], p["ends_on"]),
                kind=p["kind"],
                country=p["country"],
                employees=p["employees"],
                founded_on=p["founded_on"],
                parent=p["parent_id"],
            )
            for p in profiles
        ),
    )


def _decision(row: asyncpg.Record, catalogue: Catalogue) -> Decision:
    return Decision(
        id=row["id"],
        organisation=row["organisation_id"],
        network=catalogue.by_id[row["network_id"]].slug,
        kind=row["kind"],
        effective_on=row["effective_on"],
        recorded_at=row["recorded_at"],
        tier=row["tier"],
        until=row["until_on"],
        reason=row["reason"],
    )


def _answer(row: asyncpg.Record, catalogue: Catalogue) -> Answer:
    source = catalogue.by_id[row["source_network_id"]].slug
    return Answer(row["organisation_id"], source, row["rule"], row["answer"], row["on_date"])


def grant_of(row: asyncpg.Record, catalogue: Catalogue) -> Grant:
    """A stored grant as rules know it."""
    return Grant(
        id=row["id"],
        organisation=row["organisation_id"],
        network=catalogue.by_id[row["network_id"]].slug,
        kind=row["kind"],
        tier=row["tier"],
        period=Period(row["starts_on"], row["ends_on"]),
        source=catalogue.by_id[row["source_network_id"]].slug if row["source_network_id"] else "",
        rule=row["rule"],
        version=row["rulebook_version"],
        agreement=row["agreement"],
        cause=row["cause_id"],
    )


def _timelines(rows: Iterable[asyncpg.Record], catalogue: Catalogue) -> dict[tuple[UUID, str], tuple[Segment, ...]]:
    out: dict[tuple[UUID, str], tuple[Segment, ...]] = {}
    for row in rows:
        key = (row["organisation_id"], catalogue.by_id[row["network_id"]].slug)
        period = Period(row["starts_on"], row["ends_on"])
        out[key] = (*out.get(key, ()), Segment(period, row["tier"], row["status"], row["origin"]))
    return out


def _charged(row: asyncpg.Record, catalogue: Catalogue) -> tuple[UUID, str, Period]:
    network = catalogue.by_id[row["network_id"]].slug
    return row["organisation_id"], network, Period(row["starts_on"], row["ends_on"])
