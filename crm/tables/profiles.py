"""Changes of what is told of organisations, as a manager told them: to show them, and to take them back."""

from piccolo.columns import JSONB, UUID, Date, ForeignKey, Integer, OnDelete, Text, Timestamptz, Varchar
from piccolo.columns.defaults.uuid import UUID4
from piccolo.table import Table

from crm.tables.organisations import Organisation


class ProfileChange(Table, tablename="profile_change"):
    """One change from `effective_on` on: fact -> {old, new}, and what stood `before` on the days it changed.

    `number` counts an organisation's changes; `united_id` is the family that was united with another by it.
    """

    id = UUID(primary_key=True, default=UUID4())
    organisation_id = ForeignKey(references=Organisation, null=False, default=None, on_delete=OnDelete.restrict)
    number = Integer(default=1)
    effective_on = Date(required=True, default=None)
    facts = JSONB(default="{}")
    before = JSONB(default="[]")
    united_id = UUID(null=True, default=None)
    reason = Text(default="")
    actor = Text(default="")
    channel = Varchar(length=10, default="")
    recorded_at = Timestamptz()
    withdrawn_at = Timestamptz(null=True, default=None)
    withdrawn_by = Text(null=True, default=None)
