"""The answers of API version 1. Field names here are the contract; they are not the names of columns or rules.

Days are ISO 8601; every `ends_on` is half-open: the first day that does not count any more. Money is whole
minor units and a currency. Callers must expect further fields.
"""

from datetime import date, datetime
from typing import Annotated, Generic, Literal, TypeVar
from uuid import UUID

import msgspec
from msgspec import Meta

from cluster_rules.organisations import Kind
from cluster_rules.vat import Percent
from crm.api.invoice_shapes import Answer, Host, Invoice, Money
from crm.api.invoice_shapes import InvoiceLine as InvoiceLine

Item = TypeVar("Item")
Scheme = Literal["no-orgnr", "vat", "lei", "ror", "pic"]
Origin = Literal["direct", "linked", "both"]


class Page(Answer, Generic[Item], frozen=True):
    """One page of a list. `next_cursor` is null on the last page."""

    items: list[Item]
    next_cursor: str | None
    has_more: bool


class FeeBand(Answer, frozen=True):
    """The fee from size `from` up to, not including, `below` (null: without limit)."""

    amount: Money | None
    from_: int = msgspec.field(name="from")
    below: int | None = None


class Fee(Answer, frozen=True):
    """One component of a level's yearly fee, without VAT; `words` tell all of it, also what has no one amount.

    `example`: the figure is ours, not the network's.
    """

    code: str
    name: str
    basis: str
    amount: Money | None
    bands: list[FeeBand]
    words: str
    proration: str
    vat: str
    vat_percent: Percent
    example: bool


class Tier(Answer, frozen=True):
    """A level of membership; the highest rank counts."""

    code: str
    name: str
    rank: int
    votes: int
    public: bool
    fees: list[Fee]


class When(Answer, frozen=True):
    """What a link rule looks at. Empty lists and zeros mean "any"."""

    tiers: list[str]
    kinds: list[str]
    countries: list[str]
    unit: str
    min_employees: int
    max_employees: int


class Given(Answer, frozen=True):
    """What a link rule gives."""

    network: str
    tier: str


class LinkRule(Answer, frozen=True):
    """Membership follows membership: in words, and as data."""

    code: str
    name: str
    words: str
    rulebook_version: int
    when: When
    grants: Given
    agreement: str
    start: str
    end: str
    suspension: str
    acceptance: str
    fee: str


class Counts(Answer, frozen=True):
    """Active members today. `linked` are members by a link rule only; the two add up."""

    members: int
    direct: int
    linked: int


class FormerName(Answer, frozen=True):
    """A name that was used until a day (the first day it was not)."""

    name: str
    until: date


class Network(Answer, frozen=True):
    """A network with its levels and rules. `counts` is null for a network this key does not read."""

    slug: str
    name: str
    kind: str
    host: Host
    website: str
    summary: str
    rulebook_version: int
    tiers: list[Tier]
    link_rules: list[LinkRule]
    counts: Counts | None
    former_names: list[FormerName]


class Identifier(Answer, frozen=True):
    """A strong identifier, normalised."""

    scheme: Scheme
    value: str


class Organisation(Answer, frozen=True):
    """A legal entity, or a unit inside `parent_id`. From `merged_on` it is part of `merged_into`."""

    id: UUID
    name: str
    kind: Kind
    country: str
    municipality: str
    county: str
    employees: int | None
    founded_on: date | None
    parent_id: UUID | None
    merged_into: UUID | None
    merged_on: date | None
    former_names: list[FormerName]
    website: str
    identifiers: list[Identifier]


class Grant(Answer, frozen=True):
    """One reason why a membership stands: an own decision (direct), or `rule` because of `cause_grant_id`."""

    id: UUID
    kind: Literal["direct", "linked"]
    tier: str
    starts_on: date
    ends_on: date | None
    source: str | None
    rule: str | None
    rulebook_version: int | None
    agreement: str | None
    cause_grant_id: UUID | None


