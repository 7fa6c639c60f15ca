"""Retention: how long a host keeps what names people, and what was taken away when (ADR 0033)."""

from piccolo.columns import JSONB, UUID, Date, ForeignKey, Integer, OnDelete, Text, Timestamptz
from piccolo.columns.defaults.uuid import UUID4
from piccolo.table import Table

from crm.tables.networks import Host


class RetentionPolicy(Table, tablename="retention_policy"):
    """A host's own periods; without a row those of `cluster_rules/retention.py` hold."""

    host_id = ForeignKey(references=Host, null=False, default=None, on_delete=OnDelete.restrict, primary_key=True)
    contact_months = Integer(required=True, default=None)
    application_months = Integer(required=True, default=None)
    mail_months = Integer(required=True, default=None)
    invoice_years = Integer(required=True, default=None)
    audit_years = Integer(required=True, default=None)
    changed_at = Timestamptz()
    changed_by = Text(default="")


class RetentionRun(Table, tablename="retention_run"):
    """What was taken away on a day, {kind: rows}; without a host: what belongs to none. Append-only."""

    id = UUID(primary_key=True, default=UUID4())
    host_id = ForeignKey(references=Host, null=True, on_delete=OnDelete.restrict, index=True)
    on_date = Date(required=True, default=None)
    done = JSONB(required=True)
    actor = Text(default="")
    recorded_at = Timestamptz()
