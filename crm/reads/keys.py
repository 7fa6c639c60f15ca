"""The keys of programs, for the page and the command that list them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from crm.database import Connection


class KeyRow(msgspec.Struct, frozen=True):
    """A key without its secret; `network_id` None = all networks."""

    id: UUID
    prefix: str
    name: str
    role: str
    network_id: UUID | None
    created_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None
    old_secret_until: datetime | None = None
    old_used_at: datetime | None = None
    scopes: list[str] = []


async def listed(connection: Connection, networks: Sequence[UUID]) -> list[KeyRow]:
    """The keys that reach these networks, the newest first. Whoever asks must manage them all."""
    rows = await connection.fetch(
        "select id, prefix, name, role, network_id, created_at, revoked_at, last_used_at, old_secret_until,"
        " old_used_at, array(select s.scope from key_scope s where s.key_id = api_key.id order by 1) as scopes"
        " from api_key"
        " where network_id is null or network_id = any($1) order by created_at desc, prefix",
        list(networks),
    )
    return [KeyRow(**dict(row)) for row in rows]
