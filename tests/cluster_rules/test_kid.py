"""KID: known numbers, what is made is valid and can be read again, and which slips of the hand it catches."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.no import kontonr, orgnr

from cluster_rules import check_digits, kid
from cluster_rules.errors import RuleViolation
from tests.cluster_rules.histories import QUICK

MOD10, MOD11 = kid.Scheme(), kid.Scheme("MOD11")
SCHEMES = st.sampled_from([MOD10, MOD11])
CUSTOMERS, INVOICES = st.integers(0, 999_999), st.integers(0, 9_999_999)
BODIES = st.text("0123456789", min_size=1, max_size=24)


@pytest.mark.parametrize(
    ("body", "mod10", "mod11"),
    [("1234567", "4", "4"), ("0006", "7", "-"), ("99999999", "8", "9"), ("7992739871", "3", "6"), ("0", "0", "0")],
)
def test_known_check_digits(body: str, mod10: str, mod11: str) -> None:
    """The first two are vectors of the norwegian-numbers package, the fourth is Luhn's own example."""
    assert (check_digits.mod10(body), check_digits.mod11(body)) == (mod10, mod11)


@QUICK
@given(BODIES)
def test_mod10_is_luhn_as_another_program_counts_it(body: str) -> None:
    assert check_digits.mod10(body) == luhn.calc_check_digit(body)


@QUICK
@given(st.text("0123456789", min_size=8, max_size=8), st.text("0123456789", min_size=10, max_size=10))
def test_mod11_is_that_of_organisation_and_account_numbers(organisation: str, account: str) -> None:
    assume(int(organisation))  # Peppol knows no organisation 000 000 000, python-stdnum does
    closed = organisation + check_digits.mod11(organisation)
    assert check_digits.norwegian_organisation(closed) == (closed[-1] != "-" and orgnr.is_valid(closed))
    closed = account + check_digits.mod11(account)
    assert check_digits.norwegian_account(closed) == (closed[-1] != "-" and kontonr.is_valid(closed))


def test_a_kid_as_it_stands_on_an_invoice() -> None:
    assert kid.made(MOD10, customer=4410, invoice=1) == "00441000000014"
    assert kid.made(MOD11, customer=4410, invoice=1) == "0004410000000" + "1" + check_digits.mod11("00044100000001")


@QUICK
@given(SCHEMES, CUSTOMERS, INVOICES)
def test_what_is_made_is_valid_and_is_read_again(scheme: kid.Scheme, customer: int, invoice: int) -> None:
    made = kid.made(scheme, customer, invoice)
    assert len(made) == scheme.length and made.isdigit()
    assert kid.valid(made, scheme.method)
    assert kid.read(scheme, f" {made[:4]} {made[4:]} ") == kid.Parts(customer, invoice)


def test_mod11_never_passes_over_a_number() -> None:
    """About one number in eleven would end in "-"; the other filler gives it a digit. No two are alike."""
    made = [kid.made(MOD11, 1, number) for number in range(2_000)]
    assert len({*made}) == 2_000
    assert all(each.isdigit() for each in made)
    assert sum(each.startswith("1") for each in made) > 100


@QUICK
@given(SCHEMES, CUSTOMERS, INVOICES, st.data())
def test_every_wrong_digit_is_caught(scheme: kid.Scheme, customer: int, invoice: int, data: st.DataObject) -> None:
    made = kid.made(scheme, customer, invoice)
    place = data.draw(st.integers(0, len(made) - 1))
    wrong = data.draw(st.sampled_from("0123456789"))
    assume(wrong != made[place])
    assert not kid.valid(made[:place] + wrong + made[place + 1 :], scheme.method)


@QUICK
@given(SCHEMES, CUSTOMERS, INVOICES, st.data())
def test_two_digits_in_the_wrong_order_are_caught(
    scheme: kid.Scheme, customer: int, invoice: int, data: st.DataObject
) -> None:
    """All of them by MOD11; by MOD10 all but 09 for 90."""
    made = kid.made(scheme, customer, invoice)
    place = data.draw(st.integers(0, len(made) - 2))
    left, right = made[place], made[place + 1]
    assume(left != right)
    swapped = made[:place] + right + left + made[place + 2 :]
    blind = scheme.method == "MOD10" and {left, right} == {"0", "9"}
    assert kid.valid(swapped, scheme.method) == blind


@pytest.mark.parametrize(
    "given_kid", ["", "1", "12345678901234567890123456", "00441000000016", "x0441000000014", "１８"]
)
def test_what_is_no_kid(given_kid: str) -> None:
    assert not kid.valid(given_kid)


def test_either_method_when_none_is_asked_for() -> None:
    assert kid.valid("0006-") and kid.valid("12345674")
    assert not kid.valid("0006-", "MOD10")


@pytest.mark.parametrize(
    ("customer", "invoice", "field"), [(1_000_000, 1, "customer"), (1, 10_000_000, "invoice"), (-1, 1, "customer")]
)
def test_a_number_that_does_not_fit_is_refused(customer: int, invoice: int, field: str) -> None:
    with pytest.raises(RuleViolation) as refused:
        kid.made(MOD10, customer, invoice)
    assert (refused.value.code, refused.value.field) == ("kid_length", field)


def test_a_scheme_no_bank_takes_is_refused() -> None:
    with pytest.raises(RuleViolation, match="kid_length"):
        kid.made(kid.Scheme(customer_digits=12, invoice_digits=13), 1, 1)


@pytest.mark.parametrize(
    ("given_kid", "code"), [("0044100000001", "kid_length"), ("00441000000015", "kid_check_digit")]
)
def test_reading_says_what_is_wrong(given_kid: str, code: str) -> None:
    with pytest.raises(RuleViolation) as refused:
        kid.read(MOD10, given_kid)
    assert refused.value.code == code


# The other numbers of an invoice


@pytest.mark.parametrize(
    ("number", "right"),
    [("NO7112345678903", True), ("DE89370400440532013000", True), ("NO7212345678903", False), ("NO", False)],
)
def test_iban(number: str, right: bool) -> None:
    assert check_digits.iban(number) is right


@pytest.mark.parametrize(
    ("scheme", "right", "wrong"),
    [
        ("0088", "7300010000001", "7300010000002"),
        ("0192", "923609016", "923609061"),
        ("0184", "DK12345678", "DK1234567"),
        ("0208", "0202239951", "0202239952"),
        ("0007", "5560360793", "5560360739"),
    ],
)
def test_organisation_numbers_by_scheme(scheme: str, right: str, wrong: str) -> None:
    _, holds = check_digits.BY_SCHEME[scheme]
    assert holds(right)
    assert not holds(wrong) and not holds("") and not holds("x")
