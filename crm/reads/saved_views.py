"""Saved views of a member list: those of a person, and those everybody in the network's office has."""

from uuid import UUID

import msgspec

from crm.database import Connection


class View(msgspec.Struct, frozen=True):
    """A filtered list under a name. `mine`: the reader made it; only shared ones are seen by others."""

    id: UUID
    name: str
    query: str
    shared: bool
    mine: bool
    owner: str


_VIEWS = """
select v.id, v.name, v.query, v.shared, v.owner_id = $2 as mine, coalesce(a.name, '') as owner
from saved_view v left join account a on a.id = v.owner_id
where v.network_id = $1 and (v.shared or v.owner_id = $2) and (v.deleted_at is null) = not $3
"""


async def of_reader(connection: Connection, network: UUID, reader: UUID) -> list[View]:
    """What stands in the reader's menu, in the order of the alphabet."""
    rows = await connection.fetch(f"{_VIEWS} order by lower(v.name), v.id", network, reader, False)
    return [View(**dict(row)) for row in rows]


async def one(connection: Connection, network: UUID, reader: UUID, view: UUID, deleted: bool = False) -> View | None:
    """One of those; None when there is none for this reader."""
    row = await connection.fetchrow(f"{_VIEWS} and v.id = $4", network, reader, deleted, view)
    return View(**dict(row)) if row else None
