"""The ledger's rules: accounts, entries, and what each fact about money books (ADR 0012).

Double entry in whole minor units; debit is positive, credit negative; a posting is of one host and one
currency and sums to zero (sync_security.md M1, M17). A fact is booked once under its own key (M3): the
provider's object and phase, never the event that told of it. Every posting is linear in what the fact says
and then split at zero (owed to the host = receivable, more than owed = member credit), so that facts give
the same balances in any order (M6, M8). Nothing is changed later: a correction is a reversal that names
its original (M2). RuleViolation `currency_mixed`, `amount_invalid`, `rounding_invalid`, `not_held`.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Literal
from uuid import UUID, uuid5

import msgspec

from cluster_rules.errors import RuleViolation

AccountKind = Literal[
    "receivable",  # what an organisation owes the host, per invoice
    "member_credit",  # what the host owes an organisation: overpaid, or paid without an invoice
    "suspense",  # money nobody has placed yet
    "income",  # per network; `code` is the account the fee component books to
    "vat_payable",  # `code` is the VAT treatment
    "bank",
    "card_clearing",  # with the card provider (`code`), not yet paid out
    "provider_cost",  # what the card provider keeps
    "dispute_reserve",  # taken by the card provider until a dispute is decided
    "write_off",
    "rounding",
    "share_cost",  # what a network owes another by a link rule's `share_percent`: cost and debt,
    "share_payable",
    "share_receivable",  # and the same in the books of the network that gets it
    "share_income",
    "opening",  # what members owed, or had to their credit, before these books began
]
POSITIONS = ("receivable", "member_credit", "suspense")
OURS = "klynge"  # the provider of facts that people or rules make here
BEFORE = "opening"  # the provider of credit from before these books, which came by a members' file
BY_PEOPLE = (OURS, "hand", BEFORE)  # providers of what people book
# Kinds of theirs that can be taken back; refunds are facts of the bank, invoices have credit notes.
REVERSIBLE = ("received", "moved", "writtenoff", "claimed", "opened")
NAMESPACE = UUID("7b0c0a1e-53a5-5c4e-9f0e-3d2c1b0a9f8e")


class Account(msgspec.Struct, frozen=True, order=True):
    """One account of a host's books; what is not needed to tell it from others is empty."""

    kind: AccountKind
    organisation: UUID | None = None
    network: UUID | None = None
    code: str = ""


class Entry(msgspec.Struct, frozen=True):
    """`amount` minor units on an account; `invoice` and `payment` say what it is about."""

    account: Account
    amount: int
    invoice: UUID | None = None
    payment: UUID | None = None


class Key(msgspec.Struct, frozen=True, order=True):
    """What a fact is known by, once and for all: the provider's object, and the phase of its life."""

    provider: str
    object: str
    phase: str

    @property
    def id(self) -> UUID:
        """The posting's id, made from the key."""
        return uuid5(NAMESPACE, f"{self.provider}/{self.object}/{self.phase}")


class Place(msgspec.Struct, frozen=True):
    """Where money stands: on an invoice, as an organisation's credit, or (no organisation) in suspense."""

    organisation: UUID | None = None
    invoice: UUID | None = None


class Part(msgspec.Struct, frozen=True):
    """A part of a payment and where it goes; `amount` minor units."""

    amount: int
    place: Place


class Item(msgspec.Struct, frozen=True):
    """What has a balance of its own: an invoice, or a payment's money that is on no invoice."""

    organisation: UUID | None
    invoice: UUID | None
    payment: UUID | None

    @classmethod
    def at(cls, place: Place, payment: UUID | None) -> "Item":
        """The item that a payment's money at `place` belongs to."""
        return cls(place.organisation, place.invoice, None if place.invoice else payment)


class Standing(msgspec.Struct, frozen=True):
    """What is booked already, as far as a fact needs it.

    `positions`: receivable, credit and suspense of an item together. `held`: what is left of each part of a payment,
    first part first. `currencies` of the invoices and payments named.
    """

    positions: Mapping[Item, int] = {}
    held: Mapping[UUID, tuple[tuple[Item, int], ...]] = {}
    currencies: Mapping[UUID, str] = {}


