"""What an agreement discloses, as answers of the API have it; the terms, the log, who sees what."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from cluster_rules.organisations import Kind
from crm.api.shapes import Answer, Identifier, Origin

Field = Literal[
    "name",
    "identifiers",
    "country",
    "kind",
    "website",
    "tier",
    "status",
    "origin",
    "starts_on",
    "ends_on",
    "contact_name",
    "contact_email",
]
Basis = Literal["consent", "contract", "legal_obligation", "public_task", "legitimate_interest"]
PersonsBasis = Literal["", "consent", "notice"]


class SharedOrganisation(Answer, frozen=True):
    """What an agreement discloses of an organisation: its id, and of the rest what the terms name."""

    id: UUID
    name: str | msgspec.UnsetType = msgspec.UNSET
    kind: Kind | msgspec.UnsetType = msgspec.UNSET
    country: str | msgspec.UnsetType = msgspec.UNSET
    website: str | msgspec.UnsetType = msgspec.UNSET
    identifiers: list[Identifier] | msgspec.UnsetType = msgspec.UNSET


class SharedContact(Answer, frozen=True):
    """Who speaks for the organisation, where the terms and the person allow it."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    email: str | msgspec.UnsetType = msgspec.UNSET


class SharedMember(Answer, frozen=True):
    """A member of another network as an agreement discloses it: fields that the terms do not name are not there."""

    id: UUID
    agreement: str
    network: str
    organisation: SharedOrganisation
    version: int
    tier: str | msgspec.UnsetType = msgspec.UNSET
    status: Literal["active", "suspended"] | msgspec.UnsetType = msgspec.UNSET
    origin: Origin | msgspec.UnsetType = msgspec.UNSET
    starts_on: date | msgspec.UnsetType = msgspec.UNSET
    ends_on: date | msgspec.UnsetType | None = msgspec.UNSET
    contact: SharedContact | msgspec.UnsetType = msgspec.UNSET


class SharedChange(Answer, frozen=True):
    """One entry of what an agreement discloses: each member once, as it is now; null when it is told no more."""

    op: Literal["upsert", "remove"]
    id: UUID
    version: int
    reason: Literal["shared", "changed", "left", "revoked", "out_of_scope", "erased"]
    member: SharedMember | None


class SharedPage(Answer, frozen=True):
    """One page of those disclosed; `as_of_cursor` is on the first: go on from there with `changes`."""

    items: list[SharedMember]
    next_cursor: str | None
    has_more: bool
    as_of_cursor: str | msgspec.UnsetType = msgspec.UNSET


class SharedChanges(Answer, frozen=True):
    """A page of changes; `next_cursor` is there even when nothing is new."""

    items: list[SharedChange]
    next_cursor: str
    has_more: bool


class SharedBucket(Answer, frozen=True):
    """One bucket of the proof, in the order of ids."""

    as_of_cursor: str
    settled: bool
    bucket: str
    count: int
    hash: str
    items: list[SharedMember]


class DisclosureTerms(Answer, frozen=True):
    """A version of the terms. `in_force`: it holds today."""

    version: int
    in_force: bool
    network: str
    to_network: str
    starts_on: date
    fields: list[Field]
    tiers: list[str]
    only_linked: bool
    purpose: dict[str, str]
    legal_basis: Basis
    legal_words: dict[str, str]
    persons_basis: PersonsBasis
    retention_days: int
    reason: str
    recorded_at: datetime
    recorded_by: str


class TermsOutcome(Answer, frozen=True):
    """What new terms did at once: `disclosed` now in all, `told` of, told to be `gone`. Later ones wait."""

    agreement: str
    version: int
    starts_on: date
    disclosed: int
    told: int
    gone: int


class DisclosureReading(Answer, frozen=True):
    """One answer that gave members to the other network, from position to position; `kind` says through which door."""

    reader: str
    kind: str
    from_position: str
    to_position: str
    members: int
    terms_version: int
    recorded_at: datetime


class DisclosureVersion(Answer, frozen=True):
    """From when a version of a member was to be had: the hash of what was disclosed, never the content."""

    id: UUID
    organisation_id: UUID
    organisation: str
    version: int
    op: Literal["upsert", "remove"]
    reason: str
    terms_version: int
    body_hash: str | None
    recorded_at: datetime


class SaidChoice(Answer, frozen=True):
    """What the member has said."""

    about: Literal["organisation", "contact"]
    choice: Literal["consents", "objects", "erased"]
    recorded_at: datetime


class DisclosureSeen(Answer, frozen=True):
    """What one partner sees about an organisation as a member of `network`; `values` {}: nothing any more."""

    agreement: str
    agreement_name: str
    network: str
    to_network: str
    values: dict[str, Any]
    purpose: str
    legal_basis: str
    legal_words: str
    persons_basis: str
    retention_days: int
    since: datetime | None
    fetched_at: datetime | None
    choices: list[SaidChoice]


class ChoiceMade(Answer, frozen=True):
    """Whether that was new."""

    changed: bool
