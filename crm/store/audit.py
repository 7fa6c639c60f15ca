"""The audit trail: one row for each thing somebody did, chained by hash (see append_only.sql)."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from crm.actor import Actor
from crm.database import Connection


async def append(
    connection: Connection,
    actor: Actor,
    action: str,
    detail: dict[str, Any],
    network: UUID | None = None,
    organisation: UUID | None = None,
    subject: UUID | None = None,
) -> None:
    """Add an entry. Call it last: it locks the chain's head until the transaction ends."""
    await connection.execute(
        "select audit_append($1, $2, $3, $4, $5, $6, $7)",
        actor.name,
        actor.channel,
        action,
        network,
        organisation,
        subject,
        detail,
    )


def changes(before: msgspec.Struct, after: msgspec.Struct) -> dict[str, list[Any]]:
    """{field: [before, after]} of what differs, as JSON has it: what an entry's `detail.changes` holds."""
    old, new = msgspec.to_builtins(before), msgspec.to_builtins(after)
    return {name: [old.get(name), value] for name, value in new.items() if old.get(name) != value}


async def append_many(
    connection: Connection, actor: Actor, entries: Sequence[tuple[str, UUID, UUID | None, UUID | None, dict[str, Any]]]
) -> None:
    """Several entries in order, (action, network, organisation, subject, detail) each. Call it last, too."""
    await connection.execute(
        "select audit_append($1, $2, e.action, e.network, e.organisation, e.subject, e.detail::jsonb) from"
        " (select * from unnest($3::text[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[]) with ordinality"
        "  as u (action, network, organisation, subject, detail, place) order by place) e",
        actor.name,
        actor.channel,
        *([entry[n] for entry in entries] for n in range(4)),
        [msgspec.json.encode(entry[4]).decode() for entry in entries],
    )


async def head(connection: Connection) -> tuple[int, str]:
    """The number and hash of the newest entry."""
    row = await connection.fetchrow("select seq, hash from audit_head")
    return row["seq"], row["hash"]


async def hash_of(connection: Connection, seq: int) -> str | None:
    """The hash of one entry; None: there is none of that number."""
    return await connection.fetchval("select hash from audit where seq = $1", seq)


async def broken_links(connection: Connection) -> list[int]:
    """The rows whose hash is not what the row and its predecessor give; empty when nobody tampered."""
    rows = await connection.fetch(
        "select seq from (select a.seq, a.hash, audit_hash(coalesce(lag(a.hash) over (order by a.seq),"
        " repeat('0', 64)), a) as wanted, row_number() over (order by a.seq) as place from audit a) chained"
        " where hash <> wanted or seq <> place order by seq"
    )
    head = await connection.fetchrow("select seq, hash from audit_head")
    last = await connection.fetchrow("select seq, hash from audit order by seq desc limit 1")
    out = [row["seq"] for row in rows]
    if last and (head["seq"], head["hash"]) != (last["seq"], last["hash"]):
        out.append(head["seq"])
    return out
