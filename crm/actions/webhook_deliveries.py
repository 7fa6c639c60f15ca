"""Tell partners' webhooks that a feed has something new: at least once, in the order of time, never about whom.

`tell` makes messages for feeds whose head has moved; a worker calls it when the feed rings and every minute besides,
so that a killed one loses nothing (ADR 0024). `send` is one try: claim, ask outside any transaction, note. Killed
between the last two, the message is sent again under the same webhook-id when its lease is over.
"""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from crm import catalogue, faults
from crm.actor import SYSTEM
from crm.context import Context
from crm.cursors import Position, Seal
from crm.database import Connection
from crm.gateways import outgoing
from crm.gateways import webhooks as gateway
from crm.gateways.outgoing import TIMEOUT_SECONDS, Rules
from crm.gateways.webhooks import Result
from crm.i18n import translator
from crm.store import audit, mail, webhook_deliveries, webhooks
from crm.store.mail import Outgoing
from crm.store.webhook_deliveries import PING, Claimed

# Waits before the second and every later try, as Standard Webhooks proposes: 75 h 35 min in all.
RETRY_AFTER = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
PING_TRIES = 4  # about half an hour; then a person asks again
JITTER = 0.1  # of the wait, either way: partners that were down together are not called together
LEASE = timedelta(seconds=TIMEOUT_SECONDS + 15)
OVERDUE = timedelta(minutes=2)
QUIET = timedelta(hours=6)  # then a heartbeat says where the feed is
KEPT = timedelta(days=30)  # of messages that ended
API = "/api/v1"


class Policy(msgspec.Struct, frozen=True):
    """How patient sending is, and where calls may go; tests are less so. `chance` gives a number from 0 to 1."""

    retry_after: tuple[timedelta, ...] = RETRY_AFTER
    ping_tries: int = PING_TRIES
    lease: timedelta = LEASE
    quiet: timedelta = QUIET
    overdue: timedelta = OVERDUE
    rules: Rules | None = None
    chance: Callable[[], float] = random.random


POLICY = Policy()


async def tell(context: Context, policy: Policy = POLICY) -> tuple[int, bool]:
    """Make a message for every feed that has moved or was quiet for long.

    How many, and whether there is a change that an open transaction still hides: then look again soon.
    """
    async with context.db.tx() as connection:
        made, unsettled = await webhook_deliveries.tell(connection, context.clock.now(), policy.quiet)
    return len(made), unsettled


async def sweep(context: Context, policy: Policy = POLICY) -> list[UUID]:
    """Messages whose job was lost get another; which ones that were. Webhooks of revoked keys are stopped."""
    async with context.db.tx() as connection:
        await webhooks.stop_revoked(connection, context.clock.now())
        return await webhook_deliveries.requeue_stranded(connection, context.clock.now(), policy.overdue)


async def forget(context: Context) -> int:
    """Drop messages that ended long ago with their log, and secrets that are over; how many messages."""
    async with context.db.tx() as connection:
        await webhooks.forget_old_secrets(connection, context.clock.now())
        return await webhook_deliveries.forget(connection, context.clock.now() - KEPT)


async def send(context: Context, delivery: UUID, policy: Policy = POLICY) -> timedelta | None:
    """One try at one message; how long until the next, None when there is no more to do."""
    async with context.db.tx() as connection:
        now = context.clock.now()
        claimed = await webhook_deliveries.claim(connection, delivery, now, policy.lease)
        if not isinstance(claimed, Claimed):
            return claimed
        body = claimed.body or _body(context, claimed, now)
        if not claimed.body:
            await webhook_deliveries.write_body(connection, delivery, body)
    faults.point("webhook_claimed")
    rules = policy.rules or outgoing.rules_from(context.settings)
    result = await gateway.deliver(rules, claimed.url, claimed.secrets, claimed.id, now, body)
    faults.point("webhook_answered")
    async with context.db.tx() as connection:
        return await _noted(connection, context, claimed, result, policy)


