"""What a network lives on besides its members' fees: grants, projects, its host's own money, and other income."""

from piccolo.columns import UUID, BigInt, BigSerial, Date, ForeignKey, OnDelete, Text, Timestamptz, Varchar
from piccolo.table import Table

from crm.tables.networks import Network


class OtherIncome(Table, tablename="other_income"):
    """Money of one payer for one day or a period (half-open), in minor units. `sector`: whose money, private or public.

    Append-only: a withdrawal only supersedes, and says why.
    """

    row_id = BigSerial(primary_key=True)
    id = UUID(null=False, default=None)
    network_id = ForeignKey(references=Network, null=False, default=None, on_delete=OnDelete.restrict)
    kind = Varchar(length=20, required=True)
    sector = Varchar(length=10, required=True)
    payer = Text(required=True)
    what = Text(default="")
    starts_on = Date(required=True, default=None)
    ends_on = Date(required=True, default=None)
    amount = BigInt(required=True)
    currency = Varchar(length=3, required=True)
    reference = Text(default="")
    recorded_at = Timestamptz()
    recorded_by = Text(default="")
    superseded_at = Timestamptz(null=True, default=None)
    superseded_by = Text(default="")
    superseded_why = Text(default="")
