"""Saved views: the address of a filtered member list under a name."""

from piccolo.columns import UUID, Boolean, ForeignKey, OnDelete, Text, Timestamptz
from piccolo.columns.defaults.uuid import UUID4
from piccolo.table import Table

from crm.tables.accounts import Account
from crm.tables.networks import Network


class SavedView(Table, tablename="saved_view"):
    """`query` is what stands after the question mark. Its owner's alone, or of everybody in the network's office."""

    id = UUID(primary_key=True, default=UUID4())
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    owner_id = ForeignKey(references=Account, null=False, on_delete=OnDelete.cascade)
    name = Text(required=True)
    query = Text(default="")
    shared = Boolean(default=False)
    created_at = Timestamptz()
    deleted_at = Timestamptz(null=True, default=None)
