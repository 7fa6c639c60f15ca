"""What a card provider's objects say, and the fact about money each of them is (AC-22).

Minor units; currencies ISO 4217 in capitals; moments UTC. A fact is known by its object: it does not matter which
event told of it, how often, or in which order (sync_security.md 3.1, M3).
"""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

import msgspec

from cluster_rules.ledger import Part, Place
from cluster_rules.money_facts import Disputed, MoneyFact, PaidOut, Received, Refunded, payment_id

PROVIDER = "stripe"


class Charge(msgspec.Struct, frozen=True):
    """Money taken from a card. `reference` is the invoice's id as we gave it."""

    id: str
    payment: str
    amount: int
    currency: str
    paid: bool
    at: datetime
    reference: str = ""


class Refund(msgspec.Struct, frozen=True):
    """Money given back to a card; it counts when `status` is succeeded."""

    id: str
    charge: str
    amount: int
    currency: str
    status: str
    at: datetime
    reference: str = ""


class Dispute(msgspec.Struct, frozen=True):
    """The payer's bank contests a charge. `phase` is what that means for the books (M9)."""

    id: str
    charge: str
    amount: int
    currency: str
    phase: Literal["opened", "won", "lost"]
    at: datetime


class Payout(msgspec.Struct, frozen=True):
    """Money that went from the provider to the bank."""

    id: str
    amount: int
    currency: str
    status: str
    at: datetime


class Found(msgspec.Struct, frozen=True):
    """An object as it now is; `charge` is the one a refund or dispute is about, `cost` what a payout kept."""

    object: Charge | Refund | Dispute | Payout
    charge: Charge | None = None
    cost: int = 0

    @property
    def reference(self) -> UUID | None:
        """The invoice it is about, by our own word; None when it is none of ours."""
        charge = self.object if isinstance(self.object, Charge) else self.charge
        try:
            return UUID(charge.reference) if charge else None
        except ValueError:
            return None


def fact(found: Found, host: UUID, on: date, place: Place, currency: str) -> MoneyFact | None:
    """The fact of an object; None while nothing has happened yet (a refund under way, a charge that failed).

    `place` is the invoice in `currency` that was to be paid. Money in another currency cannot pay it, and waits in
    suspense for a person (M17).
    """
    about = found.object
    match about:
        case Charge():
            parts = (Part(about.amount, place),) if about.currency == currency else ()
            received = Received(
                host=host,
                currency=about.currency,
                on=on,
                provider=PROVIDER,
                object=about.id,
                rail="card",
                amount=about.amount,
                parts=parts,
            )
            return received if about.paid else None
        case Refund():
            refunded = Refunded(
                host=host,
                currency=about.currency,
                on=on,
                provider=PROVIDER,
                object=about.id,
                rail="card",
                payment=payment_id(PROVIDER, about.charge),
                amount=about.amount,
            )
            return refunded if about.status == "succeeded" else None
        case Dispute():
            return Disputed(
                host=host,
                currency=about.currency,
                on=on,
                provider=PROVIDER,
                object=about.id,
                phase=about.phase,
                payment=payment_id(PROVIDER, about.charge),
                amount=about.amount,
            )
        case Payout():
            paid_out = PaidOut(
                host=host,
                currency=about.currency,
                on=on,
                provider=PROVIDER,
                object=about.id,
                amount=about.amount,
                cost=found.cost,
            )
            return paid_out if about.status == "paid" else None
