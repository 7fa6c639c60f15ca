"""Answers about invoices, and what every answer is made of; `crm/api/shapes.py` has the rest of the contract."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from cluster_rules.vat import Percent


class Answer(msgspec.Struct, frozen=True):
    """Base of what is answered."""


class Money(Answer, frozen=True):
    """`amount` in minor units: 150 000 kr is {"amount": 15000000, "currency": "NOK"}."""

    amount: int
    currency: str


class Host(Answer, frozen=True):
    """The legal body that runs networks and sends their invoices."""

    code: str
    name: str


class InvoiceLine(Answer, frozen=True):
    """One line; `steps` say how the amount came about. On a credit note `charge_id` is the line it takes back."""

    id: UUID
    charge_id: UUID
    membership_id: UUID
    network: str
    tier: str
    component: str
    name: str
    starts_on: date
    ends_on: date | None
    net: Money
    vat_code: str
    vat_percent: Percent
    vat: Money
    example: bool
    steps: list[dict[str, Any]]


class Invoice(Answer, frozen=True):
    """A host's invoice or credit note. The sums are those of the lines shown: of networks this key manages.

    `owed` is what is left to pay of an issued invoice; `delivery` how far its newest sending got.
    """

    id: UUID
    kind: Literal["invoice", "credit_note"]
    status: Literal["draft", "issued"]
    number: str
    host: Host
    organisation_id: UUID
    organisation: str
    buyer_reference: str
    payment_days: int
    created_at: datetime
    issued_on: date | None
    due_on: date | None
    kid: str
    credits_id: UUID | None
    reason: str
    delivery: str | None
    owed: Money | None
    lines: list[InvoiceLine]
    net: Money
    vat: Money
    total: Money
