"""The change feed: what partner networks read. Position = (xid, seq), never a sequence alone (stack.md 4)."""

from piccolo.columns import UUID, BigInt, BigSerial, ForeignKey, OnDelete, Text, Timestamptz, Varchar
from piccolo.table import Table

from crm.tables.networks import Network
from crm.tables.organisations import Organisation


class Feed(Table, tablename="feed"):
    """One change of one member of one network; the column `xid` (xid8) is added by the migration."""

    seq = BigSerial(primary_key=True)
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    organisation_id = ForeignKey(references=Organisation, null=False, on_delete=OnDelete.restrict)
    membership_id = UUID(null=False, default=None)
    op = Varchar(length=10, required=True)
    reason = Text(required=True)
    version = BigInt(required=True)
    recorded_at = Timestamptz()
