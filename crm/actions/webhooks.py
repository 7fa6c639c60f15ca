"""Webhooks of partners' systems: made, paused, given another secret, removed; a message sent again (ADR 0024).

A webhook belongs to a key and hears of networks that the key reads. The key itself has the word about it, and whoever
manages all of its networks.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from crm import catalogue, forms
from crm.actor import Actor
from crm.context import Context
from crm.database import Connection
from crm.errors import Forbidden, Invalid, NotFound, Refused
from crm.gateways import outgoing
from crm.gateways.outgoing import AddressRefused
from crm.gateways.webhooks import new_secret
from crm.store import audit, webhook_deliveries, webhooks
from crm.store.webhooks import Feed, Webhook

URL_MAX = outgoing.URL_MAX
MOST_OF_KEY = 20
MOST_FEEDS = 100
OLD_SECRET_HOURS = 24
LONGEST_OVERLAP_HOURS = 720


class Made(msgspec.Struct, frozen=True):
    """A new webhook, or one with another secret: this one time with the secret's text."""

    id: UUID
    secret: str
    old_until: datetime | None = None


class Wanted(msgspec.Struct, frozen=True):
    """A webhook to make. `networks` are slugs of those whose members it hears of in full, `agreements` codes of those
    that disclose members to a network of the key; with neither, every network of the key. Without a name, its host's.
    """

    url: str
    name: str
    networks: Sequence[str] = ()
    agreements: Sequence[str] = ()


async def create(context: Context, actor: Actor, key: UUID, wanted: Wanted) -> Made:
    """A webhook that is tried at once: it is told of changes when it has answered a first message with 2xx.

    Invalid names what is wrong with address and name; Refused `network_unknown`, `agreement_unknown`, `webhooks_full`.
    """
    problems: forms.Problems = []
    forms.text(problems, "name", wanted.name, forms.NAME_MAX, required=False)
    try:
        host = outgoing.check(outgoing.rules_from(context.settings), wanted.url).host
    except AddressRefused as error:
        problems.append(("url", error.code, {"given": error.given}))
    if len(wanted.networks) + len(wanted.agreements) > MOST_FEEDS:
        problems.append(("networks", "too_many", {"limit": MOST_FEEDS}))
    if problems:
        raise Invalid(problems)
    now = context.clock.now()
    async with context.db.tx() as connection:
        feeds = await _readable(connection, actor, key, wanted)
        if await webhooks.count(connection, key) >= MOST_OF_KEY:
            raise Refused("webhooks_full", "url", limit=MOST_OF_KEY)
        secret = new_secret()
        made = await webhooks.add(connection, key, wanted.url, wanted.name.strip() or host, secret, now)
        await webhooks.subscribe(connection, made, feeds)
        await webhook_deliveries.ping(connection, made, now)
        await _audit(connection, actor, "webhook_created", await webhooks.locked(connection, made))
    return Made(made, secret)


async def pause(context: Context, actor: Actor, webhook: UUID) -> None:
    """Nothing is sent any more, and what waits never will be. Twice changes nothing."""
    async with context.db.tx() as connection:
        found = await _own(connection, actor, webhook)
        if found.status != "disabled":
            await webhooks.set_status(connection, webhook, "disabled", context.clock.now(), "paused")
            await _audit(connection, actor, "webhook_paused", found)


async def go_on(context: Context, actor: Actor, webhook: UUID) -> None:
    """Try it once more: when it answers, it is told of changes again. Nothing changes while it is enabled.

    Refused `webhook_key_revoked`.
    """
    now = context.clock.now()
    async with context.db.tx() as connection:
        found = await _own(connection, actor, webhook)
        if found.reason == "key_revoked":
            raise Refused("webhook_key_revoked", "webhook_id")
        if found.status != "enabled":
            await webhooks.set_status(connection, webhook, "unverified", now)
            await webhook_deliveries.ping(connection, webhook, now)
            await _audit(connection, actor, "webhook_resumed", found)


async def rotate(context: Context, actor: Actor, webhook: UUID, hours: int = OLD_SECRET_HOURS) -> Made:
    """Another secret. For so many hours the old one signs beside it; with 0 it ends at once."""
    if not 0 <= hours <= LONGEST_OVERLAP_HOURS:
        raise Invalid([("hours", "number_out_of_range", {"least": 0, "most": LONGEST_OVERLAP_HOURS})])
    until = context.clock.now() + timedelta(hours=hours)
    secret = new_secret()
    async with context.db.tx() as connection:
        found = await _own(connection, actor, webhook)
        await webhooks.rotate(connection, webhook, secret, until)
        await _audit(connection, actor, "webhook_secret_changed", found)
    return Made(webhook, secret, until)


async def remove(context: Context, actor: Actor, webhook: UUID) -> None:
    """The webhook is gone, with the log of what was sent to it."""
    async with context.db.tx() as connection:
        found = await _own(connection, actor, webhook)
        await webhooks.remove(connection, webhook)
        await _audit(connection, actor, "webhook_removed", found)


async def send_again(context: Context, actor: Actor, webhook: UUID, delivery: UUID) -> None:
    """One more try of a message, at once and under its own id. Refused `webhook_not_enabled`."""
    async with context.db.tx() as connection:
        found = await _own(connection, actor, webhook)
        if await webhook_deliveries.webhook_of(connection, delivery) != webhook:
            raise NotFound("delivery_id", delivery)
        if found.status != "enabled":
            raise Refused("webhook_not_enabled", "webhook_id")
        await webhook_deliveries.again(connection, delivery, context.clock.now())


async def _readable(connection: Connection, actor: Actor, key: UUID, wanted: Wanted) -> list[Feed]:
    """The feeds of what both the actor and the key may read. What they may not is unknown."""
    kept = await catalogue.load(connection)
    seen = actor.sees & frozenset(await webhooks.reach(connection, key))
    if not wanted.networks and not wanted.agreements:
        return [Feed(network) for network in sorted(seen)]
    feeds = []
    for slug in wanted.networks:
        if slug not in kept.by_slug or kept.by_slug[slug].id not in seen:
            raise Refused("network_unknown", "networks", given=slug)
        feeds.append(Feed(kept.by_slug[slug].id))
    for code in wanted.agreements:
        told = await webhooks.disclosed(connection, code, list(seen))
        if not told:
            raise Refused("agreement_unknown", "agreements", given=code)
        feeds += told
    return list(dict.fromkeys(feeds))


async def _own(connection: Connection, actor: Actor, webhook: UUID) -> Webhook:
    """The webhook, if the actor has the word about it. What belongs to another is not found."""
    found = await webhooks.locked(connection, webhook)
    if actor.id is not None and found.key_id == actor.id:
        return found
    if found.networks and set(found.networks) <= actor.manages:
        return found
    if set(found.networks) & actor.manages:
        raise Forbidden
    raise NotFound("webhook_id", webhook)


async def _audit(connection: Connection, actor: Actor, action: str, webhook: Webhook) -> None:
    """In the trail of every network it hears of."""
    for network in webhook.networks:
        detail = {"name": webhook.name, "url": webhook.url}
        await audit.append(connection, actor, action, detail, network, subject=webhook.id)
