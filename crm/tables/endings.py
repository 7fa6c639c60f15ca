"""What a network's managers were told of ahead: labels, programmes and agreements that end."""

from piccolo.columns import UUID, BigSerial, Date, ForeignKey, Integer, OnDelete, Timestamptz, Varchar
from piccolo.table import Table

from crm.tables.networks import Network


class EndingNotice(Table, tablename="ending_notice"):
    """The mail so many `days` before one ends was written: `ends_on` is half-open, another end is told of anew."""

    row_id = BigSerial(primary_key=True)
    network_id = ForeignKey(references=Network, null=False, default=None, on_delete=OnDelete.restrict)
    kind = Varchar(length=10, required=True)
    subject_id = UUID(null=False, default=None)
    ends_on = Date(required=True, default=None)
    days = Integer(required=True, default=None)
    told_at = Timestamptz()
