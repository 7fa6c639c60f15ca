"""A plan of money: story by story what a member applies for, is billed, pays and gets back, derived from a seed.

Nothing of it is kept anywhere: a killed process does every unfinished story again from its first step, with the same
idempotency keys, as a good client of the API would. What must stand in the books at the end follows from the plan.
"""

from random import Random
from typing import Any, Literal
from uuid import UUID

import msgspec

from tests.crm.api.support import NORA, company

Pays = Literal["hand", "parts", "bank", "loose", "card"]
Then = Literal["nothing", "credit", "refund", "reversal"]
TIERS = ("partner", "principal")
PAYS: tuple[Pays, ...] = ("hand", "parts", "bank", "loose", "card")
THEN: tuple[Then, ...] = ("nothing", "credit", "refund", "reversal")
BY_HAND = ("hand", "parts")  # what a person booked can be taken back; a bank's or a provider's word cannot
LOOSE_MORE = 250_00  # paid too much, without a KID: a person splits it


class Story(msgspec.Struct, frozen=True):
    """One member's money: its level, how it pays, and what comes afterwards."""

    number: int
    key: str
    tier: str
    pays: Pays
    then: Then

    @property
    def name(self) -> str:
        """The organisation's, and what is written on its payments."""
        return f"Plan {self.key} AS"

    @property
    def application(self) -> dict[str, Any]:
        """What is sent to apply."""
        body = company(network=NORA, tier=self.tier, organisation__name=self.name)
        body["organisation"]["identifiers"] = []
        return body

    def payments(self, gross: int) -> list[int]:
        """The payments that must come in for an invoice over so much."""
        if self.pays == "parts":
            return [gross // 3, gross - gross // 3]
        return [gross + LOOSE_MORE] if self.pays == "loose" else [gross]

    def back(self, gross: int) -> int:
        """How much goes back to the payer, or is taken back because it never came."""
        if self.then == "reversal":
            return self.payments(gross)[0]
        if self.then == "refund":
            return gross if self.pays == "card" else gross // 2
        return 0


class Invoice(msgspec.Struct, frozen=True):
    """An issued invoice as the story goes on with it."""

    id: UUID
    organisation: UUID
    kid: str
    net: int
    gross: int


def story(seed: int, number: int) -> Story:
    """The story of this number, the same every time."""
    chance = Random(f"{seed}/{number}")
    pays = chance.choice(PAYS)
    then = chance.choice(THEN if pays in BY_HAND else THEN[:3])
    return Story(number, f"{seed}-{number}", chance.choice(TIERS), pays, then)
