"""Check digits of the numbers that stand on an invoice. All take and give digits as text; none strips anything.

Sources: MOD10 and MOD11 as in Nets' KID specification; organisation numbers as the Peppol rules COMMON-R040
to R049 check them; ISO 13616 for IBAN.
"""

import re
from collections.abc import Callable

_DIGITS = re.compile(r"[0-9]+")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[0-9A-Z]{11,30}")
_ZERO = ord("0")
_DOUBLED = str.maketrans("0123456789", "0246813579")  # twice a digit, its digits added up
MOD11_WEIGHTS = (2, 3, 4, 5, 6, 7)  # from the right, again from the start


def mod10(body: str) -> str:
    """The Luhn check digit after `body`: every second digit doubled from the right, sums of digits."""
    digits = body[-2::-2] + body[::-2].translate(_DOUBLED)
    return str(-(sum(digits.encode()) - _ZERO * len(digits)) % 10)


def mod11(body: str) -> str:
    """The MOD11 check character after `body`; "-" where it would be ten."""
    total = sum(int(digit) * MOD11_WEIGHTS[place % 6] for place, digit in enumerate(reversed(body)))
    check = -total % 11
    return "-" if check == 10 else str(check)


def norwegian_organisation(number: str) -> bool:
    """Nine digits, the last by MOD11 (scheme 0192)."""
    return _closed(number, 9, mod11) and int(number) > 0


def norwegian_account(number: str) -> bool:
    """Eleven digits, the last by MOD11."""
    return _closed(number, 11, mod11)


def norwegian_vat(number: str) -> bool:
    """NO, an organisation number, MVA (NO-R-001)."""
    return number[:2] == "NO" and number[11:] == "MVA" and norwegian_organisation(number[2:11])


def swedish_organisation(number: str) -> bool:
    """Ten digits, the last by MOD10 (scheme 0007)."""
    return _closed(number, 10, mod10)


def danish_organisation(number: str) -> bool:
    """Eight digits, with or without DK (scheme 0184); the Peppol rule looks at the form only."""
    return re.fullmatch(r"(DK)?[0-9]{8}", number) is not None


def belgian_enterprise(number: str) -> bool:
    """Ten digits, the last two 97 less the first eight modulo 97 (scheme 0208)."""
    return re.fullmatch(r"[0-9]{10}", number) is not None and 97 - int(number[:8]) % 97 == int(number[8:])


def gln(number: str) -> bool:
    """A GS1 location number: the last digit closes a sum with weights 3 and 1 from the right (scheme 0088)."""
    if not _DIGITS.fullmatch(number):
        return False
    total = sum(int(digit) * (3 - 2 * (place % 2)) for place, digit in enumerate(reversed(number[:-1])))
    return -total % 10 == int(number[-1])


def iban(number: str) -> bool:
    """Country, two check digits, account: modulo 97 it is 1, letters counted from A = 10."""
    if not _IBAN.fullmatch(number):
        return False
    return int("".join(str(int(sign, 36)) for sign in number[4:] + number[:4])) % 97 == 1


def _closed(number: str, length: int, check: Callable[[str], str]) -> bool:
    right = len(number) == length and _DIGITS.fullmatch(number) is not None
    return right and check(number[:-1]) == number[-1]


# ISO 6523 scheme -> (Peppol rule, does the number have its form?)
BY_SCHEME: dict[str, tuple[str, Callable[[str], bool]]] = {
    "0088": ("PEPPOL-COMMON-R040", gln),
    "0192": ("PEPPOL-COMMON-R041", norwegian_organisation),
    "0184": ("PEPPOL-COMMON-R042", danish_organisation),
    "0208": ("PEPPOL-COMMON-R043", belgian_enterprise),
    "0007": ("PEPPOL-COMMON-R049", swedish_organisation),
}
