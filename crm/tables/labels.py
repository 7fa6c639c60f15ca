"""Labels that networks are awarded (ESCA Gold, NCE) and programmes that they are part of."""

from piccolo.columns import UUID, BigSerial, Date, ForeignKey, OnDelete, Text, Timestamptz, Varchar
from piccolo.table import Table

from crm.tables.networks import Network


class Label(Table, tablename="label"):
    """What is held, by whom it was given, on which days (half-open; without an end: null).

    Append-only: a change supersedes the row of this `id` and adds another, a withdrawal only supersedes.
    """

    row_id = BigSerial(primary_key=True)
    id = UUID(null=False, default=None)
    network_id = ForeignKey(references=Network, null=False, default=None, on_delete=OnDelete.restrict)
    kind = Varchar(length=20, required=True)
    name = Text(required=True)
    level = Text(default="")
    issuer = Text(default="")
    issued_on = Date(required=True, default=None)
    expires_on = Date(null=True, default=None)
    note = Text(default="")
    recorded_at = Timestamptz()
    recorded_by = Text(default="")
    superseded_at = Timestamptz(null=True, default=None)
