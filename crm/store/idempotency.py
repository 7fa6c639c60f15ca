"""Answers kept for repeated requests: the same Idempotency-Key gets the same answer, in the change's own transaction.

Only what was done is kept. A refusal stores nothing, so trying again asks the rules again.
"""

import msgspec

from crm.database import Connection
from crm.errors import Refused

FIELD = "idempotency-key"
KEPT_DAYS = 30


class Kept(msgspec.Struct, frozen=True):
    """A former answer."""

    status_code: int
    body: str


async def claim(connection: Connection, owner: str, key: str, fingerprint: str) -> Kept | None:
    """Take the key for this transaction; the former answer when the same request was done before.

    Refused `idempotency_in_progress` while another transaction holds the key, and
    `idempotency_key_reused` when it was used for something else.
    """
    free = await connection.fetchval("select pg_try_advisory_xact_lock(hashtextextended($1, 0))", f"{owner} {key}")
    if not free:
        raise Refused("idempotency_in_progress", FIELD)
    await connection.execute(
        "delete from idempotency_key where owner = $1 and key = $2 and created_at < now() - make_interval(days => $3)",
        owner,
        key,
        KEPT_DAYS,
    )
    taken = await connection.fetchval(
        "insert into idempotency_key (owner, key, fingerprint, created_at) values ($1, $2, $3, now())"
        " on conflict (owner, key) do nothing returning row_id",
        owner,
        key,
        fingerprint,
    )
    if taken is not None:
        return None
    row = await connection.fetchrow(
        "select fingerprint, status_code, body from idempotency_key where owner = $1 and key = $2", owner, key
    )
    if row["fingerprint"] != fingerprint:
        raise Refused("idempotency_key_reused", FIELD)
    return Kept(row["status_code"], row["body"])


async def keep(connection: Connection, owner: str, key: str, status_code: int, body: str) -> None:
    """Store the answer beside the change it tells of."""
    await connection.execute(
        "update idempotency_key set status_code = $3, body = $4 where owner = $1 and key = $2",
        owner,
        key,
        status_code,
        body,
    )


async def forget(connection: Connection, owner: str, key: str) -> None:
    """The answer did not hold: the key may be used again."""
    await connection.execute("delete from idempotency_key where owner = $1 and key = $2", owner, key)
