"""The money invariants M1 to M18 (sync_security.md 3.3) as properties of the rules, with the naive handler refuted.

`Naive` is what most programs do: add and subtract as events come in. Each property it breaks is shown to break. M14
and the database's part of M1 to M4 are in tests/crm (test_bank.py, test_ledger_constraints.py, test_invoices.py).
"""

from datetime import date

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_rules import shares
from cluster_rules.books import Books
from cluster_rules.errors import RuleViolation
from cluster_rules.ledger import Account, Entry, Key, Place, Posting
from cluster_rules.money import split
from cluster_rules.money_facts import (
    Credited,
    Disputed,
    Issued,
    MoneyFact,
    Moved,
    PaidOut,
    Received,
    Refunded,
    WrittenOff,
    key,
    payment_id,
    posting,
)
from cluster_rules.shares import Claim
from tests.cluster_rules.histories import QUICK
from tests.cluster_rules.money import (
    BASE,
    CLAIRE,
    DAY,
    FJORD,
    HOST,
    NORA,
    TIND,
    Naive,
    an_id,
    breaks,
    disputed,
    histories,
    issued,
    received,
    refunded,
)


def again(events: list[MoneyFact], order: st.DataObject) -> list[MoneyFact]:
    """The same events: some twice or three times, in any order."""
    copies = order.draw(st.lists(st.integers(1, 3), min_size=len(events), max_size=len(events)))
    many = [event for event, n in zip(events, copies, strict=True) for _ in range(n)]
    return order.draw(st.permutations(many))


# M1 to M4


@QUICK
@given(histories())
def test_m01_every_posting_is_zero_per_currency_with_two_entries_or_more(events: list[MoneyFact]) -> None:
    books = Books(events)
    for each in books.postings.values():
        assert sum(entry.amount for entry in each.entries) == 0
        assert len(each.entries) >= 2
        assert all(isinstance(entry.amount, int) and entry.amount for entry in each.entries)
    assert sum(books.balances().values()) == 0


@pytest.mark.parametrize("amounts", [(100, -99), (100,), (0, 0), ()])
def test_m01_control_what_does_not_balance_is_no_posting(amounts: tuple[int, ...]) -> None:
    entries = tuple(Entry(Account("bank"), amount) for amount in amounts)
    with pytest.raises(ValueError, match="does not balance"):
        Posting(Key("klynge", "x", "received"), "received", HOST, "NOK", DAY, entries)


@QUICK
@given(histories(), st.data())
def test_m02_a_reversal_takes_back_exactly_once(events: list[MoneyFact], data: st.DataObject) -> None:
    books = Books(events)
    invoice = issued("late", 700_00)
    books.post(invoice)
    before = books.balances()
    made = data.draw(st.integers(1, 900_00))
    (booked,) = books.post(received("by hand", made, (made, "late"), provider="hand"))
    reversal = books.reverse(booked.id, date(2027, 2, 1))
    assert reversal is not None
    assert reversal.reverses == booked.id
    assert books.balances() == before
    assert books.reverse(booked.id, date(2027, 2, 2)) is None
    assert books.balances() == before


@QUICK
@given(histories(), st.data())
def test_m03_a_fact_is_booked_once_whatever_the_number_of_events(events: list[MoneyFact], data: st.DataObject) -> None:
    once = Books(events)
    twice = Books([event for event in events for _ in range(data.draw(st.integers(1, 3)))])
    assert twice.balances() == once.balances()
    assert twice.booked == once.booked


def test_m03_control_the_naive_handler_books_each_delivery() -> None:
    events: list[MoneyFact] = [issued("a", 100), received("ch", 100, (100, "a"))]
    assert breaks(events, [*events, events[1]])


@QUICK
@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=9))
def test_m04_a_number_is_issued_once(names: list[str]) -> None:
    """The ledger's part: one fact per issued document. Gap-free numbers: tests/crm and tests/crash."""
    books = Books(issued(name, 100) for name in names)
    assert len(books.booked) == len(set(names))


# M5 to M9


