"""A report as data: SQL relations, what is counted or summed over them, and by what the counting is cut.

The figures and the rows behind them come from the same relation under the same condition, so that they cannot differ.

A relation's SQL names its parameters `:networks` (uuid[]), `:start`, `:end`, `:as_of`, `:compare_start`,
`:compare_end` (date), `:known_at` (timestamptz) and `:option_<code>` (text); `stands(p)` says which rows of an
append-only table `p` are believed (crm/reads/known.py).
"""

from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec

from crm.database import Connection
from crm.reports import Asked, Chart, Column, Figure, Kind, Option, Table

How = Literal["count", "sum", "mean", "median", "share"]


class Relation(msgspec.Struct, frozen=True):
    """One row a thing; `sql` has the `columns` and a text `key`, which is unique and the order of the rows.

    `by`: columns (of `columns` or not) that figures are cut by; null is "", the bucket of what is unknown.
    `narrow`: further dimensions of figure codes, as a condition on the columns with `:value` (text) for the value.
    """

    sql: str
    columns: tuple[Column, ...]
    by: tuple[str, ...] = ()
    narrow: dict[str, str] = {}


class Measure(msgspec.Struct, frozen=True):
    """What is counted over a relation: the rows where `where` holds.

    sum, mean and median are of the column `of`. A share is, of the rows where `where` holds, the part of those for
    which the condition `of` holds. Money is added up for each `currency` of its own.
    """

    code: str
    over: str
    where: str = "true"
    how: How = "count"
    of: str = ""
    kind: Kind = "number"
    shown: bool = True  # as a figure; else only in tables


class Cut(msgspec.Struct, frozen=True):
    """A table: the measures by one or several dimensions, largest first (`order` size) or in the order of codes."""

    code: str
    measures: tuple[str, ...]
    by: tuple[str, ...]
    order: Literal["size", "code"] = "size"


Further = Callable[[Connection, Asked], Awaitable[tuple[tuple[Figure, ...], tuple[Table, ...]]]]


class Source(msgspec.Struct, frozen=True):
    """A report. `stock`: it is of a day (`as_of`), not of a period. `further` adds what cuts cannot say.

    `words`: the vocabulary of a dimension. `host_only`: it asks for all networks of a host at once.
    """

    name: str
    area: Literal["members", "money", "activity"]
    relations: dict[str, Relation]
    measures: tuple[Measure, ...]
    cuts: tuple[Cut, ...] = ()
    charts: tuple[Chart, ...] = ()
    options: tuple[Option, ...] = ()
    stock: bool = False
    further: Further | None = None
    words: dict[str, str] = {}

    def measure(self, code: str) -> Measure | None:
        """The measure of this code."""
        return next((each for each in self.measures if each.code == code), None)
