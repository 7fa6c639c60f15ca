"""Mails to send: written in the deciding transaction, sent by a job. Also the demo's mailbox."""

from piccolo.columns import UUID, Integer, Text, Timestamptz, Varchar
from piccolo.columns.defaults.uuid import UUID4
from piccolo.table import Table


class Mail(Table, tablename="mail"):
    """One mail; status queued, sending, sent, failed or cancelled. `unsubscribe`: the address that ends such mails."""

    id = UUID(primary_key=True, default=UUID4())
    network_id = UUID(null=True, default=None)
    organisation_id = UUID(null=True, default=None)
    kind = Varchar(length=60, required=True)
    language = Varchar(length=2, default="nb")
    recipient = Text(required=True)
    recipient_name = Text(default="")
    subject = Text(required=True)
    body_text = Text(required=True)
    body_html = Text(default="")
    send_after = Timestamptz()
    status = Varchar(length=10, default="queued")
    attempts = Integer(default=0)
    last_error = Text(default="")
    message_id = Text(default="")
    unsubscribe = Text(default="")
    created_at = Timestamptz()
    sent_at = Timestamptz(null=True, default=None)
