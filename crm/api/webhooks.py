"""Webhooks: partners' systems are told that a feed has something new, and look themselves (docs/sync.md, ADR 0024)."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from crm import forms
from crm.actions import webhooks as actions
from crm.api import edge, shapes
from crm.api.operations import Call, Nothing, Operation
from crm.api.problems import EdgeError
from crm.errors import NotFound
from crm.i18n import N_
from crm.reads import webhooks as reads

TAG = N_("Webhooks")
WEBHOOKS = "/webhooks"
WEBHOOK = f"{WEBHOOKS}/{{webhook_id}}"
DELIVERIES = f"{WEBHOOK}/deliveries"
CODE_MAX = 60
_NOBODY = UUID(int=0)
Code = Annotated[str, Meta(min_length=1, max_length=CODE_MAX)]
Status = Literal["unverified", "enabled", "disabled"]
Reason = Literal["paused", "gone", "failing", "key_revoked"]


class WebhookForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where messages go, and what they are about; with neither networks nor agreements, every network of the key."""

    url: Annotated[str, Meta(min_length=1, max_length=actions.URL_MAX, description="https, on the public internet.")]
    name: Annotated[str, Meta(max_length=forms.NAME_MAX)] = ""
    networks: Annotated[list[Code], Meta(max_length=actions.MOST_FEEDS, description="Slugs of networks.")] = []
    agreements: Annotated[
        list[Code], Meta(max_length=actions.MOST_FEEDS, description="Agreements that disclose members to the key.")
    ] = []


class SecretForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For how long the old secret signs beside the new one."""

    old_valid_hours: Annotated[int, Meta(ge=0, le=actions.LONGEST_OVERLAP_HOURS)] = actions.OLD_SECRET_HOURS


class Webhook(shapes.Answer, frozen=True):
    """A webhook. `unverified` until it has answered a first message with 2xx; `reason` says why it is disabled.

    `clock_skew_seconds`: how far its clock (the Date header) is ahead of ours.
    """

    id: UUID
    url: str
    name: str
    networks: list[str]
    agreements: list[str]
    status: Status
    reason: Reason | None
    created_at: datetime
    delivered_at: datetime | None
    failing_since: datetime | None
    clock_skew_seconds: int | None
    old_secret_until: datetime | None


class WebhookSecret(Webhook, frozen=True, kw_only=True):
    """The same with its new secret, which is shown this once."""

    secret: str


class Attempt(shapes.Answer, frozen=True):
    """One try: the answer's status and beginning, or in `error` why there was none."""

    number: int
    at: datetime
    status: int | None
    took_ms: int | None
    error: Literal["address", "name", "connection", "certificate", "time", "protocol", "interrupted", "status"] | None
    answer: str


class Delivery(shapes.Answer, frozen=True):
    """One message; `id` is its webhook-id at every try. A ping is about no network."""

    id: UUID
    type: Literal["members.changed", "heartbeat", "ping"]
    network: str | None
    agreement: str | None
    status: Literal["queued", "sending", "delivered", "failed", "cancelled"]
    created_at: datetime
    next_try_at: datetime | None
    attempts: list[Attempt]


class DeliveriesQuery(msgspec.Struct, frozen=True):
    """Which part of the log."""

    limit: shapes.Limit = 100
    cursor: Annotated[str, Meta(max_length=CODE_MAX)] | None = None


async def create(call: Call[Nothing, WebhookForm]) -> WebhookSecret:
    body = call.body
    assert call.actor.id is not None  # every key has an id
    wanted = actions.Wanted(body.url, body.name, body.networks, body.agreements)
    made = await actions.create(call.context, call.actor, call.actor.id, wanted)
    return await _with_secret(call, made)


async def show_list(call: Call[DeliveriesQuery, None]) -> shapes.Page[Webhook]:
    limit, after = call.query.limit, edge.cursor_id(call.query.cursor)
    async with call.reading() as connection:
        rows = await reads.listed(connection, call.actor.id, call.actor.manages, after or _NOBODY, limit)
    items = [_shown(row) for row in rows[:limit]]
    more = len(rows) > limit
    return shapes.Page(items, str(items[-1].id) if more else None, more)


async def show(call: Call[Nothing, Any]) -> Webhook:
    return _shown(await _row(call))


async def remove(call: Call[Nothing, None]) -> Webhook:
    row = await _row(call)
    await actions.remove(call.context, call.actor, row.id)
    return _shown(row)


async def rotate(call: Call[Nothing, SecretForm]) -> WebhookSecret:
    made = await actions.rotate(call.context, call.actor, call.id("webhook_id"), call.body.old_valid_hours)
    return await _with_secret(call, made)


async def pause(call: Call[Nothing, None]) -> Webhook:
    await actions.pause(call.context, call.actor, call.id("webhook_id"))
    return await show(call)


async def go_on(call: Call[Nothing, None]) -> Webhook:
    await actions.go_on(call.context, call.actor, call.id("webhook_id"))
    return await show(call)


async def show_deliveries(call: Call[DeliveriesQuery, None]) -> shapes.Page[Delivery]:
    row, limit, after = await _row(call), call.query.limit, edge.cursor_id(call.query.cursor)
    async with call.reading() as connection:
        rows = await reads.deliveries(connection, row.id, after, limit)
    if rows is None:
        raise EdgeError(422, "cursor", "cursor_invalid")
    items = [_told(each) for each in rows[:limit]]
    more = len(rows) > limit
    return shapes.Page(items, str(items[-1].id) if more else None, more)


