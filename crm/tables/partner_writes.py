"""What partners write back: receipts of and objections to linked memberships, suggested corrections, keys' scopes."""

from piccolo.columns import JSONB, UUID, Date, ForeignKey, OnDelete, Text, Timestamptz, Varchar
from piccolo.columns.defaults.uuid import UUID4
from piccolo.table import Table

from crm.tables.accounts import ApiKey
from crm.tables.networks import Network
from crm.tables.organisations import Organisation


class LinkReceipt(Table, tablename="link_receipt"):
    """The word of a linked grant's network on it: acknowledged, or objected to from `on_date`, with a reason.

    An objection is open until `outcome`: declined (the link was), dismissed, or withdrawn (acknowledged after all).
    """

    id = UUID(primary_key=True, default=UUID4())
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    source_network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    organisation_id = ForeignKey(references=Organisation, null=False, on_delete=OnDelete.restrict)
    membership_id = UUID(null=False, default=None)
    grant_id = UUID(null=False, default=None)
    rule = Varchar(length=60, required=True)
    word = Varchar(length=12, required=True)
    reason = Text(default="")
    on_date = Date(required=True, default=None)
    actor = Text(required=True)
    recorded_at = Timestamptz()
    outcome = Varchar(length=10, default="")
    note = Text(default="")
    answer_id = UUID(null=True, default=None)
    closed_by = Text(default="")
    closed_at = Timestamptz(null=True, default=None)


class ProfileSuggestion(Table, tablename="profile_suggestion"):
    """A correction that `network_id` suggests to the network an organisation belongs to, `owner_network_id`.

    `fields`: name -> {then, wanted, outcome, now}; each outcome is accepted or declined once it is decided.
    """

    id = UUID(primary_key=True, default=UUID4())
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    owner_network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    organisation_id = ForeignKey(references=Organisation, null=False, on_delete=OnDelete.restrict)
    agreement = Varchar(length=60, default="")
    fields = JSONB(required=True)
    reason = Text(default="")
    actor = Text(required=True)
    recorded_at = Timestamptz()
    status = Varchar(length=10, default="open")
    note = Text(default="")
    closed_by = Text(default="")
    closed_at = Timestamptz(null=True, default=None)


class KeyScope(Table, tablename="key_scope"):
    """One thing that a partner's key may write (crm/store/keys.py SCOPES)."""

    id = UUID(primary_key=True, default=UUID4())
    key_id = ForeignKey(references=ApiKey, null=False, on_delete=OnDelete.cascade)
    scope = Varchar(length=20, required=True)
