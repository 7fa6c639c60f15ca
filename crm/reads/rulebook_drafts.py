"""The draft of a network's next rules, as those who manage it see it."""

from datetime import datetime
from uuid import UUID

import msgspec

from cluster_rules.networks import Rulebook
from crm.database import Connection


class Draft(msgspec.Struct, frozen=True):
    """What is written so far; `stamp` is another one after every save, `based_on` is the version it was begun from."""

    book: Rulebook
    stamp: str
    based_on: int
    changed_at: datetime
    changed_by: str


async def draft(connection: Connection, network: UUID) -> Draft | None:
    """The draft, or None when nobody writes one."""
    row = await connection.fetchrow(
        "select body, id || '.' || revision as stamp, based_on, changed_at, changed_by"
        " from rulebook_draft where network_id = $1",
        network,
    )
    if row is None:
        return None
    book = msgspec.convert(row["body"], Rulebook)
    return Draft(book, row["stamp"], row["based_on"], row["changed_at"], row["changed_by"])
