"""Corrections that partners suggest to an organisation's home network, as they are stored."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
from asyncpg import Record

from crm.actor import Actor
from crm.database import Connection
from crm.errors import NotFound

# What can be suggested: the name, and facts as `profile_change` knows them.
FIELDS = ("name", "country", "kind", "municipality", "county", "employees", "founded_on", "website")


class Suggestion(msgspec.Struct, frozen=True):
    """A correction; `fields`: name -> {then, wanted}, and {outcome, now} once it is decided."""

    id: UUID
    network_id: UUID
    owner_network_id: UUID
    organisation_id: UUID
    agreement: str
    fields: dict[str, dict[str, Any]]
    reason: str
    actor: str
    recorded_at: datetime
    status: str


async def disclosed(connection: Connection, agreement: str, home: UUID, to: UUID, organisation: UUID) -> frozenset[str]:
    """The fields of this member that its home discloses to the other network today, by the terms in force (ADR 0023).

    None of somebody who is not disclosed: out of scope, objected, or the terms disclose nothing.
    """
    row = await connection.fetchrow(
        "select t.fields from disclosure d join agreement a on a.id = d.agreement_id join disclosure_terms t"
        " on t.disclosure_id = d.id and t.version = d.in_force where a.code = $1 and d.network_id = $2"
        " and d.to_network_id = $3 and exists (select from share s where s.disclosure_id = d.id"
        "  and s.organisation_id = $4 and s.op = 'upsert')",
        agreement,
        home,
        to,
        organisation,
    )
    return frozenset(row["fields"]) if row else frozenset()


async def add(
    connection: Connection,
    networks: tuple[UUID, UUID],
    organisation: UUID,
    agreement: str,
    fields: dict[str, dict[str, Any]],
    reason: str,
    actor: Actor,
) -> tuple[UUID, bool]:
    """Store a suggestion of the first network to the second; (its id, whether it is new).

    The same one that is still open is found again; an open one that says otherwise is replaced.
    """
    network, owner = networks
    told = msgspec.to_builtins(fields)
    row = await connection.fetchrow(
        "select id, fields from profile_suggestion where network_id = $1 and organisation_id = $2 and status = 'open'"
        " for update",
        network,
        organisation,
    )
    if row and {n: f["wanted"] for n, f in row["fields"].items()} == {n: f["wanted"] for n, f in told.items()}:
        return row["id"], False
    if row:
        await connection.execute(
            "update profile_suggestion set status = 'withdrawn', closed_at = now(), closed_by = $2 where id = $1",
            row["id"],
            actor.name,
        )
    made = uuid4()
    await connection.execute(
        "insert into profile_suggestion (id, network_id, owner_network_id, organisation_id, agreement, fields, reason,"
        " actor, recorded_at, status) values ($1, $2, $3, $4, $5, $6, $7, $8, now(), 'open')",
        made,
        network,
        owner,
        organisation,
        agreement,
        told,
        reason,
        actor.name,
    )
    return made, True


async def lock(connection: Connection, wanted: UUID) -> Suggestion:
    """One suggestion, held until the transaction ends. NotFound."""
    row = await connection.fetchrow(
        f"select {', '.join(Suggestion.__struct_fields__)} from profile_suggestion where id = $1 for update", wanted
    )
    if row is None:
        raise NotFound("suggestion_id", wanted)
    return Suggestion(**dict(row))


async def close(
    connection: Connection, wanted: UUID, status: str, fields: dict[str, dict[str, Any]], note: str, actor: Actor
) -> None:
    """What became of it, field by field."""
    await connection.execute(
        "update profile_suggestion set status = $2, fields = $3, note = $4, closed_by = $5, closed_at = now()"
        " where id = $1",
        wanted,
        status,
        msgspec.to_builtins(fields),
        note,
        actor.name,
    )


async def values(connection: Connection, organisation: UUID) -> dict[str, Any]:
    """What is told today of each field that can be suggested, as JSON has it. NotFound."""
    row = await connection.fetchrow(
        "select o.name, o.website, p.country, p.kind, p.municipality, p.county, p.employees, p.founded_on"
        " from organisation o left join lateral (select * from organisation_profile p where p.organisation_id = o.id"
        "  and p.superseded_at is null order by (p.starts_on <= current_date and (p.ends_on is null"
        "  or p.ends_on > current_date)) desc, p.starts_on desc limit 1) p on true where o.id = $1",
        organisation,
    )
    if row is None:
        raise NotFound("organisation_id", organisation)
    return {name: msgspec.to_builtins(row[name]) for name in FIELDS}


async def standing(connection: Connection, network: UUID, organisation: UUID) -> list[Record]:
    """By which grants an organisation is a member of a network now: kind, source_network_id, agreement."""
    return await connection.fetch(
        "select kind, source_network_id, agreement from membership_grant where network_id = $1 and organisation_id = $2"
        " and superseded_at is null and (ends_on is null or ends_on > current_date) order by kind, starts_on, id",
        network,
        organisation,
    )
