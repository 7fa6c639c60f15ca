"""Facts about money for tests: one host, a few members and invoices, and strategies over them."""

from collections import Counter
from datetime import date
from uuid import UUID, uuid5

from hypothesis import strategies as st

from cluster_rules.ledger import NAMESPACE, Part, Place
from cluster_rules.money_facts import Credited, Disputed, Issued, MoneyFact, Received, Refunded, Sold, payment_id

DAY = date(2027, 1, 15)


def an_id(name: str) -> UUID:
    return uuid5(NAMESPACE, name)


HOST, NORA, CLAIRE = an_id("host"), an_id("nora"), an_id("claire")
FJORD, TIND = an_id("Fjord & Data"), an_id("Tind Robotics")
BASE = {"host": HOST, "currency": "NOK", "on": DAY}


def issued(name: str, *amounts: int, to: UUID = FJORD, currency: str = "NOK", rounding: int = 0) -> Issued:
    """An invoice with one line per amount: exempt from VAT, so that the amount is the whole."""
    lines = tuple(Sold(NORA, amount, 0, "exempt_3_13") for amount in amounts)
    base = BASE | {"currency": currency}
    return Issued(**base, invoice=an_id(name), organisation=to, lines=lines, rounding=rounding)


def credited(name: str, invoice: str, amount: int, to: UUID = FJORD) -> Credited:
    lines = (Sold(NORA, amount, 0, "exempt_3_13"),)
    return Credited(**BASE, credit_note=an_id(name), invoice=an_id(invoice), organisation=to, lines=lines)


def received(
    name: str, amount: int, *parts: tuple[int, str | None], by: UUID | None = FJORD, provider: str = "stripe"
) -> Received:
    """A payment; each part goes to an invoice by name, or (None) to the payer's credit."""
    placed = tuple(Part(part, Place(by, an_id(invoice) if invoice else None)) for part, invoice in parts)
    rail = "card" if provider == "stripe" else "bank"
    return Received(**BASE, provider=provider, object=name, rail=rail, amount=amount, parts=placed)


def refunded(name: str, payment: str, amount: int, provider: str = "stripe") -> Refunded:
    rail = "card" if provider == "stripe" else "bank"
    about = payment_id(provider, payment)
    return Refunded(**BASE, provider=provider, object=name, rail=rail, payment=about, amount=amount)


def disputed(name: str, payment: str, phase: str, amount: int) -> Disputed:
    about = payment_id("stripe", payment)
    return Disputed(**BASE, provider="stripe", object=name, phase=phase, payment=about, amount=amount)


AMOUNTS = st.integers(1, 5_000_00)


@st.composite
def histories(draw: st.DrawFn) -> list[MoneyFact]:
    """What a host may live through: invoices, credit notes, payments of all shapes, refunds and disputes.

    Refunds and disputes of one payment may add up to more than it was: providers make mistakes, too.
    """
    out: list[MoneyFact] = []
    invoices: dict[str, int] = {}
    for n in range(draw(st.integers(1, 3))):
        amounts = draw(st.lists(AMOUNTS, min_size=1, max_size=3))
        invoices[f"invoice {n}"] = sum(amounts)
        out.append(issued(f"invoice {n}", *amounts))
    for name, total in invoices.items():
        if draw(st.booleans()):
            out.append(credited(f"credit of {name}", name, draw(st.integers(1, total))))
    for n in range(draw(st.integers(0, 3))):
        parts = draw(st.lists(st.tuples(AMOUNTS, st.sampled_from([*invoices, None])), max_size=3))
        parts = [(amount, name) for i, (amount, name) in enumerate(parts) if name not in [p[1] for p in parts[:i]]]
        amount = sum(part for part, _ in parts) + draw(st.integers(0, 500))
        if not amount:
            continue
        out.append(received(f"ch_{n}", amount, *parts))
        for m in range(draw(st.integers(0, 2))):
            out.append(refunded(f"re_{n}_{m}", f"ch_{n}", draw(st.integers(1, amount))))
        for m in range(draw(st.integers(0, 1))):
            phases = draw(
                st.lists(st.sampled_from(["opened", "won"]) | st.sampled_from(["opened", "lost"]), max_size=2)
            )
            if {"won", "lost"} <= set(phases):
                phases = ["opened"]
            part = draw(st.integers(1, amount))
            out += [disputed(f"dp_{n}_{m}", f"ch_{n}", phase, part) for phase in phases]
    return out


class Naive:
    """Balances by event: what an invoice's state is changes with every delivery. Keyed by nothing."""

    def __init__(self, events: list[MoneyFact]) -> None:
        self.owed: Counter[UUID] = Counter()
        self.credit = 0
        self.charges: dict[UUID, list[Part]] = {}
        for event in events:
            self.handle(event)

    def handle(self, event: MoneyFact) -> None:
        match event:
            case Issued():
                self.owed[event.invoice] += sum(line.net + line.vat for line in event.lines)
            case Credited():
                self.owed[event.invoice] -= sum(line.net + line.vat for line in event.lines)
            case Received():
                self.charges[payment_id(event.provider, event.object)] = list(event.parts)
                for part in event.parts:
                    if part.place.invoice:
                        self.owed[part.place.invoice] -= part.amount
                    else:
                        self.credit += part.amount
            case Refunded() | Disputed():
                parts = self.charges.get(event.payment, [])  # not heard of yet: dropped
                if parts and parts[0].place.invoice and (isinstance(event, Refunded) or event.phase == "lost"):
                    self.owed[parts[0].place.invoice] += event.amount

    def state(self) -> tuple[dict[UUID, int], int]:
        return dict(self.owed), self.credit


def breaks(events: list[MoneyFact], other: list[MoneyFact]) -> bool:
    """Does the naive handler tell these two apart, although they say the same?"""
    return Naive(events).state() != Naive(other).state()
