"""Codes of RFC 6238: its own test vectors, the half minutes around, and none twice."""

import pytest

from crm import totp

SECRET = b"12345678901234567890"  # appendix B; it shows eight digits, apps show the last six
VECTORS = {59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 20000000000: "353130"}


@pytest.mark.parametrize("moment", VECTORS)
def test_the_codes_are_those_of_the_standard(moment):
    assert totp.code(SECRET, totp.step_of(moment)) == VECTORS[moment]


@pytest.mark.parametrize(("away", "taken"), [(-61, False), (-30, True), (0, True), (30, True), (61, False)])
def test_a_code_is_taken_half_a_minute_early_or_late(away, taken):
    now = 1234567890
    given = totp.code(SECRET, totp.step_of(now + away))
    assert (totp.matching_step(SECRET, given, now, 0) is not None) == taken


def test_a_code_is_taken_once_and_none_before_it():
    now = 1234567890
    step = totp.matching_step(SECRET, totp.code(SECRET, totp.step_of(now)), now, 0)
    assert totp.matching_step(SECRET, totp.code(SECRET, step), now, step) is None
    assert totp.matching_step(SECRET, totp.code(SECRET, step - 1), now, step) is None
    assert totp.matching_step(SECRET, totp.code(SECRET, step + 1), now, step) == step + 1


@pytest.mark.parametrize("given", ["", "12345", "1234567", "æøåæøå", "      "])
def test_what_is_no_code_is_wrong(given):
    assert totp.matching_step(SECRET, given, 1234567890, 0) is None


def test_the_secret_is_written_for_people_and_for_phones():
    assert totp.written(SECRET) == "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ"
    address = totp.address(SECRET, "Klynge", "kari+a@klynge.example")
    assert address == (
        "otpauth://totp/Klynge%3Akari%2Ba@klynge.example?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Klynge"
    )
    assert len(totp.new_secret()) == 20 and totp.new_secret() != totp.new_secret()
