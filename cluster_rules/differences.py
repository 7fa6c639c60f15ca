"""What one version of a rulebook says otherwise than another: as data, for `crm/rulebook_words.py` to put in words."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import msgspec

from cluster_rules.networks import Rulebook


class Difference(msgspec.Struct, frozen=True):
    """One place where two versions differ; None = it is not there.

    `path` goes by code, not by place: ("tiers", "principal", "fees", "membership", "amount"). A level, fee
    or link rule that is new or gone is one difference with all its data.
    """

    path: tuple[str, ...]
    old: Any
    new: Any


def compare(before: Rulebook, after: Rulebook) -> list[Difference]:
    """Every difference, in the order of the document; the order of levels and rules says nothing."""
    old, new = (msgspec.to_builtins(book, builtin_types=(date,)) for book in (before, after))
    return list(_compare((), old, new))


def _compare(path: tuple[str, ...], old: Any, new: Any) -> Iterator[Difference]:
    if _by_code(path):
        old, new = ({each["code"]: each for each in listed} for listed in (old, new))
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(k for k in new if k not in old)]:
            yield from _compare((*path, key), old.get(key), new.get(key))
    elif old != new:
        yield Difference(path, old, new)


def _by_code(path: tuple[str, ...]) -> bool:
    """Is this a list of levels, fees or link rules?"""
    return path in (("tiers",), ("link_rules",)) or (len(path) == 3 and path[0] == "tiers" and path[2] == "fees")
