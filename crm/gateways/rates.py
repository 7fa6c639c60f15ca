"""The table of late-interest rates: the one that comes with Klynge, or the operator's own (KLYNGE_LATE_INTEREST)."""

import tomllib
from pathlib import Path

import msgspec

from cluster_rules import late_interest
from cluster_rules.late_interest import Rate
from crm.errors import Refused
from crm.paths import LATE_INTEREST


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rates: tuple[Rate, ...]


def read(path: str = "") -> tuple[Rate, ...]:
    """The rates. Refused `rates_unreadable` for a file that is not there or does not say what it must."""
    file = Path(path) if path else LATE_INTEREST
    try:
        found = msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), _Table).rates
        late_interest.check(found)
    except (OSError, ValueError) as error:  # TOML, UTF-8 and msgspec mistakes are ValueErrors
        raise Refused("rates_unreadable", "rates", message=str(error)) from error
    return found
