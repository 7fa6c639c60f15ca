"""Suggested corrections, for who suggests and for the home network."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from crm.database import Connection

FIRST = UUID(int=0)
MOST = 500
Status = Literal["open", "decided", "withdrawn"]


class Suggestion(msgspec.Struct, frozen=True):
    """A correction; `fields`: name -> {then, wanted}, and {outcome, now} once it is decided."""

    id: UUID
    network_id: UUID
    owner_network_id: UUID
    organisation_id: UUID
    organisation: str
    agreement: str
    fields: dict[str, dict[str, Any]]
    reason: str
    actor: str
    recorded_at: datetime
    status: str
    note: str
    closed_by: str
    closed_at: datetime | None


_SUGGESTION = """
select s.id, s.network_id, s.owner_network_id, s.organisation_id, o.name as organisation, s.agreement, s.fields,
    s.reason, s.actor, s.recorded_at, s.status, s.note, s.closed_by, s.closed_at
from profile_suggestion s join organisation o on o.id = s.organisation_id
"""


async def of_network(
    connection: Connection, network: UUID, status: Status | None, after: UUID = FIRST, limit: int = MOST
) -> list[Suggestion]:
    """Suggestions by the network and to it, by id; the next page comes `after` the last id."""
    rows = await connection.fetch(
        f"{_SUGGESTION} where $1 in (s.network_id, s.owner_network_id) and ($2::text is null or s.status = $2)"
        " and s.id > $3 order by s.id limit $4",
        network,
        status,
        after,
        limit,
    )
    return [Suggestion(**dict(row)) for row in rows]


async def to_decide(connection: Connection, network: UUID) -> list[Suggestion]:
    """Open ones about organisations whose home is this network, the oldest first."""
    rows = await connection.fetch(
        f"{_SUGGESTION} where s.owner_network_id = $1 and s.status = 'open' order by s.recorded_at, s.id limit {MOST}",
        network,
    )
    return [Suggestion(**dict(row)) for row in rows]


async def one(connection: Connection, wanted: UUID) -> Suggestion | None:
    """One suggestion; None when the reader sees no such."""
    row = await connection.fetchrow(f"{_SUGGESTION} where s.id = $1", wanted)
    return Suggestion(**dict(row)) if row else None
