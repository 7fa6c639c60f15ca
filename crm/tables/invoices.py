"""Charges, the invoices that gather them, credit notes and how they reach the buyer. Amounts are minor units."""

from piccolo.columns import (
    JSONB,
    UUID,
    Array,
    BigInt,
    BigSerial,
    Boolean,
    Date,
    ForeignKey,
    Integer,
    Numeric,
    OnDelete,
    Text,
    Timestamptz,
    Varchar,
)
from piccolo.columns.defaults.uuid import UUID4
from piccolo.table import Table

from crm.tables.memberships import Membership
from crm.tables.networks import Host, Network
from crm.tables.organisations import Organisation


class Invoice(Table, tablename="invoice"):
    """A host's bill to an organisation, or a credit note on one; `draft` until it is issued and gets its number.

    `network_id` is null on an invoice for all networks of the host. An issued row never changes again; what
    happens to it afterwards stands in InvoiceEvent and InvoiceDelivery.
    """

    id = UUID(primary_key=True, default=UUID4())
    host_id = ForeignKey(references=Host, null=False, on_delete=OnDelete.restrict)
    organisation_id = ForeignKey(references=Organisation, null=False, on_delete=OnDelete.restrict, index=True)
    status = Varchar(length=20, default="draft")
    currency = Varchar(length=3, required=True)
    buyer_reference = Text(default="")
    payment_days = Integer(default=30)
    created_at = Timestamptz()
    kind = Varchar(length=20, default="invoice")
    network_id = ForeignKey(references=Network, null=True, on_delete=OnDelete.restrict)
    credits_id = ForeignKey(references="self", null=True, on_delete=OnDelete.restrict, index=True)
    reason = Text(default="")
    series = Varchar(length=20, null=True, default=None)
    number = BigInt(null=True, default=None)
    issued_on = Date(null=True, default=None)
    due_on = Date(null=True, default=None)
    starts_on = Date(null=True, default=None)
    ends_on = Date(null=True, default=None)
    net = BigInt(null=True, default=None)
    vat = BigInt(null=True, default=None)
    gross = BigInt(null=True, default=None)
    kid = Varchar(length=25, default="")
    language = Varchar(length=2, default="nb")


class InvoiceDay(Table, tablename="invoice_day"):
    """What a host issued on a day: how many documents that are alike, and what they come to; kept by a trigger.

    `networks` are those whose lists show them, in order. `crm verify` compares it with the invoices.
    """

    row_id = BigSerial(primary_key=True)
    host_id = UUID(null=False, default=None)
    issued_on = Date(required=True, default=None)
    kind = Varchar(length=20, required=True)
    currency = Varchar(length=3, required=True)
    networks = Array(base_column=UUID(), default=list)
    documents = BigInt(required=True, default=None)
    gross = BigInt(required=True, default=None)


class InvoiceRate(Table, tablename="invoice_rate"):
    """What one unit of a draft's currency is in the seller's own, in ten-thousandths, by whom and for which day.

    A person says it; the document that is issued keeps it.
    """

    invoice_id = ForeignKey(references=Invoice, null=False, primary_key=True, on_delete=OnDelete.restrict)
    rate = BigInt(required=True)
    source = Text(required=True)
    on_date = Date(required=True, default=None)
    actor = Text(required=True)
    recorded_at = Timestamptz()


class InvoiceSeries(Table, tablename="invoice_series"):
    """The counter of a host's invoice numbers; locked by whoever issues, so that there is never a hole."""

    id = UUID(primary_key=True, default=UUID4())
    host_id = ForeignKey(references=Host, null=False, on_delete=OnDelete.restrict)
    series = Varchar(length=20, required=True)
    last_number = BigInt(default=0)


class InvoiceDocument(Table, tablename="invoice_document"):
    """What was issued, word for word (`cluster_rules.documents`); shown to those who manage all its networks.

    `charge_ids` are the charges (on a credit note the credit lines) that its first lines stand for, in order.
    """

    invoice_id = ForeignKey(references=Invoice, null=False, default=None, on_delete=OnDelete.restrict, primary_key=True)
    network_ids = Array(base_column=UUID(), default=list)
    charge_ids = Array(base_column=UUID(), default=list)
    document = JSONB(required=True)


