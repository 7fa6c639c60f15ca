"""The audit trail as people and programs read it: newest first, filtered, by keyset; and whole, for a file.

Days are half-open and the network's own; a reader sees the entries of the networks before whose wall it stands.
"""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from crm.database import Connection

BATCH = 1_000
NEWEST = 2**62

# Named by the text that is looked for: who did it, or which organisation it was about.
_ROWS = """
select a.seq, a.recorded_at, a.actor, a.channel, a.action, a.organisation_id, coalesce(o.name, '') as organisation,
    a.subject_id, a.detail, a.hash
from audit a left join organisation o on o.id = a.organisation_id
where a.network_id = $1 and a.seq < $2
    and ($3 = '' or strpos(lower(a.actor), lower($3)) > 0 or strpos(lower(o.name), lower($3)) > 0)
    and ($4 = '' or a.action = $4) and ($5 = '' or a.channel = $5)
    and ($6::timestamptz is null or a.recorded_at >= $6) and ($7::timestamptz is null or a.recorded_at < $7)
    and ($8::uuid is null or a.organisation_id = $8)
order by a.seq desc limit $9
"""
# One look into the index for each kind of action, however many entries there are.
_ACTIONS = """
with recursive found as (
    (select action from audit where network_id = $1 order by action limit 1)
    union all
    select (select a.action from audit a where a.network_id = $1 and a.action > f.action order by a.action limit 1)
    from found f where f.action is not null
)
select action from found where action is not null
"""


class Wanted(msgspec.Struct, frozen=True):
    """Which entries of a network: `start` and `end` are moments, half-open; empty texts ask for everything."""

    network: UUID
    text: str = ""
    action: str = ""
    channel: str = ""
    start: datetime | None = None
    end: datetime | None = None
    organisation: UUID | None = None


class Entry(msgspec.Struct, frozen=True):
    """One thing somebody did. `detail` is what was written down with it, `hash` its place in the chain (ADR 0004)."""

    seq: int
    recorded_at: datetime
    actor: str
    channel: str
    action: str
    organisation_id: UUID | None
    organisation: str
    subject_id: UUID | None
    detail: dict[str, Any]
    hash: str


async def page(connection: Connection, wanted: Wanted, before: int, limit: int) -> list[Entry]:
    """Entries older than number `before` (NEWEST for the newest), the newest first."""
    w = wanted
    given = (w.network, before, w.text, w.action, w.channel, w.start, w.end, w.organisation, limit)
    return [Entry(**row) for row in await connection.fetch(_ROWS, *given)]


async def every(connection: Connection, wanted: Wanted) -> AsyncGenerator[list[Entry], None]:
    """All of them, batch by batch, the newest first."""
    before = NEWEST
    while rows := await page(connection, wanted, before, BATCH):
        yield rows
        before = rows[-1].seq


async def actions(connection: Connection, network: UUID) -> list[str]:
    """The kinds of action there are entries of."""
    return [row["action"] for row in await connection.fetch(_ACTIONS, network)]
