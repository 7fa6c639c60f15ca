"""Saved views as they are stored."""

from datetime import datetime
from uuid import UUID

import msgspec

from crm.database import Connection
from crm.errors import NotFound


class View(msgspec.Struct, frozen=True):
    """A filtered list under a name."""

    id: UUID
    network_id: UUID
    owner_id: UUID
    name: str
    query: str
    shared: bool
    deleted_at: datetime | None = None


async def lock(connection: Connection, network: UUID, view: UUID) -> View:
    """The view, held until the transaction ends. NotFound."""
    row = await connection.fetchrow(
        f"select {', '.join(View.__struct_fields__)} from saved_view where network_id = $1 and id = $2 for update",
        network,
        view,
    )
    if row is None:
        raise NotFound("view", view)
    return View(**dict(row))


async def count(connection: Connection, network: UUID, owner: UUID) -> int:
    """How many views somebody has made in a network."""
    return await connection.fetchval(
        "select count(*) from saved_view where network_id = $1 and owner_id = $2 and deleted_at is null", network, owner
    )


async def save(connection: Connection, view: View, now: datetime) -> None:
    """As it is now, new or changed."""
    await connection.execute(
        "insert into saved_view (id, network_id, owner_id, name, query, shared, created_at, deleted_at)"
        " values ($1, $2, $3, $4, $5, $6, $8, $7) on conflict (id) do update set name = excluded.name,"
        " query = excluded.query, shared = excluded.shared, deleted_at = excluded.deleted_at",
        *(view.id, view.network_id, view.owner_id, view.name, view.query, view.shared, view.deleted_at, now),
    )