class InvoiceEvent(Table, tablename="invoice_event"):
    """What happened to an invoice: issued, delivered, opened, paid, reminded, credited and so on."""

    row_id = BigSerial(primary_key=True)
    invoice_id = ForeignKey(references=Invoice, null=False, on_delete=OnDelete.restrict, index=True)
    kind = Varchar(length=20, required=True)
    actor = Text(default="")
    detail = JSONB(default="{}")
    recorded_at = Timestamptz()


class InvoiceDelivery(Table, tablename="invoice_delivery"):
    """One way to the buyer: e-mail or an e-invoice through a sender. Its id is what makes sending it once."""

    id = UUID(primary_key=True, default=UUID4())
    invoice_id = ForeignKey(references=Invoice, null=False, on_delete=OnDelete.restrict, index=True)
    channel = Varchar(length=10, required=True)
    recipient = Text(required=True)
    status = Varchar(length=10, default="queued")
    attempts = Integer(default=0)
    send_after = Timestamptz()
    reference = Text(default="")
    last_error = Text(default="")
    created_at = Timestamptz()
    updated_at = Timestamptz()


class InvoiceLink(Table, tablename="invoice_link"):
    """An address that shows one invoice without signing in; only the hash of its token is stored."""

    token_hash = Varchar(length=64, primary_key=True)
    invoice_id = ForeignKey(references=Invoice, null=False, on_delete=OnDelete.restrict, index=True)
    created_at = Timestamptz()
    opened_at = Timestamptz(null=True, default=None)


class Billing(Table, tablename="billing"):
    """Where an organisation's invoices go, and what it wants on them; made by its first invoice at the latest.

    `peppol_id` (0192:971035854) empty: it takes no e-invoices. `customer_number` is the first part of its KIDs.
    """

    organisation_id = ForeignKey(
        references=Organisation, null=False, default=None, on_delete=OnDelete.restrict, primary_key=True
    )
    email = Text(default="")
    name = Text(default="")
    language = Varchar(length=2, default="")
    buyer_reference = Text(default="")
    peppol_id = Text(default="")
    street = Text(default="")
    postal_code = Text(default="")
    city = Text(default="")
    customer_number = BigSerial()
    updated_at = Timestamptz()


class Charge(Table, tablename="charge"):
    """One line with its own VAT treatment and its reason. `hours` of work are owed beside it; `account` books it."""

    id = UUID(primary_key=True, default=UUID4())
    invoice_id = ForeignKey(references=Invoice, null=False, on_delete=OnDelete.restrict, index=True)
    membership_id = ForeignKey(references=Membership, null=False, on_delete=OnDelete.restrict, index=True)
    grant_id = UUID(null=False, default=None)
    tier = Varchar(length=60, required=True)
    component = Varchar(length=60, required=True)
    names = JSONB(required=True)
    starts_on = Date(required=True, default=None)
    ends_on = Date(null=True, default=None)
    net = BigInt(required=True)
    vat_code = Varchar(length=20, required=True)
    vat_percent = Numeric(required=True)
    vat = BigInt(required=True)
    currency = Varchar(length=3, required=True)
    example = Boolean(default=False)
    steps = JSONB(default="[]")
    reason = JSONB(default="{}")
    recorded_at = Timestamptz()
    billed_again_for = UUID(null=True, default=None)
    hours = Integer(default=0)
    account = Varchar(length=20, default="")


class CreditLine(Table, tablename="credit_line"):
    """How much of one billed charge a credit note takes back; `because_id` is the negative charge it stands for."""

    id = UUID(primary_key=True, default=UUID4())
    invoice_id = ForeignKey(references=Invoice, null=False, on_delete=OnDelete.restrict, index=True)
    charge_id = ForeignKey(references=Charge, null=False, on_delete=OnDelete.restrict, index=True)
    because_id = ForeignKey(references=Charge, null=True, on_delete=OnDelete.restrict, index=True)
    net = BigInt(required=True)
    recorded_at = Timestamptz()


class FeeWaiver(Table, tablename="fee_waiver"):
    """From `starts_on` an own membership's fee is not billed, because of a linked grant."""

    id = UUID(primary_key=True, default=UUID4())
    membership_id = ForeignKey(references=Membership, null=False, on_delete=OnDelete.restrict, index=True)
    grant_id = UUID(null=False, default=None)
    starts_on = Date(required=True, default=None)
    ends_on = Date(null=True, default=None)
    recorded_at = Timestamptz()
