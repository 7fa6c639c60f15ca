"""Payments as they came in, write-offs that two people decide, and what banks' files told. Minor units."""

from piccolo.columns import UUID, BigInt, Boolean, Date, ForeignKey, Integer, OnDelete, Text, Timestamptz, Varchar
from piccolo.columns.defaults.uuid import UUID4
from piccolo.table import Table

from crm.tables.invoices import Invoice
from crm.tables.memberships import MembershipDecision
from crm.tables.networks import Host
from crm.tables.organisations import Organisation


class Payment(Table, tablename="payment"):
    """Money that came in, as the bank, the card provider or a person told. Where it stands is the ledger's word."""

    id = UUID(primary_key=True, default=None)
    host_id = ForeignKey(references=Host, null=False, on_delete=OnDelete.restrict)
    provider = Varchar(length=20, required=True)
    object_id = Text(required=True)
    rail = Varchar(length=10, required=True)
    amount = BigInt(required=True)
    currency = Varchar(length=3, required=True)
    received_on = Date(required=True, default=None)
    reference = Text(default="")
    text = Text(default="")
    payer_name = Text(default="")
    payer_account = Text(default="")
    actor = Text(required=True)
    recorded_at = Timestamptz()


class WriteOff(Table, tablename="write_off"):
    """What is given up of an invoice: one person proposes, another one decides."""

    id = UUID(primary_key=True, default=UUID4())
    host_id = ForeignKey(references=Host, null=False, on_delete=OnDelete.restrict)
    organisation_id = ForeignKey(references=Organisation, null=False, on_delete=OnDelete.restrict)
    invoice_id = ForeignKey(references=Invoice, null=False, on_delete=OnDelete.restrict, index=True)
    amount = BigInt(required=True)
    currency = Varchar(length=3, required=True)
    reason = Text(required=True)
    proposed_by = Text(required=True)
    proposed_by_id = UUID(null=True, default=None)
    proposed_at = Timestamptz()
    decision = Varchar(length=10, default="")
    decided_by = Text(default="")
    decided_by_id = UUID(null=True, default=None)
    decided_at = Timestamptz(null=True, default=None)


class BankFile(Table, tablename="bank_file"):
    """A statement or notification file that was imported, and how many of its lines were new."""

    id = UUID(primary_key=True, default=UUID4())
    host_id = ForeignKey(references=Host, null=False, on_delete=OnDelete.restrict)
    name = Text(required=True)
    sha256 = Varchar(length=64, required=True)
    standard = Varchar(length=20, required=True)
    message = Text(default="")
    lines = Integer(required=True, default=None)
    added = Integer(required=True, default=None)
    actor = Text(required=True)
    imported_at = Timestamptz()


class BankLine(Table, tablename="bank_line"):
    """One movement on a bank account, once (M14). `problem` is what a person has to look at."""

    id = UUID(primary_key=True, default=None)
    host_id = ForeignKey(references=Host, null=False, on_delete=OnDelete.restrict)
    file_id = ForeignKey(references=BankFile, null=False, on_delete=OnDelete.restrict)
    key = Varchar(length=64, required=True)
    account = Varchar(length=40, required=True)
    amount = BigInt(required=True)
    currency = Varchar(length=3, required=True)
    booked_on = Date(required=True, default=None)
    reference = Text(default="")
    text = Text(default="")
    servicer_reference = Text(default="")
    original_reference = Text(default="")
    payer_name = Text(default="")
    payer_account = Text(default="")
    is_reversal = Boolean(default=False)
    payment_id = ForeignKey(references=Payment, null=True, on_delete=OnDelete.restrict)
    problem = Varchar(length=30, default="")


class SuspenseNote(Table, tablename="suspense_note"):
    """What somebody found out about money in suspense."""

    id = UUID(primary_key=True, default=UUID4())
    payment_id = ForeignKey(references=Payment, null=False, on_delete=OnDelete.restrict, index=True)
    note = Text(required=True)
    actor = Text(required=True)
    recorded_at = Timestamptz()


class UnpaidSuspension(Table, tablename="unpaid_suspension"):
    """A suspension that was decided because of an unpaid invoice: paying it lifts the suspension (AC-2f)."""

    decision_id = ForeignKey(
        references=MembershipDecision, null=False, default=None, on_delete=OnDelete.restrict, primary_key=True
    )
    invoice_id = ForeignKey(references=Invoice, null=False, on_delete=OnDelete.restrict, index=True)
