"""Receipts of people who were forgotten: what was taken away, what stays and until when. Not who it was."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from crm.database import Connection


class Receipt(msgspec.Struct, frozen=True):
    """`done`: rows by kind; `kept`: [{what, count, until}]."""

    id: UUID
    about: str
    done: dict[str, int]
    kept: list[dict[str, Any]]
    reason: str
    actor: str
    erased_at: datetime


_RECEIPTS = "select id, about, done, kept, reason, actor, erased_at from erasure"


async def of_organisation(connection: Connection, organisation: UUID) -> list[Receipt]:
    """Contacts of an organisation who were forgotten, the newest first."""
    rows = await connection.fetch(f"{_RECEIPTS} where organisation_id = $1 order by erased_at desc, id", organisation)
    return [Receipt(**dict(row)) for row in rows]


async def one(connection: Connection, wanted: UUID) -> Receipt | None:
    """A receipt by its id, for who was given it."""
    row = await connection.fetchrow(f"{_RECEIPTS} where id = $1", wanted)
    return Receipt(**dict(row)) if row else None
