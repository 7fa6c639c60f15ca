"""Amounts of money as people type them into a field, and back: whole minor units of their currency.

A króna has no minor unit, an øre is a hundredth of a krone: nothing here knows an amount without its currency.
"""

import re
from decimal import Decimal

from cluster_rules.money import digits

_AMOUNT = re.compile(r"(\d{1,3}(?:[ .\u00a0\u202f]\d{3})+|\d{1,12})(?:[,.](\d{1,2}))?")
_GROUPS = re.compile(r"[ .\u00a0\u202f]")


def read(text: str, currency: str) -> int | None:
    """What somebody typed, in minor units: 1 500, 1.500,50 and 1500.5 all count; None when it is no amount."""
    found = _AMOUNT.fullmatch(text.strip())
    if not found:
        return None
    whole, rest, places = int(_GROUPS.sub("", found[1])), found[2] or "", digits(currency)
    if rest[places:].strip("0"):
        return None
    return whole * 10**places + int(rest[:places].ljust(places, "0") or 0)


def write(language: str, amount: int, currency: str) -> str:
    """An amount as somebody would type it into a field."""
    text = f"{decimal(amount, currency):f}"
    return text.replace(".", ",") if language == "nb" else text


def decimal(amount: int, currency: str) -> Decimal:
    """For files: 59 750 kr is 59750.00, with as many decimals as the currency has."""
    return Decimal(amount).scaleb(-digits(currency))
