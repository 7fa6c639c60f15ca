"""What the office wrote down about a member: notes, and what they said before they were edited."""

from piccolo.columns import UUID, Array, BigSerial, Boolean, Date, ForeignKey, OnDelete, Text, Timestamptz, Varchar
from piccolo.columns.defaults.uuid import UUID4
from piccolo.table import Table

from crm.tables.networks import Network
from crm.tables.organisations import Organisation


class Note(Table, tablename="note"):
    """A note of one network on one member: `kind` note, call, meeting or mail; `on_date` the day it is about.

    `contact_ids` are the contact persons it was with. `deleted_at`: hidden, and gone for good after a while.
    """

    id = UUID(primary_key=True, default=UUID4())
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    organisation_id = ForeignKey(references=Organisation, null=False, on_delete=OnDelete.restrict)
    kind = Varchar(length=10, required=True)
    text = Text(required=True)
    on_date = Date(required=True, default=None)
    contact_ids = Array(base_column=UUID(), default=list)
    pinned = Boolean(default=False)
    actor = Text(required=True)
    author_id = UUID(null=True, default=None)
    channel = Varchar(length=10, required=True)
    created_at = Timestamptz()
    edited_at = Timestamptz(null=True, default=None)
    edited_by = Text(default="")
    deleted_at = Timestamptz(null=True, default=None)
    deleted_by = Text(default="")


class NoteVersion(Table, tablename="note_version"):
    """What a note said before an edit."""

    row_id = BigSerial(primary_key=True)
    note_id = ForeignKey(references=Note, null=False, on_delete=OnDelete.cascade, index=True)
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    kind = Varchar(length=10, required=True)
    text = Text(required=True)
    on_date = Date(required=True, default=None)
    actor = Text(required=True)
    recorded_at = Timestamptz()