class Membership(Answer, frozen=True):
    """An organisation in a network, unbroken from `starts_on` to `ends_on`; `member_since` may be older by a merger."""

    id: UUID
    organisation_id: UUID
    network: str
    tier: str
    status: Literal["active", "suspended", "pending", "ended"]
    origin: Origin
    starts_on: date
    ends_on: date | None
    member_since: date
    grants: list[Grant]
    why: str


def either(*names: str) -> Meta:
    """One of these shapes, told apart by their required fields."""
    return Meta(extra_json_schema={"anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in names]})


class MemberOrganisation(Answer, frozen=True):
    """What a member list says of an organisation."""

    id: UUID
    name: str
    kind: Kind
    country: str
    website: str
    identifiers: list[Identifier]


class Member(Answer, frozen=True):
    """One line of a network's member list. `version` is null in lists of another day than today.

    `pending`: announced on the change feed, and a member only from `starts_on`.
    """

    id: UUID
    organisation: MemberOrganisation
    network: str
    tier: str
    status: Literal["active", "suspended", "pending"]
    origin: Origin
    starts_on: date
    ends_on: date | None
    version: int | None


AnyMember = Annotated[msgspec.Raw, either("Member", "SharedMember")]


class MemberPage(Answer, frozen=True):
    """One page of members. `as_of_cursor` is on the first page of today's: go on from there with `changes`.

    Of another network than the key's own, each is a `SharedMember`.
    """

    items: list[AnyMember]
    next_cursor: str | None
    has_more: bool
    as_of_cursor: str | msgspec.UnsetType = msgspec.UNSET


class Submitted(Answer, frozen=True):
    """An application that was sent."""

    id: UUID
    reference: str
    status: str
    organisation_id: UUID


class Contact(Answer, frozen=True):
    """The person who applied."""

    name: str
    email: str
    role: str


class ApplicationEvent(Answer, frozen=True):
    """What happened to an application."""

    kind: str
    actor: str
    note: str
    recorded_at: datetime


class Application(Answer, frozen=True):
    """An application as it was sent, and what became of it."""

    id: UUID
    reference: str
    network: str
    tier: str
    status: Literal["sent", "info_needed", "payment_due", "approved", "declined", "withdrawn"]
    organisation_id: UUID
    organisation_name: str
    contact: Contact
    billing_reference: str
    language: Literal["nb", "en"]
    starts_on: date | None
    submitted_at: datetime
    decided_at: datetime | None
    decided_by: str
    events: list[ApplicationEvent]


class Made(Answer, frozen=True):
    """What an approval made, the own membership first; `queue_number`: all places are taken, so that it waits."""

    memberships: list[Membership]
    invoices: list[Invoice]
    queue_number: int | None = None


class Changed(Answer, frozen=True):
    """A change that was made; `id` is the decision, to take it back with."""

    id: UUID
    memberships: list[Membership]
    invoices: list[Invoice]


class Consequence(Answer, frozen=True):
    """One thing a decision does. `words` is null for what only machines care about."""

    type: Literal[
        "start_grant",
        "end_grant",
        "revise_grant",
        "retract_grant",
        "set_timeline",
        "publish",
        "charge",
        "waive_fee",
        "notify",
        "cancel_notices",
    ]
    organisation_id: UUID
    network: str
    words: str | None
    tier: str | None = None
    kind: Literal["direct", "linked"] | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    rule: str | None = None
    net: Money | None = None
    vat: Money | None = None
    to: Literal["member", "managers"] | None = None


class FailedPredicate(Answer, frozen=True):
    """What stood in a link rule's way."""

    predicate: str
    wanted: list[str]
    actual: str


class RuleOutcome(Answer, frozen=True):
    """A link rule that was looked at, and whether it gives a membership; if all holds and it does not, why."""

    rule: str
    network: str
    target: str
    fired: bool
    failed: list[FailedPredicate]
    held_back: Literal["declined", "acceptance", "place", "payment"] | None
    words: str


class Consequences(Answer, frozen=True):
    """What a decision would do, in the order it would be done; nothing is stored."""

    words: list[str]
    consequences: list[Consequence]
    rules: list[RuleOutcome]


Limit = Annotated[int, Meta(ge=1, le=1000, description="How many items at most.")]
