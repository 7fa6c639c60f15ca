"""What is told of an organisation, day by day, and what a new word on it changes.

A fact holds from its day until the next word on the same fact: who tells late that a company moved in March does not
overwrite its next move, which was told already. Days are half-open. Facts start somewhere, and before that the first
ones hold (`Organisation.profile_on`): a word on such a day stretches them back, so that they still hold before it.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

import msgspec

from cluster_rules.periods import FAR, Period, between

Values = dict[str, Any]
# Facts that are one word together: a count and the day it was made.
_TOGETHER = {"employees": ("employees", "employees_as_of"), "employees_as_of": ("employees", "employees_as_of")}


class Told(msgspec.Struct, frozen=True):
    """The values of facts, by name, on the days of `period`."""

    period: Period
    values: Values


def changed(told: Sequence[Told], on: date, values: Values) -> tuple[Told, ...]:
    """What is told once these facts are so from `on`; `told` in order of days, at least one, without a gap."""
    listed = stretched(told, on)
    ends = {name: _next_word(listed, on, name) for name in values}
    out: list[Told] = []
    for piece in _pieces(listed, [on, *ends.values()]):
        new = {name: values[name] for name in values if on <= piece.period.start < ends[name]}
        out.append(Told(piece.period, piece.values | new))
    return joined(out)


def replaced(told: Sequence[Told], on: date, values: Values) -> tuple[Told, ...]:
    """What stood on the days that `changed` changes, and only of the facts that it changes there: to restore it."""
    listed = stretched(told, on)
    ends = {name: _next_word(listed, on, name) for name in values}
    out: list[Told] = []
    for piece in _pieces(listed, [on, *ends.values()]):
        names = [name for name in values if on <= piece.period.start < ends[name]]
        if names:
            out.append(Told(piece.period, {name: piece.values[name] for name in names}))
    return tuple(out)


def restored(told: Sequence[Told], before: Sequence[Told], values: Values) -> tuple[Told, ...]:
    """What is told without the change to `values`, where that still stands: `before` are the days it replaced."""
    edges = [day for old in before for day in (old.period.start, old.period.end_or_far)]
    out: list[Told] = []
    for piece in _pieces(told, edges):
        old = next((old for old in before if old.period.covers(piece.period.start)), None)
        back = {n: v for n, v in old.values.items() if piece.values[n] == values[n]} if old else {}
        out.append(Told(piece.period, piece.values | back))
    return joined(out)


def stretched(told: Sequence[Told], on: date) -> list[Told]:
    """The same, beginning before `on`."""
    first, *others = told
    start = min(on - timedelta(days=1), first.period.start)
    return [msgspec.structs.replace(first, period=Period(start, first.period.end)), *others]


def joined(told: Iterable[Told]) -> tuple[Told, ...]:
    """Neighbours that say the same become one."""
    out: list[Told] = []
    for piece in told:
        if out and out[-1].values == piece.values and out[-1].period.end == piece.period.start:
            piece = Told(Period(out.pop().period.start, piece.period.end), piece.values)
        out.append(piece)
    return tuple(out)


def _next_word(listed: Sequence[Told], on: date, name: str) -> date:
    """The first day after `on` from which something else is told of the fact than on that day; FAR: never."""
    names = _TOGETHER.get(name, (name,))
    now = next((piece for piece in listed if piece.period.covers(on)), listed[-1])
    later = (p for p in listed if p.period.start > on and any(p.values[n] != now.values[n] for n in names))
    return next((piece.period.start for piece in later), FAR)


def _pieces(told: Sequence[Told], edges: Iterable[date]) -> Iterable[Told]:
    """The same, cut at these days as well."""
    days = sorted(set(edges))
    for each in told:
        starts = [each.period.start, *(day for day in days if each.period.start < day < each.period.end_or_far)]
        for start, end in zip(starts, [*starts[1:], each.period.end_or_far], strict=True):
            part = between(start, end)
            if part:
                yield Told(part, each.values)
