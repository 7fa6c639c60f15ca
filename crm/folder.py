"""Rows of data files as an import takes them; the reader is `crm/gateways/folder.py`."""

from datetime import date
from typing import Any, Literal

import msgspec

from cluster_rules.networks import Rulebook
from cluster_rules.offices import Office


class FolderError(Exception):
    """A data file cannot be used: which file, which row (0 = the file as a whole), which field, why."""

    def __init__(self, file: str, row: int, field: str, why: str) -> None:
        super().__init__(f"{file}, row {row}, {field}: {why}" if row else f"{file}, {field}: {why}")
        self.file, self.row, self.field, self.why = file, row, field, why


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of all rows: unknown columns are refused."""


class HostRow(_Row, frozen=True, kw_only=True):
    """A host of hosts.toml: who sells, where it is paid, and whether its networks share an invoice."""

    code: str
    name: str
    country: str
    organisation: str = ""
    vat_number: str | None = None
    language: str = "nb"
    time_zone: str = "Europe/Oslo"
    invoice_series: str
    organisation_number: str = ""
    in_business_register: bool = False
    email: str = ""
    street: str = ""
    postal_code: str = ""
    city: str = ""
    bank_account: str = ""
    iban: str = ""
    bic: str = ""
    invoicing: Literal["combined", "separate"] = "combined"


class NameRow(_Row, frozen=True, kw_only=True):
    """A name that a network had before, `until` the first day without it; `short` empty: the one of today."""

    names: dict[str, str]
    until: date
    short: dict[str, str] = {}


class NetworkFileRow(_Row, frozen=True, kw_only=True):
    """A network of networks.toml."""

    slug: str
    host: str
    kind: str
    names: dict[str, str]
    short: dict[str, str]
    summary: dict[str, str]
    parent: str | None = None
    colour: str = "accent"
    website: str = ""
    founded: date | None = None
    time_zone: str = "Europe/Oslo"
    aliases: list[str] = []
    offices: list[Office] = []
    names_history: list[NameRow] = []


class DisclosureRow(_Row, frozen=True, kw_only=True):
    """What one of its two networks discloses of its members to the other, from the agreement's first day."""

    network: str
    fields: list[str]
    tiers: list[str] = []
    only_linked: bool = False
    purpose: dict[str, str]
    legal_basis: str
    legal_words: dict[str, str] = {}
    persons_basis: str = ""
    retention_days: int


class AgreementRow(_Row, frozen=True, kw_only=True):
    """An agreement of agreements.toml."""

    code: str
    source: str
    target: str
    names: dict[str, str]
    starts_on: date
    ends_on: date | None = None
    on_end: str = "end_links"
    notice_days: int = 0
    shared_fields: list[str] = []
    purpose: dict[str, str] = {}
    legal_basis: dict[str, str] = {}
    disclosures: list[DisclosureRow] = []


class OrganisationRow(_Row, frozen=True, kw_only=True):
    """A line of organisations.csv; `as_of` says when the line was described, not since when it holds."""

    key: str
    name: str
    legal_name: str = ""
    kind: str
    country: str
    orgnr: str = ""
    vat: str = ""
    lei: str = ""
    ror: str = ""
    employees: int | None = None
    founded_on: date | None = None
    municipality: str = ""
    county: str = ""
    website: str = ""
    fields: str = ""
    parent_key: str = ""
    unit: bool = False
    real: bool = True
    as_of: date | None = None


class MembershipRow(_Row, frozen=True, kw_only=True):
    """A line of memberships.csv: a direct membership at one tier, [starts_on, ends_on)."""

    network: str
    organisation_key: str
    tier: str
    starts_on: date
    ends_on: date | None = None
    note: str = ""


class ContactRow(_Row, frozen=True, kw_only=True):
    """A line of contacts.csv."""

    organisation_key: str
    name: str
    email: str
    role: str = ""
    language: str = "nb"


class SizeRow(_Row, frozen=True, kw_only=True):
    """A line of sizes.csv: a figure that fees depend on; units as in `cluster_rules.organisations.Size`."""

    organisation_key: str
    basis: str
    value: int
    scope: str = "own"
    currency: str = ""
    as_of: date
    source: str = ""


class AgreedFeeRow(_Row, frozen=True, kw_only=True):
    """A line of agreed_fees.csv: a yearly amount in minor units agreed for a component, [starts_on, ends_on)."""

    network: str
    organisation_key: str
    component: str
    amount: int
    currency: str
    starts_on: date
    ends_on: date | None = None
    source: str


class RoleRow(_Row, frozen=True, kw_only=True):
    """A line of roles.csv: a role in a network, [starts_on, ends_on)."""

    network: str
    organisation_key: str
    role: str
    starts_on: date
    ends_on: date | None = None
    source: str = ""


class ApplicationRow(_Row, frozen=True, kw_only=True):
    """A line of applications.csv: somebody who waits for an answer."""

    network: str
    tier: str
    organisation_name: str
    kind: str
    country: str
    orgnr: str = ""
    employees: int | None = None
    website: str = ""
    contact_name: str
    contact_email: str
    contact_role: str = ""
    billing_reference: str = ""
    submitted_at: str = ""
    language: str = "nb"


class Folder(msgspec.Struct, frozen=True):
    """Everything a folder holds; a missing file is an empty list."""

    hosts: list[HostRow]
    networks: list[NetworkFileRow]
    agreements: list[AgreementRow]
    rulebooks: list[tuple[Rulebook, dict[str, Any]]]
    organisations: list[OrganisationRow]
    memberships: list[MembershipRow]
    contacts: list[ContactRow]
    applications: list[ApplicationRow]
    sizes: list[SizeRow] = []
    agreed_fees: list[AgreedFeeRow] = []
    roles: list[RoleRow] = []
