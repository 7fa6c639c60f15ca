"""Who of the member list the filters let through, and what each filter would give, the others as they are.

All of it by bits (bitmaps.py): a group of filters lets a row through when any of its values fits.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from crm.reads.bitmaps import Bits, all_of, any_of, of_list
from crm.reads.member_index import COUNTED, Index
from crm.reads.member_query import GROUPS, NONE, Field, Filters, Search
from crm.reads.member_rows import Row


class Shown(msgspec.Struct, frozen=True):
    """Who is shown; who would be if a group asked for nothing, for those that ask for something."""

    bits: Bits
    within: Mapping[str, Bits]


def shown(index: Index, s: Search) -> Shown:
    """What the filters let through."""
    base = _found(index, s)
    sets = {group: _having(index, group, s.filters) for group in GROUPS if s.filters.of(group) or group == "state"}
    sets |= {f"f.{each.code}": _answering(index, each, s.filters) for each in s.fields if each.code in s.filters.fields}
    within = {group: all_of([base, *(bits for other, bits in sets.items() if other != group)]) for group in sets}
    return Shown(all_of([base, *sets.values()]), within)


def counted(index: Index, s: Search, who: Shown) -> dict[str, dict[str, int]]:
    """For each group and value how many rows nothing but this group keeps out."""
    out = {}
    for group in GROUPS:
        within, kept = who.within.get(group, who.bits), index.marks[group]
        out[group] = _sizes(
            within, {mark: kept.bits(mark) for mark in (index.live if group == "tag" else kept.marks())}
        )
    out["tag"] |= _sizes(who.within.get("tag", who.bits), {NONE: _untagged(index)})
    for field in s.fields:
        if field.kind in COUNTED:
            within, kept = who.within.get(f"f.{field.code}", who.bits), index.marks[str(field.id)]
            marks = {mark: kept.bits(mark) for mark in kept.marks() if mark}
            out[f"f.{field.code}"] = _sizes(within, marks | {NONE: index.everybody & ~kept.bits("")})
    return {group: values for group, values in out.items() if values}


def _sizes(within: Bits, marks: Mapping[str, Bits]) -> dict[str, int]:
    return {mark: n for mark, bits in marks.items() if (n := (within & bits).bit_count())}


def _found(index: Index, s: Search) -> Bits:
    """Who has the text, joined between the days, and is among those that alone are asked for."""
    bits, wanted = index.everybody, s.filters
    if text := wanted.text.strip().lower():
        number = text.replace(" ", "")
        bits &= _where(index, lambda row: text in row.names or number in row.numbers)
    if first := wanted.joined_from:
        bits &= _where(index, lambda row: row.since >= first)
    if last := wanted.joined_to:
        bits &= _where(index, lambda row: row.since <= last)
    if s.only is not None:
        bits &= of_list([index.places[each] for each in s.only if each in index.places])
    return bits


def _where(index: Index, fits: Callable[[Row], bool]) -> Bits:
    return of_list([place for place, row in enumerate(index.rows) if fits(row)])


def _having(index: Index, group: str, wanted: Filters) -> Bits:
    kept, values = index.marks[group], set(wanted.of(group))
    if group == "state":
        values = set(wanted.states)
    elif group == "balance" and "open" in values:
        values = {"open"}
    elif group == "leaving":
        values = {max(values, key=int)}
    bits = any_of(kept.bits(value) for value in values)
    return bits | _untagged(index) if group == "tag" and NONE in values else bits


def _untagged(index: Index) -> Bits:
    """Who has none of the tags there are."""
    return index.everybody & ~any_of(index.marks["tag"].bits(tag) for tag in index.live)


def _answering(index: Index, field: Field, wanted: Filters) -> Bits:
    """Whose answer to a custom field fits what is asked of it."""
    asked, code = wanted.fields[field.code], str(field.id)
    kept = index.marks[code]
    if values := asked.get("is"):
        none = index.everybody & ~kept.bits("") if NONE in values else 0
        return none | any_of(kept.bits(value) for value in values if value != NONE)
    if "has" in asked:
        text = str(asked["has"]).lower()
        return _telling(index, code, lambda value: text in str(value).lower())
    read: Callable[[Any], Any] = date.fromisoformat if field.kind == "day" else lambda value: Decimal(str(value))
    lowest, highest = asked.get("from"), asked.get("to")
    return _telling(
        index,
        code,
        lambda value: (lowest is None or read(value) >= lowest) and (highest is None or read(value) <= highest),
    )


def _telling(index: Index, code: str, fits: Callable[[Any], bool]) -> Bits:
    """Who has an answer that fits."""
    rows: Iterable[tuple[int, Row]] = enumerate(index.rows)
    return of_list([place for place, row in rows if code in row.answers and fits(row.answers[code])]) & index.everybody
