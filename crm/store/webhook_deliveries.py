"""The life of one message to a webhook: made when a feed's head has moved, claimed, then delivered, put back, given up.

Nothing is written when a feed changes: heads are compared with what was told last, so that a wake-up cannot be lost
(ADR 0024). For each webhook and feed at most one message is on its way. All moments are handed in.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec

from crm.database import Connection, vault_of
from crm.store import jobs, webhooks
from crm.store.seals import WEBHOOKS, sealed_for

SEND_TASK = "send_webhook"
SWEEP_LIMIT = 1000
CHANGED, HEARTBEAT, PING = "members.changed", "heartbeat", "ping"

# Feeds that are enabled, of one webhook or all; locked, so that two who tell at once make one message.
_FEEDS = """
select f.id from webhook_feed f join webhook w on w.id = f.webhook_id
where w.status = 'enabled' and ($1::uuid is null or w.id = $1) order by f.id for no key update of f
"""
# $1 feeds, $2 told before this: a heartbeat is due. `waiting` is the message on its way, if there is one. What an open
# transaction could still put before an entry is not seen yet, as in crm/reads/feed.py.
_DUE = """
select f.id, f.webhook_id, e.epoch, coalesce(last.xid, 0) as xid, coalesce(last.seq, 0) as seq,
    d.id as waiting, d.status = 'queued' and d.attempts = 0 as untried,
    f.told_at is null or f.epoch <> e.epoch or (coalesce(last.xid, 0), coalesce(last.seq, 0)) > (f.xid, f.seq) as moved
from webhook_feed f cross join feed_epoch e
left join lateral (
    (select x.xid::text::bigint as xid, x.seq from feed x
     where f.disclosure_id is null and x.network_id = f.network_id
     and x.xid < pg_snapshot_xmin(pg_current_snapshot()) order by x.xid desc, x.seq desc limit 1)
    union all
    (select s.moved_xid::text::bigint, s.seq from share s
     where s.disclosure_id = f.disclosure_id and s.op <> 'none'
     and s.moved_xid < pg_snapshot_xmin(pg_current_snapshot()) order by s.moved_xid desc, s.seq desc limit 1)
) last on true
left join webhook_delivery d on d.feed_id = f.id and d.status in ('queued', 'sending') and not d.once
where f.id = any($1) and (f.told_at is null or f.told_at < $2 or f.epoch <> e.epoch
                          or (coalesce(last.xid, 0), coalesce(last.seq, 0)) > (f.xid, f.seq))
"""
_UNSETTLED = """
select exists (select from feed x where x.xid >= pg_snapshot_xmin(pg_current_snapshot())
               and x.network_id in (select network_id from webhook_feed where id = any($1)))
    or exists (select from share s where s.moved_xid >= pg_snapshot_xmin(pg_current_snapshot())
               and s.disclosure_id in (select disclosure_id from webhook_feed where id = any($1)))
"""
_ADD = """
insert into webhook_delivery (id, webhook_id, feed_id, kind, status, epoch, xid, seq, body, attempts, once, send_after,
    created_at, updated_at)
values ($1, $2, $3, $4, 'queued', $5, $6, $7, '', 0, false, $8, $8, $8)
"""
_CLAIM = """
select d.id, d.webhook_id, d.feed_id, d.kind, d.status, d.attempts + 1 as attempt, d.once, d.body, d.xid, d.seq,
    d.send_after, w.url, w.status as webhook_status, w.key_id, w.secret,
    case when w.old_secret_until > $2 then w.old_secret else '' end as old_secret, k.revoked_at is not null as revoked,
    n.slug, a.code as agreement, coalesce(f.disclosure_id, f.network_id) as scope, d.epoch, e.secret as feed_secret
