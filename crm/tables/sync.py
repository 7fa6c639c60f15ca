"""The change feed: what partner networks read. Position = (xid, seq), never a sequence alone (stack.md 4, ADR 0020)."""

from piccolo.columns import (
    UUID,
    BigInt,
    BigSerial,
    Boolean,
    Bytea,
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

from crm.tables.accounts import ApiKey
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


class FeedReader(Table, tablename="feed_reader"):
    """How far a key has come with a list: one row for each key and feed, rewritten as it asks.

    `scope`: the network, or the disclosure; `network_id` whose members these are, `reader_network_id` whose key it is
    (null: for all networks). `kind` is list or changes. `xid` and `seq` are a position of the epoch.
    """

    row_id = BigSerial(primary_key=True)
    key_id = ForeignKey(references=ApiKey, null=False, on_delete=OnDelete.cascade)
    scope = UUID(null=False, default=None)
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.cascade, index=True)
    reader_network_id = UUID(null=True, default=None, index=True)
    epoch = Varchar(length=16, required=True)
    xid = BigInt(required=True)
    seq = BigInt(required=True)
    kind = Varchar(length=10, required=True)
    asked_at = Timestamptz()


class Rehearsal(Table, tablename="rehearsal"):
    """A network's feed of made-up members (ADR 0030). A position is (run, seq); what is up to `pruned_seq` is gone."""

    network_id = ForeignKey(references=Network, primary_key=True, null=False, on_delete=OnDelete.cascade)
    run = Integer(default=0)
    seq = BigInt(default=0)
    pruned_seq = BigInt(default=0)


class RehearsalEntry(Table, tablename="rehearsal_entry"):
    """One change of a made-up member; the newest of each is the list. `body` null: it is gone."""

    row_id = BigSerial(primary_key=True)
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.cascade)
    seq = BigInt(required=True)
    membership_id = UUID(null=False, default=None)
    organisation_id = UUID(null=False, default=None)
    op = Varchar(length=10, required=True)
    reason = Varchar(length=20, required=True)
    version = BigInt(required=True)
    newest = Boolean(default=True)
    listed = Boolean(required=True)
    origin = Varchar(length=10, default="")
    bucket = SmallInt(required=True)
    body = Text(null=True, default=None)
    body_hash = Bytea(null=True, default=None)
