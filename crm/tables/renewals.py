"""Renewal runs: who was to be billed for a membership year, when, by whose word; and what came of it."""

from piccolo.columns import (
    JSONB,
    UUID,
    BigInt,
    BigSerial,
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
from crm.tables.networks import Host, Network
from crm.tables.organisations import Organisation


class RenewalRun(Table, tablename="renewal_run"):
    """One run for the year that contains `period_start`: of one network, or (null) of all networks of a host.

    `done_to` is the last item that was dealt with; with it in one transaction are the invoices that came of it.
    """

    id = UUID(primary_key=True, default=UUID4())
    host_id = ForeignKey(references=Host, null=False, default=None, on_delete=OnDelete.restrict)
    network_id = ForeignKey(references=Network, null=True, default=None, on_delete=OnDelete.restrict)
    period_start = Date(required=True, default=None)
    issue = Boolean(default=True)
    status = Varchar(length=10, default="previewing")
    members = Integer(default=0)
    total = Integer(default=0)
    done = Integer(default=0)
    done_to = BigInt(default=0)
    invoices = Integer(default=0)
    failed = Integer(default=0)
    problem = Text(default="")
    created_by = Text(required=True)
    created_at = Timestamptz()
    confirmed_by = Text(default="")
    confirmed_at = Timestamptz(null=True, default=None)
    finished_at = Timestamptz(null=True, default=None)


class RenewalItem(Table, tablename="renewal_item"):
    """One membership in a run: what it is to pay, what it paid the year before, why it differs, why it failed.

    `problem` is {code, field, params}; `currency` is empty where nothing is to be billed.
    """

    row_id = BigSerial(primary_key=True)
    run_id = ForeignKey(references=RenewalRun, null=False, default=None, on_delete=OnDelete.restrict)
    family_id = UUID(null=False, default=None)
    organisation_id = ForeignKey(references=Organisation, null=False, default=None, on_delete=OnDelete.restrict)
    membership_id = ForeignKey(references=Membership, null=False, default=None, on_delete=OnDelete.restrict)
    network_id = ForeignKey(references=Network, null=False, default=None, on_delete=OnDelete.restrict)
    state = Varchar(length=10, required=True)
    tier = Varchar(length=60, required=True)
    starts_on = Date(required=True, default=None)
    net = BigInt(default=0)
    currency = Varchar(length=3, default="")
    before = BigInt(default=0)
    differs = JSONB(default="[]")
    problem = JSONB(null=True, default=None)


class RenewalNotice(Table, tablename="renewal_notice"):
    """A member was told of the period that begins on `starts_on` and its fee, or was not and why (`state`).

    `net` and `vat` are what it was told, `leave_by` the last day to give notice before. `problem` is {code, field,
    params}. Who was told stays; the other rows are what the last look found.
    """

    id = UUID(primary_key=True, default=UUID4())
    membership_id = ForeignKey(references=Membership, null=False, default=None, on_delete=OnDelete.restrict)
    organisation_id = ForeignKey(references=Organisation, null=False, default=None, on_delete=OnDelete.restrict)
    network_id = ForeignKey(references=Network, null=False, default=None, on_delete=OnDelete.restrict)
    starts_on = Date(required=True, default=None)
    ends_on = Date(null=True, default=None)
    tier = Varchar(length=60, required=True)
    state = Varchar(length=10, required=True)
    net = BigInt(default=0)
    vat = BigInt(default=0)
    currency = Varchar(length=3, default="")
    leave_by = Date(required=True, default=None)
    problem = JSONB(null=True, default=None)
    mail_id = UUID(null=True, default=None)
    looked_at = Timestamptz()
