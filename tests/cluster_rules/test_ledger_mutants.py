"""Books that are wrong in one way each: the properties of test_ledger.py find every one of them."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cluster_rules import money_facts
from cluster_rules.books import Books
from cluster_rules.money_facts import MoneyFact
from tests.cluster_rules import test_ledger
from tests.cluster_rules.histories import QUICK
from tests.cluster_rules.money import histories


def books_each_delivery(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks whether a fact was booked before (M3)."""
    original = Books.post

    def mutant(books: Books, fact: MoneyFact) -> Any:
        books.booked.discard(money_facts.key(fact).id)
        return original(books, fact)

    monkeypatch.setattr(Books, "post", mutant)


def drops_what_comes_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refund or dispute that comes before its payment is thrown away (M11)."""
    original = Books.post

    def mutant(books: Books, fact: MoneyFact) -> Any:
        wanted = money_facts.waits_for(fact)
        return [] if wanted and wanted not in books.arrived else original(books, fact)

    monkeypatch.setattr(Books, "post", mutant)


def forgets_where_money_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a payment has paid is not remembered, so that more can go back than it had paid (M7)."""
    original = Books._add

    def mutant(books: Books, posting: Any) -> None:
        original(books, posting)
        if posting.kind == "refunded":
            books.parts.clear()

    monkeypatch.setattr(Books, "_add", mutant)


CAUGHT_BY = {
    books_each_delivery: test_ledger.test_m03_a_fact_is_booked_once_whatever_the_number_of_events,
    drops_what_comes_early: test_ledger.test_m11_what_comes_before_its_payment_is_parked_and_not_lost,
    forgets_where_money_stands: test_ledger.test_m06_any_order_and_number_of_deliveries_gives_the_same_balances,
}
# Six examples are what a quick run has time for; to be sure of each mutant it takes more.
ENOUGH = settings(QUICK, max_examples=300, derandomize=True, phases=[Phase.generate])


def asked(mutant: Callable[[pytest.MonkeyPatch], None]) -> None:
    """Ask the property that is there for this mutant."""
    inner = CAUGHT_BY[mutant].hypothesis.inner_test  # type: ignore[attr-defined]
    ENOUGH(given(histories(), st.data())(inner))()


@pytest.mark.parametrize("mutant", CAUGHT_BY)
def test_a_property_catches_a_mutant(
    mutant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(mutant)  # control: the books as they are
    mutant(monkeypatch)
    with pytest.raises(AssertionError):
        asked(mutant)
