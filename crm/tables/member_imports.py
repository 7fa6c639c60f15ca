"""Imports of members by file: the file, what it would do row by row, what came of it; and opening balances."""

from piccolo.columns import (
    JSONB,
    UUID,
    BigInt,
    BigSerial,
    Bytea,
    ForeignKey,
    Integer,
    OnDelete,
    Text,
    Timestamptz,
    Varchar,
)
from piccolo.columns.defaults.uuid import UUID4
from piccolo.table import Table

from crm.tables.invoices import Invoice
from crm.tables.networks import Network
from crm.tables.payments import Payment


class MemberImport(Table, tablename="member_import"):
    """One file for one network, from upload to undo; `file` is gone as soon as it is not needed any more.

    `found`: headings, samples and levels of the file. `mapping`: which column is what (crm/import_columns.py).
    `counts` by verdict, level, status and money. `problem` {code, params}: why it came to nothing.
    """

    id = UUID(primary_key=True, default=UUID4())
    network_id = ForeignKey(references=Network, null=False, default=None, on_delete=OnDelete.restrict)
    name = Text(required=True)
    format = Varchar(length=10, required=True)
    size = Integer(required=True)
    file = Bytea(null=True, default=None)
    status = Varchar(length=10, default="mapping")
    found = JSONB(default="{}")
    mapping = JSONB(default="{}")
    counts = JSONB(default="{}")
    problem = JSONB(null=True, default=None)
    total = Integer(default=0)
    done = Integer(default=0)
    created_by = Text(required=True)
    created_at = Timestamptz()
    confirmed_by = Text(default="")
    confirmed_at = Timestamptz(null=True, default=None)
    finished_at = Timestamptz(null=True, default=None)
    undone_by = Text(default="")
    undone_at = Timestamptz(null=True, default=None)


class MemberImportRow(Table, tablename="member_import_row"):
    """A row's verdict: new, change, same, left_out or refused. `member` is what was read, until it is stored.

    `detail`: problems, differences, likenesses and links; `made`: the ids of what came of it, and after an undo
    what stays and why.
    """

    row_id = BigSerial(primary_key=True)
    import_id = ForeignKey(references=MemberImport, null=False, default=None, on_delete=OnDelete.cascade)
    number = Integer(required=True)
    verdict = Varchar(length=10, required=True)
    name = Text(default="")
    identifier = Text(default="")
    organisation_id = UUID(null=True, default=None)
    detail = JSONB(default="{}")
    member = JSONB(null=True, default=None)
    made = JSONB(null=True, default=None)


class ImportMapping(Table, tablename="import_mapping"):
    """How a network's files of one kind (plain, civicrm, odoo) were read the last time."""

    id = UUID(primary_key=True, default=UUID4())
    network_id = ForeignKey(references=Network, null=False, default=None, on_delete=OnDelete.restrict)
    source = Varchar(length=10, required=True)
    mapping = JSONB(required=True)
    saved_by = Text(default="")
    saved_at = Timestamptz()


class OpeningItem(Table, tablename="opening_item"):
    """What a member owed when its books began here: an open item like an invoice, with no lines of ours.

    `reference` is the number it had where it was billed. `amount` in minor units of the invoice's currency.
    """

    invoice_id = ForeignKey(references=Invoice, null=False, default=None, on_delete=OnDelete.restrict, primary_key=True)
    network_id = ForeignKey(references=Network, null=False, default=None, on_delete=OnDelete.restrict)
    import_id = ForeignKey(references=MemberImport, null=False, default=None, on_delete=OnDelete.restrict)
    reference = Text(default="")
    amount = BigInt(required=True)


class OpeningCredit(Table, tablename="opening_credit"):
    """What a member had to its credit when its books began here: a payment that is on no invoice (ADR 0055).

    `reference` is what it was known by in the other system. `amount` in minor units of the payment's currency.
    """

    payment_id = ForeignKey(references=Payment, null=False, default=None, on_delete=OnDelete.restrict, primary_key=True)
    network_id = ForeignKey(references=Network, null=False, default=None, on_delete=OnDelete.restrict)
    import_id = ForeignKey(references=MemberImport, null=False, default=None, on_delete=OnDelete.restrict)
    reference = Text(default="")
    amount = BigInt(required=True)
