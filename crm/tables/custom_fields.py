"""Custom fields: what else a network wants to know about its members, in its own words."""

from piccolo.columns import JSONB, UUID, Boolean, ForeignKey, Integer, OnDelete, Text, Timestamptz, Varchar
from piccolo.columns.defaults.uuid import UUID4
from piccolo.table import Table

from crm.tables.memberships import Membership
from crm.tables.networks import Network


class CustomField(Table, tablename="custom_field"):
    """A question. `code` never changes; `sees`: office, member or directory; `choices`: [{code, names}], in order.

    `kind`: text, number, money, day, yes_no, choice, choices. `place` orders them on pages.
    """

    id = UUID(primary_key=True, default=UUID4())
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    code = Varchar(length=40, required=True)
    names = JSONB(required=True)
    kind = Varchar(length=10, required=True)
    required = Boolean(default=False)
    sees = Varchar(length=10, default="office")
    choices = JSONB(default="[]")
    place = Integer(default=0)
    created_at = Timestamptz()
    created_by = Text(default="")
    deleted_at = Timestamptz(null=True, default=None)


class CustomValue(Table, tablename="custom_value"):
    """A member's answer, as JSON of the field's kind (crm/custom_values.py). No row: no answer."""

    id = UUID(primary_key=True, default=UUID4())
    membership_id = ForeignKey(references=Membership, null=False, on_delete=OnDelete.restrict)
    field_id = ForeignKey(references=CustomField, null=False, on_delete=OnDelete.restrict)
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    value = JSONB(required=True)
    changed_at = Timestamptz()
    changed_by = Text(default="")
