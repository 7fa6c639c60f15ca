"""What partners read of a network: changes in order, the whole list at once, and its digest (ADR 0020).

An entry is shown once no transaction that could still put one before it is open (`pg_snapshot_xmin`), so a reader
that goes on from the last position it was given never misses one. Lists and digests are of today's members as the
feed has told them: body and version come from one row.
"""

import asyncio
from collections.abc import AsyncGenerator
from datetime import date, datetime
from uuid import UUID

import asyncpg
import msgspec

from crm.cursors import START, Position
from crm.database import Connection

STREAM_SECONDS = 3600  # a slow reader may take this long for the whole list
CHUNK_BYTES = 256 * 1024
CHUNKS_WAITING = 4

# $1 slug, $2 now. `unsettled`: something is visible in the lists that no position covers yet.
_HEAD = """
select n.id, e.epoch, e.secret, ($2::timestamptz at time zone n.time_zone)::date as today, h.turned_on,
    coalesce(h.pruned_xid, '0')::text as pruned_xid, coalesce(h.pruned_seq, 0) as pruned_seq,
    coalesce(last.xid, '0')::text as xid, coalesce(last.seq, 0) as seq,
    exists (select from feed f where f.network_id = n.id and f.xid >= pg_snapshot_xmin(pg_current_snapshot()))
        as unsettled
from network n cross join feed_epoch e left join feed_head h on h.network_id = n.id
left join lateral (
    select f.xid, f.seq from feed f where f.network_id = n.id and f.xid < pg_snapshot_xmin(pg_current_snapshot())
    order by f.xid desc, f.seq desc limit 1
) last on true
where n.slug = $1
"""
# $1 network, $2 and $3 position, $4 limit. Each entry is the JSON that is answered, as bytes: nothing to take apart.
# (One row for each costs 40 % of what putting them together here costs: measured, docs/performance.md.)
_CHANGES = """
select f.xid, f.seq, convert_to(concat('{"op":"', f.op, '","id":"', f.membership_id, '","version":', f.version,
    ',"reason":"', f.reason, '","member":', coalesce(f.member, 'null'), '}'), 'UTF8') as entry
from feed f
where f.network_id = $1 and (f.xid, f.seq) > ($2::text::xid8, $3) and f.xid < pg_snapshot_xmin(pg_current_snapshot())
order by f.xid, f.seq limit $4
"""
_LISTED = """
select organisation_id, body from feed_member
where network_id = $1 and listed and ($2::text is null or origin = $2) and organisation_id > $3
order by organisation_id limit $4
"""
_STREAM = "select body from feed_member where network_id = $1 and listed and ($2::text is null or origin = $2)"
# The one definition of the digest in SQL; crm/client.py has the other, and docs/sync.md the test vectors.
# $4 is the network's id once more: known beforehand, its members are found by index, however many others there are.
_DIGEST = f"""
with head as ({_HEAD}),
buckets as (
    select bucket, count(*) as members, encode(sha256(string_agg(
        convert_to(membership_id || '|' || version || '|' || encode(body_hash, 'hex') || e'\\n', 'UTF8'), ''
        order by membership_id)), 'hex') as hash
    from feed_member where network_id = $4 and listed and ($3::int is null or bucket = $3)
    group by bucket
)
select head.*, buckets.* from head left join buckets on true order by bucket
"""
_OF_BUCKET = "select body from feed_member where network_id = $1 and listed and bucket = $2 order by membership_id"


class Head(msgspec.Struct, frozen=True):
    """Where a network's feed is: its newest position, what was dropped before it, the day it has come to."""

    network: UUID
    epoch: str
    secret: bytes
    today: date
    turned_on: date | None
    position: Position
    pruned: Position
    settled: bool

    @property
    def scope(self) -> UUID:
        """Whose positions these are, and whose bell to listen for."""
        return self.network

    @property
    def of_today(self) -> bool:
        """Has the day been turned?"""
        return self.turned_on is not None and self.turned_on >= self.today


class Page(msgspec.Struct, frozen=True):
    """Changes in order as a JSON array, how many, where the last of them is, and whether there are more."""

    items: msgspec.Raw
    count: int
    last: Position
    more: bool

    @property
    def given(self) -> int:
        """How many of them give a member; the others say that it is gone. (Quotes inside of values are escaped.)"""
        return bytes(self.items).count(b'{"op":"upsert"')