async def send_again(call: Call[Nothing, None]) -> Delivery:
    row, wanted = await _row(call), call.id("delivery_id")
    await actions.send_again(call.context, call.actor, row.id, wanted)
    async with call.reading() as connection:
        found = await reads.delivery(connection, row.id, wanted)
    if found is None:
        raise NotFound("delivery_id", wanted)
    return _told(found)


async def _row(call: Call[Any, Any]) -> reads.WebhookRow:
    wanted = call.id("webhook_id")
    async with call.reading() as connection:
        found = await reads.one(connection, call.actor.id, call.actor.manages, wanted)
    if found is None:
        raise NotFound("webhook_id", wanted)
    return found


async def _with_secret(call: Call[Any, Any], made: actions.Made) -> WebhookSecret:
    async with call.reading() as connection:
        row = await reads.one(connection, call.actor.id, call.actor.manages, made.id)
    if row is None:
        raise NotFound("webhook_id", made.id)
    return WebhookSecret(**msgspec.structs.asdict(_shown(row)), secret=made.secret)


def _shown(row: reads.WebhookRow) -> Webhook:
    return Webhook(
        id=row.id,
        url=row.url,
        name=row.name,
        networks=row.networks,
        agreements=row.agreements,
        status=row.status,  # type: ignore[arg-type]
        reason=row.reason or None,  # type: ignore[arg-type]
        created_at=row.created_at,
        delivered_at=row.delivered_at,
        failing_since=row.failing_since,
        clock_skew_seconds=row.skew_seconds,
        old_secret_until=row.old_secret_until,
    )


def _told(row: reads.DeliveryRow) -> Delivery:
    tries = [
        Attempt(t.number, t.started_at, t.status, t.took_ms, t.why or None, t.answer)  # type: ignore[arg-type]
        for t in row.attempts
    ]
    fixed: Any = (row.id, row.kind, row.network, row.agreement, row.status)
    return Delivery(*fixed, row.created_at, row.next_try_at, tries)


operations = (
    Operation(
        id="create_webhook",
        method="POST",
        path=WEBHOOKS,
        tag=TAG,
        summary=N_("Have a system told of changes"),
        description=N_(
            "Messages are signed as Standard Webhooks says, and thin: that something is new, and the cursor of the "
            "newest change; never a member. The secret is in this answer only. A first message (`ping`) is sent at "
            "once; the webhook is `unverified` until it is answered with 2xx."
        ),
        body=WebhookForm,
        answer=WebhookSecret,
        status=201,
        location=f"{WEBHOOKS}/{{id}}",
        example={"url": "https://crm.partner.example/hooks/klynge", "networks": ["nora-industry-network"]},
        run=create,
    ),
    Operation(
        id="list_webhooks",
        method="GET",
        path=WEBHOOKS,
        tag=TAG,
        summary=N_("Webhooks of this key"),
        description=N_("A key that manages networks also sees those of other keys for the same networks."),
        query=DeliveriesQuery,
        answer=shapes.Page[Webhook],
        listing=True,
        run=show_list,
    ),
    Operation(
        id="show_webhook",
        method="GET",
        path=WEBHOOK,
        tag=TAG,
        summary=N_("A webhook and how it does"),
        answer=Webhook,
        run=show,
    ),
    Operation(
        id="remove_webhook",
        method="DELETE",
        path=WEBHOOK,
        tag=TAG,
        summary=N_("Remove a webhook with its log"),
        answer=Webhook,
        run=remove,
    ),
    Operation(
        id="change_webhook_secret",
        method="POST",
        path=f"{WEBHOOK}/secrets",
        tag=TAG,
        summary=N_("Another secret for a webhook"),
        description=N_(
            "Until `old_secret_until` every message carries the signatures of both, so that nothing is refused while "
            "the receiver changes over."
        ),
        body=SecretForm,
        answer=WebhookSecret,
        status=201,
        example={"old_valid_hours": 24},
        run=rotate,
    ),
    Operation(
        id="pause_webhook",
        method="POST",
        path=f"{WEBHOOK}/pause",
        tag=TAG,
        summary=N_("Stop messages to a webhook"),
        description=N_("What waits to be sent is dropped; no change is lost, since the feed keeps them."),
        answer=Webhook,
        run=pause,
    ),
    Operation(
        id="resume_webhook",
        method="DELETE",
        path=f"{WEBHOOK}/pause",
        tag=TAG,
        summary=N_("Try a webhook once more"),
        description=N_("A `ping` is sent; when it is answered with 2xx, messages go on from the newest change."),
        answer=Webhook,
        run=go_on,
    ),
    Operation(
        id="list_webhook_deliveries",
        method="GET",
        path=DELIVERIES,
        tag=TAG,
        summary=N_("What was sent to a webhook"),
        description=N_("The newest first, with every try. Kept for 30 days."),
        query=DeliveriesQuery,
        answer=shapes.Page[Delivery],
        listing=True,
        run=show_deliveries,
    ),
    Operation(
        id="retry_webhook_delivery",
        method="POST",
        path=f"{DELIVERIES}/{{delivery_id}}/retries",
        tag=TAG,
        summary=N_("Send a message again"),
        description=N_("One more try at once, with the same webhook-id and body and a new timestamp."),
        answer=Delivery,
        status=202,
        run=send_again,
    ),
)
