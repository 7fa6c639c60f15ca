"""Listings: what a member tells of itself in the directory, who may see it, and what waits for a manager (ADR 0029)."""

from piccolo.columns import (
    JSONB,
    UUID,
    Boolean,
    Bytea,
    Date,
    ForeignKey,
    Integer,
    OnDelete,
    Text,
    Timestamptz,
    Varchar,
)
from piccolo.columns.defaults.uuid import UUID4
from piccolo.table import Table

from crm.tables.networks import Network
from crm.tables.organisations import Contact, Organisation


class Listing(Table, tablename="listing"):
    """What an organisation tells of itself. Without a row: its facts alone, seen as its networks have it.

    `visibility` is {network's slug: {field: level}} (cluster_rules/listings.py); `listed` false: it has opted out;
    `restricted_at`: a manager has taken it out, also of counts. `logo` is the hash of a ListingLogo, or empty.
    """

    id = UUID(primary_key=True, default=UUID4())
    organisation_id = ForeignKey(references=Organisation, null=False, unique=True, on_delete=OnDelete.restrict)
    summary = JSONB(default="{}")
    fields = JSONB(default="[]")
    offers = JSONB(default="[]")
    seeks = JSONB(default="[]")
    languages = JSONB(default="[]")
    visibility = JSONB(default="{}")
    listed = Boolean(default=True)
    restricted_at = Timestamptz(null=True, default=None)
    restricted_why = Text(default="")
    revision = Integer(default=1)
    verified_on = Date(null=True, default=None)
    changed_at = Timestamptz()
    changed_by = Text(default="")
    logo = Varchar(length=64, default="")


class ListingLogo(Table, tablename="listing_logo"):
    """A picture sent as an organisation's logo, by the SHA-256 of its bytes; shown while the listing names it."""

    id = UUID(primary_key=True, default=UUID4())
    organisation_id = ForeignKey(references=Organisation, null=False, on_delete=OnDelete.restrict)
    hash = Varchar(length=64, required=True)
    media_type = Varchar(length=20, required=True)
    width = Integer(required=True, default=None)
    height = Integer(required=True, default=None)
    content = Bytea(required=True)
    sent_at = Timestamptz()
    sent_by = Text(default="")


class ListingChange(Table, tablename="listing_change"):
    """New texts of a listing: `state` is published, waiting, declined or replaced by a newer one."""

    id = UUID(primary_key=True, default=UUID4())
    organisation_id = ForeignKey(references=Organisation, null=False, index=True, on_delete=OnDelete.restrict)
    body = JSONB(required=True)
    state = Varchar(length=12, required=True)
    actor = Text(default="")
    channel = Varchar(length=10, default="")
    recorded_at = Timestamptz()
    decided_at = Timestamptz(null=True, default=None)
    decided_by = Text(default="")
    reason = Text(default="")


class ListingPerson(Table, tablename="listing_person"):
    """A person who has agreed to be named beside an organisation, to which version of the text, until withdrawn."""

    id = UUID(primary_key=True, default=UUID4())
    organisation_id = ForeignKey(references=Organisation, null=False, index=True, on_delete=OnDelete.restrict)
    contact_id = ForeignKey(references=Contact, null=False, on_delete=OnDelete.cascade)
    text_version = Integer(required=True, default=None)
    given_at = Timestamptz()
    given_by = Text(default="")
    withdrawn_at = Timestamptz(null=True, default=None)
    withdrawn_by = Text(default="")


class DirectoryPolicy(Table, tablename="directory_policy"):
    """A network's word on its directory: texts wait for a manager or not; {field: level} where no member says else."""

    id = UUID(primary_key=True, default=UUID4())
    network_id = ForeignKey(references=Network, null=False, unique=True, on_delete=OnDelete.restrict)
    moderated = Boolean(default=False)
    visibility = JSONB(default="{}")
    changed_at = Timestamptz()
    changed_by = Text(default="")


class DirectoryEntry(Table, tablename="directory_entry"):
    """What anybody may see of an organisation, ready to be searched; nothing of it is left when `shown` is false.

    The database writes it, at the end of the transaction that changed anything it is made of
    (crm/migrations/sql/directory.sql; there also: `tags`, what it is counted under). `place` is its bit in an index;
    `next_on` is the first day on which it looks otherwise though nobody changes anything.
    """

    organisation_id = UUID(primary_key=True, default=None)
    place = Integer(default=0)
    shown = Boolean(default=False)
    slug = Text(default="")
    name = Text(default="")
    skey = Text(default="")
    sort_name = Text(default="")
    body = JSONB(null=True, default=None)
    joined_on = Date(null=True, default=None)
    next_on = Date(null=True, default=None)
    changed_at = Timestamptz()


class DirectorySlug(Table, tablename="directory_slug"):
    """An address of a profile, for good: the one of now, or one that leads to it. None of persons who are not shown."""

    slug = Text(primary_key=True, required=True)
    organisation_id = ForeignKey(references=Organisation, null=False, index=True, on_delete=OnDelete.restrict)
    newest = Boolean(default=True)
    since = Timestamptz()
