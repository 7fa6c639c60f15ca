"""What reports are made of: the questions, the figures, the tables, and how each leads to the rows behind it.

A **figure code** names rows: the code of a measure, narrowed by parts `/dimension=value` (values quoted as in an
address): `members`, `lapsed/reason=unpaid`, `open/bucket=30/currency=NOK`. Whoever asks for the rows of a code gets
the rows that were counted, or summed, for the figure of that code.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import quote, unquote
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from cluster_rules.errors import RuleViolation

Kind = Literal["text", "day", "number", "money", "share", "days"]
MOST_NARROWINGS = 6
MOST_YEARS = 30
OTHERS = "\u2026"  # the label of a table's row that has together what is not listed one by one
EARLIEST, LATEST = date(1900, 1, 1), date(2200, 1, 1)


class Asked(msgspec.Struct, frozen=True):
    """The questions of a report. Networks are all of one host; an organisation in several of them counts once.

    `start` and `end` are the period, half-open, in the networks' time zone; `as_of` is the day that stocks are of.
    `known_at`: only what was recorded by then (None: everything). `compare`: the period of the figures beside.
    """

    networks: tuple[UUID, ...]
    start: date
    end: date
    as_of: date
    known_at: datetime | None = None
    compare: tuple[date, date] | None = None
    options: dict[str, str] = {}

    @property
    def then(self) -> "Asked":
        """The same questions of the period of comparison, as of the day that is as far into it."""
        start, end = self.compare or (self.start, self.end)
        months = (self.start.year - start.year) * 12 + self.start.month - start.month
        whole = start.day == self.start.day
        day = later(self.as_of, -months) if whole else self.as_of - (self.start - start)
        return msgspec.structs.replace(self, start=start, end=end, as_of=day, compare=None)


class Column(msgspec.Struct, frozen=True):
    """A column of a table or of rows. `words` names the vocabulary its codes are told in (crm/report_words.py).

    Money is in minor units of the row's column `currency`; a share is 0 to 1; days are a number of days.
    """

    code: str
    kind: Kind = "text"
    words: str = ""
    width: int = 16


class Figure(msgspec.Struct, frozen=True):
    """A figure, and whether its rows can be asked for by its code. None: there is nothing to divide by, or no value.

    `currency`: of money. `before`: the same figure of the period of comparison.
    """

    code: str
    value: int | float | None
    kind: Kind = "number"
    rows: bool = True
    currency: str = ""
    before: int | float | None = None

    @property
    def measure(self) -> str:
        """The code its words stand under."""
        return self.code.partition("/")[0]


class Cell(msgspec.Struct, frozen=True):
    """One cell; `figure`: the code of the rows behind it ("": none), `then`: in the period compared with."""

    value: Any
    figure: str = ""
    then: bool = False


class Table(msgspec.Struct, frozen=True):
    """Rows of cells, one for each column; `total` is the last row once more, of everything."""

    code: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: tuple[Cell, ...] = ()


class Chart(msgspec.Struct, frozen=True):
    """A drawing of a table: `kind` is a name of crm/charts.py, `label` and `values` are columns of the table."""

    kind: Literal["area", "bars", "hbar", "cohort"]
    table: str
    label: str
    values: tuple[str, ...]


class Report(msgspec.Struct, frozen=True):
    """A report that was made."""

    name: str
    asked: Asked
    figures: tuple[Figure, ...]
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()

    def figure(self, code: str) -> Figure:
        """The figure of this code; KeyError."""
        return next((each for each in self.figures if each.code == code), None) or _missing(code)

    def table(self, code: str) -> Table:
        """The table of this code; KeyError."""
        return next((each for each in self.tables if each.code == code), None) or _missing(code)


class Rows(msgspec.Struct, frozen=True):
    """A page of the rows behind a figure; `after` asks for the next page (None: there is none).

    `measured`: the place of the column that a sum, mean or median is of, or that says which rows of a share count
    (1 or 0); None: the figure is how many rows there are.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    after: str | None = None
    measured: int | None = None


class Option(msgspec.Struct, frozen=True):
    """A question that only one report asks: a whole number from `least` to `most`, or one of `choices`."""

    code: str
    default: str
    least: int = 0
    most: int = 0
    choices: tuple[str, ...] = ()

    def checked(self, given: str) -> str:
        """What was given, when it can be. RuleViolation `report_option`."""
        if self.choices:
            if given in self.choices:
                return given
            rule = ", ".join(self.choices)
        else:
            if given.isascii() and given.isdigit() and len(given) <= 9 and self.least <= int(given) <= self.most:
                return str(int(given))
            rule = f"{self.least}–{self.most}"
        raise RuleViolation("report_option", self.code, given=given[:60], allowed=rule)


class ReportWords(msgspec.Struct, frozen=True):
    """A report in words (English sources): its title, what it is for, code -> (name, definition) of its figures (by
    measure), code -> heading of its tables."""

    title: str
    summary: str
    figures: dict[str, tuple[str, str]]
    tables: dict[str, str] = {}
    options: dict[str, str] = {}


