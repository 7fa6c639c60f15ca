"""Webhooks: whom we tell that a feed has something new, what was told, and how each try went (ADR 0024).

The reader behind the tenant wall sees everything but the secrets (crm/migrations/sql/webhooks.sql).
"""

from piccolo.columns import (
    UUID,
    BigInt,
    BigSerial,
    Boolean,
    ForeignKey,
    Integer,
    OnDelete,
    SmallInt,
    Text,
    Timestamptz,
    Varchar,
)
from piccolo.table import Table

from crm.tables.accounts import ApiKey
from crm.tables.networks import Network
from crm.tables.shares import Disclosure


class Webhook(Table, tablename="webhook"):
    """An address of a partner's system. `reason` says why it is disabled: paused, gone, failing, key_revoked.

    `old_secret` signs beside `secret` until its day. `skew_seconds`: how far its clock is ahead of ours.
    """

    id = UUID(primary_key=True, default=None)
    key_id = ForeignKey(references=ApiKey, null=False, on_delete=OnDelete.restrict)
    url = Text(required=True)
    name = Text(required=True)
    status = Varchar(length=12, required=True)
    reason = Varchar(length=20, default="")
    secret = Text(required=True)
    old_secret = Text(default="")
    old_secret_until = Timestamptz(null=True, default=None)
    skew_seconds = Integer(null=True, default=None)
    failing_since = Timestamptz(null=True, default=None)
    delivered_at = Timestamptz(null=True, default=None)
    created_at = Timestamptz()


class WebhookFeed(Table, tablename="webhook_feed"):
    """One feed a webhook hears of: that of `network_id` itself, or what a disclosure tells that network of another.

    `epoch`, `xid`, `seq`: the newest position that a delivery was made for; `told_at`: when.
    """

    id = UUID(primary_key=True, default=None)
    webhook_id = ForeignKey(references=Webhook, null=False, on_delete=OnDelete.cascade)
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    disclosure_id = ForeignKey(references=Disclosure, null=True, on_delete=OnDelete.restrict)
    epoch = Varchar(length=16, default="")
    xid = BigInt(default=0)
    seq = BigInt(default=0)
    told_at = Timestamptz(null=True, default=None)


class WebhookDelivery(Table, tablename="webhook_delivery"):
    """One message; its id is the `webhook-id` at every try. `body` is written at the first try and stays.

    `status`: queued, sending, delivered, failed, cancelled. `send_after` is when it may be tried (next), or the end of
    the sender's lease. `once`: sent again by a person, one try without consequences.
    """

    id = UUID(primary_key=True, default=None)
    webhook_id = ForeignKey(references=Webhook, null=False, on_delete=OnDelete.cascade)
    feed_id = ForeignKey(references=WebhookFeed, null=True, on_delete=OnDelete.cascade)
    kind = Varchar(length=20, required=True)
    status = Varchar(length=10, required=True)
    epoch = Varchar(length=16, default="")
    xid = BigInt(default=0)
    seq = BigInt(default=0)
    body = Text(default="")
    attempts = Integer(default=0)
    once = Boolean(default=False, required=True)
    send_after = Timestamptz()
    created_at = Timestamptz()
    updated_at = Timestamptz()


class WebhookAttempt(Table, tablename="webhook_attempt"):
    """One try: the answer's status and beginning, or `why` there was none ("interrupted": its end was not noted)."""

    id = BigSerial(primary_key=True)
    delivery_id = ForeignKey(references=WebhookDelivery, null=False, on_delete=OnDelete.cascade)
    number = Integer(required=True)
    started_at = Timestamptz()
    status_code = SmallInt(null=True, default=None)
    took_ms = Integer(null=True, default=None)
    why = Varchar(length=20, default="")
    answer = Text(default="")
