"""What an organisation became part of, took over, or came out of."""

from datetime import date
from typing import Literal
from uuid import UUID

import msgspec

from crm.database import Connection


class Merged(msgspec.Struct, frozen=True):
    """One merger or split that stands. `role`: became part of `other`, took it over, gave it off, came out of it."""

    id: UUID
    role: Literal["became", "took", "gave", "came"]
    other: UUID
    name: str
    on: date


async def of_organisation(connection: Connection, organisation: UUID) -> list[Merged]:
    """All of them, the oldest first."""
    rows = await connection.fetch(
        "select r.id, case when r.kind = 'merger' then case when r.from_organisation_id = $1 then 'became' else 'took'"
        " end else case when r.from_organisation_id = $1 then 'gave' else 'came' end end as role,"
        " o.id as other, o.name, r.effective_on as on from restructuring r join organisation o"
        " on o.id = case when r.from_organisation_id = $1 then r.into_organisation_id else r.from_organisation_id end"
        " where r.withdrawn_at is null and $1 in (r.from_organisation_id, r.into_organisation_id)"
        " order by r.effective_on, r.recorded_at",
        organisation,
    )
    return [Merged(**dict(row)) for row in rows]


async def units(connection: Connection, organisation: UUID) -> list[tuple[UUID, str]]:
    """Its units now, by name."""
    rows = await connection.fetch(
        "select o.id, o.name from organisation_profile p join organisation o on o.id = p.organisation_id"
        " where p.parent_id = $1 and p.superseded_at is null and p.ends_on is null order by o.sort_name, o.id",
        organisation,
    )
    return [(row["id"], row["name"]) for row in rows]
