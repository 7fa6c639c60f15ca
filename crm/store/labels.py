"""Labels and programmes as they are stored: a change adds a row, nothing is written over."""

from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from crm.database import Connection
from crm.store.told import Facts


class Words(msgspec.Struct, frozen=True):
    """What is held: `kind` label or programme; days half-open, `expires_on` None for no end."""

    kind: str
    name: str
    level: str
    issuer: str
    issued_on: date
    expires_on: date | None
    note: str


def _told(words: Words) -> dict[str, Any]:
    return {name: value for name, value in msgspec.to_builtins(words).items() if value not in ("", None)}


FACTS = Facts("label", Words, _told)


async def count(connection: Connection, network: UUID) -> int:
    """How many the network has."""
    return await connection.fetchval(
        "select count(*) from label where network_id = $1 and superseded_at is null", network
    )