def _body(context: Context, claimed: Claimed, now: datetime) -> str:
    """Where the feed is, for the key that is told; CloudEvents' attributes around it. Never a member's data."""
    source = context.settings.base_url
    event: dict[str, object] = {
        "specversion": "1.0",
        "id": str(claimed.id),
        "source": source,
        "type": claimed.kind,
        "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "data": {},
    }
    if claimed.scope:
        seal = Seal(claimed.feed_secret, claimed.epoch, claimed.scope, claimed.key_id)
        place = f"agreements/{claimed.agreement}" if claimed.agreement else f"networks/{claimed.slug}"
        whose = f"?network={claimed.slug}" if claimed.agreement else ""
        event |= {
            "subject": place,
            "data": {
                "network": claimed.slug,
                "agreement": claimed.agreement or None,
                "head_cursor": seal.write(Position(claimed.xid, claimed.seq)),
                "changes": f"{source}{API}/{place}/changes{whose}",
            },
        }
    return msgspec.json.encode(event).decode()


async def _noted(
    connection: Connection, context: Context, claimed: Claimed, result: Result, policy: Policy
) -> timedelta | None:
    """Write down how it went, and what follows from it."""
    now = context.clock.now()
    hook = await webhooks.locked(connection, claimed.webhook_id)
    await webhooks.lock_feeds(connection, hook.id)
    why = result.why or ("" if result.taken else "status")
    ours = await webhook_deliveries.note_attempt(connection, claimed, result.status, result.took_ms, why, result.answer)
    await webhooks.note_answer(connection, claimed.webhook_id, result.taken, result.skew_seconds, now)
    if not ours:
        return None
    if result.taken:
        await webhook_deliveries.end(connection, claimed.id, "delivered", now)
        if claimed.kind == PING and hook.status == "unverified":
            await webhooks.set_status(connection, hook.id, "enabled", now)
            await audit.append(connection, SYSTEM, "webhook_enabled", {"name": hook.name, "url": hook.url})
        await webhook_deliveries.tell(connection, now, policy.quiet, hook.id)  # what has come meanwhile
        return None
    tries = policy.ping_tries if claimed.kind == PING else len(policy.retry_after) + 1
    if claimed.once or result.gone or claimed.attempt >= tries:
        await webhook_deliveries.end(connection, claimed.id, "failed", now)
        if not claimed.once and claimed.kind != PING:
            await _disable(connection, context, hook, "gone" if result.gone else "failing", result)
        return None
    wait = _wait(claimed.attempt, result, policy)
    await webhook_deliveries.put_back(connection, claimed.id, now + wait, now)
    return wait


def _wait(attempt: int, result: Result, policy: Policy) -> timedelta:
    """Until the next try: what the plan says, give or take a tenth, and not before the other side wants it."""
    planned = policy.retry_after[min(attempt, len(policy.retry_after)) - 1]
    planned *= 1 - JITTER + 2 * JITTER * policy.chance()
    return max(planned, result.retry_after or timedelta(0))


async def _disable(
    connection: Connection, context: Context, hook: webhooks.Webhook, reason: str, result: Result
) -> None:
    """Nothing is sent any more, and the managers of its networks get to know."""
    await webhooks.set_status(connection, hook.id, "disabled", context.clock.now(), reason)
    kept = await catalogue.load(connection)
    said = f"{result.status} {result.answer}".strip() if result.status else result.answer
    told = await mail.managers_of(connection, hook.networks)
    mails = []
    for network in hook.networks:
        row = kept.by_id[network]
        for recipient in told.get(network, ()):
            values = {
                "network": translator(recipient.language).text(row.names),
                "name": hook.name,
                "url": hook.url,
                "reason": reason,
                "said": said,
                "link": f"{context.settings.base_url}/n/{row.slug}/sync/webhooks/{hook.id}",
            }
            mails.append(Outgoing("webhook_disabled", recipient, values, network))
    await mail.queue(connection, mails)
    detail = {"name": hook.name, "url": hook.url, "reason": reason}
    for network in hook.networks:
        await audit.append(connection, SYSTEM, "webhook_disabled", detail, network, subject=hook.id)
