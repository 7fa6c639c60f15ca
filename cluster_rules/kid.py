"""KID: the customer identification number by which a Norwegian bank says which invoice was paid.

2 to 25 digits, the last a check digit by MOD10 or MOD11 as agreed with the bank for the account (Nets'
OCR giro specification). Ours is made of the customer's number and the invoice's, each of a fixed width,
so that a payment can be placed even when only one of the two is known.
"""

from typing import Literal

import msgspec

from cluster_rules import check_digits
from cluster_rules.errors import RuleViolation

SHORTEST = 2
LONGEST = 25
Method = Literal["MOD10", "MOD11"]
_CHECK = {"MOD10": check_digits.mod10, "MOD11": check_digits.mod11}


class Scheme(msgspec.Struct, frozen=True):
    """How the KIDs of one account are made; as in the agreement with the bank.

    With MOD11 a filler digit stands first: invoice numbers have no gaps, so a number whose check character
    would be "-" cannot be passed over, and the other filler gives it a digit.
    """

    method: Method = "MOD10"
    customer_digits: int = 6
    invoice_digits: int = 7

    @property
    def length(self) -> int:
        """How long every KID of this scheme is."""
        return self.customer_digits + self.invoice_digits + 1 + (self.method == "MOD11")


class Parts(msgspec.Struct, frozen=True):
    """What a KID of ours says."""

    customer: int
    invoice: int


def made(scheme: Scheme, customer: int, invoice: int) -> str:
    """The KID of an invoice. RuleViolation `kid_length` when the scheme or a number does not fit."""
    if not SHORTEST <= scheme.length <= LONGEST:
        raise RuleViolation("kid_length", "kid", length=scheme.length, least=SHORTEST, most=LONGEST)
    body = _padded(customer, scheme.customer_digits, "customer") + _padded(invoice, scheme.invoice_digits, "invoice")
    fillers = ("0", "1") if scheme.method == "MOD11" else ("",)
    closed = (filler + body + _CHECK[scheme.method](filler + body) for filler in fillers)
    return next(each for each in closed if each.isdigit())


def normalised(given: str) -> str:
    """A KID as a person or a bank file writes it, without spaces and dots."""
    return "".join(given.split()).replace(".", "")


def valid(kid: str, method: Method | None = None) -> bool:
    """Has it the form of a KID, by this method or (None) by either? "-" is MOD11's sign for ten."""
    if not SHORTEST <= len(kid) <= LONGEST or not _ascii(kid[:-1]) or not (_ascii(kid[-1]) or kid[-1] == "-"):
        return False
    methods = (method,) if method else ("MOD10", "MOD11")
    return any(_CHECK[each](kid[:-1]) == kid[-1] for each in methods)


def read(scheme: Scheme, kid: str) -> Parts:
    """The customer and the invoice in a KID of this scheme.

    RuleViolation `kid_length` when it is not as long as ours are, `kid_check_digit` when a digit is wrong.
    """
    given = normalised(kid)
    if len(given) != scheme.length:
        raise RuleViolation("kid_length", "kid", length=len(given), least=scheme.length, most=scheme.length)
    if not valid(given, scheme.method):
        raise RuleViolation("kid_check_digit", "kid", given=given, method=scheme.method)
    body = given[scheme.method == "MOD11" : -1]
    return Parts(int(body[: scheme.customer_digits]), int(body[scheme.customer_digits :]))


def _padded(number: int, digits: int, part: str) -> str:
    text = f"{number:0{digits}d}"
    if number < 0 or len(text) != digits:
        raise RuleViolation("kid_length", part, length=len(text), least=digits, most=digits)
    return text


def _ascii(text: str) -> bool:
    return text.isascii() and text.isdigit()
