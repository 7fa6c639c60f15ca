"""A network's own wording of the system's mails."""

from piccolo.columns import UUID, ForeignKey, Integer, OnDelete, Text, Timestamptz, Varchar
from piccolo.columns.defaults.uuid import UUID4
from piccolo.table import Table

from crm.tables.networks import Network


class MailText(Table, tablename="mail_text"):
    """One version of one mail's wording in one language: the newest holds. `mode`: standard, around or whole.

    Around: the standard text with `top` and `bottom` of the network's own. Whole: `text` instead of it.
    """

    id = UUID(primary_key=True, default=UUID4())
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    kind = Varchar(length=60, required=True)
    language = Varchar(length=2, required=True)
    version = Integer(required=True)
    mode = Varchar(length=10, required=True)
    subject = Text(default="")
    top = Text(default="")
    bottom = Text(default="")
    text = Text(default="")
    actor = Text(required=True)
    recorded_at = Timestamptz()
