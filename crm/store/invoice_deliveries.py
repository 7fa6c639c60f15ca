"""The life of one delivery of an invoice: queued when it is issued, claimed by a sender, then sent, or put back.

Its id is what makes sending idempotent: the mail's id, the e-invoice's idempotency key. `send_after` is when it may
be tried (next); while one is being sent it is the end of the sender's lease.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec

from crm.database import Connection
from crm.store import ids, jobs
from crm.store.documents import Paper

DELIVER_TASK = "deliver_invoice"
DELIVER_MANY_TASK = "deliver_invoices"
MANY = 25  # deliveries of one job: enough that the queue is not what a run waits for
SWEEP_LIMIT = 1000
NO_ADDRESS = "no_address"

# The deliveries that a job will go on with.
WITH_JOB = f"""
select regexp_split_to_table(coalesce(told ->> 'delivery', told ->> 'deliveries'), ',')::uuid from (
    select convert_from(payload, 'UTF8')::jsonb as told from pgqueuer
    where entrypoint in ('{DELIVER_TASK}', '{DELIVER_MANY_TASK}') and status in ('queued', 'picked')) job
"""
_QUEUE = """
insert into invoice_delivery (id, invoice_id, channel, recipient, status, last_error, send_after, created_at,
    updated_at)
select d.id, d.invoice_id, d.channel, d.recipient, case when d.recipient = '' then 'failed' else 'queued' end,
    case when d.recipient = '' then $5 else '' end, now(), now(), now()
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) as d (id, invoice_id, channel, recipient)
"""


class Claimed(msgspec.Struct, frozen=True):
    """A delivery that is ours to make now; `attempt` counts from 1, `document` is the stored snapshot."""

    id: UUID
    invoice_id: UUID
    organisation_id: UUID
    network_id: UUID | None
    channel: str
    recipient: str
    recipient_name: str
    attempt: int
    status: str
    reference: str
    document: dict[str, Any]


async def queue(connection: Connection, papers: Sequence[Paper], ehf: bool) -> list[UUID]:
    """One delivery for each invoice, by the best way the buyer can receive; who has no address is work for a person."""
    rows = [
        (uuid4(), paper.id, "ehf", paper.peppol_id)
        if ehf and paper.peppol_id and paper.electronic
        else (uuid4(), paper.id, "email", paper.email)
        for paper in papers
    ]
    return await _add(connection, rows)


async def queue_many(connection: Connection, rows: Sequence[tuple[UUID, str, str]]) -> None:
    """One delivery for each (invoice, channel, recipient) of a run, and jobs that make `MANY` of them each."""
    made = [(own, *row) for own, row in zip(ids.together(len(rows)), rows, strict=True)]
    await _insert(connection, made)
    due = [str(row[0]) for row in made if row[3]]
    now = await connection.fetchval("select now()")
    batches: list[tuple[dict[str, str], Any]] = [
        ({"deliveries": ",".join(due[at : at + MANY])}, None) for at in range(0, len(due), MANY)
    ]
    await jobs.enqueue(connection, DELIVER_MANY_TASK, batches, now)


async def go_on(connection: Connection, delivery: UUID, wait: timedelta) -> None:
    """A job of its own for a delivery that is not done yet."""
    now = await connection.fetchval("select now()")
    await jobs.enqueue(connection, DELIVER_TASK, [({"delivery": str(delivery)}, now + wait)], now)


async def again(connection: Connection, invoice: UUID, channel: str, recipient: str) -> UUID:
    """Deliver an invoice once more, on a person's word."""
    (made,) = await _add(connection, [(uuid4(), invoice, channel, recipient)])
    return made


async def _add(connection: Connection, rows: Sequence[tuple[UUID, UUID, str, str]]) -> list[UUID]:
    await _insert(connection, rows)
    now = await connection.fetchval("select now()")
    due: list[tuple[dict[str, str], Any]] = [({"delivery": str(row[0])}, None) for row in rows if row[3]]
    await jobs.enqueue(connection, DELIVER_TASK, due, now)
    return [row[0] for row in rows]


async def _insert(connection: Connection, rows: Sequence[tuple[UUID, UUID, str, str]]) -> None:
    await connection.execute(_QUEUE, *(list(column) for column in zip(*rows, strict=True)), NO_ADDRESS)


