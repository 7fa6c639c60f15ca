"""Webhooks for people and programs: whom we tell, how it goes, and the log of what was sent. Never a secret."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from crm.database import Connection

_ROWS = """
select w.id, w.key_id, w.url, w.name, w.status, w.reason, w.old_secret_until, w.skew_seconds, w.failing_since,
    w.delivered_at, w.created_at,
    array(select f.network_id from webhook_feed f where f.webhook_id = w.id) as readers,
    array(select n.slug from webhook_feed f join network n on n.id = f.network_id
          where f.webhook_id = w.id and f.disclosure_id is null order by n.slug) as networks,
    array(select distinct a.code from webhook_feed f join disclosure d on d.id = f.disclosure_id
          join agreement a on a.id = d.agreement_id where f.webhook_id = w.id order by a.code) as agreements
from webhook w
"""
# $1 the key that asks (None: a person), $2 networks it manages: its own webhooks, and those of all its networks.
_OWN = """
(w.key_id = $1 or not exists (select from webhook_feed f where f.webhook_id = w.id and not f.network_id = any($2)))
"""
_LOG = """
select d.id, d.kind, d.status, d.created_at, d.updated_at, d.body,
    case when d.status = 'queued' then d.send_after end as next_try_at,
    n.slug as network, a.code as agreement, coalesce((
        select jsonb_agg(jsonb_build_object('number', t.number, 'started_at', t.started_at, 'status', t.status_code,
            'took_ms', t.took_ms, 'why', t.why, 'answer', t.answer) order by t.number)
        from webhook_attempt t where t.delivery_id = d.id), '[]') as attempts
from webhook_delivery d left join webhook_feed f on f.id = d.feed_id left join disclosure i on i.id = f.disclosure_id
left join agreement a on a.id = i.agreement_id left join network n on n.id = coalesce(i.network_id, f.network_id)
"""


class WebhookRow(msgspec.Struct, frozen=True):
    """A webhook. `networks` and `agreements` are what it hears of; `reason` says why it is disabled.

    `skew_seconds`: how far its clock is ahead of ours. `readers`: the networks for whose sake it is told.
    """

    id: UUID
    key_id: UUID
    url: str
    name: str
    status: str
    reason: str
    old_secret_until: datetime | None
    skew_seconds: int | None
    failing_since: datetime | None
    delivered_at: datetime | None
    created_at: datetime
    readers: list[UUID]
    networks: list[str]
    agreements: list[str]


class Attempt(msgspec.Struct, frozen=True):
    """One try: the answer's status and beginning; without an answer `why`, and `answer` says it in words."""

    number: int
    started_at: datetime
    status: int | None
    took_ms: int | None
    why: str
    answer: str


class DeliveryRow(msgspec.Struct, frozen=True):
    """One message with its tries, the first one first. `body` is what was sent, empty before the first try."""

    id: UUID
    kind: str
    status: str
    created_at: datetime
    updated_at: datetime
    body: str
    next_try_at: datetime | None
    network: str | None
    agreement: str | None
    attempts: list[Attempt]


async def listed(
    connection: Connection, key: UUID | None, manages: Collection[UUID], after: UUID, limit: int
) -> list[WebhookRow]:
    """What the asker has the word about, in the order of ids; one more than `limit` when there are more."""
    rows = await connection.fetch(
        f"{_ROWS} where {_OWN} and w.id > $3 order by w.id limit $4", key, list(manages), after, limit + 1
    )
    return [WebhookRow(**dict(row)) for row in rows]


async def one(connection: Connection, key: UUID | None, manages: Collection[UUID], webhook: UUID) -> WebhookRow | None:
    """One of these; None when there is none, or it is another's."""
    row = await connection.fetchrow(f"{_ROWS} where {_OWN} and w.id = $3", key, list(manages), webhook)
    return WebhookRow(**dict(row)) if row else None


async def of_network(connection: Connection, network: UUID) -> list[WebhookRow]:
    """Every webhook that is told for the sake of a network, the newest first."""
    rows = await connection.fetch(
        f"{_ROWS} where exists (select from webhook_feed f where f.webhook_id = w.id and f.network_id = $1)"
        " order by w.created_at desc, w.id",
        network,
    )
    return [WebhookRow(**dict(row)) for row in rows]


async def deliveries(connection: Connection, webhook: UUID, after: UUID | None, limit: int) -> list[DeliveryRow] | None:
    """The log, the newest first, after a message of it; one more than `limit` when there are more.

    None: there is no such message to go on after.
    """
    if after and not await connection.fetchval(
        "select true from webhook_delivery where id = $1 and webhook_id = $2", after, webhook
    ):
        return None
    rows = await connection.fetch(
        f"{_LOG} where d.webhook_id = $1 and ($2::uuid is null or (d.created_at, d.id) < ("
        "select x.created_at, x.id from webhook_delivery x where x.id = $2))"
        " order by d.created_at desc, d.id desc limit $3",
        *(webhook, after, limit + 1),
    )
    return [_row(row) for row in rows]


async def delivery(connection: Connection, webhook: UUID, wanted: UUID) -> DeliveryRow | None:
    """One message of a webhook."""
    row = await connection.fetchrow(f"{_LOG} where d.webhook_id = $1 and d.id = $2", webhook, wanted)
    return _row(row) if row else None


def _row(row: Any) -> DeliveryRow:
    return DeliveryRow(**{**row, "attempts": msgspec.convert(row["attempts"], list[Attempt])})
