"""The ledger by example: each amount on its account, and what is refused (its properties: test_ledger.py)."""

import msgspec
import pytest

from cluster_rules.books import Books
from cluster_rules.errors import RuleViolation
from cluster_rules.ledger import Account
from cluster_rules.money_facts import Issued, Refunded, Sold, WrittenOff
from tests.cluster_rules.money import BASE, CLAIRE, FJORD, NORA, an_id, credited, issued, received, refunded


def test_the_accounts_of_an_invoice_with_two_networks_and_vat() -> None:
    lines = (Sold(NORA, 1000_00, 0, "exempt_3_13", "3100"), Sold(CLAIRE, 400_00, 100_00, "standard"))
    books = Books([Issued(**BASE, invoice=an_id("a"), organisation=FJORD, lines=lines)])
    assert {account: amount for (_, _, account), amount in books.balances().items()} == {
        Account("receivable", FJORD): 1500_00,
        Account("income", network=NORA, code="3100"): -1000_00,
        Account("income", network=CLAIRE): -400_00,
        Account("vat_payable", code="standard"): -100_00,
    }


def test_a_credit_note_on_a_paid_invoice_is_credit() -> None:
    books = Books([issued("a", 100), received("ch", 100, (100, "a")), credited("c", "a", 30)])
    assert (books.balance("receivable"), books.balance("member_credit"), books.balance("income")) == (0, -30, -70)


def test_a_write_off_is_never_more_than_is_owed() -> None:
    books = Books([issued("a", 100), received("ch", 60, (60, "a"))])
    lost = WrittenOff(**BASE, write_off=an_id("w"), organisation=FJORD, invoice=an_id("a"), amount=40)
    with pytest.raises(RuleViolation, match="write_off_exceeds"):
        books.post(msgspec.structs.replace(lost, amount=41))
    books.post(lost)
    assert (books.balance("receivable"), books.balance("write_off")) == (0, 40)


def test_amounts_are_one_minor_unit_or_more_and_parts_fit() -> None:
    for wrong in (received("ch", 0), received("ch", 10, (-1, None)), refunded("re", "ch", 0)):
        with pytest.raises(RuleViolation, match="amount_invalid"):
            Books([received("ch", 10), wrong] if isinstance(wrong, Refunded) else [wrong])
    with pytest.raises(RuleViolation, match="parts_exceed"):
        Books([received("ch", 10, (11, None))])