def _expected(events: list[MoneyFact]) -> int:
    """Receivable less credit by the formula, independent of the postings: each fact counted once."""
    facts = {key(event): event for event in events}.values()
    arrived = {payment_id(f.provider, f.object): f for f in facts if isinstance(f, Received)}
    total = 0
    for fact in facts:
        match fact:
            case Issued():
                total += sum(line.net + line.vat for line in fact.lines) + fact.rounding
            case Credited():
                total -= sum(line.net + line.vat for line in fact.lines)
            case Received():
                total -= sum(part.amount for part in fact.parts)
            case WrittenOff():
                total -= fact.amount
    for payment, fact in arrived.items():
        placed = sum(part.amount for part in fact.parts)
        back = sum(
            f.amount
            for f in facts
            if (isinstance(f, Refunded) or (isinstance(f, Disputed) and f.phase == "lost")) and f.payment == payment
        )
        loose = fact.amount - placed  # in suspense: the first to go back, and not the member's
        total += min(placed, max(0, back - loose))
    return total


@QUICK
@given(histories())
def test_m05_receivable_is_what_the_documents_and_payments_say(events: list[MoneyFact]) -> None:
    books = Books(events)
    assert books.balance("receivable") + books.balance("member_credit") == _expected(events)
    assert books.balance("receivable") >= 0 >= books.balance("member_credit")


@QUICK
@given(histories(), st.data())
def test_m06_any_order_and_number_of_deliveries_gives_the_same_balances(
    events: list[MoneyFact], data: st.DataObject
) -> None:
    assert Books(again(events, data)).balances() == Books(events).balances()


def test_m06_control_the_naive_handler_depends_on_the_order() -> None:
    events: list[MoneyFact] = [issued("a", 100), received("ch", 100, (100, "a")), refunded("re", "ch", 40)]
    assert breaks(events, [events[0], events[2], events[1]])
    assert Books([events[0], events[2], events[1]]).balances() == Books(events).balances()


@QUICK
@given(histories(), st.data())
def test_m07_no_more_goes_back_than_came_in(events: list[MoneyFact], data: st.DataObject) -> None:
    """What a provider says beyond it waits in suspense, and never reopens more than the payment had paid."""
    books = Books(again(events, data))
    for fact in events:
        if isinstance(fact, Received):
            payment = payment_id(fact.provider, fact.object)
            parts = books.parts[payment]
            assert all(amount >= 0 for item, amount in parts.items() if item.organisation)
            assert sum(parts.values()) <= fact.amount


@QUICK
@given(st.integers(1, 10_000_00), st.integers(1, 10_000_00))
def test_m08_too_much_is_credit_and_too_little_leaves_the_exact_rest(total: int, amount: int) -> None:
    books = Books([issued("a", total), received("ch", amount, (amount, "a"))])
    assert books.balance("receivable", FJORD) == max(0, total - amount)
    assert books.balance("member_credit", FJORD) == -max(0, amount - total)
    assert books.balance("income") == -total
    books.post(refunded("re", "ch", max(1, amount - total)))
    assert books.balance("member_credit", FJORD) == 0
    assert books.owed(FJORD, an_id("a")) == max(0, total - amount) + (1 if amount <= total else 0)


def test_m08_credit_pays_another_invoice_and_money_taken_back_is_owed_again() -> None:
    books = Books([issued("a", 100), issued("b", 80), received("ch", 150, (150, "a"))])
    source, target = Place(FJORD, an_id("a")), Place(FJORD, an_id("b"))
    move = Moved(**BASE, move=an_id("m"), payment=payment_id("stripe", "ch"), source=source, target=target, amount=50)
    books.post(move)
    assert (books.owed(FJORD, an_id("a")), books.owed(FJORD, an_id("b"))) == (0, 30)
    books.post(refunded("re", "ch", 150))
    assert (books.owed(FJORD, an_id("a")), books.owed(FJORD, an_id("b"))) == (100, 80)
    with pytest.raises(RuleViolation, match="not_held"):
        books.post(msgspec.structs.replace(move, move=an_id("again")))


def test_m08_money_in_suspense_is_nobodys_until_it_is_placed() -> None:
    books = Books([issued("a", 60), issued("b", 40, to=TIND), received("ch", 100, provider="bank")])
    assert (books.balance("suspense"), books.balance("receivable"), books.balance("income")) == (-100, 100, -100)
    payment = payment_id("bank", "ch")
    for name, who, amount in (("a", FJORD, 60), ("b", TIND, 40)):
        place = Place(who, an_id(name))
        books.post(Moved(**BASE, move=an_id(name), payment=payment, source=Place(), target=place, amount=amount))
    assert (books.balance("suspense"), books.balance("receivable")) == (0, 0)


