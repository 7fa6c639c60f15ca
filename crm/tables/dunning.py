"""Dunning: the steps taken towards an unpaid invoice, and pauses. Amounts are minor units (ADR 0016)."""

from piccolo.columns import JSONB, UUID, BigInt, Date, ForeignKey, Integer, OnDelete, Text, Timestamptz, Varchar
from piccolo.columns.defaults.uuid import UUID4
from piccolo.table import Table

from crm.tables.invoices import Invoice
from crm.tables.networks import Network


class DunningStep(Table, tablename="dunning_step"):
    """One step of one invoice, taken once; a suspension or export may wait for a person's word first.

    `principal` was owed then of what was billed; `claims` were added to it, with their reckoning. The id is also that
    of the mail.
    """

    id = UUID(primary_key=True, default=UUID4())
    invoice_id = ForeignKey(references=Invoice, null=False, on_delete=OnDelete.restrict)
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    key = Varchar(length=40, required=True)
    kind = Varchar(length=20, required=True)
    after_days = Integer(required=True)
    on_date = Date(required=True, default=None)
    pay_by = Date(null=True, default=None)
    principal = BigInt(required=True)
    claims = JSONB(default="[]")
    outcome = Varchar(length=10, default="done")
    actor = Text(required=True)
    recorded_at = Timestamptz()
    decided_by = Text(default="")
    decided_at = Timestamptz(null=True, default=None)
    note = Text(default="")


class DunningPause(Table, tablename="dunning_pause"):
    """Nothing is sent for an invoice until a day (the first one after), or until somebody resumes; and why."""

    id = UUID(primary_key=True, default=UUID4())
    invoice_id = ForeignKey(references=Invoice, null=False, on_delete=OnDelete.restrict)
    until_on = Date(null=True, default=None)
    reason = Text(required=True)
    actor = Text(required=True)
    recorded_at = Timestamptz()
    ended_by = Text(default="")
    ended_at = Timestamptz(null=True, default=None)