async def claim(connection: Connection, delivery: UUID, lease: timedelta) -> Claimed | timedelta | None:
    """Take it for one try; how long to wait when it is not time yet; None when there is nothing to do any more."""
    row = await connection.fetchrow(
        "select d.id, d.invoice_id, i.organisation_id, x.network_ids[1] as network_id, d.channel, d.recipient,"
        " coalesce(nullif(b.name, ''), (select c.name from contact c where c.organisation_id = i.organisation_id"
        "   order by c.main desc, c.created_at desc, c.id limit 1), '') as recipient_name,"
        " d.attempts + 1 as attempt, d.status, d.reference, x.document, d.send_after - now() as wait"
        " from invoice_delivery d join invoice i on i.id = d.invoice_id join invoice_document x on x.invoice_id = i.id"
        " left join billing b on b.organisation_id = i.organisation_id where d.id = $1 for update of d",
        delivery,
    )
    if row is None or row["status"] in ("accepted", "rejected", "failed"):
        return None
    if row["channel"] == "email" and row["status"] == "sent":
        return None
    if row["wait"] > timedelta(0):
        return row["wait"]
    await connection.execute(
        "update invoice_delivery set status = case when status = 'queued' then 'sending' else status end,"
        " attempts = attempts + 1, send_after = now() + $2::interval, updated_at = now() where id = $1",
        delivery,
        lease,
    )
    return Claimed(*(row[name] for name in Claimed.__struct_fields__))


async def mark(
    connection: Connection,
    delivery: UUID,
    status: str,
    *,
    reference: str | None = None,
    error: str = "",
    wait: timedelta = timedelta(0),
) -> bool:
    """What became of it; whether that is news. Once it is sent, tries are counted anew: they are questions then."""
    changed = await connection.fetchval(
        "update invoice_delivery d set status = $2, reference = coalesce($3, d.reference), last_error = $4,"
        " send_after = now() + $5::interval, updated_at = now(),"
        " attempts = case when $2 = 'sent' and d.status <> 'sent' then 0 else d.attempts end"
        " from invoice_delivery before where before.id = d.id and d.id = $1 returning before.status <> $2",
        delivery,
        status,
        reference,
        error,
        wait,
    )
    return bool(changed)


async def count_as_sent(connection: Connection) -> None:
    """What waits is said to have been sent: invoices of a past that is told, not lived (crm/demo_money.py)."""
    sent = await connection.fetch(
        "update invoice_delivery set status = 'sent', updated_at = now() where status = 'queued'"
        " returning id, recipient"
    )
    for row in sent:
        await _event(connection, row["id"], "sent", {"to": row["recipient"]})


async def of_mail(connection: Connection, mail: UUID) -> UUID | None:
    """The invoice a mail carries, if it is one that does: its id is that of the delivery, or of the dunning's step."""
    return await connection.fetchval(
        "select invoice_id from invoice_delivery where id = $1 union all"
        " select invoice_id from dunning_step where id = $1",
        mail,
    )


async def mailed(connection: Connection, mail: UUID, recipient: str) -> None:
    """The mail server took an invoice's mail; nothing when the mail is about something else."""
    if await connection.fetchval("select true from invoice_delivery where id = $1", mail):
        await mark(connection, mail, "sent")
        await _event(connection, mail, "sent", {"to": recipient})


async def not_mailed(connection: Connection, mail: UUID, reason: str) -> None:
    """An invoice's mail cannot be sent: work for a person."""
    if await connection.fetchval("select true from invoice_delivery where id = $1", mail):
        await mark(connection, mail, "failed", error=reason)
        await _event(connection, mail, "failed", {"reason": reason})


async def _event(connection: Connection, delivery: UUID, kind: str, detail: dict[str, str]) -> None:
    await connection.execute(
        "insert into invoice_event (invoice_id, kind, actor, detail, recorded_at)"
        " select invoice_id, $2, 'Klynge', $3, now() from invoice_delivery where id = $1",
        delivery,
        kind,
        detail,
    )


async def address(connection: Connection, invoice: UUID) -> str:
    """Where the mails about an invoice go: its organisation's invoice address, else its main contact."""
    found = await connection.fetchval(
        "select coalesce(nullif(b.email, ''), (select c.email from contact c"
        " where c.organisation_id = i.organisation_id order by c.main desc, c.created_at desc, c.id limit 1))"
        " from invoice i left join billing b on b.organisation_id = i.organisation_id where i.id = $1",
        invoice,
    )
    return found or ""


async def requeue_stranded(connection: Connection, overdue: timedelta) -> list[UUID]:
    """Queue a job for every unfinished delivery that is overdue and has none; the deliveries concerned."""
    rows = await connection.fetch(
        "select d.id, now() as now from invoice_delivery d"
        " where (d.status in ('queued', 'sending') or d.status = 'sent' and d.channel = 'ehf')"
        " and not exists (select from mail m where m.id = d.id)"
        f" and d.send_after < now() - $1::interval and d.id not in ({WITH_JOB}) order by d.send_after limit $2",
        overdue,
        SWEEP_LIMIT,
    )
    if rows:
        waiting: list[tuple[dict[str, str], Any]] = [({"delivery": str(row["id"])}, None) for row in rows]
        await jobs.enqueue(connection, DELIVER_TASK, waiting, rows[0]["now"])
    return [row["id"] for row in rows]
