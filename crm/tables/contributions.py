"""What members give in kind to a network: hours or things, and what an hour usually counts as."""

from piccolo.columns import UUID, BigInt, BigSerial, Date, ForeignKey, Integer, OnDelete, Text, Timestamptz, Varchar
from piccolo.table import Table

from crm.tables.networks import Network
from crm.tables.organisations import Organisation


class InKindRate(Table, tablename="in_kind_rate"):
    """What an hour counts as (minor units) from a day until the next rate's.

    Append-only: a withdrawal only supersedes, and says why.
    """

    row_id = BigSerial(primary_key=True)
    id = UUID(null=False, default=None)
    network_id = ForeignKey(references=Network, null=False, default=None, on_delete=OnDelete.restrict)
    starts_on = Date(required=True, default=None)
    amount = BigInt(required=True)
    currency = Varchar(length=3, required=True)
    recorded_at = Timestamptz()
    recorded_by = Text(default="")
    superseded_at = Timestamptz(null=True, default=None)
    superseded_by = Text(default="")
    superseded_why = Text(default="")


class Contribution(Table, tablename="contribution"):
    """What one organisation gave on one day or in a period (half-open).

    `hours` are hundredths, `rate` is what an hour counted as when this was told: both null for what is told as an
    amount. Append-only, as above.
    """

    row_id = BigSerial(primary_key=True)
    id = UUID(null=False, default=None)
    network_id = ForeignKey(references=Network, null=False, default=None, on_delete=OnDelete.restrict)
    organisation_id = ForeignKey(references=Organisation, null=False, default=None, on_delete=OnDelete.restrict)
    what = Text(required=True)
    starts_on = Date(required=True, default=None)
    ends_on = Date(required=True, default=None)
    hours = Integer(null=True, default=None)
    rate = BigInt(null=True, default=None)
    amount = BigInt(required=True)
    currency = Varchar(length=3, required=True)
    reference = Text(default="")
    recorded_at = Timestamptz()
    recorded_by = Text(default="")
    superseded_at = Timestamptz(null=True, default=None)
    superseded_by = Text(default="")
    superseded_why = Text(default="")
