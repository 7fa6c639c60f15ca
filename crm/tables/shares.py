"""Shares: what an agreement discloses of one network's members to the other, and to whom it was given (ADR 0023).

A disclosure is one direction of an agreement. `share` is the list, the change feed and the tombstones of it in one:
a row keeps its newest version and where that is on the feed, so no body that was replaced or taken back stays anywhere.
"""

from piccolo.columns import (
    JSONB,
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
from piccolo.columns.defaults.uuid import UUID4
from piccolo.table import Table

from crm.tables.networks import Agreement, Network
from crm.tables.organisations import Organisation


class Disclosure(Table, tablename="disclosure"):
    """Members of `network_id`, told to `to_network_id` under an agreement.

    `in_force` is the version of the terms that holds on `turned_on` (0: nothing is disclosed); `state` grows whenever
    that changes, and a share that was looked at in another state is shown to nobody.
    """

    id = UUID(primary_key=True, default=UUID4())
    agreement_id = ForeignKey(references=Agreement, null=False, on_delete=OnDelete.restrict)
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    to_network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict, index=True)
    in_force = Integer(default=0)
    state = BigInt(default=1)
    turned_on = Date(null=True, default=None)


class DisclosureTerms(Table, tablename="disclosure_terms"):
    """What may be disclosed from `starts_on`, until a newer version starts. Append-only.

    `fields` [] discloses nothing; `tiers` [] is every level; `only_linked`: members that stand by this agreement.
    `persons_basis` "": neither contacts nor members who are persons.
    """

    id = UUID(primary_key=True, default=UUID4())
    disclosure_id = ForeignKey(references=Disclosure, null=False, on_delete=OnDelete.restrict)
    version = Integer(required=True, default=None)
    starts_on = Date(required=True, default=None)
    fields = JSONB(required=True)
    tiers = JSONB(default="[]")
    only_linked = Boolean(default=False)
    purpose = JSONB(required=True)
    legal_basis = Varchar(length=20, required=True)
    legal_words = JSONB(default="{}")
    persons_basis = Varchar(length=20, default="")
    retention_days = Integer(required=True, default=None)
    reason = Text(default="")
    recorded_at = Timestamptz()
    recorded_by = Text(default="")


class Share(Table, tablename="share"):
    """One membership as one disclosure tells of it, or told that it is gone (`moved_xid`: the migration).

    `op` none: never disclosed. Of what is gone only ids, version and reason are kept. `since`: disclosed without a
    break from then. `seq` with `moved_xid` is the position on the feed.
    """

    row_id = BigSerial(primary_key=True)
    disclosure_id = ForeignKey(references=Disclosure, null=False, on_delete=OnDelete.restrict)
    membership_id = UUID(null=False, default=None, index=True)
    organisation_id = ForeignKey(references=Organisation, null=False, on_delete=OnDelete.restrict, index=True)
    version = BigInt(default=0)
    op = Varchar(length=10, default="none")
    reason = Varchar(length=20, default="")
    terms_version = Integer(default=0)
    state = BigInt(default=0)
    bucket = SmallInt(required=True)
    body = Text(null=True, default=None)
    body_hash = Bytea(null=True, default=None)
    seq = BigInt(default=0)
    since = Timestamptz(null=True, default=None)


class ShareVersion(Table, tablename="share_version"):
    """Disclosure log: from when which version was to be had, under which terms. Hashes, no contents. Append-only."""

    row_id = BigSerial(primary_key=True)
    disclosure_id = ForeignKey(references=Disclosure, null=False, on_delete=OnDelete.restrict)
    membership_id = UUID(null=False, default=None)
    organisation_id = ForeignKey(references=Organisation, null=False, on_delete=OnDelete.restrict, index=True)
    version = BigInt(required=True)
    op = Varchar(length=10, required=True)
    reason = Varchar(length=20, required=True)
    terms_version = Integer(required=True)
    body_hash = Bytea(null=True, default=None)
    recorded_at = Timestamptz()


class ShareReading(Table, tablename="share_reading"):
    """Disclosure log: one answer to one key, from which position to which, how many members. Append-only.

    `kind`: list, stream, changes, bucket, or the name of a facade (scim, csv, xlsx, json_ld).
    """

    row_id = BigSerial(primary_key=True)
    disclosure_id = ForeignKey(references=Disclosure, null=False, on_delete=OnDelete.restrict)
    key_id = UUID(null=True, default=None)
    reader = Text(default="")
    kind = Varchar(length=20, required=True)
    from_position = Text(default="")
    to_position = Text(default="")
    members = Integer(required=True)
    terms_version = Integer(required=True)
    recorded_at = Timestamptz()


class ShareChoice(Table, tablename="share_choice"):
    """What a member said to a disclosure. Never updated but for its withdrawal.

    `about` organisation or contact; `choice` consents, objects, or erased (the organisation only: gone for good).
    """

    id = UUID(primary_key=True, default=UUID4())
    disclosure_id = ForeignKey(references=Disclosure, null=False, on_delete=OnDelete.restrict)
    organisation_id = ForeignKey(references=Organisation, null=False, on_delete=OnDelete.restrict, index=True)
    contact_id = UUID(null=True, default=None)
    about = Varchar(length=20, required=True)
    choice = Varchar(length=20, required=True)
    reason = Text(default="")
    recorded_at = Timestamptz()
    recorded_by = Text(default="")
    withdrawn_at = Timestamptz(null=True, default=None)
    withdrawn_by = Text(default="")
