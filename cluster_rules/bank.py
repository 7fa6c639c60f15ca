"""What a line of a bank's file means: a payment of an invoice, money to place, or an earlier payment taken back.

Pure decisions over what is known; `crm` reads the file and books. Amounts are positive minor units.
"""

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

import msgspec

Outcome = Literal["invoice", "suspense", "returned", "return_unknown", "outgoing"]


class Movement(msgspec.Struct, frozen=True):
    """A line as the rules need it: `amount` signed, `original_reference` what a reversal says it takes back."""

    amount: int
    currency: str
    reference: str = ""
    original_reference: str = ""
    payer_account: str = ""
    reversal: bool = False


class Earlier(msgspec.Struct, frozen=True):
    """A payment that came in by the bank: `left` of it is not paid back."""

    payment: UUID
    servicer_reference: str
    reference: str
    payer_account: str
    currency: str
    amount: int
    left: int


def outcome(line: Movement) -> Outcome:
    """What kind of line it is, before anything is looked up ("invoice" still needs its KID to be known)."""
    if line.amount < 0:
        return "returned" if line.reversal else "outgoing"
    return "invoice" if line.reference and not line.reversal else "suspense"


def taken_back(line: Movement, earlier: Sequence[Earlier]) -> Earlier | None:
    """The payment a reversal takes back: by the bank's reference, by KID and amount, or by payer and amount.

    None when nothing or more than one fits: a person decides. Only payments with enough left are looked at.
    """
    enough = [e for e in earlier if e.currency == line.currency and e.left >= -line.amount]
    same = [e for e in enough if e.amount == -line.amount]
    ways = (
        [e for e in enough if line.original_reference and e.servicer_reference == line.original_reference],
        [e for e in same if line.reference and e.reference == line.reference],
        [e for e in same if line.payer_account and e.payer_account == line.payer_account],
    )
    for found in ways:
        if len(found) == 1:
            return found[0]
    return None
