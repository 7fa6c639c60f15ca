"""The draft of a network's next rules: one a network, saved as a whole, never over somebody else's change."""

from datetime import datetime
from uuid import UUID, uuid4

import msgspec

from cluster_rules.networks import Rulebook
from crm.database import Connection


async def save(
    connection: Connection, network: UUID, book: Rulebook, stamp: str, based_on: int, who: str, at: datetime
) -> str | None:
    """Store `book` in the place of the draft as `stamp` (id.revision) has it, "" for none; the new stamp.

    None when somebody else was faster: then nothing is stored. `based_on` is the newest published
    version, and is kept from the first save on.
    """
    body = msgspec.to_builtins(book)
    if not stamp:
        return await connection.fetchval(
            "insert into rulebook_draft (id, network_id, body, revision, based_on, changed_at, changed_by)"
            " values ($1, $2, $3, 1, $4, $5, $6) on conflict (network_id) do nothing returning id || '.' || revision",
            uuid4(),
            network,
            body,
            based_on,
            at,
            who,
        )
    return await connection.fetchval(
        "update rulebook_draft set body = $3, revision = revision + 1, changed_at = $4, changed_by = $5"
        " where network_id = $1 and id || '.' || revision = $2 returning id || '.' || revision",
        network,
        stamp,
        body,
        at,
        who,
    )


async def discard(connection: Connection, network: UUID, stamp: str) -> bool:
    """Throw the draft away; False when it is gone or was changed since `stamp`."""
    found = await connection.fetchval(
        "delete from rulebook_draft where network_id = $1 and id || '.' || revision = $2 returning id", network, stamp
    )
    return found is not None


async def published(connection: Connection, network: UUID, book: Rulebook) -> None:
    """A draft that says what was just published has done its work; any other one stays."""
    body = await connection.fetchval("select body from rulebook_draft where network_id = $1 for update", network)
    if body is None:
        return
    draft = msgspec.convert(body, Rulebook)
    if msgspec.structs.replace(draft, version=book.version) == book:
        await connection.execute("delete from rulebook_draft where network_id = $1", network)
