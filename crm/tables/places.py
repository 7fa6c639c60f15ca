"""Places where a level or a link rule has a limited number of them: who has one, and who waits."""

from piccolo.columns import UUID, Boolean, Date, ForeignKey, OnDelete, Text, Timestamptz, Varchar
from piccolo.columns.defaults.uuid import UUID4
from piccolo.table import Table

from crm.tables.networks import Network
from crm.tables.organisations import Organisation


class Place(Table, tablename="place"):
    """One organisation's claim on a place of `rule` or `tier` (the other is empty) in a network's rulebook.

    waiting -> given -> free again, or waiting -> removed. The queue is in the order of `asked_at` (when the cause
    was recorded), then `id`. `cause_id` is the decision that asks; for a rule, the one its cause is rooted in.
    `entitled`: it stands by a version of the rulebook without a limit, and yet takes one of the places.
    """

    id = UUID(primary_key=True, default=UUID4())
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    rule = Varchar(length=60, default="")
    tier = Varchar(length=60, default="")
    organisation_id = ForeignKey(references=Organisation, null=False, on_delete=OnDelete.restrict, index=True)
    cause_id = UUID(null=False, default=None)
    asked_at = Timestamptz()
    status = Varchar(length=10, required=True)
    entitled = Boolean(default=False)
    given_on = Date(null=True, default=None)
    free_on = Date(null=True, default=None)
    closed_at = Timestamptz(null=True, default=None)
    closed_by = Text(null=True, default=None)
