"""Federation: agreements with networks that other systems run, their registers, and what is on its way (ADR 0026).

The reader behind the tenant wall sees everything but the secrets (crm/migrations/sql/federation.sql).
"""

from piccolo.columns import (
    JSONB,
    UUID,
    Boolean,
    Date,
    ForeignKey,
    Integer,
    OnDelete,
    SmallInt,
    Text,
    Timestamptz,
    Varchar,
)
from piccolo.table import Table

from crm.tables.networks import Network
from crm.tables.organisations import Organisation


class FederationInstance(Table, tablename="federation_instance"):
    """One row: what this system calls itself towards others."""

    id = SmallInt(primary_key=True, default=1)
    instance = Varchar(length=40, required=True)


class FederatedAgreement(Table, tablename="federated_agreement"):
    """An agreement of one of our networks with one of another system's; `side` says which of the two we are.

    `mirror_id` is their network as it stands here, from the activation on. `standing` follows from both words, and
    `pauses` has the days it was suspended. `matched_on`: the day both sides were last found the same. Each direction
    has one secret, two while it is replaced: `secret` signs what we send, `peer_secret` what they send.
    """

    id = UUID(primary_key=True, default=None)
    code = Varchar(length=40, required=True, unique=True)
    side = Varchar(length=10, required=True)
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    mirror_id = ForeignKey(references=Network, null=True, on_delete=OnDelete.restrict)
    standing = Varchar(length=10, default="draft")
    terms = JSONB(default="{}")
    terms_version = Integer(default=1)
    peer_instance = Varchar(length=40, default="")
    peer_url = Text(default="")
    peer_network = JSONB(default="{}")
    secret = Text(default="")
    old_secret = Text(default="")
    old_secret_until = Timestamptz(null=True, default=None)
    peer_secret = Text(default="")
    old_peer_secret = Text(default="")
    old_peer_secret_until = Timestamptz(null=True, default=None)
    invite_hash = Varchar(length=64, default="")
    invite_expires_at = Timestamptz(null=True, default=None)
    pauses = JSONB(default="[]")
    ended_on = Date(null=True, default=None)
    matched_on = Date(null=True, default=None)
    matched_at = Timestamptz(null=True, default=None)
    heard_at = Timestamptz(null=True, default=None)
    failing_since = Timestamptz(null=True, default=None)
    failure = Text(default="")
    attempts = Integer(default=0)
    next_try_at = Timestamptz(null=True, default=None)
    skew_seconds = Integer(null=True, default=None)
    reasserted = Integer(default=0)
    created_at = Timestamptz()
    created_by = Text(default="")


class FederatedRegister(Table, tablename="federated_register"):
    """A register's newest state: ours, or our copy of theirs. `applied_on` is the day it was written here."""

    id = UUID(primary_key=True, default=None)
    agreement_id = ForeignKey(references=FederatedAgreement, null=False, on_delete=OnDelete.cascade)
    register = Varchar(length=20, required=True)
    key = Varchar(length=64, required=True)
    version = Integer(required=True, default=None)
    grant_no = Integer(required=True, default=None)
    instance = Varchar(length=40, required=True)
    state = Varchar(length=12, required=True)
    body = JSONB(default="{}")
    body_hash = Varchar(length=64, required=True)
    own = Boolean(default=False, required=True)
    disputed = Boolean(default=False, required=True)
    applied_on = Date(required=True, default=None)
    applied_at = Timestamptz()


class FederatedLink(Table, tablename="federated_link"):
    """Which organisation of ours a key stands for; none as long as a person must say (`held` is why).

    `stale`: its lease ran out, and what follows from it has ended.
    """

    id = UUID(primary_key=True, default=None)
    agreement_id = ForeignKey(references=FederatedAgreement, null=False, on_delete=OnDelete.cascade)
    key = Varchar(length=64, required=True)
    organisation_id = ForeignKey(references=Organisation, null=True, on_delete=OnDelete.restrict, index=True)
    held = Varchar(length=20, default="")
    stale = Boolean(default=False, required=True)
    made_at = Timestamptz()


class FederatedOutbox(Table, tablename="federated_outbox"):
    """A register of ours that the other side has not confirmed: at most one row each, the newest state is sent.

    `refused`: why the other side does not take it; it waits for a person and holds up nothing else.
    """

    id = UUID(primary_key=True, default=None)
    agreement_id = ForeignKey(references=FederatedAgreement, null=False, on_delete=OnDelete.cascade)
    register = Varchar(length=20, required=True)
    key = Varchar(length=64, required=True)
    version = Integer(required=True, default=None)
    refused = Text(default="")
    queued_at = Timestamptz()


class FederatedInbox(Table, tablename="federated_inbox"):
    """A state of theirs that was shown to us, and what came of it; kept for as long as a dispute may take."""

    id = UUID(primary_key=True, default=None)
    agreement_id = ForeignKey(references=FederatedAgreement, null=False, on_delete=OnDelete.cascade)
    message_id = Varchar(length=80, required=True)
    register = Varchar(length=20, required=True)
    key = Varchar(length=64, required=True)
    version = Integer(required=True, default=None)
    result = Varchar(length=20, required=True)
    reason = Text(default="")
    received_at = Timestamptz()
