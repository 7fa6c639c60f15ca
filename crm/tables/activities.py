"""What a network does with its members: events, working groups, meetings, mobility, projects; and who came."""

from piccolo.columns import UUID, BigSerial, Boolean, Date, ForeignKey, Integer, OnDelete, Text, Timestamptz, Varchar
from piccolo.table import Table

from crm.tables.networks import Network
from crm.tables.organisations import Organisation


class Activity(Table, tablename="activity"):
    """One on one day. `others`: people that came from elsewhere than members.

    Append-only: a change supersedes the row of this `id` and adds another, a withdrawal only supersedes.
    """

    row_id = BigSerial(primary_key=True)
    id = UUID(null=False, default=None)
    network_id = ForeignKey(references=Network, null=False, default=None, on_delete=OnDelete.restrict)
    kind = Varchar(length=20, required=True)
    title = Text(required=True)
    on_day = Date(required=True, default=None)
    international = Boolean(default=False)
    partner_countries = Text(default="")
    others = Integer(default=0)
    recorded_at = Timestamptz()
    recorded_by = Text(default="")
    superseded_at = Timestamptz(null=True, default=None)


class ActivityParticipant(Table, tablename="activity_participant"):
    """A member that took part, with how many people; of one row of an activity, and as unchangeable as that."""

    row_id = BigSerial(primary_key=True)
    activity_row_id = ForeignKey(references=Activity, null=False, default=None, on_delete=OnDelete.restrict)
    network_id = ForeignKey(references=Network, null=False, default=None, on_delete=OnDelete.restrict)
    organisation_id = ForeignKey(references=Organisation, null=False, default=None, on_delete=OnDelete.restrict)
    people = Integer(default=1)
