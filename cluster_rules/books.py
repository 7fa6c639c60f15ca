"""Books in memory: the ledger's rules applied to fact after fact, as the store does it in the database.

`crm verify` replays all stored facts into empty books and compares every balance (M18); the tests of M1-M18
play with them. Amounts are minor units. Nothing here is shared or stored.
"""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from cluster_rules import ledger, money_facts
from cluster_rules.ledger import Account, Item, Posting, Standing, item_of
from cluster_rules.money_facts import Credited, Issued, MoneyFact, Received, WrittenOff


class Books:
    """The books of any number of hosts, and what waits for its payment."""

    def __init__(self, facts: Iterable[MoneyFact] = ()) -> None:
        self.postings: dict[UUID, Posting] = {}
        self.booked: set[UUID] = set()
        self.sums: dict[tuple[UUID, str, Account], int] = {}
        self.parked: dict[UUID, list[MoneyFact]] = {}
        self.arrived: set[UUID] = set()
        self.currencies: dict[UUID, str] = {}
        self.positions: dict[Item, int] = {}
        self.parts: dict[UUID, dict[Item, int]] = {}
        for fact in facts:
            self.post(fact)

    def post(self, fact: MoneyFact) -> list[Posting]:
        """Book a fact, and what waited for it; nothing when it is known or has to wait itself (M3, M11)."""
        key, wanted = money_facts.key(fact), money_facts.waits_for(fact)
        if key.id in self.booked:
            return []
        if wanted and wanted not in self.arrived:
            waiting = self.parked.setdefault(wanted, [])
            if key not in {money_facts.key(each) for each in waiting}:
                waiting.append(fact)
            return []
        made: list[Posting] = []
        earlier = money_facts.precedes(fact)
        if earlier:
            made += self.post(earlier)
        posting = money_facts.posting(fact, self.standing(wanted))
        if isinstance(fact, Issued | Credited | WrittenOff):
            self.currencies.setdefault(fact.invoice, fact.currency)
        if posting:
            self._add(posting)
            made.append(posting)
        if isinstance(fact, Received):
            payment = money_facts.payment_id(fact.provider, fact.object)
            self.arrived.add(payment)
            self.currencies[payment] = fact.currency
            for parked in self.parked.pop(payment, []):
                made += self.post(parked)
        return made

    def reverse(self, original: UUID, on: date) -> Posting | None:
        """Take a posting back; None when it was taken back already (M2)."""
        taken = self.postings[original]
        if ledger.reversal_key(original).id in self.booked:
            return None
        payment = next((e.payment for e in taken.entries if e.payment), None)
        posting = ledger.reversal(taken, self.standing(payment), on)
        self._add(posting)
        return posting

    def standing(self, payment: UUID | None) -> Standing:
        """What is booked, with where one payment stands."""
        held = {payment: tuple(self.parts.get(payment, {}).items())} if payment else {}
        return Standing(self.positions, held, self.currencies)

    def balances(self) -> dict[tuple[UUID, str, Account], int]:
        """Every account that is not zero, by host and currency."""
        return {key: amount for key, amount in self.sums.items() if amount}

    def balance(self, kind: str, organisation: UUID | None = None) -> int:
        """All accounts of one kind together (in tests of one host and currency)."""
        return sum(
            amount
            for (_, _, account), amount in self.balances().items()
            if account.kind == kind and (organisation is None or account.organisation == organisation)
        )

    def owed(self, organisation: UUID | None, invoice: UUID) -> int:
        """What is left to pay of an invoice; below zero is credit."""
        return self.positions.get(Item(organisation, invoice, None), 0)

    def _add(self, posting: Posting) -> None:
        self.postings[posting.id] = posting
        self.booked.add(posting.id)
        for entry in posting.entries:
            account = (posting.host, posting.currency, entry.account)
            self.sums[account] = self.sums.get(account, 0) + entry.amount
            item = item_of(entry)
            if item:
                self.positions[item] = self.positions.get(item, 0) + entry.amount
                if entry.payment:
                    parts = self.parts.setdefault(entry.payment, {})
                    parts[item] = parts.get(item, 0) - entry.amount
