"""Which versions of a network's rulebook were published, when and by whom."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from crm.database import Connection


class Version(msgspec.Struct, frozen=True):
    """One published version."""

    version: int
    effective_from: date
    published_at: datetime
    published_by: str


async def versions(connection: Connection, network: UUID) -> list[Version]:
    """All of them, the newest first."""
    rows = await connection.fetch(
        "select version, effective_from, published_at, published_by from rulebook where network_id = $1"
        " order by version desc",
        network,
    )
    return [Version(**dict(row)) for row in rows]
