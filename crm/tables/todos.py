"""Tasks of a network's people (pages call them tasks; `crm/jobs/tasks.py` are jobs of the machine)."""

from piccolo.columns import UUID, Date, ForeignKey, OnDelete, Text, Timestamptz, Varchar
from piccolo.columns.defaults.uuid import UUID4
from piccolo.table import Table

from crm.tables.accounts import Account
from crm.tables.networks import Network
from crm.tables.organisations import Organisation


class Todo(Table, tablename="todo"):
    """Something one of the network's people is to do, perhaps about a member, perhaps by a day.

    `reminded_on`: the due day a reminder was mailed for. `deleted_at`: hidden, and gone for good after a while.
    """

    id = UUID(primary_key=True, default=UUID4())
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    organisation_id = ForeignKey(references=Organisation, null=True, on_delete=OnDelete.restrict, index=True)
    title = Text(required=True)
    due_on = Date(null=True, default=None)
    assignee_id = ForeignKey(references=Account, null=True, on_delete=OnDelete.set_null, index=True)
    actor = Text(required=True)
    channel = Varchar(length=10, required=True)
    created_at = Timestamptz()
    done_at = Timestamptz(null=True, default=None)
    done_by = Text(default="")
    reminded_on = Date(null=True, default=None)
    deleted_at = Timestamptz(null=True, default=None)
    deleted_by = Text(default="")
