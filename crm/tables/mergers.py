"""Organisations and networks that change what they are: mergers, splits, other names, and who is known to be whom."""

from piccolo.columns import JSONB, UUID, Date, ForeignKey, OnDelete, Text, Timestamptz, Varchar
from piccolo.columns.defaults.uuid import UUID4
from piccolo.table import Table

from crm.tables.memberships import Membership
from crm.tables.networks import Network
from crm.tables.organisations import Organisation


class Restructuring(Table, tablename="restructuring"):
    """What was decided: a merger or split of organisations, a merger of networks. Withdrawn, never deleted."""

    id = UUID(primary_key=True, default=UUID4())
    kind = Varchar(length=20, required=True)
    from_organisation_id = ForeignKey(references=Organisation, null=True, on_delete=OnDelete.restrict, index=True)
    into_organisation_id = ForeignKey(references=Organisation, null=True, on_delete=OnDelete.restrict, index=True)
    into_network_id = ForeignKey(references=Network, null=True, on_delete=OnDelete.restrict)
    effective_on = Date(required=True, default=None)
    detail = JSONB(default="{}")
    actor = Text(required=True)
    channel = Varchar(length=20, required=True)
    recorded_at = Timestamptz()
    withdrawn_at = Timestamptz(null=True, default=None)
    withdrawn_by = Text(null=True, default=None)


class MembershipTransfer(Table, tablename="membership_transfer"):
    """From `effective_on` one membership counts for another (none: it just ends). Withdrawn, never deleted."""

    id = UUID(primary_key=True, default=UUID4())
    restructuring_id = ForeignKey(references=Restructuring, null=False, on_delete=OnDelete.restrict, index=True)
    membership_id = ForeignKey(references=Membership, null=False, on_delete=OnDelete.restrict, index=True)
    target_membership_id = ForeignKey(references=Membership, null=True, on_delete=OnDelete.restrict, index=True)
    effective_on = Date(required=True, default=None)
    tiers = JSONB(default="{}")
    links = Varchar(length=10, default="move")
    member_since = Date(null=True, default=None)
    recorded_at = Timestamptz()
    withdrawn_at = Timestamptz(null=True, default=None)


class KnownName(Table, tablename="known_name"):
    """A name of an organisation or a network from `starts_on` (None: always had), until the next one."""

    id = UUID(primary_key=True, default=UUID4())
    organisation_id = ForeignKey(references=Organisation, null=True, on_delete=OnDelete.restrict, index=True)
    network_id = ForeignKey(references=Network, null=True, on_delete=OnDelete.restrict, index=True)
    names = JSONB(required=True)
    short = JSONB(default="{}")
    starts_on = Date(null=True, default=None)
    actor = Text(required=True)
    recorded_at = Timestamptz()
    withdrawn_at = Timestamptz(null=True, default=None)


class NotSame(Table, tablename="not_same"):
    """Somebody looked and said: these two are not the same organisation. The smaller id comes first."""

    id = UUID(primary_key=True, default=UUID4())
    one_id = ForeignKey(references=Organisation, null=False, on_delete=OnDelete.restrict)
    other_id = ForeignKey(references=Organisation, null=False, on_delete=OnDelete.restrict)
    actor = Text(required=True)
    recorded_at = Timestamptz()


class MainUnit(Table, tablename="main_unit"):
    """A fact of the Norwegian register: the number of a sub-unit, and that of the main unit it belongs to."""

    id = UUID(primary_key=True, default=UUID4())
    sub_unit = Varchar(length=9, unique=True, required=True)
    main_unit = Varchar(length=9, required=True)
    recorded_at = Timestamptz()