def period(code: str, today: date) -> tuple[date, date] | None:
    """A period by its name: this_year, last_year, this_quarter, last_quarter, this_month, last_month; else None."""
    which, _, length = code.partition("_")
    months = {"year": 12, "quarter": 3, "month": 1}.get(length)
    if which not in ("this", "last") or months is None:
        return None
    start = date(today.year, (today.month - 1) // months * months + 1, 1)
    if which == "last":
        start = later(start, -months)
    return start, later(start, months)


def comparison(code: str, start: date, end: date) -> tuple[date, date] | None:
    """A period to compare with: `previous` (just before, as long), `year` (a year before), or two days with / between.

    None for none. RuleViolation `report_compare`.
    """
    if not code:
        return None
    if code == "year":
        return later(start, -12), later(end, -12)
    if code == "previous":
        months = (end.year - start.year) * 12 + end.month - start.month
        return (later(start, -months) if start.day == end.day else start - (end - start)), start
    first, _, last = code.partition("/")
    try:
        found = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError:
        raise RuleViolation("report_compare", "compare", given=code[:60]) from None
    return checked(*found, "compare")


def asked_for(
    networks: Sequence[tuple[UUID, str]],
    today: date,
    options: Sequence[Option],
    *,
    start: date | None = None,
    end: date | None = None,
    as_of: date | None = None,
    known_at: datetime | None = None,
    compare: str = "",
    given: Mapping[str, str] | None = None,
) -> Asked:
    """The questions, checked and with what they are when nobody says; `networks`: (id, code of its host).

    RuleViolation `report_hosts`, `report_period`, `report_compare`, `report_option`, `report_option_unknown`.
    """
    if len({host for _, host in networks}) > 1:
        raise RuleViolation("report_hosts", "network")
    for field, given_day in (("from", start), ("to", end), ("as_of", as_of)):
        if given_day is not None and not EARLIEST <= given_day < LATEST:
            raise RuleViolation("report_period", field, most=MOST_YEARS)
    first = start or (date(today.year, 1, 1) if end is None else later(end, -12))
    last = end or (later(first, 12) if start else date(today.year + 1, 1, 1))
    first, last = checked(first, last)
    day = as_of or min(max(today, first), last - timedelta(days=1))
    asked = dict(given or {})
    chosen = {each.code: each.checked(asked.pop(each.code, each.default)) for each in options}
    if asked:
        raise RuleViolation("report_option_unknown", "option", given=next(iter(asked))[:60])
    ids = tuple(dict.fromkeys(each for each, _ in networks))
    return Asked(ids, first, last, day, known_at, comparison(compare, first, last), chosen)


def of_address(
    query: Mapping[str, str],
    networks: Sequence[tuple[UUID, str]],
    today: date,
    zone: ZoneInfo,
    options: Sequence[Option],
) -> Asked:
    """What an address asks: `period` by name or `own` with `from` and `until` (the last day), `compare`, `as_of`,
    `known` (a day that is over) and `option_<code>`. What is no day is left out. RuleViolations of `asked_for`.
    """
    span: tuple[date | None, date | None] | None = period(query.get("period", "this_year"), today)
    if span is None:
        until = day_of(query.get("until", ""))
        span = day_of(query.get("from", "")), until + timedelta(days=1) if until and until < LATEST else until
    known = day_of(query.get("known", ""))
    moment = None
    if known and known < today:
        following = known + timedelta(days=1)
        moment = datetime(following.year, following.month, following.day, tzinfo=zone)
    return asked_for(
        networks,
        today,
        options,
        start=span[0],
        end=span[1],
        as_of=day_of(query.get("as_of", "")),
        known_at=moment,
        compare=query.get("compare", ""),
        given={each.code: query[f"option_{each.code}"] for each in options if query.get(f"option_{each.code}")},
    )


def day_of(text: str) -> date | None:
    """A day written YYYY-MM-DD; None when it is not one."""
    try:
        return date.fromisoformat(text) if len(text) == len("2026-11-22") else None
    except ValueError:
        return None


def checked(start: date, end: date, field: str = "to") -> tuple[date, date]:
    """A period that can be asked about. RuleViolation `report_period`."""
    if not (EARLIEST <= start < end <= LATEST) or (end - start).days > MOST_YEARS * 366:
        raise RuleViolation("report_period", field, most=MOST_YEARS)
    return start, end


def later(day: date, months: int) -> date:
    """So many months later (earlier, below zero); the last day of the month when there is no such day in it."""
    at = day.year * 12 + day.month - 1 + months
    year, month = divmod(at, 12)
    length = (date(year + (month == 11), (month + 1) % 12 + 1, 1) - date(year, month + 1, 1)).days
    return date(year, month + 1, min(day.day, length))


def _missing(code: str) -> Any:
    raise KeyError(code)


def narrowed(code: str, **by: object) -> str:
    """A figure code with further parts: narrowed("lapsed", reason="unpaid")."""
    return code + "".join(f"/{name}={_quoted(str(value))}" for name, value in by.items())


@lru_cache(maxsize=1_000)  # the figures of one row of a table are of the same values
def _quoted(value: str) -> str:
    return quote(value, safe="")


def parts(code: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """A figure code's measure and its narrowings. RuleViolation `figure_unknown`."""
    measure, *rest = code.split("/")
    pairs = tuple((name, unquote(value)) for name, sign, value in (each.partition("=") for each in rest) if sign)
    if len(pairs) != len(rest) or len(rest) > MOST_NARROWINGS or any("\0" in value for _, value in pairs):
        raise RuleViolation("figure_unknown", "figure", given=code[:100])
    return measure, pairs