class Bucket(msgspec.Struct, frozen=True, gc=False):
    """The members whose id's SHA-256 begins with this byte: how many, and their hash (hex)."""

    bucket: int
    count: int
    hash: str


async def head(connection: Connection, network: str, now: datetime) -> Head | None:
    """Where the feed of the network with this slug is; None: there is no such network."""
    row = await connection.fetchrow(_HEAD, network, now)
    return _head(row) if row else None


async def changes(connection: Connection, network: UUID, after: Position, limit: int) -> Page:
    """The entries after a position."""
    return page(await connection.fetch(_CHANGES, network, str(after.xid), after.seq, limit + 1), after, limit)


def page(rows: list[asyncpg.Record], after: Position, limit: int) -> Page:
    """The page of these rows (xid, seq, entry); one more than the limit says that there is more."""
    more = len(rows) > limit
    if more:
        rows.pop()
    items = msgspec.Raw(b"[" + b",".join([row["entry"] for row in rows]) + b"]")
    return Page(items, len(rows), Position(rows[-1]["xid"], rows[-1]["seq"]) if rows else after, more)


async def listed(
    connection: Connection, network: UUID, origin: str | None, after: UUID, limit: int
) -> tuple[list[msgspec.Raw], UUID | None]:
    """Today's members after an organisation, as JSON; and the organisation to go on after (None: no more)."""
    rows = await connection.fetch(_LISTED, network, origin, after, limit + 1)
    found = [msgspec.Raw(row["body"]) for row in rows[:limit]]
    return found, rows[limit - 1]["organisation_id"] if len(rows) > limit else None


async def digest(
    connection: Connection, network: str, now: datetime, bucket: int | None = None
) -> tuple[Head, list[Bucket]] | None:
    """The hash of each bucket that has members (or of one), and where the feed was at that very moment."""
    known = await connection.fetchval("select id from network where slug = $1", network)
    if known is None:
        return None
    rows = await connection.fetch(_DIGEST, network, now, bucket, known)
    found = [Bucket(row["bucket"], row["members"], row["hash"]) for row in rows if row["bucket"] is not None]
    return _head(rows[0]), found


async def of_bucket(connection: Connection, network: UUID, bucket: int) -> list[msgspec.Raw]:
    """Today's members of one bucket, as JSON, in the order of ids."""
    return [msgspec.Raw(row["body"]) for row in await connection.fetch(_OF_BUCKET, network, bucket)]


def stream(connection: Connection, network: UUID, origin: str | None) -> AsyncGenerator[bytes, None]:
    """Today's members as JSON, one a line, as fast as they are taken."""
    return copied(connection, _STREAM, network, origin)


async def copied(connection: Connection, query: str, *values: object) -> AsyncGenerator[bytes, None]:
    """The rows of a query for one JSON value each, as lines: never more than a few chunks in memory.

    COPY in CSV with quote and delimiter that no JSON holds is the JSON itself.
    """
    waiting: asyncio.Queue[bytes | None] = asyncio.Queue(CHUNKS_WAITING)
    gathered = bytearray()

    async def take(chunk: bytes) -> None:
        nonlocal gathered
        gathered += chunk
        if len(gathered) >= CHUNK_BYTES:
            full, gathered = gathered, bytearray()
            await waiting.put(bytes(full))

    async def copy() -> None:
        try:
            async with connection.transaction():
                await connection.execute(f"set local statement_timeout = '{STREAM_SECONDS}s'")
                await connection.copy_from_query(
                    *(query, *values), output=take, format="csv", delimiter="\x02", quote="\x01"
                )
        except Exception:
            await waiting.put(None)  # not when cancelled: then nobody takes anything any more
            raise
        await waiting.put(bytes(gathered))
        await waiting.put(None)

    copying = asyncio.create_task(copy())
    try:
        while (chunk := await waiting.get()) is not None:
            if chunk:
                yield chunk
        await copying  # a failure must not look like the end
    finally:
        copying.cancel()
        await asyncio.gather(copying, return_exceptions=True)


def _head(row: asyncpg.Record) -> Head:
    newest, pruned = (Position(int(row[xid]), row[seq]) for xid, seq in (("xid", "seq"), ("pruned_xid", "pruned_seq")))
    return Head(
        row["id"], row["epoch"], row["secret"], row["today"], row["turned_on"], max(newest, pruned, START), pruned,
        not row["unsettled"],
    )  # fmt: skip