from webhook_delivery d join webhook w on w.id = d.webhook_id join api_key k on k.id = w.key_id
cross join feed_epoch e left join webhook_feed f on f.id = d.feed_id left join disclosure i on i.id = f.disclosure_id
left join agreement a on a.id = i.agreement_id left join network n on n.id = coalesce(i.network_id, f.network_id)
where d.id = $1 for no key update of d
"""


class Claimed(msgspec.Struct, frozen=True):
    """A message that is ours to send now; `attempt` counts from 1. `body` is empty before the first try.

    `secrets` are those valid now, the newest first. `scope` is what cursors of the feed are bound to: the network, or
    the disclosure under an agreement. `slug` is whose members it is about. Of a ping all of that is empty.
    """

    id: UUID
    webhook_id: UUID
    feed_id: UUID | None
    kind: str
    attempt: int
    once: bool
    body: str
    url: str
    secrets: list[str]
    key_id: UUID
    scope: UUID | None
    slug: str
    agreement: str
    epoch: str
    xid: int
    seq: int
    feed_secret: bytes


async def ping(connection: Connection, webhook: UUID, now: datetime) -> UUID:
    """A message that must be answered before the webhook is told anything."""
    made = uuid4()
    await connection.execute(_ADD, made, webhook, None, PING, "", 0, 0, now)
    await _queue(connection, [made], now)
    return made


async def tell(
    connection: Connection, now: datetime, quiet: timedelta, webhook: UUID | None = None
) -> tuple[list[UUID], bool]:
    """Make a message for every feed whose head has moved since the last one, or that was quiet for so long.

    A message nobody has tried yet takes over the newest head; one that is being tried stays as it is, and the
    next is made when it has ended. The new messages, and whether an open transaction still hides some change.
    """
    feeds = [row["id"] for row in await connection.fetch(_FEEDS, webhook)]
    if not feeds:
        return [], False
    due = await connection.fetch(_DUE, feeds, now - quiet)
    unsettled = await connection.fetchval(_UNSETTLED, feeds)
    made = []
    for row in due:
        if row["waiting"] is None:
            made.append(await _made(connection, row, now))
        elif row["moved"] and row["untried"]:
            await connection.execute(
                "update webhook_delivery set kind = $2, epoch = $3, xid = $4, seq = $5, updated_at = $6 where id = $1"
                " and status = 'queued' and attempts = 0",
                *(row["waiting"], CHANGED, row["epoch"], row["xid"], row["seq"], now),
            )
            await _told(connection, row, now)
    await _queue(connection, made, now)
    return made, bool(unsettled)


async def _made(connection: Connection, row: Any, now: datetime) -> UUID:
    made = uuid4()
    kind = CHANGED if row["moved"] else HEARTBEAT
    head = (row["epoch"], row["xid"], row["seq"])
    await connection.execute(_ADD, made, row["webhook_id"], row["id"], kind, *head, now)
    await _told(connection, row, now)
    return made


async def _told(connection: Connection, row: Any, now: datetime) -> None:
    await connection.execute(
        "update webhook_feed set epoch = $2, xid = $3, seq = $4, told_at = $5 where id = $1",
        *(row["id"], row["epoch"], row["xid"], row["seq"], now),
    )


async def again(connection: Connection, delivery: UUID, now: datetime) -> None:
    """One more try of a message, under its own id, at once: the next of those planned, or one beside the plan."""
    await connection.execute(
        "update webhook_delivery set once = once or status <> 'queued', status = 'queued', send_after = $2,"
        " updated_at = $2 where id = $1 and status <> 'sending'",
        delivery,
        now,
    )
    await _queue(connection, [delivery], now)


async def webhook_of(connection: Connection, delivery: UUID) -> UUID | None:
    """Whose message it is."""
    return await connection.fetchval("select webhook_id from webhook_delivery where id = $1", delivery)


async def claim(connection: Connection, delivery: UUID, now: datetime, lease: timedelta) -> Claimed | timedelta | None:
    """Take it for one try; how long to wait when it is not time yet; None when there is nothing to send any more."""
    webhook = await webhook_of(connection, delivery)
    await connection.execute("select from webhook where id = $1 for no key update", webhook)
    row = await connection.fetchrow(_CLAIM, delivery, now)
    if row is None or row["status"] not in ("queued", "sending"):
        return None
    if row["revoked"]:
        await webhooks.set_status(connection, row["webhook_id"], "disabled", now, "key_revoked")
        return None
    if row["webhook_status"] != ("unverified" if row["kind"] == PING and not row["once"] else "enabled"):
        await end(connection, delivery, "cancelled", now)
        return None
    if row["send_after"] > now:
        wait: timedelta = row["send_after"] - now
        return wait
    await connection.execute(
        "update webhook_delivery set status = 'sending', attempts = attempts + 1, send_after = $2, updated_at = $3"
        " where id = $1",
        *(delivery, now + lease, now),
    )
    await connection.execute(
        "insert into webhook_attempt (delivery_id, number, started_at, why, answer)"
        " values ($1, $2, $3, 'interrupted', '')",
        *(delivery, row["attempt"], now),
    )
    of = sealed_for(WEBHOOKS, "secret", row["webhook_id"])
    valid = [vault_of(connection).open_text(of, each) for each in (row["secret"], row["old_secret"]) if each]
    found = {**row, "secrets": valid, "slug": row["slug"] or "", "agreement": row["agreement"] or ""}
    return Claimed(**{name: found[name] for name in Claimed.__struct_fields__})


async def write_body(connection: Connection, delivery: UUID, body: str) -> None:
    """What is sent at this and every later try."""
    await connection.execute("update webhook_delivery set body = $2 where id = $1", delivery, body)


async def note_attempt(
    connection: Connection, claimed: Claimed, status: int | None, took_ms: int | None, why: str, answer: str
) -> bool:
    """How the try went. False: another sender has the message by now, as this one's lease was over."""
    await connection.execute(
        "update webhook_attempt set status_code = $3, took_ms = $4, why = $5, answer = $6"
        " where delivery_id = $1 and number = $2",
        *(claimed.id, claimed.attempt, status, took_ms, why, answer),
    )
    held = await connection.fetchval(
        "select status = 'sending' and attempts = $2 from webhook_delivery where id = $1 for no key update",
        *(claimed.id, claimed.attempt),
    )
    return bool(held)


