"""Facts about money, and the one posting each of them makes (`posting`). Amounts are positive minor units.

Facts are what invoices, people, the bank and card providers tell: they carry all that is needed to book them
again (M18). Those about a payment name it by `payment_id(provider, object)`, so that a refund or a dispute
can be understood before its payment has arrived (M11).
"""

from datetime import date
from typing import Literal
from uuid import UUID, uuid5

import msgspec

from cluster_rules.errors import RuleViolation
from cluster_rules.late_interest import What
from cluster_rules.ledger import (
    NAMESPACE,
    OURS,
    Account,
    Draft,
    Item,
    Key,
    Part,
    Place,
    Posting,
    Standing,
    positive,
    take,
)

Rail = Literal["bank", "card"]
Came = Literal["bank", "card", "opening"]  # opening: before these books began (ADR 0055)
DisputePhase = Literal["opened", "won", "lost"]


class Fact(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """What every fact says: whose books, which currency, which day (in the host's time zone)."""

    host: UUID
    currency: str
    on: date


class Sold(msgspec.Struct, frozen=True):
    """A line of an invoice or credit note: `net` on the network's income `account`, `vat` by its treatment."""

    network: UUID
    net: int
    vat: int
    treatment: str
    account: str = ""


class Issued(Fact, frozen=True, kw_only=True):
    """An invoice got its number. Lines may be negative, the sum is not. `rounding` <= 1 per line (M17)."""

    invoice: UUID
    organisation: UUID
    lines: tuple[Sold, ...]
    rounding: int = 0


class Opened(Fact, frozen=True, kw_only=True):
    """What a member owed when these books began: billed elsewhere, with its income and VAT there (ADR 0039)."""

    invoice: UUID
    organisation: UUID
    amount: int


class Credited(Fact, frozen=True, kw_only=True):
    """A credit note of an invoice was issued; its lines say what is taken back, as positive amounts."""

    credit_note: UUID
    invoice: UUID
    organisation: UUID
    lines: tuple[Sold, ...]
    rounding: int = 0


class Received(Fact, frozen=True, kw_only=True):
    """Money came in. What no part says anything about is in suspense."""

    provider: str
    object: str
    rail: Came
    amount: int
    parts: tuple[Part, ...] = ()


class Refunded(Fact, frozen=True, kw_only=True):
    """Money of a payment went back: a refund, or the bank took the payment back."""

    provider: str
    object: str
    rail: Rail
    payment: UUID
    amount: int


class Disputed(Fact, frozen=True, kw_only=True):
    """The payer disputes a card payment: opened (reserved), won (released) or lost (gone), M9."""

    provider: str
    object: str
    phase: DisputePhase
    payment: UUID
    amount: int


class PaidOut(Fact, frozen=True, kw_only=True):
    """A card provider paid out `amount` to the bank and kept `cost`."""

    provider: str
    object: str
    amount: int
    cost: int = 0


class Moved(Fact, frozen=True, kw_only=True):
    """Money of a payment was put elsewhere: from suspense to an invoice, from one invoice's surplus to another."""

    move: UUID
    payment: UUID
    source: Place
    target: Place
    amount: int


class WrittenOff(Fact, frozen=True, kw_only=True):
    """Two people gave up what is left of an invoice."""

    write_off: UUID
    organisation: UUID
    invoice: UUID
    amount: int


class Claimed(Fact, frozen=True, kw_only=True):
    """A reminder's fee, late interest or compensation is owed beside what was billed; outside VAT (ADR 0016)."""

    claim: UUID
    organisation: UUID
    invoice: UUID
    network: UUID
    what: What
    amount: int


class Shared(Fact, frozen=True, kw_only=True):
    """What a network owes another by a link rule changed by `amount` (either sign), with the money collected.

    One fact for each side: `side` owes (in the books of the giving network's host) or gets. `because` is the
    posting that changed what is collected.
    """

    side: Literal["owes", "gets"]
    because: UUID
    invoice: UUID
    network: UUID
    other: UUID
    rule: str
    version: int
    amount: int


MoneyFact = (
    Issued | Opened | Credited | Received | Refunded | Disputed | PaidOut | Moved | WrittenOff | Claimed | Shared
)
CLAIMED = "dunning/"  # before the code of the income account, so that no fee component books there


def payment_id(provider: str, object: str) -> UUID:
    """A payment's id: the same whoever speaks of the provider's object first."""
    return uuid5(NAMESPACE, f"payment/{provider}/{object}")


def key(fact: MoneyFact) -> Key:
    """What the fact is known by (M3)."""
    match fact:
        case Issued() | Opened():
            return Key(OURS, str(fact.invoice), "issued")
        case Credited():
            return Key(OURS, str(fact.credit_note), "credited")
        case Received():
            return Key(fact.provider, fact.object, "received")
        case Refunded():
            return Key(fact.provider, fact.object, "refunded")
        case Disputed():
            return Key(fact.provider, fact.object, fact.phase)
        case PaidOut():
            return Key(fact.provider, fact.object, "paid_out")
        case Moved():
            return Key(OURS, str(fact.move), "moved")
        case WrittenOff():
            return Key(OURS, str(fact.write_off), "written_off")
        case Claimed():
            return Key(OURS, str(fact.claim), "claimed")
    return Key(OURS, str(fact.because), f"{fact.side}/{fact.invoice}/{fact.network}/{fact.rule}/{fact.version}")


def is_claim(posting: Posting) -> bool:
    """Is this what dunning claimed, or the taking back of it? It says nothing about what was billed."""
    return any(e.account.kind == "income" and e.account.code.startswith(CLAIMED) for e in posting.entries)


def waits_for(fact: MoneyFact) -> UUID | None:
    """The payment that must be booked before this fact can be (M11)."""
    return fact.payment if isinstance(fact, Refunded | Disputed | Moved) else None


def precedes(fact: MoneyFact) -> MoneyFact | None:
    """What must have happened before: a dispute that is decided was opened, whether or not we heard of it."""
    if isinstance(fact, Disputed) and fact.phase != "opened":
        return msgspec.structs.replace(fact, phase="opened")
    return None


def items(fact: MoneyFact) -> set[Item]:
    """The items whose positions must be known to book the fact; those a payment stands on come beside them."""
    match fact:
        case Issued() | Opened() | Credited() | WrittenOff() | Claimed():
            return {Item(fact.organisation, fact.invoice, None)}
        case Received():
            own = payment_id(fact.provider, fact.object)
            return {Item(None, None, own), *(Item.at(part.place, own) for part in fact.parts)}
        case Moved():
            return {Item.at(fact.source, fact.payment), Item.at(fact.target, fact.payment)}
        case Refunded() | Disputed():
            return {Item(None, None, fact.payment)}
    return set()


def posting(fact: MoneyFact, standing: Standing) -> Posting | None:
    """The posting of a fact on top of what stands; None when there is nothing to book (an invoice over nothing).

    RuleViolation as in `ledger`; `not_held` when more is moved than the payment has there,
    `write_off_exceeds` when more is given up than is owed, `credit_exceeds` when a credit note is more than its invoice
    could ever have been is not asked here (the issuing action knows the invoice).
    """
    draft = Draft(standing, fact.currency)
    _book(fact, draft, standing)
    entries = draft.entries()
    if not entries:
        return None
    kind = type(fact).__name__.lower() if not isinstance(fact, Disputed) else f"dispute_{fact.phase}"
    return Posting(key(fact), kind, fact.host, fact.currency, fact.on, entries, _organisation(fact, standing))


def _organisation(fact: MoneyFact, standing: Standing) -> UUID | None:
    """The one organisation a posting is about; None when it is about several or nobody."""
    if isinstance(fact, Issued | Opened | Credited | WrittenOff | Claimed):
        return fact.organisation
    if isinstance(fact, Moved):
        return fact.target.organisation or fact.source.organisation
    if isinstance(fact, Received):
        places = {part.place.organisation for part in fact.parts}
    elif isinstance(fact, Refunded | Disputed):
        places = {item.organisation for item, _ in standing.held.get(fact.payment, ())}
    else:
        return None
    return places.pop() if len(places) == 1 else None


def _book(fact: MoneyFact, draft: Draft, standing: Standing) -> None:
    match fact:
        case Issued():
            _sold(draft, fact, 1)
        case Opened():
            draft.change(Item(fact.organisation, fact.invoice, None), positive(fact.amount))
            draft.add(Account("opening"), -fact.amount, fact.invoice)
        case Credited():
            _sold(draft, fact, -1)
        case Received():
            _received(draft, fact)
        case Refunded():
            draft.add(_rail(fact.rail, fact.provider), -positive(fact.amount), payment=fact.payment)
            _take_back(draft, fact.payment, fact.amount, standing)
        case Disputed():
            _disputed(draft, fact, standing)
        case PaidOut():
            draft.add(Account("bank"), fact.amount)
            draft.add(Account("provider_cost", code=fact.provider), fact.cost)
            draft.add(Account("card_clearing", code=fact.provider), -fact.amount - fact.cost)
        case Moved():
            _moved(draft, fact, standing)
        case WrittenOff():
            _written_off(draft, fact)
        case Claimed():
            draft.change(Item(fact.organisation, fact.invoice, None), positive(fact.amount))
            draft.add(Account("income", network=fact.network, code=CLAIMED + fact.what), -fact.amount, fact.invoice)
        case Shared():
            _shared(draft, fact)


def _sold(draft: Draft, fact: Issued | Credited, sign: int) -> None:
    if abs(fact.rounding) > len(fact.lines):
        raise RuleViolation("rounding_invalid", "rounding", given=fact.rounding, lines=len(fact.lines))
    total = sum(line.net + line.vat for line in fact.lines) + fact.rounding
    if total < 0:
        raise RuleViolation("amount_invalid", "lines", given=total)
    draft.change(Item(fact.organisation, fact.invoice, None), sign * total)
    about = fact.invoice
    for line in fact.lines:
        draft.add(Account("income", network=line.network, code=line.account), -sign * line.net, about)
        draft.add(Account("vat_payable", code=line.treatment), -sign * line.vat, about)
    draft.add(Account("rounding"), -sign * fact.rounding, about)


def _received(draft: Draft, fact: Received) -> None:
    own = payment_id(fact.provider, fact.object)
    left = positive(fact.amount) - sum(positive(part.amount) for part in fact.parts)
    if left < 0:
        raise RuleViolation("parts_exceed", "parts", amount=fact.amount, parts=fact.amount - left)
    draft.add(_rail(fact.rail, fact.provider), fact.amount, payment=own)
    for part in fact.parts:
        draft.change(Item.at(part.place, own), -part.amount, own)
    draft.change(Item(None, None, own), -left, own)


def _take_back(draft: Draft, payment: UUID, amount: int, standing: Standing) -> None:
    """From where the payment stands; more than there is (M7) is somebody's mistake, and waits in suspense."""
    missing = amount
    for item, part in take(standing.held.get(payment, ()), amount):
        draft.change(item, part, payment)
        missing -= part
    draft.change(Item(None, None, payment), missing, payment)


def _disputed(draft: Draft, fact: Disputed, standing: Standing) -> None:
    reserve = Account("dispute_reserve", code=fact.provider)
    clearing = Account("card_clearing", code=fact.provider)
    amount = positive(fact.amount)
    draft.add(reserve, amount if fact.phase == "opened" else -amount, payment=fact.payment)
    if fact.phase == "lost":
        _take_back(draft, fact.payment, amount, standing)
    else:
        draft.add(clearing, -amount if fact.phase == "opened" else amount, payment=fact.payment)


def _moved(draft: Draft, fact: Moved, standing: Standing) -> None:
    source = Item.at(fact.source, fact.payment)
    held = dict(standing.held.get(fact.payment, ())).get(source, 0)
    if positive(fact.amount) > held:
        raise RuleViolation("not_held", "amount", amount=fact.amount, held=held)
    if fact.source == fact.target:
        raise RuleViolation("place_same", "target")
    draft.change(source, fact.amount, fact.payment)
    draft.change(Item.at(fact.target, fact.payment), -fact.amount, fact.payment)


def _written_off(draft: Draft, fact: WrittenOff) -> None:
    item = Item(fact.organisation, fact.invoice, None)
    owed = draft.positions.get(item, 0)
    if positive(fact.amount) > owed:
        raise RuleViolation("write_off_exceeds", "amount", amount=fact.amount, owed=owed)
    draft.change(item, -fact.amount)
    draft.add(Account("write_off"), fact.amount, fact.invoice)


def _shared(draft: Draft, fact: Shared) -> None:
    code = f"{fact.rule}/{fact.version}"
    sign = 1 if fact.side == "owes" else -1
    own, other = ("share_cost", "share_payable") if fact.side == "owes" else ("share_income", "share_receivable")
    draft.add(Account(own, network=fact.network, code=code), sign * fact.amount, fact.invoice)  # type: ignore[arg-type]
    draft.add(Account(other, network=fact.other, code=code), -sign * fact.amount, fact.invoice)  # type: ignore[arg-type]


def _rail(rail: Came, provider: str) -> Account:
    if rail == "opening":
        return Account("opening")
    return Account("bank") if rail == "bank" else Account("card_clearing", code=provider)