@QUICK
@given(st.integers(1, 1000), st.permutations(["opened", "won"]) | st.permutations(["opened", "lost"]))
def test_m09_a_dispute_reserves_releases_or_books_the_loss(amount: int, phases: list[str]) -> None:
    books = Books([issued("a", 1000), received("ch", 1000, (1000, "a"))])
    clearing = books.balance("card_clearing")
    books.post(disputed("dp", "ch", "opened", amount))
    assert books.balance("dispute_reserve") == amount
    assert books.balance("card_clearing") == clearing - amount
    assert books.owed(FJORD, an_id("a")) == 0  # still paid: nobody has decided anything
    for phase in phases:
        books.post(disputed("dp", "ch", phase, amount))
    assert books.balance("dispute_reserve") == 0
    lost = "lost" in phases
    assert books.balance("card_clearing") == clearing - (amount if lost else 0)
    assert books.owed(FJORD, an_id("a")) == (amount if lost else 0)


def test_m09_a_decision_heard_of_without_its_opening_opens_it_too() -> None:
    start: list[MoneyFact] = [issued("a", 1000), received("ch", 1000, (1000, "a"))]
    opened, lost = disputed("dp", "ch", "opened", 300), disputed("dp", "ch", "lost", 300)
    assert Books([*start, lost]).balances() == Books([*start, opened, lost]).balances()
    assert Books([*start, lost, opened]).balances() == Books([*start, opened, lost]).balances()


# M10 to M13


@QUICK
@given(st.integers(-(10**9), 10**9), st.lists(st.integers(0, 10**6), min_size=1, max_size=12))
def test_m10_parts_sum_to_the_whole(amount: int, weights: list[int]) -> None:
    if sum(weights):
        parts = split(amount, weights)
        assert sum(parts) == amount
        assert all(abs(p - amount * w / sum(weights)) < 1 for p, w in zip(parts, weights, strict=True))


@QUICK
@given(st.integers(1, 10**7), st.integers(1, 99), st.lists(st.integers(1, 10**6), min_size=1, max_size=9))
def test_m10_shares_of_part_payments_add_up_to_the_share_of_the_whole(
    net: int, percent: int, pieces: list[int]
) -> None:
    """Item 13: booked as differences of what is owed of all that is collected."""
    gross = sum(pieces)
    claim = Claim(an_id("a"), NORA, CLAIRE, "rule", 1, percent, "standard", 25, net)
    booked = collected = 0
    for piece in pieces:
        collected += piece
        booked += shares.owed(claim, collected, gross) - booked
    assert booked == shares.owed(claim, gross, gross) == (2 * net * percent + 100) // 200
    assert shares.owed(claim, 0, gross) == 0 == shares.owed(claim, -5, gross)
    assert shares.owed(claim, gross + 99, gross) == booked  # what is paid too much is nobody's fee
    legs = shares.statement([(claim, booked), (claim, -booked), (claim, 101)])
    assert [(leg.net, leg.vat) for leg in legs] == [(101, 25)]


@QUICK
@given(histories(), st.data())
def test_m11_what_comes_before_its_payment_is_parked_and_not_lost(events: list[MoneyFact], data: st.DataObject) -> None:
    payments = [e for e in events if isinstance(e, Received)]
    others = data.draw(st.permutations([e for e in events if not isinstance(e, Received)]))
    books = Books(others)
    waiting = {key(e) for e in others if isinstance(e, Refunded | Disputed)}
    assert {key(e) for each in books.parked.values() for e in each} == waiting
    for payment in payments:
        books.post(payment)
    assert books.parked == {}
    assert books.balances() == Books(events).balances()


def test_m11_control_the_naive_handler_drops_them() -> None:
    late: list[MoneyFact] = [issued("a", 100), refunded("re", "ch", 100), received("ch", 100, (100, "a"))]
    assert Naive(late).owed[an_id("a")] == 0
    assert Books(late).owed(FJORD, an_id("a")) == 100