class Posting(msgspec.Struct, frozen=True):
    """What one fact books. Two entries or more, none of them zero, together zero."""

    key: Key
    kind: str
    host: UUID
    currency: str
    on: date
    entries: tuple[Entry, ...]
    organisation: UUID | None = None
    reverses: UUID | None = None

    def __post_init__(self) -> None:
        if sum(e.amount for e in self.entries) or not all(e.amount for e in self.entries) or len(self.entries) < 2:
            raise ValueError(f"{self.kind} {self.key} does not balance")

    @property
    def id(self) -> UUID:
        """Made from the key."""
        return self.key.id


class Draft:
    """A posting being put together; knows the positions as it goes along."""

    def __init__(self, standing: Standing, currency: str) -> None:
        self.positions = dict(standing.positions)
        self.currencies = standing.currencies
        self.currency = currency
        self.sums: dict[tuple[Account, UUID | None, UUID | None], int] = {}

    def add(self, account: Account, amount: int, invoice: UUID | None = None, payment: UUID | None = None) -> None:
        """One entry; those of the same account about the same thing become one."""
        key = (account, invoice, payment)
        self.sums[key] = self.sums.get(key, 0) + amount

    def change(self, item: Item, amount: int, payment: UUID | None = None) -> None:
        """Change what stands on an item: above zero it is owed, below zero it is credit (M8)."""
        about = item.invoice or item.payment
        known = self.currencies.get(about, self.currency) if about else self.currency
        if known != self.currency:
            raise RuleViolation("currency_mixed", "currency", left=known, right=self.currency)
        before = self.positions.get(item, 0)
        after = self.positions[item] = before + amount
        if item.organisation is None:
            self.add(Account("suspense"), amount, item.invoice, payment)
            return
        owed, credit = max(0, after) - max(0, before), min(0, after) - min(0, before)
        self.add(Account("receivable", item.organisation), owed, item.invoice, payment)
        self.add(Account("member_credit", item.organisation), credit, item.invoice, payment)

    def entries(self) -> tuple[Entry, ...]:
        """What is not zero, in the order it came."""
        return tuple(Entry(a, amount, invoice, p) for (a, invoice, p), amount in self.sums.items() if amount)


def item_of(entry: Entry) -> Item | None:
    """The item whose position an entry changes; None for other accounts."""
    if entry.account.kind not in POSITIONS:
        return None
    return Item(entry.account.organisation, entry.invoice, None if entry.invoice else entry.payment)


def reversal_key(original: UUID) -> Key:
    """What the reversal of a posting is known by: there is at most one (M2)."""
    return Key(OURS, str(original), "reversed")


def reversal(original: Posting, standing: Standing, on: date) -> Posting:
    """The posting that takes `original` back: every other account exactly, positions by what they are now (M2)."""
    draft = Draft(standing, original.currency)
    moved: dict[tuple[Item, UUID | None], int] = {}
    for entry in original.entries:
        item = item_of(entry)
        if item is None:
            draft.add(entry.account, -entry.amount, entry.invoice, entry.payment)
        else:
            moved[item, entry.payment] = moved.get((item, entry.payment), 0) - entry.amount
    held = {(item, p): amount for p, parts in standing.held.items() for item, amount in parts}
    for (item, payment), amount in moved.items():
        if payment and amount > held.get((item, payment), 0):
            raise RuleViolation("not_held", "transaction", amount=amount, held=held.get((item, payment), 0))
        draft.change(item, amount, payment)
    return Posting(
        reversal_key(original.id),
        "reversal",
        original.host,
        original.currency,
        on,
        draft.entries(),
        original.organisation,
        original.id,
    )


def take(held: Iterable[tuple[Item, int]], amount: int) -> Iterator[tuple[Item, int]]:
    """Take money back from where a payment stands: what is on no invoice first, then the last part; more from nowhere.

    The result depends only on how much is taken in all, not in how many pieces (M6).
    """
    last_first = reversed([each for each in held if each[1] > 0])
    for item, there in sorted(last_first, key=lambda each: each[0].invoice is not None):
        part = min(there, amount)
        if part:
            yield item, part
        amount -= part


def positive(amount: int, field: str = "amount") -> int:
    """The amount, if it is one minor unit or more. RuleViolation `amount_invalid`."""
    if amount <= 0:
        raise RuleViolation("amount_invalid", field, given=amount)
    return amount
