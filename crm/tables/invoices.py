"""Charges and the draft invoices that gather them. Amounts are minor units of the row's currency."""

from piccolo.columns import (
    JSONB,
    UUID,
    BigInt,
    Boolean,
    Date,
    ForeignKey,
    Integer,
    OnDelete,
    Text,
    Timestamptz,
    Varchar,
)
from piccolo.columns.defaults.uuid import UUID4
from piccolo.table import Table

from crm.tables.memberships import Membership
from crm.tables.networks import Host
from crm.tables.organisations import Organisation


class Invoice(Table, tablename="invoice"):
    """A host's bill to an organisation; `draft` until it is issued and gets its number."""

    id = UUID(primary_key=True, default=UUID4())
    host_id = ForeignKey(references=Host, null=False, on_delete=OnDelete.restrict)
    organisation_id = ForeignKey(references=Organisation, null=False, on_delete=OnDelete.restrict, index=True)
    status = Varchar(length=20, default="draft")
    currency = Varchar(length=3, required=True)
    buyer_reference = Text(default="")
    payment_days = Integer(default=30)
    created_at = Timestamptz()


class Charge(Table, tablename="charge"):
    """One line with its own VAT treatment and its reason."""

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
    vat_percent = Integer(required=True)
    vat = BigInt(required=True)
    currency = Varchar(length=3, required=True)
    example = Boolean(default=False)
    steps = JSONB(default="[]")
    reason = JSONB(default="{}")
    recorded_at = Timestamptz()


class FeeWaiver(Table, tablename="fee_waiver"):
    """From `starts_on` an own membership's fee is not billed, because of a linked grant."""

    id = UUID(primary_key=True, default=UUID4())
    membership_id = ForeignKey(references=Membership, null=False, on_delete=OnDelete.restrict, index=True)
    grant_id = UUID(null=False, default=None)
    starts_on = Date(required=True, default=None)
    ends_on = Date(null=True, default=None)
    recorded_at = Timestamptz()