@QUICK
@given(histories(), st.data())
def test_m12_card_clearing_is_what_the_provider_says_it_holds(events: list[MoneyFact], data: st.DataObject) -> None:
    """The provider's balance by its own objects, whatever we heard of them and when, less what it paid out."""
    facts = {key(e): e for e in events}.values()
    holds = sum(f.amount for f in facts if isinstance(f, Received))
    holds -= sum(f.amount for f in facts if isinstance(f, Refunded))
    phases: dict[str, set[str]] = {}
    amounts = {f.object: f.amount for f in facts if isinstance(f, Disputed)}
    for f in facts:
        if isinstance(f, Disputed):
            phases.setdefault(f.object, set()).add(f.phase)
    holds -= sum(amounts[name] for name, seen in phases.items() if "won" not in seen)
    books = Books(again(events, data))
    assert books.balance("card_clearing") == holds
    books.post(PaidOut(**BASE, provider="stripe", object="po", amount=90, cost=10))
    assert books.balance("card_clearing") == holds - 100
    assert (books.balance("bank"), books.balance("provider_cost")) == (90, 10)


@QUICK
@given(st.text("abc", min_size=1, max_size=3), st.integers(1, 999), st.integers(1, 999))
def test_m13_the_same_object_is_one_fact_whatever_is_said_the_second_time(name: str, one: int, two: int) -> None:
    """A call that timed out is asked again with its own key: its object is booked once, and never changed."""
    books = Books([issued("a", 1000), received(name, one, (one, "a"))])
    assert books.post(received(name, two, (two, "a"))) == []
    assert books.owed(FJORD, an_id("a")) == 1000 - one


# M15 to M18 (M14: tests/crm/actions/test_bank.py)


@QUICK
@given(st.integers(0, 100), st.integers(0, 10**7))
def test_m15_a_link_books_nothing_unless_its_rule_says_so(percent: int, net: int) -> None:
    claim = Claim(an_id("a"), NORA, CLAIRE, "rule", 1, percent, "standard", 25, net)
    owed = shares.owed(claim, 100, 100)
    assert (owed == 0) if percent == 0 else owed >= 0
    assert posting(Issued(**BASE, invoice=an_id("free"), organisation=FJORD, lines=()), Books().standing(None)) is None


@QUICK
@given(histories())
def test_m16_every_entry_leads_back_to_its_document(events: list[MoneyFact]) -> None:
    """Income and VAT name their invoice, money its payment; rule version to line: tests of charges and invoices."""
    for each in Books(events).postings.values():
        for entry in each.entries:
            kind = entry.account.kind
            assert kind not in ("income", "vat_payable", "write_off") or entry.invoice
            assert kind not in ("bank", "card_clearing", "dispute_reserve", "suspense") or entry.payment
            assert kind not in ("receivable", "member_credit") or entry.invoice or entry.payment


def test_m17_currency_never_mixes() -> None:
    books = Books([issued("euro", 100, currency="EUR")])
    with pytest.raises(RuleViolation, match="currency_mixed"):
        books.post(received("ch", 100, (100, "euro")))
    books.post(msgspec.structs.replace(received("ch", 100, (100, "euro")), currency="EUR"))
    assert {currency for _, currency, _ in books.balances()} == {"EUR"}
    with pytest.raises(RuleViolation, match="currency_mixed"):
        books.post(refunded("re", "ch", 100))


@QUICK
@given(st.lists(st.integers(1, 999), min_size=1, max_size=5), st.integers(-9, 9))
def test_m17_rounding_is_one_minor_unit_per_line_at_most(amounts: list[int], rounding: int) -> None:
    invoice = issued("a", *amounts, rounding=rounding)
    if abs(rounding) > len(amounts):
        with pytest.raises(RuleViolation, match="rounding_invalid"):
            Books([invoice])
    elif sum(amounts) + rounding > 0:
        books = Books([invoice])
        assert abs(books.balance("rounding")) <= len(amounts)
        assert books.owed(FJORD, an_id("a")) == sum(amounts) + rounding


@QUICK
@given(histories(), st.data())
def test_m18_replaying_the_facts_gives_the_same_books(events: list[MoneyFact], data: st.DataObject) -> None:
    lived = Books(again(events, data))
    facts = msgspec.json.encode(list(events))
    replayed = Books(msgspec.json.decode(facts, type=list[MoneyFact]))
    assert replayed.balances() == lived.balances()
    assert replayed.booked == lived.booked
