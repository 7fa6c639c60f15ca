"""The life of one mail row while it is sent: claimed, then sent, put back for another try, or given up.

`send_after` is when a mail may be tried (next). While one is being sent it is the end of the sender's
lease: a row still `sending` after that belongs to a sender that died, and may be claimed again.
"""

from datetime import timedelta
from uuid import UUID

import msgspec

from crm.database import Connection
from crm.store import jobs
from crm.store.mail import SEND_TASK

SWEEP_LOCK = 727_002
SWEEP_LIMIT = 1000


class Claimed(msgspec.Struct, frozen=True):
    """A mail that is ours to send now; `attempt` counts from 1."""

    id: UUID
    recipient: str
    recipient_name: str
    language: str
    subject: str
    body_text: str
    body_html: str
    unsubscribe: str
    attempt: int


async def claim(connection: Connection, mail: UUID, message_id: str, lease: timedelta) -> Claimed | timedelta | None:
    """Take the mail for one try; how long to wait when it is not time yet; None when it needs no sending."""
    row = await connection.fetchrow(
        "select id, recipient, recipient_name, language, subject, body_text, body_html, unsubscribe,"
        " attempts + 1 as attempt, status, send_after - now() as wait from mail where id = $1 for update",
        mail,
    )
    if row is None or row["status"] not in ("queued", "sending"):
        return None
    if row["wait"] > timedelta(0):
        return row["wait"]
    await connection.execute(
        "update mail set status = 'sending', attempts = attempts + 1, message_id = $2,"
        " send_after = now() + $3::interval where id = $1",
        mail,
        message_id,
        lease,
    )
    return Claimed(*(row[name] for name in Claimed.__struct_fields__))


async def sent(connection: Connection, mail: Claimed) -> None:
    """The mail server took it."""
    await connection.execute(
        "update mail set status = 'sent', sent_at = now(), last_error = '' where id = $1 and status = 'sending'",
        mail.id,
    )


async def put_back(connection: Connection, mail: Claimed, reason: str, wait: timedelta) -> None:
    """This try failed, another follows after WAIT; unless another sender has it by now."""
    await connection.execute(
        "update mail set status = 'queued', last_error = $2, send_after = now() + $3::interval"
        " where id = $1 and status = 'sending' and attempts = $4",
        mail.id,
        reason,
        wait,
        mail.attempt,
    )


async def give_up(connection: Connection, mail: Claimed, reason: str) -> None:
    """No further try; a person must look."""
    await connection.execute(
        "update mail set status = 'failed', last_error = $2 where id = $1 and status = 'sending' and attempts = $3",
        mail.id,
        reason,
        mail.attempt,
    )


async def requeue_stranded(connection: Connection, overdue: timedelta) -> list[UUID]:
    """Queue a job for every unsent mail that is overdue and has none; the mails concerned.

    There should never be one. Should a job be lost all the same, its mail is not.
    """
    if not await connection.fetchval("select pg_try_advisory_xact_lock($1)", SWEEP_LOCK):
        return []
    rows = await connection.fetch(
        "select m.id, now() as now from mail m"
        " where m.status in ('queued', 'sending') and m.send_after < now() - $1::interval"
        " and not exists (select from pgqueuer j where j.entrypoint = $2 and j.status in ('queued', 'picked')"
        " and convert_from(j.payload, 'UTF8')::jsonb ->> 'mail' = m.id::text) order by m.send_after limit $3",
        overdue,
        SEND_TASK,
        SWEEP_LIMIT,
    )
    if rows:
        await jobs.enqueue(connection, SEND_TASK, [({"mail": str(row["id"])}, None) for row in rows], rows[0]["now"])
    return [row["id"] for row in rows]
