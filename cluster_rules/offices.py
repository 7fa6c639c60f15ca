"""Offices of a network: since when they are open, and which countries they serve (domain.md 1.5, AC-5).

"Oslo office run by NORA for the Nordic countries and UK" is one office of CLAIRE's data.
"""

from collections.abc import Iterable
from datetime import date

import msgspec


class Office(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`opened_on` None: longer than is known; `closed_on` is the first day it is not open any more.

    `host` runs it; `serves` are ISO 3166 alpha-2 codes, none means every country.
    """

    city: str
    opened_on: date | None = None
    closed_on: date | None = None
    host: str = ""
    serves: tuple[str, ...] = ()


def open_on(offices: Iterable[Office], day: date) -> list[Office]:
    """Those that are open on a day."""
    return [
        each
        for each in offices
        if (each.opened_on is None or each.opened_on <= day) and (each.closed_on is None or day < each.closed_on)
    ]


def serving(offices: Iterable[Office], country: str) -> list[Office]:
    """Those that serve a country by name; when none does, those that serve everybody."""
    listed = list(offices)
    named = [each for each in listed if country in each.serves]
    return named or [each for each in listed if not each.serves]
