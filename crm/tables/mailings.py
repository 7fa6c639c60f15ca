"""Mails to many members: templates, mailings, who gets them, and who wants no newsletter."""

from piccolo.columns import JSONB, UUID, BigSerial, Boolean, ForeignKey, OnDelete, Text, Timestamptz, Varchar
from piccolo.columns.defaults.uuid import UUID4
from piccolo.table import Table

from crm.tables.networks import Network
from crm.tables.organisations import Organisation


class MailTemplate(Table, tablename="mail_template"):
    """A text that a network sends again and again; `subject` and `text` are {nb, en} with merge fields."""

    id = UUID(primary_key=True, default=UUID4())
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    name = Text(required=True)
    subject = JSONB(required=True)
    text = JSONB(required=True)
    changed_by = Text(required=True)
    changed_at = Timestamptz()


class Mailing(Table, tablename="mailing"):
    """One mail to many: `purpose` information or newsletter; `status` draft, sending, sent or stopped.

    `selection` says which members (crm/store/mailings.py), `contact_role` which of their people. Texts are kept here
    as they were sent. `left_out` is {reason: count} when sending began.
    """

    id = UUID(primary_key=True, default=UUID4())
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict, index=True)
    name = Text(required=True)
    purpose = Varchar(length=12, required=True)
    contact_role = Varchar(length=14, required=True)
    selection = JSONB(required=True)
    subject = JSONB(required=True)
    text = JSONB(required=True)
    status = Varchar(length=10, default="draft")
    left_out = JSONB(default="{}")
    actor = Text(required=True)
    channel = Varchar(length=10, required=True)
    created_at = Timestamptz()
    begun_by = Text(default="")
    begun_at = Timestamptz(null=True, default=None)
    ended_at = Timestamptz(null=True, default=None)


class MailingRecipient(Table, tablename="mailing_recipient"):
    """Somebody a mailing goes to, once; `mail_id` is the mail, from when it is queued.

    `token_hash`: of the address that ends the newsletter with one click.
    """

    row_id = BigSerial(primary_key=True)
    mailing_id = ForeignKey(references=Mailing, null=False, on_delete=OnDelete.restrict)
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    organisation_id = ForeignKey(references=Organisation, null=False, on_delete=OnDelete.restrict, index=True)
    email = Varchar(length=254, required=True)
    name = Text(default="")
    language = Varchar(length=2, default="nb")
    mail_id = UUID(null=True, default=None, index=True)
    token_hash = Varchar(length=64, default="")


class NewsletterChoice(Table, tablename="newsletter_choice"):
    """A word on a network's newsletter after the application's: the newest of an address holds."""

    row_id = BigSerial(primary_key=True)
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    email = Varchar(length=254, required=True)
    given = Boolean(required=True, default=False)
    channel = Varchar(length=10, required=True)
    actor = Text(default="")
    recorded_at = Timestamptz()
