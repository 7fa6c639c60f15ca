"""What a manager is to look at: members whose level does not fit them any more."""

from piccolo.columns import JSONB, UUID, Date, ForeignKey, OnDelete, Text, Timestamptz, Varchar
from piccolo.columns.defaults.uuid import UUID4
from piccolo.table import Table

from crm.tables.memberships import Membership
from crm.tables.networks import Network
from crm.tables.organisations import Organisation


class MembershipReview(Table, tablename="membership_review"):
    """One reason to look at one membership; `key` is the reason with what it is about, open once at a time.

    Closed as kept (until `keep_until`, or for good), decided (its level changed or its end was decided) or
    settled (the reason is gone).
    """

    id = UUID(primary_key=True, default=UUID4())
    membership_id = ForeignKey(references=Membership, null=False, on_delete=OnDelete.restrict, index=True)
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    organisation_id = ForeignKey(references=Organisation, null=False, on_delete=OnDelete.restrict)
    tier = Varchar(length=60, required=True)
    reason = Varchar(length=30, required=True)
    key = Varchar(length=120, required=True)
    detail = JSONB(default="{}")
    opened_at = Timestamptz()
    closed_at = Timestamptz(null=True, default=None)
    closed_by = Text(null=True, default=None)
    outcome = Varchar(length=10, null=True, default=None)
    keep_until = Date(null=True, default=None)
    note = Text(default="")
