"""Webhooks: a partner's address, the feeds it hears of, its secrets, and whether it is told (ADR 0024).

Locks are taken in one order everywhere: the webhook, then its feeds, then deliveries.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

import msgspec

from crm.database import Connection, vault_of
from crm.errors import NotFound
from crm.store.seals import WEBHOOKS, sealed_for


class Webhook(msgspec.Struct, frozen=True):
    """A webhook as stored, without its secrets; `networks` are those for whose sake it hears of feeds."""

    id: UUID
    key_id: UUID
    url: str
    name: str
    status: str
    reason: str
    networks: list[UUID]


_WEBHOOK = """
select w.id, w.key_id, w.url, w.name, w.status, w.reason,
    array(select distinct f.network_id from webhook_feed f where f.webhook_id = w.id) as networks
from webhook w where w.id = $1
"""


async def add(connection: Connection, key: UUID, url: str, name: str, secret: str, now: datetime) -> UUID:
    """A new webhook, unverified, that hears of nothing yet."""
    made = uuid4()
    await connection.execute(
        "insert into webhook (id, key_id, url, name, status, reason, secret, old_secret, created_at)"
        " values ($1, $2, $3, $4, 'unverified', '', $5, '', $6)",
        made,
        key,
        url,
        name,
        vault_of(connection).seal_text(sealed_for(WEBHOOKS, "secret", made), secret),
        now,
    )
    return made


class Feed(msgspec.Struct, frozen=True):
    """A feed to hear of: a network's own, or what `disclosure` tells that network of another."""

    network: UUID
    disclosure: UUID | None = None


async def subscribe(connection: Connection, webhook: UUID, feeds: Sequence[Feed]) -> None:
    """From now on it hears of these feeds."""
    await connection.executemany(
        "insert into webhook_feed (id, webhook_id, network_id, disclosure_id, epoch, xid, seq)"
        " values ($1, $2, $3, $4, '', 0, 0)",
        [(uuid4(), webhook, feed.network, feed.disclosure) for feed in feeds],
    )


async def disclosed(connection: Connection, agreement: str, readers: Sequence[UUID]) -> list[Feed]:
    """What the agreement with this code tells these networks of others."""
    rows = await connection.fetch(
        "select d.to_network_id, d.id from disclosure d join agreement a on a.id = d.agreement_id"
        " where a.code = $1 and d.to_network_id = any($2) order by d.id",
        agreement,
        list(readers),
    )
    return [Feed(row["to_network_id"], row["id"]) for row in rows]


async def count(connection: Connection, key: UUID) -> int:
    """How many webhooks a key has; whoever adds one waits for this lock."""
    await connection.execute("select from api_key where id = $1 for no key update", key)
    return int(await connection.fetchval("select count(*) from webhook where key_id = $1", key))


async def locked(connection: Connection, webhook: UUID) -> Webhook:
    """The webhook, which nobody else changes until this transaction ends. NotFound."""
    await connection.execute("select from webhook where id = $1 for no key update", webhook)
    row = await connection.fetchrow(_WEBHOOK, webhook)
    if row is None:
        raise NotFound("webhook_id", webhook)
    return Webhook(**dict(row))


async def lock_feeds(connection: Connection, webhook: UUID) -> None:
    """All of its feeds, in the order in which whoever tells takes them: that one waits, and sees how this ended."""
    await connection.execute("select from webhook_feed where webhook_id = $1 order by id for no key update", webhook)


async def set_status(connection: Connection, webhook: UUID, status: str, now: datetime, reason: str = "") -> None:
    """Unverified, enabled or disabled. Only the enabled keep what waits; who is to answer anew is told anew, too."""
    await connection.execute(
        "update webhook set status = $2, reason = $3::text,"
        " failing_since = case when $3::text = '' then null else failing_since end"
        " where id = $1",
        webhook,
        status,
        reason,
    )
    if status == "unverified":
        await lock_feeds(connection, webhook)
        await connection.execute("update webhook_feed set told_at = null where webhook_id = $1", webhook)
    if status != "enabled":
        await connection.execute(
            "update webhook_delivery set status = 'cancelled', updated_at = $2"
            " where webhook_id = $1 and status in ('queued', 'sending')",
            webhook,
            now,
        )


async def rotate(connection: Connection, webhook: UUID, secret: str, old_until: datetime) -> None:
    """Another secret; the one until now signs beside it until a moment. An even older one ends at once."""
    await connection.execute(
        "update webhook set secret = $2, old_secret = secret, old_secret_until = $3 where id = $1",
        webhook,
        vault_of(connection).seal_text(sealed_for(WEBHOOKS, "secret", webhook), secret),
        old_until,
    )


async def stop_revoked(connection: Connection, now: datetime) -> None:
    """Webhooks whose key was revoked are told nothing more, and it is said why."""
    rows = await connection.fetch(
        "select w.id from webhook w join api_key k on k.id = w.key_id"
        " where k.revoked_at is not null and w.status <> 'disabled' order by w.id for no key update of w"
    )
    for row in rows:
        await set_status(connection, row["id"], "disabled", now, "key_revoked")


async def forget_old_secrets(connection: Connection, now: datetime) -> None:
    """What signs nothing any more need not be kept."""
    await connection.execute(
        "update webhook set old_secret = '', old_secret_until = null where old_secret_until <= $1", now
    )


async def note_answer(
    connection: Connection, webhook: UUID, taken: bool, skew_seconds: int | None, now: datetime
) -> None:
    """How the last try went, for the sentence that people read."""
    await connection.execute(
        "update webhook set skew_seconds = coalesce($3, skew_seconds),"
        " delivered_at = case when $2 then $4 else delivered_at end,"
        " failing_since = case when $2 then null else coalesce(failing_since, $4) end where id = $1",
        webhook,
        taken,
        skew_seconds,
        now,
    )


async def remove(connection: Connection, webhook: UUID) -> None:
    """The webhook with its feeds, its deliveries and their log."""
    await connection.execute("select from webhook_feed where webhook_id = $1 order by id for update", webhook)
    await connection.execute("delete from webhook where id = $1", webhook)


async def reach(connection: Connection, key: UUID) -> list[UUID]:
    """The networks a key reads; none when there is no such key, or it is revoked."""
    found = await connection.fetchval(
        "select case when network_id is null then array(select id from network) else array[network_id] end"
        " from api_key where id = $1 and revoked_at is null",
        key,
    )
    return list(found or [])
