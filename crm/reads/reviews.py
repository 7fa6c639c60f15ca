"""The work list of a network's managers: members whose level does not fit them any more, and why."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from crm.database import Connection

MOST = 500
FIRST = UUID(int=0)  # before every review

_REVIEW = """
select r.id, r.membership_id, r.network_id, r.organisation_id, o.name as organisation, r.tier, r.reason, r.detail,
    r.opened_at, r.closed_at
from membership_review r join organisation o on o.id = r.organisation_id
"""


class Review(msgspec.Struct, frozen=True):
    """One reason to look at one member: `reason` is a code, `detail` its values (crm/sentences.py)."""

    id: UUID
    membership_id: UUID
    network_id: UUID
    organisation_id: UUID
    organisation: str
    tier: str
    reason: str
    detail: dict[str, Any]
    opened_at: datetime
    closed_at: datetime | None


async def waiting(
    connection: Connection, networks: Sequence[UUID], after: UUID = FIRST, limit: int = MOST, without: str = ""
) -> list[Review]:
    """Open reviews of these networks, by id; the next page comes `after` the last id. `without`: not this reason."""
    statement = (
        f"{_REVIEW} where r.closed_at is null and r.network_id = any($1) and r.id > $2 and r.reason <> $4"
        " order by r.id limit $3"
    )
    return [Review(**dict(row)) for row in await connection.fetch(statement, list(networks), after, limit, without)]


async def one(connection: Connection, wanted: UUID) -> Review | None:
    """One review, open or closed; None when the reader sees no such."""
    row = await connection.fetchrow(f"{_REVIEW} where r.id = $1", wanted)
    return Review(**dict(row)) if row else None


async def counts(connection: Connection, network: UUID) -> dict[str, int]:
    """How many wait, by reason."""
    rows = await connection.fetch(
        "select reason, count(*)::int as count from membership_review where network_id = $1 and closed_at is null"
        " group by reason",
        network,
    )
    return {row["reason"]: row["count"] for row in rows}
