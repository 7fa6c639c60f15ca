"""Shares of fees between networks: that what one owes the other for some days was settled. What is owed is booked."""

from piccolo.columns import UUID, BigInt, Date, ForeignKey, OnDelete, Text, Timestamptz, Varchar
from piccolo.columns.defaults.uuid import UUID4
from piccolo.table import Table

from crm.tables.networks import Network


class ShareSettlement(Table, tablename="share_settlement"):
    """For the days [first_on, after_on) the source has paid the target; `net` and `vat` are what it came to then."""

    id = UUID(primary_key=True, default=UUID4())
    source_id = ForeignKey(references=Network, null=False, default=None, on_delete=OnDelete.restrict)
    target_id = ForeignKey(references=Network, null=False, default=None, on_delete=OnDelete.restrict)
    first_on = Date(required=True, default=None)
    after_on = Date(required=True, default=None)
    currency = Varchar(length=3, required=True)
    net = BigInt(required=True)
    vat = BigInt(required=True)
    reference = Text(default="")
    actor = Text(required=True)
    recorded_at = Timestamptz()
    undone_by = Text(default="")
    undone_at = Timestamptz(null=True, default=None)
