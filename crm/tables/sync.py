"""The change feed: what partner networks read. Position = (xid, seq), never a sequence alone (stack.md 4, ADR 0020)."""

from piccolo.columns import (
    UUID,
    BigInt,
    BigSerial,
    Boolean,
    Bytea,
    Date,
    ForeignKey,
    OnDelete,
    SmallInt,
    Text,
    Timestamptz,
    Varchar,
)
from piccolo.table import Table

from crm.tables.networks import Network
from crm.tables.organisations import Organisation


class Feed(Table, tablename="feed"):
    """One change of one member of one network; the column `xid` (xid8) is added by the migration.

    `member` is the member as it was told then, as JSON text; null when it is gone.
    """

    seq = BigSerial(primary_key=True)
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    organisation_id = ForeignKey(references=Organisation, null=False, on_delete=OnDelete.restrict)
    membership_id = UUID(null=False, default=None)
    op = Varchar(length=10, required=True)
    reason = Text(required=True)
    version = BigInt(required=True)
    recorded_at = Timestamptz()
    member = Text(null=True, default=None)


class FeedMember(Table, tablename="feed_member"):
    """A membership as the feed last told it: lists, streams and digests read this (`moved_xid`: the migration).

    `shown_on` is the day it was last looked at; `listed`: a member on that day, not only announced.
    """

    membership_id = UUID(primary_key=True, default=None)
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    organisation_id = ForeignKey(references=Organisation, null=False, on_delete=OnDelete.restrict)
    version = BigInt(required=True)
    op = Varchar(length=10, required=True)
    listed = Boolean(default=False, required=True)
    origin = Varchar(length=10, default="")
    shown_on = Date(null=False, default=None)
    bucket = SmallInt(required=True)
    body = Text(null=True, default=None)
    body_hash = Bytea(null=True, default=None)


class FeedHead(Table, tablename="feed_head"):
    """A network's feed: the day it has come to, and the newest entry that was dropped (`pruned_xid`: the migration)."""

    network_id = UUID(primary_key=True, default=None)
    turned_on = Date(null=True, default=None)
    pruned_seq = BigInt(default=0)


class FeedEpoch(Table, tablename="feed_epoch"):
    """One row: what makes positions comparable (one server, one timeline), and what cursors are signed with."""

    id = SmallInt(primary_key=True, default=1)
    epoch = Varchar(length=16, required=True)
    server = Text(required=True)
    secret = Bytea(required=True)
