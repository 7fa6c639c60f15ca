"""Applications: a draft saved step by step, sent, then decided by a manager."""

from piccolo.columns import (
    JSONB,
    UUID,
    BigSerial,
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

from crm.tables.networks import Network
from crm.tables.organisations import Organisation


class Application(Table, tablename="application"):
    """One organisation's wish to join one network. `answers` holds what was typed so far."""

    id = UUID(primary_key=True, default=UUID4())
    reference = Varchar(length=20, unique=True, required=True)
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    organisation_id = ForeignKey(references=Organisation, null=True, on_delete=OnDelete.restrict)
    tier = Varchar(length=60, default="")
    status = Varchar(length=20, default="draft")
    answers = JSONB(default="{}")
    language = Varchar(length=2, default="nb")
    token_hash = Varchar(length=64, null=True, default=None)
    version = Integer(default=1)
    starts_on = Date(null=True, default=None)
    submitted_at = Timestamptz(null=True, default=None)
    decided_at = Timestamptz(null=True, default=None)
    decided_by = Text(default="")
    decision_id = UUID(null=True, default=None)
    created_at = Timestamptz()
    updated_at = Timestamptz()


class ApplicationEvent(Table, tablename="application_event"):
    """What happened to an application: sent, question, answer, approved, declined, withdrawn."""

    row_id = BigSerial(primary_key=True)
    application_id = ForeignKey(references=Application, null=False, on_delete=OnDelete.restrict, index=True)
    kind = Varchar(length=20, required=True)
    actor = Text(default="")
    note = Text(default="")
    recorded_at = Timestamptz()
