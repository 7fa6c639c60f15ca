"""How far each key has come with a list: one row for each key and feed, for the people who look after partners."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from crm.database import Connection

_MARK = """
insert into feed_reader (key_id, scope, network_id, reader_network_id, epoch, xid, seq, kind, asked_at)
select k.id, $2, $3, k.network_id, $4, $5, $6, $7, $8 from api_key k where k.id = $1
on conflict (key_id, scope) do update set epoch = excluded.epoch, xid = excluded.xid, seq = excluded.seq,
    kind = excluded.kind, asked_at = excluded.asked_at
"""


class Mark(msgspec.Struct, frozen=True):
    """What a key was just given: everything of a scope (a network's feed or a disclosure) up to a position."""

    key: UUID
    scope: UUID
    network: UUID
    epoch: str
    xid: int
    seq: int
    kind: Literal["list", "changes"]


async def mark(connection: Connection, given: Mark, now: datetime) -> None:
    """Remember it in the place of what was there. Nothing when the key is gone."""
    await connection.execute(
        _MARK,
        *(given.key, given.scope, given.network, given.epoch, given.xid, given.seq, given.kind, now),
    )