async def put_back(connection: Connection, delivery: UUID, send_after: datetime, now: datetime) -> None:
    """This try failed, another follows."""
    await connection.execute(
        "update webhook_delivery set status = 'queued', send_after = $2, updated_at = $3 where id = $1",
        *(delivery, send_after, now),
    )


async def end(connection: Connection, delivery: UUID, status: str, now: datetime) -> None:
    """Delivered, failed or cancelled: no further try of its own."""
    await connection.execute(
        "update webhook_delivery set status = $2, updated_at = $3 where id = $1", *(delivery, status, now)
    )


async def requeue_stranded(connection: Connection, now: datetime, overdue: timedelta) -> list[UUID]:
    """A job for every message that is overdue and has none. There should never be one."""
    rows = await connection.fetch(
        "select d.id from webhook_delivery d where d.status in ('queued', 'sending') and d.send_after < $1"
        " and not exists (select from pgqueuer j where j.entrypoint = $2 and j.status in ('queued', 'picked')"
        " and convert_from(j.payload, 'UTF8')::jsonb ->> 'delivery' = d.id::text) order by d.send_after limit $3",
        *(now - overdue, SEND_TASK, SWEEP_LIMIT),
    )
    found = [row["id"] for row in rows]
    await _queue(connection, found, now)
    return found


async def forget(connection: Connection, before: datetime) -> int:
    """Drop messages that ended before a moment, with their log; how many."""
    done = await connection.execute(
        "delete from webhook_delivery where status in ('delivered', 'failed', 'cancelled') and updated_at < $1", before
    )
    return int(done.split()[-1])


async def _queue(connection: Connection, deliveries: list[UUID], now: datetime) -> None:
    await jobs.enqueue(connection, SEND_TASK, [({"delivery": str(each)}, None) for each in deliveries], now)
