"""Changes of what is told of an organisation, the newest first."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from crm.database import Connection

MOST = 100


class Change(msgspec.Struct, frozen=True):
    """One change: fact -> {old, new}; `last`: no newer one of the same facts stands, so it can be taken back."""

    id: UUID
    effective_on: date
    facts: dict[str, dict[str, Any]]
    reason: str
    actor: str
    channel: str
    recorded_at: datetime
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    last: bool


async def changes(connection: Connection, organisation: UUID) -> list[Change]:
    """The newest `MOST` of an organisation that the reader may know."""
    rows = await connection.fetch(
        "select c.id, c.effective_on, c.facts, c.reason, c.actor, c.channel, c.recorded_at, c.withdrawn_at,"
        " c.withdrawn_by, c.withdrawn_at is null and not exists (select from profile_change o"
        "   where o.organisation_id = c.organisation_id and o.number > c.number and o.withdrawn_at is null"
        "   and o.facts ?| (select array_agg(k) from jsonb_object_keys(c.facts) k)) as last"
        " from profile_change c where c.organisation_id = $1 order by c.number desc limit $2",
        organisation,
        MOST,
    )
    return [Change(**dict(row)) for row in rows]
