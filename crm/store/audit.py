"""The audit trail: one row for each thing somebody did, chained by hash (see append_only.sql)."""

from typing import Any
from uuid import UUID

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
