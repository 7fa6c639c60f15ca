"""Documents on a member or an agreement, with their content."""

from piccolo.columns import UUID, BigInt, Bytea, Date, ForeignKey, OnDelete, Text, Timestamptz, Varchar
from piccolo.columns.defaults.uuid import UUID4
from piccolo.table import Table

from crm.tables.networks import Agreement, Network
from crm.tables.organisations import Organisation


class MemberDocument(Table, tablename="member_document"):
    """A file of one network about a member or an agreement. `media_type` is what its bytes say, not its name.

    `content` and its SHA-256 never change. `deleted_at`: hidden; the row goes for good after a while.
    """

    id = UUID(primary_key=True, default=UUID4())
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    organisation_id = ForeignKey(references=Organisation, null=True, on_delete=OnDelete.restrict, index=True)
    agreement_id = ForeignKey(references=Agreement, null=True, on_delete=OnDelete.restrict, index=True)
    kind = Varchar(length=12, required=True)
    title = Text(required=True)
    file_name = Text(required=True)
    media_type = Varchar(length=100, required=True)
    size = BigInt(required=True)
    sha256 = Varchar(length=64, required=True)
    content = Bytea(required=True)
    signed_on = Date(null=True, default=None)
    valid_until = Date(null=True, default=None)
    actor = Text(required=True)
    channel = Varchar(length=10, required=True)
    created_at = Timestamptz()
    deleted_at = Timestamptz(null=True, default=None)
    deleted_by = Text(default="")
