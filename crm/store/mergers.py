"""Mergers and splits as they are stored: which membership counts for which from a day on, and who became part of whom.

Nothing is deleted: what is withdrawn stays, and the organisation that was taken over keeps its row and its history.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID, uuid5

import msgspec

from cluster_rules.memberships import Transfer
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.database import Connection
from crm.errors import NotFound
from crm.store.apply import open_membership


class Restructuring(msgspec.Struct, frozen=True):
    """A merger (`source` became part of `target`), a split (`target` came out of `source`), or networks that merged."""

    id: UUID
    kind: Literal["merger", "split", "network_merger"]
    source: UUID | None
    target: UUID | None
    network: UUID | None
    effective_on: date
    detail: dict[str, Any]


class Standing(msgspec.Struct, frozen=True):
    """What the register says of an organisation: where it stands, and into whom it went."""

    id: UUID
    name: str
    family: UUID
    parent: UUID | None
    merged_into: UUID | None


async def standing(connection: Connection, wanted: UUID, field: str = "organisation") -> Standing:
    """One organisation; NotFound names `field`."""
    row = await connection.fetchrow(
        "select o.id, o.name, o.family_id as family, o.merged_into_id as merged_into, (select p.parent_id"
        " from organisation_profile p where p.organisation_id = o.id and p.superseded_at is null"
        " order by p.starts_on desc limit 1) as parent from organisation o where o.id = $1",
        wanted,
    )
    if row is None:
        raise NotFound(field, wanted)
    return Standing(**dict(row))


async def units_of(connection: Connection, organisation: UUID) -> list[UUID]:
    """Its units, as of the newest profile of each."""
    rows = await connection.fetch(
        "select p.organisation_id from organisation_profile p where p.superseded_at is null and p.parent_id = $1"
        " and p.ends_on is null order by 1",
        organisation,
    )
    return [row["organisation_id"] for row in rows]


async def waiting_application(connection: Connection, organisation: UUID) -> str | None:
    """The reference of an application of this organisation that nobody has decided yet."""
    return await connection.fetchval(
        "select reference from application where organisation_id = $1 and status in ('sent', 'info_needed')"
        " order by submitted_at limit 1",
        organisation,
    )


async def record(connection: Connection, made: Restructuring, actor: Actor) -> bool:
    """Store it; False when it is stored already."""
    stored = await connection.fetchval(
        "insert into restructuring (id, kind, from_organisation_id, into_organisation_id, into_network_id,"
        " effective_on, detail, actor, channel, recorded_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, now())"
        " on conflict (id) do nothing returning id",
        made.id,
        made.kind,
        made.source,
        made.target,
        made.network,
        made.effective_on,
        made.detail,
        actor.name,
        actor.channel,
    )
    return stored is not None


async def get(connection: Connection, wanted: UUID) -> Restructuring:
    """One that is not withdrawn. NotFound."""
    row = await connection.fetchrow(
        "select id, kind, from_organisation_id as source, into_organisation_id as target, into_network_id as network,"
        " effective_on, detail from restructuring where id = $1 and withdrawn_at is null",
        wanted,
    )
    if row is None:
        raise NotFound("merger", wanted)
    return Restructuring(**dict(row))


async def add_transfer(
    connection: Connection, kept: Catalogue, made: UUID, transfer: Transfer, member_since: date | None
) -> None:
    """One membership of those a restructuring moves; the target's is opened when it is not there yet.

    `member_since`: since when the target's membership counts as held (AC-14b: seniority is preserved).
    """
    source = await open_membership(connection, transfer.source[0], kept.network(transfer.source[1]).id)
    target = None
    if transfer.target:
        target = await open_membership(connection, transfer.target[0], kept.network(transfer.target[1]).id)
    await connection.execute(
        "insert into membership_transfer (id, restructuring_id, membership_id, target_membership_id, effective_on,"
        " tiers, links, member_since, recorded_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        transfer.id,
        made,
        source,
        target,
        transfer.on,
        transfer.tiers,
        transfer.links,
        member_since,
        transfer.recorded_at,
    )


def transfer_id(made: UUID, organisation: UUID, network: str) -> UUID:
    """The id a membership's transfer has: the same for the same cause, so that repeating changes nothing."""
    return uuid5(made, f"{organisation}/{network}")


