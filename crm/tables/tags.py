"""Tags: a network's own vocabulary for its members, and who of its people looks after which member."""

from piccolo.columns import UUID, ForeignKey, OnDelete, Text, Timestamptz, Varchar
from piccolo.columns.defaults.uuid import UUID4
from piccolo.table import Table

from crm.tables.accounts import Account
from crm.tables.memberships import Membership
from crm.tables.networks import Network


class Tag(Table, tablename="tag"):
    """One word of the vocabulary. `colour` and `icon` are names; what is deleted, or became another, can come back."""

    id = UUID(primary_key=True, default=UUID4())
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    name = Text(required=True)
    colour = Varchar(length=20, default="neutral")
    icon = Varchar(length=40, default="tag")
    created_at = Timestamptz()
    created_by = Text(default="")
    deleted_at = Timestamptz(null=True, default=None)
    merged_into_id = ForeignKey(references="self", null=True, default=None, on_delete=OnDelete.restrict)


class MembershipTag(Table, tablename="membership_tag"):
    """A member has a tag, once."""

    id = UUID(primary_key=True, default=UUID4())
    membership_id = ForeignKey(references=Membership, null=False, on_delete=OnDelete.restrict)
    tag_id = ForeignKey(references=Tag, null=False, on_delete=OnDelete.restrict)
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    added_at = Timestamptz()
    added_by = Text(default="")


class MembershipResponsible(Table, tablename="membership_responsible"):
    """Who of the network's people looks after a member."""

    membership_id = ForeignKey(
        references=Membership, null=False, default=None, primary_key=True, on_delete=OnDelete.restrict
    )
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    account_id = ForeignKey(references=Account, null=False, on_delete=OnDelete.cascade)
    since = Timestamptz()
    given_by = Text(default="")
