"""Hosts run networks; a network has rulebooks; agreements stand between networks."""

from piccolo.columns import JSONB, UUID, Boolean, Date, ForeignKey, Integer, OnDelete, Text, Timestamptz, Varchar
from piccolo.columns.defaults.uuid import UUID4
from piccolo.table import Table


class Host(Table, tablename="host"):
    """The legal body that runs networks and sells: one VAT number, its own invoice series."""

    id = UUID(primary_key=True, default=UUID4())
    code = Varchar(length=60, unique=True, required=True)
    name = Text(required=True)
    country = Varchar(length=2, required=True)
    vat_number = Text(null=True, default=None)
    language = Varchar(length=2, default="nb")
    time_zone = Text(default="Europe/Oslo")
    invoice_series = Varchar(length=20, required=True)
    organisation_number = Text(default="")
    in_business_register = Boolean(default=False)
    email = Text(default="")
    street = Text(default="")
    postal_code = Text(default="")
    city = Text(default="")
    bank_account = Text(default="")
    iban = Text(default="")
    bic = Text(default="")
    invoicing = Varchar(length=10, default="combined")


class Network(Table, tablename="network"):
    """A cluster or innovation network that organisations are members of.

    `instance` is the address of the system that runs it, when that is another one (ADR 0026).
    """

    id = UUID(primary_key=True, default=UUID4())
    slug = Varchar(length=60, unique=True, required=True)
    host_id = ForeignKey(references=Host, null=False, on_delete=OnDelete.restrict, index=True)
    parent_id = ForeignKey(references="self", null=True, on_delete=OnDelete.restrict)
    kind = Varchar(length=30, required=True)
    colour = Varchar(length=20, default="accent")
    names = JSONB(required=True)
    short = JSONB(required=True)
    summary = JSONB(required=True)
    website = Text(default="")
    aliases = JSONB(default="[]")
    offices = JSONB(default="[]")
    founded = Date(null=True, default=None)
    time_zone = Text(default="Europe/Oslo")
    instance = Text(default="")


class Rulebook(Table, tablename="rulebook"):
    """One published version of a network's rules; `body` is the whole document."""

    id = UUID(primary_key=True, default=UUID4())
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    version = Integer(required=True, default=None)
    effective_from = Date(required=True, default=None)
    body = JSONB(required=True)
    published_at = Timestamptz()
    published_by = Text(default="")


class RulebookDraft(Table, tablename="rulebook_draft"):
    """The next version of a network's rules as it is being written: one a network, nobody stands under it.

    `revision` counts every save; `based_on` is the version that was the newest when it was begun.
    """

    id = UUID(primary_key=True, default=UUID4())
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict, unique=True)
    body = JSONB(required=True)
    revision = Integer(default=1)
    based_on = Integer(required=True, default=None)
    changed_at = Timestamptz()
    changed_by = Text(default="")


class Agreement(Table, tablename="agreement"):
    """What two networks agreed; link rules rest on it. `signatures`: [{network, name, role, on}]."""

    id = UUID(primary_key=True, default=UUID4())
    code = Varchar(length=60, unique=True, required=True)
    source_network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    target_network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    names = JSONB(required=True)
    starts_on = Date(required=True, default=None)
    ends_on = Date(null=True, default=None)
    on_end = Varchar(length=20, default="end_links")
    notice_days = Integer(default=0)
    shared_fields = JSONB(default="[]")
    purpose = JSONB(default="{}")
    legal_basis = JSONB(default="{}")
    signatures = JSONB(default="[]")


class Terms(Table, tablename="terms"):
    """A version of the membership terms of a network, as shown and agreed to."""

    id = UUID(primary_key=True, default=UUID4())
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    version = Integer(required=True, default=None)
    body = JSONB(required=True)
    effective_from = Date(required=True, default=None)
