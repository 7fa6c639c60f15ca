"""The ledger: what every fact about money booked. Append-only; amounts are signed minor units (ADR 0012)."""

from piccolo.columns import (
    JSONB,
    UUID,
    Array,
    BigInt,
    BigSerial,
    Boolean,
    Date,
    ForeignKey,
    OnDelete,
    Text,
    Timestamptz,
    Varchar,
)
from piccolo.table import Table

from crm.tables.invoices import Invoice
from crm.tables.networks import Host, Network
from crm.tables.organisations import Organisation
from crm.tables.payments import Payment


class LedgerTransaction(Table, tablename="ledger_transaction"):
    """One posting: a fact, booked once under the provider's object and phase; `fact` is all of it."""

    id = UUID(primary_key=True, default=None)
    seq = BigSerial()
    kind = Varchar(length=20, required=True)
    host_id = ForeignKey(references=Host, null=False, on_delete=OnDelete.restrict)
    organisation_id = ForeignKey(references=Organisation, null=True, on_delete=OnDelete.restrict)
    currency = Varchar(length=3, required=True)
    on_date = Date(required=True, default=None)
    provider = Varchar(length=20, required=True)
    object_id = Text(required=True)
    phase = Text(required=True)
    reverses_id = UUID(null=True, default=None)
    fact = JSONB(required=True)
    actor = Text(required=True)
    recorded_at = Timestamptz()


class LedgerEntry(Table, tablename="ledger_entry"):
    """One account's part of a posting: debit positive, credit negative."""

    row_id = BigSerial(primary_key=True)
    transaction_id = UUID(null=False, default=None)
    host_id = UUID(null=False, default=None)
    currency = Varchar(length=3, required=True)
    account = Varchar(length=20, required=True)
    organisation_id = ForeignKey(references=Organisation, null=True, on_delete=OnDelete.restrict)
    network_id = ForeignKey(references=Network, null=True, on_delete=OnDelete.restrict)
    code = Varchar(length=120, default="")
    invoice_id = ForeignKey(references=Invoice, null=True, on_delete=OnDelete.restrict)
    payment_id = ForeignKey(references=Payment, null=True, on_delete=OnDelete.restrict)
    amount = BigInt(required=True)


class ParkedFact(Table, tablename="parked_fact"):
    """A fact that came before the payment it is about (M11); booked as soon as that has come."""

    id = UUID(primary_key=True, default=None)
    provider = Varchar(length=20, required=True)
    object_id = Text(required=True)
    phase = Text(required=True)
    host_id = ForeignKey(references=Host, null=False, on_delete=OnDelete.restrict)
    payment = UUID(null=False, default=None)
    fact = JSONB(required=True)
    parked_at = Timestamptz()
    booked_at = Timestamptz(null=True, default=None)


class InvoiceStanding(Table, tablename="invoice_standing"):
    """What stood on an invoice from a day to another, since anything was booked after it was issued; kept by a trigger.

    Sums up to the end of each of these days; `by_bank` and `by_card` are the money that came on the first. `tier` and
    `network` (slug) are "several" where its lines differ; what the invoice says stands here once more (ADR 0051).
    `first`: before these days it was as it was issued. `crm verify` compares it with the ledger.
    """

    row_id = BigSerial(primary_key=True)
    invoice_id = ForeignKey(references=Invoice, null=False, on_delete=OnDelete.restrict)
    host_id = UUID(null=False, default=None)
    starts_on = Date(required=True, default=None)
    ends_on = Date(null=True, default=None)
    tier = Varchar(length=60, default="")
    network = Varchar(length=60, default="")
    networks = Array(base_column=UUID(), default=list)
    currency = Varchar(length=3, required=True)
    balance = BigInt(required=True, default=None)
    paid = BigInt(required=True, default=None)
    credited = BigInt(required=True, default=None)
    written_off = BigInt(required=True, default=None)
    claimed = BigInt(required=True, default=None)
    by_bank = BigInt(required=True, default=None)
    by_card = BigInt(required=True, default=None)
    organisation_id = UUID(null=False, default=None)
    issued_on = Date(required=True, default=None)
    due_on = Date(required=True, default=None)
    net = BigInt(required=True, default=None)
    gross = BigInt(required=True, default=None)
    first = Boolean(default=False)


class InvoiceUntouched(Table, tablename="invoice_untouched"):
    """An issued invoice that nothing was booked on yet: it has no `InvoiceStanding`. Kept by triggers, as that is.

    The first booking takes the row away. `crm verify` compares it with the invoices.
    """

    invoice_id = UUID(primary_key=True, default=None)
    host_id = UUID(null=False, default=None)
    organisation_id = UUID(null=False, default=None)
    tier = Varchar(length=60, default="")
    network = Varchar(length=60, default="")
    networks = Array(base_column=UUID(), default=list)
    currency = Varchar(length=3, required=True)
    issued_on = Date(required=True, default=None)
    due_on = Date(required=True, default=None)
    net = BigInt(required=True, default=None)
    gross = BigInt(required=True, default=None)
