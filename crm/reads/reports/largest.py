"""Of many groups the largest, and the others together: said in SQL, so that nobody reads tens of thousands of rows."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from crm.reports import OTHERS


class Largest(msgspec.Struct, frozen=True):
    """Of the groups by `by`, only the `most` largest in the first of `measures` (their places), and the others as one.

    Groups in which every one of `measures` is nothing are none. `apart`: each value of these by itself, the currency.
    `chosen`: groups that are told whatever they come to, each its values of `by` and of `apart`.
    """

    by: tuple[str, ...]
    apart: tuple[str, ...]
    measures: tuple[int, ...]
    most: int
    chosen: tuple[tuple[str, ...], ...] = ()


def only_largest(
    largest: Largest, groups: str, by: Sequence[str], measures: int, bind: Callable[[Any, str], str]
) -> str:
    """From the statement `groups` (its `mask`, b_<by> and m<place>) one with these rows, and `others`, a truth value.

    It goes on after a `with`; `bind` takes a value and its type. Largest first, what is unknown last, then by code:
    `engine._order` says it in Python.
    """
    mask = sum(1 << at for at, name in enumerate(reversed(by)) if name not in (*largest.by, *largest.apart))
    something = " or ".join(f"m{at} <> 0" for at in largest.measures)
    codes = "".join(f", b_{name} = '', b_{name} collate \"C\"" for name in (*largest.by, *largest.apart))
    order = f"b_{largest.by[0]} = '', m{largest.measures[0]} desc{codes}"
    place = f"row_number() over (partition by mask = {mask} and ({something}) order by {order})"
    told = f"place <= {largest.most}"
    if largest.chosen:
        lists = ", ".join(bind(list(values), "text[]") for values in zip(*largest.chosen, strict=True))
        named = ", ".join(f"b_{name}" for name in (*largest.by, *largest.apart))
        told = f"({told} or ({named}) in (select * from unnest({lists})))"
    sums = [f"sum(m{at})::bigint" if at in largest.measures else "null" for at in range(measures)]
    labels = [
        f"'{OTHERS}'" if name in largest.by else f"b_{name}" if name in largest.apart else "null" for name in by
    ]  # fmt: skip
    return (
        f", t as ({groups}), p as (select t.*, case when mask = {mask} and ({something}) then {place} end as place"
        f" from t) select {', '.join(f'b_{name}' for name in by)}, mask, false as others,"
        f" {', '.join(f'm{at}' for at in range(measures))} from p where mask <> {mask} or {told}"
        f" union all select {', '.join(labels)}, {mask}, true, {', '.join(sums)} from p where place > 0 and not {told}"
        f" group by {', '.join(('mask', *(f'b_{name}' for name in largest.apart)))}"
    )
