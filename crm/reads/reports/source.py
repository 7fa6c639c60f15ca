"""A report as data: SQL relations, what is counted or summed over them, and by what the counting is cut.

The figures and the rows behind them come from the same relation under the same condition, so that they cannot differ.

A relation's SQL names its parameters `:networks` (uuid[]), `:start`, `:end`, `:as_of`, `:compare_start`,
`:compare_end` (date), `:known_at` (timestamptz) and `:option_<code>` (text); `stands(p)` says which rows of an
append-only table `p` are believed (crm/reads/known.py), `decided(d)` the same of decisions, which are withdrawn.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from crm.reads.reports.grounds import Ground
from crm.reports import Asked, Chart, Column, Figure, Kind, Option, Table

How = Literal["count", "sum", "mean", "median", "share"]


class Relation(msgspec.Struct, frozen=True):
    """One row a thing; `sql` has the `columns` and a text `key`, which is unique and the order of the rows.

    `by`: columns (of `columns` or not) that figures are cut by; null is "", the bucket of what is unknown.
    `narrow`: further dimensions of figure codes, as a condition on the columns with `:value` (text) for the value.
    `together`: SQL with the same sums from fewer rows, for figures; only where every measure is a sum, or rows are as
    many. Relations with the same `together` are asked in one statement: by `where` a measure says which rows are its.
    `course`: the same rows from courses (ADR 0044), on the ground that is given (ADR 0052), with the columns whose
    names are given and no others. A test holds it to what `sql` says.
    `counted`: as `course`, for figures by `facts` alone: fewer rows, each with how `many` it stands for; None where the
    ground does not say it.
    `facts`: columns of few values that all conditions of measures are about: rows are counted once by these and by what
    they are cut by, and measures are reckoned from those counts.
    """

    sql: str
    columns: tuple[Column, ...]
    by: tuple[str, ...] = ()
    narrow: dict[str, str] = {}
    together: str = ""
    course: Callable[[frozenset[str], Ground], str] | None = None
    counted: Callable[[frozenset[str], Ground], str | None] | None = None
    facts: tuple[str, ...] = ()


class Measure(msgspec.Struct, frozen=True):
    """What is counted over a relation: the rows where `where` holds.

    sum, mean and median are of the column `of`. A share is, of the rows where `where` holds, the part of those for
    which the condition `of` holds; `asks` is the part of the figure code that is `:value` in that condition. Money is
    added up for each `currency` of its own.
    """

    code: str
    over: str
    where: str = "true"
    how: How = "count"
    of: str = ""
    kind: Kind = "number"
    shown: bool = True  # as a figure; else only in tables
    asks: str = ""


class Cut(msgspec.Struct, frozen=True):
    """A table: the measures by one or several dimensions, largest first (`order` size) or in the order of codes.

    `shown`: else it is there for `further` alone. `most`: so many rows, and what is left together as OTHERS in a last
    one of each currency (0: all); one cut of a relation, only of sums and counts. Beside another period the same are
    listed in both. `codes`: those of the first dimension that come in this order, before all others.
    """

    code: str
    measures: tuple[str, ...]
    by: tuple[str, ...]
    order: Literal["size", "code"] = "size"
    shown: bool = True
    most: int = 0
    codes: tuple[str, ...] = ()


class Figures:
    """The measures of a report in one currency, by code; 0 for none. `option`: what was asked beside."""

    def __init__(self, values: Mapping[str, Any], options: Mapping[str, str]) -> None:
        self._values = values
        self._options = options

    def __call__(self, code: str) -> int:
        return self._values.get(code) or 0

    def option(self, code: str) -> int:
        """A whole number that was given with the question."""
        return int(self._options[code])


class Derived(msgspec.Struct, frozen=True):
    """A figure reckoned from measures, in every currency of them: a rate, a mean. It has no rows of its own."""

    code: str
    kind: Kind
    of: Callable[[Figures], int | float | None]


# From the figures' values and the tables, those that are not shown too: more of both.
Further = Callable[[Asked, Mapping[str, Any], Mapping[str, Table]], tuple[tuple[Figure, ...], tuple[Table, ...]]]


class Source(msgspec.Struct, frozen=True):
    """A report. `stock`: it is of a day (`as_of`), not of a period. `further` adds what cuts cannot say.

    `words`: the vocabulary of a dimension.
    `host_wide`: a page asks for all networks of the host that
    the reader may open.
    """

    name: str
    area: Literal["members", "money", "activity"]
    relations: dict[str, Relation]
    measures: tuple[Measure, ...]
    cuts: tuple[Cut, ...] = ()
    charts: tuple[Chart, ...] = ()
    options: tuple[Option, ...] = ()
    stock: bool = False
    host_wide: bool = False
    further: Further | None = None
    derived: tuple[Derived, ...] = ()
    words: dict[str, str] = {}

    def measure(self, code: str) -> Measure | None:
        """The measure of this code."""
        return next((each for each in self.measures if each.code == code), None)
