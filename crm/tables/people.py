"""How people come to their roles: invitations by mail, and claims of organisations."""

from piccolo.columns import UUID, Boolean, ForeignKey, OnDelete, Text, Timestamptz, Varchar
from piccolo.columns.defaults.uuid import UUID4
from piccolo.table import Table

from crm.tables.accounts import Account
from crm.tables.networks import Host, Network
from crm.tables.organisations import Organisation


class Invitation(Table, tablename="invitation"):
    """A role that waits for its person. The mail's link is known by its hash only, and works once."""

    id = UUID(primary_key=True, default=UUID4())
    email = Varchar(length=254, required=True, index=True)
    name = Text(default="")
    language = Varchar(length=2, default="nb")
    role = Varchar(length=20, required=True)
    host_id = ForeignKey(references=Host, null=True, on_delete=OnDelete.restrict, index=True)
    network_id = ForeignKey(references=Network, null=True, on_delete=OnDelete.restrict, index=True)
    organisation_id = ForeignKey(references=Organisation, null=True, on_delete=OnDelete.restrict, index=True)
    token_hash = Varchar(length=64, unique=True, required=True)
    invited_by = Text(default="")
    created_at = Timestamptz()
    expires_at = Timestamptz()
    accepted_at = Timestamptz(null=True, default=None)
    revoked_at = Timestamptz(null=True, default=None)
    account_id = ForeignKey(references=Account, null=True, on_delete=OnDelete.set_null)


class Claim(Table, tablename="claim"):
    """A person says they act for an organisation; whoever manages a network of it decides."""

    id = UUID(primary_key=True, default=UUID4())
    organisation_id = ForeignKey(references=Organisation, null=False, on_delete=OnDelete.restrict, index=True)
    account_id = ForeignKey(references=Account, null=False, on_delete=OnDelete.cascade, index=True)
    note = Text(default="")
    created_at = Timestamptz()
    decided_at = Timestamptz(null=True, default=None)
    decided_by = Text(default="")
    approved = Boolean(null=True, default=None)
