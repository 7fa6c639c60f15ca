"""Reports that people keep: the questions, for whom, and whether they come by mail; and files that go with a mail."""

from piccolo.columns import JSONB, UUID, Boolean, Bytea, Date, ForeignKey, OnDelete, Text, Timestamptz, Varchar
from piccolo.columns.defaults.uuid import UUID4
from piccolo.table import Table

from crm.tables.accounts import Account
from crm.tables.mail import Mail
from crm.tables.networks import Network


class SavedReport(Table, tablename="saved_report"):
    """A report with its questions, as pairs of an address. `every`: never, week, month or quarter; `file`: xlsx or pdf.

    `sent_for` is the first day of the week, month or quarter for which it was sent last.
    """

    id = UUID(primary_key=True, default=UUID4())
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict, index=True)
    account_id = ForeignKey(references=Account, null=False, on_delete=OnDelete.cascade, index=True)
    report = Varchar(length=60, required=True)
    title = Text(required=True)
    question = JSONB(default="[]")
    shared = Boolean(default=False)
    every = Varchar(length=10, default="never")
    file = Varchar(length=4, default="xlsx")
    sent_for = Date(null=True, default=None)
    created_at = Timestamptz()


class SavedReportReader(Table, tablename="saved_report_reader"):
    """Somebody who gets a saved report by mail; who does not want it any more is simply not here."""

    id = UUID(primary_key=True, default=UUID4())
    saved_id = ForeignKey(references=SavedReport, null=False, on_delete=OnDelete.cascade, index=True)
    account_id = ForeignKey(references=Account, null=False, on_delete=OnDelete.cascade, index=True)
    added_at = Timestamptz()


class MailFile(Table, tablename="mail_file"):
    """A file that goes with a mail; kept until it has been sent for some weeks."""

    mail_id = ForeignKey(references=Mail, null=False, on_delete=OnDelete.cascade, primary_key=True, default=None)
    name = Text(required=True)
    media_type = Text(required=True)
    content = Bytea(required=True)
