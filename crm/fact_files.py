"""Facts in a file that somebody sends: which column is which by its heading in either language, and each row's cells.

A file is taken whole or refused whole, with each row that is wrong and why: `rows.<number>.<field>`. Pure.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Protocol

import msgspec

from crm import fact_checks, import_cells
from crm.errors import Refused
from crm.forms import Problems
from crm.i18n import LANGUAGES, translator
from crm.import_columns import key_of

FILE_MAX = 5 * 1024 * 1024  # bytes
ROWS_MAX = 5_000
Cell = str | float | bool | date | None
_HUNDREDTHS = "EUR"  # a currency with two decimals: 7,5 is 750


class Row(Protocol):
    """A row of a table file (crm/gateways/table_files.py)."""

    @property
    def number(self) -> int: ...
    @property
    def cells(self) -> list[Cell]: ...
    @property
    def wrong(self) -> dict[int, str]: ...


class Line(msgspec.Struct, frozen=True):
    """One row: its number in the file, and its cells by field; `problems` grows while they are read."""

    number: int
    cells: dict[str, Cell]
    problems: Problems

    def wrong(self, field: str, code: str, **params: object) -> None:
        """Something is wrong with a cell of this row."""
        self.problems.append((f"rows.{self.number}.{field}", code, params))

    def text(self, field: str) -> str:
        """What stands there, as text; a whole number that a spreadsheet kept as 12.0 is 12."""
        value = self.cells.get(field)
        if isinstance(value, float) and value.is_integer():
            return str(int(value))
        return value.isoformat() if isinstance(value, date) else " ".join(str(value or "").split())

    def day(self, field: str) -> date | None:
        """The day that stands there; None for nothing, and for what is none: that is told."""
        value = self.cells.get(field)
        if isinstance(value, date) or not self.text(field):
            return value if isinstance(value, date) else None
        found = import_cells.day(self.text(field))
        if found is None:
            self.wrong(field, "date_format")
        return found

    def number_of(self, field: str, currency: str = _HUNDREDTHS) -> int | None:
        """The minor units (or hundredths) that stand there; None for nothing, and for what is none: that is told."""
        value = self.cells.get(field)
        if not self.text(field):
            return None
        found = import_cells.amount(value if isinstance(value, float) else self.text(field), currency)
        if found is None:
            self.wrong(field, "amount_unreadable", given=self.text(field)[:40])
        return found


def read(rows: Iterable[Row], named: Mapping[str, Collection[str]], needed: Collection[str]) -> list[Line]:
    """The lines below the headings, empty ones left out.

    `named`: field -> what its column may be called (texts of ours, in either language). Refused `file_no_rows`,
    `file_rows`, `column_absent`; Invalid for cells that are no values (formulas, merged cells).
    """
    places: dict[int, str] = {}
    lines: list[Line] = []
    problems: Problems = []
    for row in rows:
        if not any(str(cell or "").strip() for cell in row.cells):
            continue
        if not places:
            places = _places(row, named, needed)
            continue
        if len(lines) == ROWS_MAX:
            raise Refused("file_rows", "file", row=row.number, limit=ROWS_MAX)
        cells = {field: row.cells[at] for at, field in places.items() if at < len(row.cells)}
        line = Line(row.number, cells, problems)
        for at, code in row.wrong.items():
            if at in places:
                line.wrong(places[at], code)
        lines.append(line)
    if not lines:
        raise Refused("file_no_rows", "file")
    fact_checks.checked(problems)
    return lines


def _places(row: Row, named: Mapping[str, Collection[str]], needed: Collection[str]) -> dict[int, str]:
    known = {
        key_of(translator(language).gettext(name)): field
        for field, names in named.items()
        for name in names
        for language in LANGUAGES
    }
    places: dict[int, str] = {}
    for at, cell in enumerate(row.cells):
        field = known.get(key_of(str(cell or "")))
        if field and field not in places.values():
            places[at] = field
    for field in needed:
        if field not in places.values():
            raise Refused("column_absent", "file", row=row.number, given=next(iter(named[field])))
    return places