async def transferred(connection: Connection, made: UUID) -> set[UUID]:
    """The ids of the transfers that a restructuring has made so far."""
    rows = await connection.fetch("select id from membership_transfer where restructuring_id = $1", made)
    return {row["id"] for row in rows}


async def count_seniority(connection: Connection, made: UUID) -> None:
    """Let every membership that this restructuring touched be held since what all its transfers say."""
    await connection.execute(
        "update membership m set (carried_since, carried_on) = (select t.member_since, t.effective_on"
        " from membership_transfer t where t.target_membership_id = m.id and t.withdrawn_at is null"
        " order by t.member_since, t.effective_on limit 1) where m.id in"
        " (select target_membership_id from membership_transfer where restructuring_id = $1)",
        made,
    )


async def carried_since(connection: Connection, organisations: Sequence[UUID]) -> dict[tuple[UUID, UUID], date]:
    """The seniority that memberships of these organisations took over, by (organisation, network)."""
    rows = await connection.fetch(
        "select organisation_id, network_id, carried_since from membership"
        " where organisation_id = any($1) and carried_since is not null",
        list(organisations),
    )
    return {(row["organisation_id"], row["network_id"]): row["carried_since"] for row in rows}


async def unite(connection: Connection, family: UUID, into: UUID) -> None:
    """From now on rules decide about both families together (`crm verify`, check family_root)."""
    await connection.execute("update organisation set family_id = $2 where family_id = $1", family, into)


async def mark(connection: Connection, organisation: UUID, into: UUID | None, on: date | None) -> None:
    """The organisation is part of `into` from a day on; None takes it back."""
    await connection.execute(
        "update organisation set merged_into_id = $2, merged_on = $3 where id = $1", organisation, into, on
    )


async def put_under(
    connection: Connection, units: Iterable[UUID], parent: UUID | None, on: date, only_under: UUID | None = None
) -> None:
    """These organisations are units of `parent` (None: stand alone) from a day on; earlier days stay as they were.

    `only_under` leaves alone what has another parent by then.
    """
    for unit in units:
        rows = await connection.fetch(
            "select id, starts_on, ends_on from organisation_profile where organisation_id = $1"
            " and superseded_at is null and (ends_on is null or ends_on > $2)"
            " and ($3::uuid is null or parent_id = $3) order by starts_on",
            unit,
            on,
            only_under,
        )
        await connection.execute(
            "update organisation_profile set superseded_at = now() where id = any($1)", [row["id"] for row in rows]
        )
        for row in rows:
            if row["starts_on"] < on:
                await _copy_profile(connection, row["id"], {"ends_on": on})
            await _copy_profile(connection, row["id"], {"starts_on": max(on, row["starts_on"]), "parent_id": parent})


async def _copy_profile(connection: Connection, profile: UUID, changes: dict[str, Any]) -> None:
    """The same row once more with other values: whatever columns a profile has."""
    await connection.execute(
        "insert into organisation_profile select (jsonb_populate_record(p, $2::jsonb || jsonb_build_object("
        "'id', gen_random_uuid(), 'recorded_at', now(), 'superseded_at', null))).* from organisation_profile p"
        " where p.id = $1",
        profile,
        changes,
    )


async def withdraw(connection: Connection, made: UUID, actor: Actor) -> list[tuple[datetime, UUID]]:
    """Take a restructuring back with all its transfers; (when, membership) of those that had a target."""
    await connection.execute(
        "update restructuring set withdrawn_at = now(), withdrawn_by = $2 where id = $1 and withdrawn_at is null",
        made,
        actor.name,
    )
    rows = await connection.fetch(
        "update membership_transfer set withdrawn_at = now() where restructuring_id = $1 and withdrawn_at is null"
        " returning recorded_at, target_membership_id",
        made,
    )
    return [(row["recorded_at"], row["target_membership_id"]) for row in rows if row["target_membership_id"]]
