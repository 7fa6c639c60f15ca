"""Tables as files for spreadsheets: CSV (RFC 4180) and XLSX, written while rows come, whatever the table is about.

Figures are figures, days are days, and everything else is text: an identifier keeps its zeros and a name that begins
like a formula stays a name (in CSV by an apostrophe before it, as OWASP advises: spreadsheets would calculate it).
"""

import asyncio
import csv
import io
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec
import xlsxwriter

from crm.formulas import guarded

CSV = "text/csv; charset=utf-8; header=present"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_ROWS = 1_048_575  # of a sheet, under its headings; what is more goes on in a further one
MOST_CHARACTERS = 32_767  # of a cell
TAB_LETTERS = 31  # of a sheet's name
CHUNK_BYTES = 256 * 1024
Row = Sequence[Any]
Rows = AsyncGenerator[Sequence[Row], None]


class Column(msgspec.Struct, frozen=True):
    """A heading, what stands under it (None is an empty cell), and how wide it is in characters."""

    heading: str
    kind: Literal["text", "day", "number"] = "text"
    width: int = 16


class About(msgspec.Struct, frozen=True):
    """The file's title, who wrote it and when (with its time zone)."""

    title: str
    author: str
    made: datetime


async def as_csv(columns: Sequence[Column], rows: Rows) -> AsyncGenerator[bytes, None]:
    """For programs: comma, quotes where they are needed, CRLF, no mark before it (for people: crm/web/csv_files.py)."""
    kinds = [each.kind for each in columns]
    yield _lines([[guarded(each.heading) for each in columns]])
    async with aclosing(rows):
        async for batch in rows:
            yield _lines([[_cell(value, kind) for value, kind in zip(row, kinds, strict=True)] for row in batch])


def _lines(rows: Sequence[Sequence[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode()


def _cell(value: Any, kind: str) -> str:
    if value is None:
        return ""
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if kind == "number" else guarded(str(value))


async def as_xlsx(columns: Sequence[Column], rows: Rows, about: About) -> AsyncGenerator[bytes, None]:
    """A workbook, row by row on disk and never whole in memory; its bytes come when the last row is in."""
    with tempfile.TemporaryDirectory(prefix="klynge-sheet-") as place:
        path = Path(place) / "table.xlsx"
        book = await asyncio.to_thread(_Book, path, columns, about)
        try:
            async with aclosing(rows):
                async for batch in rows:
                    await asyncio.to_thread(book.add, batch)
        finally:
            await asyncio.to_thread(book.close)
        with path.open("rb") as file:
            while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
                yield chunk


class Sheet(msgspec.Struct, frozen=True):
    """One sheet of a book: what its tab says (at most 31 letters), its columns and all of its rows."""

    name: str
    columns: Sequence[Column]
    rows: Sequence[Row]


def book(listed: Sequence[Sheet], about: About) -> bytes:
    """A workbook of several small tables, each on a sheet of its own; for as many rows as memory holds."""
    with tempfile.TemporaryDirectory(prefix="klynge-sheet-") as place:
        path = Path(place) / "book.xlsx"
        written: _Book | None = None
        names: set[str] = set()
        for each in listed:
            if written is None:
                written = _Book(path, each.columns, about, _tab(each.name, names))
            else:
                written.turn(each.columns, _tab(each.name, names))
            written.add(each.rows)
        if written is not None:
            written.close()
        return path.read_bytes()


def _tab(name: str, taken: set[str]) -> str:
    """A name a sheet can have: without []:*?/\\, at most 31 letters, no other sheet's."""
    bare = "".join(" " if letter in "[]:*?/\\" else letter for letter in name).strip("' ")[:TAB_LETTERS] or "-"
    at = 1
    found = bare
    while found.casefold() in taken:
        at += 1
        found = f"{bare[: TAB_LETTERS - len(str(at)) - 1]} {at}"
    taken.add(found.casefold())
    return found


class _Book:
    """A workbook that is being written; in constant memory a row is on disk as soon as the next one begins."""

    def __init__(self, path: Path, columns: Sequence[Column], about: About, name: str | None = None) -> None:
        options = {"constant_memory": True, "tmpdir": str(path.parent), "default_date_format": "yyyy-mm-dd"}
        self._columns = columns
        self._book = xlsxwriter.Workbook(str(path), options)
        self._book.set_properties(
            {"title": about.title, "author": about.author, "created": about.made.replace(tzinfo=None)}
        )
        self._heading = self._book.add_format({"bold": True, "bottom": 1})
        self._day = self._book.add_format({"num_format": "yyyy-mm-dd"})
        self._text = self._book.add_format({"num_format": "@"})
        self._begin(name)

    def add(self, rows: Sequence[Row]) -> None:
        """Rows, after those before."""
        for row in rows:
            if self._at > MOST_ROWS:
                self._begin()
            for place, (value, column) in enumerate(zip(row, self._columns, strict=True)):
                if value is not None and value != "":
                    self._write(place, value, column.kind)
            self._at += 1

    def turn(self, columns: Sequence[Column], name: str) -> None:
        """On to a further sheet, of another table."""
        self._columns = columns
        self._begin(name)

    def close(self) -> None:
        """The last row is in."""
        self._book.close()

    def _begin(self, name: str | None = None) -> None:
        self._sheet = self._book.add_worksheet(name)
        self._sheet.freeze_panes(1, 0)
        for place, column in enumerate(self._columns):
            self._sheet.set_column(place, place, column.width)
            self._sheet.write_string(0, place, column.heading, self._heading)
        self._at = 1

    def _write(self, place: int, value: Any, kind: str) -> None:
        if kind == "number":
            self._sheet.write_number(self._at, place, value)
        elif kind == "day":
            day = date.fromisoformat(value) if isinstance(value, str) else value
            self._sheet.write_datetime(self._at, place, day, self._day)
        else:
            self._sheet.write_string(self._at, place, str(value)[:MOST_CHARACTERS], self._text)
