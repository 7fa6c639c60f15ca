"""Feeds of made-up members (ADR 0030): entries under a lock of the network's row, and nothing outside these tables."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from crm.database import Connection

MOST_ENTRIES = 2000  # older ones are dropped, and cursors from before get 410, as after long silence
_ENTER = """
insert into rehearsal_entry (network_id, seq, membership_id, organisation_id, op, reason, version, newest, listed,
    origin, bucket, body, body_hash)
values ($1, $2, $3, $4, $5, $6, $7, true, $8, $9, $10, $11, $12)
"""


class Place(msgspec.Struct, frozen=True):
    """Where a rehearsal is: its run, the number of its newest entry."""

    run: int
    seq: int


class Entry(msgspec.Struct, frozen=True):
    """One change to write. `body` None: the member is gone (then there is no hash)."""

    membership: UUID
    organisation: UUID
    op: str
    reason: str
    version: int
    listed: bool
    origin: str
    bucket: int
    body: str | None
    body_hash: bytes | None


async def locked(connection: Connection, network: UUID) -> Place:
    """The network's rehearsal, held until the transaction ends; made when there is none (seq 0)."""
    await connection.execute("insert into rehearsal (network_id) values ($1) on conflict do nothing", network)
    row = await connection.fetchrow("select run, seq from rehearsal where network_id = $1 for update", network)
    return Place(row["run"], row["seq"])


async def members(connection: Connection, network: UUID) -> list[dict[str, Any]]:
    """Who is there, announced or member, the oldest first."""
    rows = await connection.fetch(
        "select body from rehearsal_entry where network_id = $1 and newest and body is not null order by seq", network
    )
    return [msgspec.json.decode(row["body"]) for row in rows]


async def write(connection: Connection, network: UUID, scope: UUID, place: Place, entries: Sequence[Entry]) -> Place:
    """Put the changes at the end of the feed, ring its bell, and drop what is older than MOST_ENTRIES."""
    seq = place.seq
    for each in entries:
        seq += 1
        await connection.execute(
            "update rehearsal_entry set newest = false where network_id = $1 and membership_id = $2 and newest",
            network,
            each.membership,
        )
        await connection.execute(
            _ENTER,
            *(network, seq, each.membership, each.organisation, each.op, each.reason, each.version, each.listed),
            *(each.origin, each.bucket, each.body, each.body_hash),
        )
    await connection.execute("update rehearsal set seq = $2 where network_id = $1", network, seq)
    if seq > MOST_ENTRIES:
        await prune(connection, network, seq - MOST_ENTRIES)
    await connection.execute("select pg_notify('klynge_feed', $1)", str(scope))
    return Place(place.run, seq)


async def prune(connection: Connection, network: UUID, up_to: int) -> None:
    """Entries up to a number are dropped, but for what the list still needs; cursors from before get 410."""
    await connection.execute(
        "delete from rehearsal_entry where network_id = $1 and seq <= $2 and (not newest or body is null)",
        network,
        up_to,
    )
    await connection.execute(
        "update rehearsal set pruned_seq = greatest(pruned_seq, $2) where network_id = $1", network, up_to
    )


async def restart(connection: Connection, network: UUID) -> Place:
    """Nothing of it is left; positions of the run before are too old."""
    await connection.execute("delete from rehearsal_entry where network_id = $1", network)
    row = await connection.fetchrow(
        "update rehearsal set run = run + 1, seq = 0, pruned_seq = 0 where network_id = $1 returning run, seq", network
    )
    return Place(row["run"], row["seq"])
