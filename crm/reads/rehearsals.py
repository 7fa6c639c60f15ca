"""A network's feed of made-up members (ADR 0030): the same functions as crm/reads/feed.py, over `rehearsal_entry`.

Real members are not touched: these reads know no other table. A position is (run, seq); entries are written under a
lock of the network's row, so they come in the order of their commits. `scope` is
`rehearsal_scope` of the network: cursors and bell of the rehearsal are never those of its own feed.
"""

from collections.abc import AsyncGenerator
from datetime import date, datetime
from uuid import UUID

import msgspec

from crm.cursors import START, Position, rehearsal_scope
from crm.database import Connection
from crm.reads.feed import Bucket, Page, copied

_HEAD = """
select r.run, r.seq, r.pruned_seq, e.epoch, e.secret, ($2::timestamptz at time zone n.time_zone)::date as today
from rehearsal r join network n on n.id = r.network_id cross join feed_epoch e where r.network_id = $1
"""
_CHANGES = """
select seq, convert_to(concat('{"op":"', op, '","id":"', membership_id, '","version":', version,
    ',"reason":"', reason, '","member":', coalesce(body, 'null'), '}'), 'UTF8') as entry
from rehearsal_entry where network_id = $1 and seq > $2 order by seq limit $3
"""
_NOW = "network_id = $1 and newest and listed"
_LISTED = f"""
select organisation_id, body from rehearsal_entry
where {_NOW} and ($2::text is null or origin = $2) and organisation_id > $3 order by organisation_id limit $4
"""
_STREAM = f"select body from rehearsal_entry where {_NOW} and ($2::text is null or origin = $2)"
_DIGEST = f"""
select bucket, count(*) as members, encode(sha256(string_agg(
    convert_to(membership_id || '|' || version || '|' || encode(body_hash, 'hex') || e'\\n', 'UTF8'), ''
    order by membership_id)), 'hex') as hash
from rehearsal_entry where {_NOW} and ($2::int is null or bucket = $2) group by bucket order by bucket
"""
_OF_BUCKET = f"select body from rehearsal_entry where {_NOW} and bucket = $2 order by membership_id"


class Head(msgspec.Struct, frozen=True):
    """Where the rehearsal is; as `feed.Head`, so that both are read by the same code."""

    scope: UUID
    network: UUID
    epoch: str
    secret: bytes
    today: date
    position: Position
    pruned: Position
    settled: bool = True
    of_today: bool = True


async def head(connection: Connection, scope: UUID, now: datetime) -> Head | None:
    """Where it is; None: it has not begun."""
    network = rehearsal_scope(scope)
    row = await connection.fetchrow(_HEAD, network, now)
    if row is None:
        return None
    pruned = Position(row["run"], row["pruned_seq"])
    at = Position(row["run"], row["seq"])
    return Head(scope, network, row["epoch"], row["secret"], row["today"], at, pruned if pruned > START else START)


async def changes(connection: Connection, scope: UUID, after: Position, limit: int) -> Page:
    """The entries after a position."""
    rows = await connection.fetch(_CHANGES, rehearsal_scope(scope), after.seq, limit + 1)
    more = len(rows) > limit
    shown = rows[:limit]
    items = msgspec.Raw(b"[" + b",".join([row["entry"] for row in shown]) + b"]")
    return Page(items, len(shown), Position(after.xid, shown[-1]["seq"]) if shown else after, more)


async def listed(
    connection: Connection, scope: UUID, origin: str | None, after: UUID, limit: int
) -> tuple[list[msgspec.Raw], UUID | None]:
    """Today's made-up members after an organisation; and the organisation to go on after (None: no more)."""
    rows = await connection.fetch(_LISTED, rehearsal_scope(scope), origin, after, limit + 1)
    found = [msgspec.Raw(row["body"].encode()) for row in rows[:limit]]
    return found, rows[limit - 1]["organisation_id"] if len(rows) > limit else None


async def digest(
    connection: Connection, scope: UUID, now: datetime, bucket: int | None = None
) -> tuple[Head, list[Bucket]] | None:
    """The hash of each bucket that has members (or of one), and where the rehearsal was then."""
    at = await head(connection, scope, now)
    rows = await connection.fetch(_DIGEST, rehearsal_scope(scope), bucket)
    return (at, [Bucket(row["bucket"], row["members"], row["hash"]) for row in rows]) if at else None


async def of_bucket(connection: Connection, scope: UUID, bucket: int) -> list[msgspec.Raw]:
    """The made-up members of one bucket, in the order of ids."""
    return [
        msgspec.Raw(row["body"].encode()) for row in await connection.fetch(_OF_BUCKET, rehearsal_scope(scope), bucket)
    ]


def stream(connection: Connection, scope: UUID, origin: str | None) -> AsyncGenerator[bytes, None]:
    """All of them as JSON, one a line."""
    return copied(connection, _STREAM, rehearsal_scope(scope), origin)


class Shown(msgspec.Struct, frozen=True):
    """One change, for people: its number, what happened, whom it is about (None: it is gone)."""

    seq: int
    op: str
    reason: str
    version: int
    body: str | None
    membership_id: UUID


async def newest(connection: Connection, network: UUID, limit: int) -> list[Shown]:
    """The last changes, the newest first."""
    rows = await connection.fetch(
        "select seq, op, reason, version, body, membership_id from rehearsal_entry where network_id = $1"
        " order by seq desc limit $2",
        network,
        limit,
    )
    return [Shown(**dict(row)) for row in rows]
