"""Registers as they are stored, and what of them is on its way: a change of ours and its outbox row are one.

A register of ours is written by `write` and by nothing else; a copy of theirs by `keep`. Versions only grow (a trigger
says so, too). Callers hold the lock of the agreement, or that of the organisation's family.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from cluster_rules.federation import Name, Register, Shown, by_name
from cluster_rules.reconciliation import bucket_of
from crm.database import Connection
from crm.store import jobs

SEND_TASK = "send_federation"
INBOX_KEPT_DAYS = 90
MOST_SENT = 100  # registers in one message

_COLUMNS = "key, register, version, grant_no, instance, state, body"


async def of(
    connection: Connection, agreement: UUID, code: str, keys: Collection[str] | None = None
) -> dict[Name, Register]:
    """The registers of an agreement, or of some keys of it."""
    rows = await connection.fetch(
        f"select {_COLUMNS} from federated_register where agreement_id = $1 and ($2::text[] is null or key = any($2))",
        agreement,
        None if keys is None else list(keys),
    )
    return by_name(Register(code, **dict(row)) for row in rows)


async def locked(connection: Connection, agreement: UUID, code: str, name: Name) -> Register | None:
    """One register, held back from everybody else who writes it."""
    row = await connection.fetchrow(
        f"select {_COLUMNS} from federated_register where agreement_id = $1 and register = $2 and key = $3 for update",
        agreement,
        *name,
    )
    return Register(code, **dict(row)) if row else None


async def shown(connection: Connection, agreement: UUID) -> list[Shown]:
    """What a digest is made from: every register without its body."""
    rows = await connection.fetch(
        "select register, key, version, grant_no, state, body_hash from federated_register where agreement_id = $1",
        agreement,
    )
    return [Shown(**dict(row)) for row in rows]


async def bucket(connection: Connection, agreement: UUID, code: str, at: str) -> dict[Name, Register]:
    """The registers of one bucket of the digest."""
    rows = await connection.fetch(
        f"select {_COLUMNS} from federated_register where agreement_id = $1"
        " and substr(encode(sha256(convert_to(key, 'UTF8')), 'hex'), 1, 2) = $2",
        agreement,
        at,
    )
    return {n: r for n, r in by_name(Register(code, **dict(row)) for row in rows).items() if bucket_of(r.key) == at}


async def keep(connection: Connection, agreement: UUID, register: Register, own: bool, today: date) -> None:
    """Store a register's state; it is not disputed any more."""
    await connection.execute(
        "insert into federated_register (id, agreement_id, register, key, version, grant_no, instance, state, body,"
        " body_hash, own, disputed, applied_on, applied_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, false, $12, now())"
        " on conflict (agreement_id, register, key) do update set version = excluded.version,"
        " grant_no = excluded.grant_no, instance = excluded.instance, state = excluded.state, body = excluded.body,"
        " body_hash = excluded.body_hash, own = excluded.own, disputed = false, applied_on = excluded.applied_on,"
        " applied_at = now()",
        uuid4(),
        agreement,
        register.register,
        register.key,
        register.version,
        register.grant_no,
        register.instance,
        register.state,
        register.body,
        register.body_hash,
        own,
        today,
    )


async def write(connection: Connection, agreement: UUID, register: Register, today: date) -> None:
    """Store a new version of a register of ours, and that it is to be sent: in the caller's transaction."""
    await keep(connection, agreement, register, True, today)
    await queue(connection, agreement, [register])


async def queue(connection: Connection, agreement: UUID, registers: Iterable[Register]) -> None:
    """Have the newest state of these sent, again if need be. Whoever finds the outbox empty starts the job."""
    listed = list(registers)
    if not listed:
        return
    waiting = await connection.fetchval(
        "select exists (select from federated_outbox where agreement_id = $1 and refused = '')", agreement
    )
    await connection.executemany(
        "insert into federated_outbox (id, agreement_id, register, key, version, refused, queued_at)"
        " values ($1, $2, $3, $4, $5, '', now()) on conflict (agreement_id, register, key) do update"
        " set id = excluded.id, version = excluded.version, refused = '', queued_at = now()",
        [(uuid4(), agreement, r.register, r.key, r.version) for r in listed],
    )
    if not waiting:
        await start(connection, agreement)


async def start(connection: Connection, agreement: UUID, after: timedelta | None = None) -> None:
    """A job that sends what waits."""
    now = await connection.fetchval("select now()")
    await jobs.enqueue(connection, SEND_TASK, [({"agreement": str(agreement)}, now + after if after else None)], now)


async def outgoing(connection: Connection, agreement: UUID, code: str) -> list[Register]:
    """What waits to be sent, each as it is now; words about the agreement first."""
    rows = await connection.fetch(
        f"select {', '.join('r.' + c.strip() for c in _COLUMNS.split(','))} from federated_outbox o"
        " join federated_register r using (agreement_id, register, key)"
        " where o.agreement_id = $1 and o.refused = '' order by (o.register like '%word') desc, o.queued_at, o.key"
        " limit $2",
        agreement,
        MOST_SENT,
    )
    return [Register(code, **dict(row)) for row in rows]


async def arrived(connection: Connection, agreement: UUID, sent: Iterable[Register]) -> None:
    """These need not be sent again, unless they have changed meanwhile."""
    await connection.executemany(
        "delete from federated_outbox where agreement_id = $1 and register = $2 and key = $3 and version <= $4",
        [(agreement, r.register, r.key, r.version) for r in sent],
    )


async def refuse(connection: Connection, agreement: UUID, register: str, key: str, why: str) -> None:
    """The other side does not take it: it waits for a person, and everything else goes on (F15)."""
    await connection.execute(
        "update federated_outbox set refused = $4 where agreement_id = $1 and register = $2 and key = $3",
        agreement,
        register,
        key,
        why[:200] or "refused",
    )


async def dispute(connection: Connection, agreement: UUID, name: Name) -> None:
    """Two states say they are the same version: mark it until the owner has said again what holds."""
    await connection.execute(
        "update federated_register set disputed = true where agreement_id = $1 and register = $2 and key = $3",
        agreement,
        *name,
    )


async def received(
    connection: Connection, agreement: UUID, message: str, registers: Sequence[tuple[Any, str, str]]
) -> None:
    """Remember what was shown to us and what came of it: (register, result, reason) each."""
    await connection.executemany(
        "insert into federated_inbox (id, agreement_id, message_id, register, key, version, result, reason,"
        " received_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, now())",
        [(uuid4(), agreement, message, r.register, r.key, r.version, result, why) for r, result, why in registers],
    )


async def forget(connection: Connection, before: datetime) -> None:
    """Drop what was received long ago."""
    await connection.execute("delete from federated_inbox where received_at < $1", before)


async def with_outbox(connection: Connection, now: datetime) -> list[UUID]:
    """Agreements that have something to send, and nothing that says to wait."""
    rows = await connection.fetch(
        "select a.id from federated_agreement a where (a.next_try_at is null or a.next_try_at <= $1)"
        " and a.peer_url <> '' and exists (select from federated_outbox o"
        "     where o.agreement_id = a.id and o.refused = '')",
        now,
    )
    return [row["id"] for row in rows]
