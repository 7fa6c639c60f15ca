"""Tables that people send as files: CSV however it was written, XLSX, XLS and ODS; read row by row.

Nothing in a file is run, opened or fetched. What a spreadsheet calculates is not taken for what somebody wrote:
cells with a formula or an error, and merged ones, are named with their row. Refused `file_*` with the row it is about.
"""

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import date, datetime
from itertools import islice
from typing import Any, Literal

import msgspec
import python_calamine

from crm.errors import Refused

FILE_MAX = 50 * 1024 * 1024  # bytes
ROWS_MAX = 200_000
COLUMNS_MAX = 100
CELL_MAX = 5_000  # characters
UNPACKED_MAX = 400 * 1024 * 1024  # bytes, of everything in a workbook together
PARTS_MAX = 2_000  # files in a workbook
HEADINGS_WITHIN = 10  # rows: titles may stand above the headings
LOOKED_AT = 20  # rows, to find out what separates the columns
SEPARATORS = (";", ",", "\t", "|")
Cell = str | float | bool | date | None
Format = Literal["csv", "xlsx", "xls", "ods"]

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_XML = (".xml", ".rels", ".vml")
_Odd = list[tuple[int, int, str]]  # row (the first is 1), column (the first is 0), code
_ODD_CELL = re.compile(
    rb'<c [^>]*?r="([A-Z]{1,3})(\d{1,7})"[^>]*>\s*<(?:\w+:)?(f)[ >/]'
    rb'|<c [^>]*?r="([A-Z]{1,3})(\d{1,7})"[^>]* t="(e)"'
)
_RELATION, _SHEET = re.compile(rb"<Relationship\b[^>]*>"), re.compile(rb"<sheet\b[^>]*>")
_ATTRIBUTE = re.compile(rb'([\w:]+)="([^"]*)"')
_DECLARES = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.I)
_CHUNK = 1024 * 1024
_OVERLAP = 4096
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


class Row(msgspec.Struct, frozen=True, gc=False):
    """One row as it stands: its number in the file (the first is 1), its cells, and what is wrong with which column."""

    number: int
    cells: list[Cell]
    wrong: dict[int, str] = {}


class Table(msgspec.Struct, frozen=True):
    """A file that can be read: what it is, its sheets, and its rows from the first to the last."""

    format: Format
    rows: Callable[[], Iterator[Row]]
    sheet: str = ""
    sheets: tuple[str, ...] = ()
    encoding: str = ""
    separator: str = ""


def opened(content: bytes, sheet: str = "") -> Table:
    """Say what a file is. Refused when it is none of ours, broken, or more than we take."""
    if not content.strip(b"\x00\t\r\n \xef\xbb\xbf\xfe\xff"):
        raise _refused("file_empty")
    if len(content) > FILE_MAX:
        raise _refused("file_too_large", limit=FILE_MAX // 1024**2)
    begins = content[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if begins.startswith((b"<!doctype html", b"<html", b"<table", b"<meta")) or b"<html" in begins:
        raise _refused("file_is_html")
    if begins.startswith((b"<?xml", b"<")):
        raise _refused("file_is_xml")
    if begins.startswith((b"%pdf", b"{\\rtf", b"\x89png", b"\xff\xd8\xff", b"gif8", b"rar!", b"7z\xbc\xaf")):
        raise _refused("file_unknown")
    if content.startswith(_ZIP) or content.startswith(_OLE):
        return _workbook(content, sheet)
    return _csv(content)


# CSV


def _csv(content: bytes) -> Table:
    encoding = _encoding(content)
    separator, skipped = _separator(content, encoding)
    _whole(content, encoding, separator)
    return Table(
        "csv", lambda: _csv_rows(content, encoding, separator, skipped), encoding=encoding, separator=separator
    )


def _encoding(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _decodes(content, "utf-16")
    if content.startswith(b"\xef\xbb\xbf"):
        return _decodes(content, "utf-8-sig")
    if b"\x00" in content:
        for encoding, zeros in (("utf-16-le", content[1:200:2]), ("utf-16-be", content[0:200:2])):
            if zeros and zeros.count(0) > len(zeros) * 0.6:
                return _decodes(content, encoding)
        row = content[: content.index(b"\x00")].count(b"\n") + 1
        raise _refused("file_nul", row=row)
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return _decodes(content, "cp1252")
    return "utf-8"


def _decodes(content: bytes, encoding: str) -> str:
    try:
        content.decode(encoding)
    except UnicodeDecodeError as error:
        row = content[: error.start].count(b"\n") + 1
        raise _refused("file_encoding", row=row) from error
    return encoding


def _text(content: bytes, encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(content), encoding=encoding, newline="")


def _separator(content: bytes, encoding: str) -> tuple[str, int]:
    """What separates the columns, and how many lines before the table say only that (`sep=;`, by Excel)."""
    head = _text(content, encoding).readline()
    if found := re.fullmatch(r"\ufeff?sep=(.)\s*", head):
        return found[1], 1
    best: tuple[tuple[float, ...], str] = ((0.0,), ";")
    for each in SEPARATORS:
        try:
            some = [row for row in islice(csv.reader(_text(content, encoding), delimiter=each), LOOKED_AT) if any(row)]
        except csv.Error:
            continue
        if not some:
            continue
        widths = [len(row) for row in some]
        usual = max(set(widths), key=lambda width: (widths.count(width), width))
        if usual > 1:
            best = max(best, ((widths.count(usual) / len(widths), float(usual)), each))
    return best[1], 0


def _whole(content: bytes, encoding: str, separator: str) -> None:
    """Can every row be read, and are they not too many? Asked before anything is kept."""
    number = 0
    try:
        for number, _ in enumerate(csv.reader(_text(content, encoding), delimiter=separator, strict=True), 1):
            if number > ROWS_MAX + HEADINGS_WITHIN:
                raise _refused("file_rows", row=number, limit=ROWS_MAX)
    except csv.Error as error:
        raise _refused("file_quotes", row=number + 1) from error


def _csv_rows(content: bytes, encoding: str, separator: str, skipped: int) -> Iterator[Row]:
    for number, cells in enumerate(csv.reader(_text(content, encoding), delimiter=separator, strict=True), 1):
        if number <= skipped:
            continue
        if len(cells) > COLUMNS_MAX and any(cell.strip() for cell in cells[COLUMNS_MAX:]):
            raise _refused("file_columns", row=number, limit=COLUMNS_MAX)
        row: list[Any] = cells[:COLUMNS_MAX]
        yield Row(number, row, _wrong_texts(row))


def _wrong_texts(cells: list[Any]) -> dict[int, str]:
    wrong: dict[int, str] = {}
    for place, cell in enumerate(cells):
        if not isinstance(cell, str) or not cell:
            continue
        if cell[0] == "=" and len(cell) > 1:
            wrong[place] = "cell_formula"
        elif len(cell) > CELL_MAX:
            wrong[place] = "cell_too_long"
        elif _CONTROL.search(cell):
            wrong[place] = "control_characters"
        elif "\ufffd" in cell or "Ã¸" in cell or "Ã¥" in cell or "Ã¦" in cell:
            wrong[place] = "cell_garbled"
    return wrong


# Workbooks


def _workbook(content: bytes, sheet: str) -> Table:
    kind: Format = "xls"
    odd: list[_Odd] = []
    if content.startswith(_ZIP):
        kind, odd = _unzipped(content)
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheets = tuple(book.sheet_names)
    except python_calamine.PasswordError as error:
        raise _refused("file_encrypted") from error
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        raise _refused("file_broken") from error
    if not sheets:
        raise _refused("file_empty")
    if sheet and sheet not in sheets:
        raise _refused("sheet_unknown", given=sheet[:80])
    chosen = sheet or sheets[0]
    at = sheets.index(chosen)
    return Table(kind, lambda: _sheet_rows(book, chosen, odd[at] if at < len(odd) else []), chosen, sheets)


def _unzipped(content: bytes) -> tuple[Format, list[_Odd]]:
    """What kind of workbook it is, and the odd cells of each sheet, in the order of the sheets.

    What it unpacks to is counted before a byte of it is read, and again while it is read: a bomb may lie.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            parts = packed.infolist()
            if len(parts) > PARTS_MAX or sum(part.file_size for part in parts) > UNPACKED_MAX:
                raise _refused("file_unpacks", limit=UNPACKED_MAX // 1024**2)
            if any(part.flag_bits & 1 for part in parts):
                raise _refused("file_encrypted")
            names = {part.filename for part in parts}
            if "content.xml" not in names and not any(name.startswith("xl/") for name in names):
                raise _refused("file_unknown")
            found = {part.filename: _scanned(packed, part) for part in parts if part.filename.endswith(_XML)}
            order = _sheets_in_order(packed, names)
            return "ods" if "content.xml" in names else "xlsx", [found.get(name, []) for name in order]
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError, OSError, zlib.error) as error:
        raise _refused("file_broken") from error


def _sheets_in_order(packed: zipfile.ZipFile, names: set[str]) -> list[str]:
    """The files of the sheets as the workbook lists them."""
    if not {"xl/workbook.xml", "xl/_rels/workbook.xml.rels"} <= names:
        return []
    targets = {}
    for link in _RELATION.findall(packed.read("xl/_rels/workbook.xml.rels")):
        said = dict(_ATTRIBUTE.findall(link))
        target = said.get(b"Target", b"").decode(errors="replace")
        targets[said.get(b"Id")] = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    listed = [dict(_ATTRIBUTE.findall(each)) for each in _SHEET.findall(packed.read("xl/workbook.xml"))]
    return [targets.get(each.get(b"r:id"), "") for each in listed]


def _scanned(packed: zipfile.ZipFile, part: zipfile.ZipInfo) -> _Odd:
    """The odd cells of one part, read in pieces. (What is longer than it says fails its checksum: broken.)"""
    odd: _Odd = []
    before = b""
    with packed.open(part) as stream:
        while True:
            chunk = stream.read(_CHUNK)
            text = before + chunk
            if _DECLARES.search(text):
                raise _refused("file_entities")
            if text[:2] in (b"\xff\xfe", b"\xfe\xff") and not before:  # our look at bytes would see nothing
                raise _refused("file_broken")
            cut = max(text.rfind(b"<c "), 0) if chunk and part.filename.startswith("xl/worksheets/") else len(text)
            if part.filename.startswith("xl/worksheets/"):
                odd += [_odd_cell(found) for found in _ODD_CELL.finditer(text, 0, cut)]
            before = text[cut:] if cut else text[-_OVERLAP:]
            if not chunk:
                return odd


def _odd_cell(found: re.Match[bytes]) -> tuple[int, int, str]:
    if found[3]:
        return int(found[2]), _column(found[1]), "cell_formula"
    return int(found[5]), _column(found[4]), "cell_error"


def _column(letters: bytes) -> int:
    """A is 0."""
    place = 0
    for letter in letters:
        place = place * 26 + letter - ord("A") + 1
    return place - 1


def _sheet_rows(book: python_calamine.CalamineWorkbook, name: str, odd: _Odd) -> Iterator[Row]:
    try:
        sheet = book.get_sheet_by_name(name)
        merged = sheet.merged_cell_ranges or []
    except (python_calamine.CalamineError, ValueError) as error:
        raise _refused("file_broken") from error
    if sheet.start is None or sheet.end is None:
        raise _refused("file_empty")
    if sheet.end[0] >= ROWS_MAX + HEADINGS_WITHIN:
        raise _refused("file_rows", row=ROWS_MAX + 1, limit=ROWS_MAX)
    if sheet.end[1] >= COLUMNS_MAX:
        raise _refused("file_columns", row=sheet.start[0] + 1, limit=COLUMNS_MAX)
    wrong: dict[int, dict[int, str]] = {}
    for row, column, code in odd:
        wrong.setdefault(row, {})[column] = code
    for (top, left), (bottom, right) in merged:
        for row in range(top, min(bottom, sheet.end[0]) + 1):
            wrong.setdefault(row + 1, {}).update(dict.fromkeys(range(left, right + 1), "cell_merged"))
    beside: list[Cell] = [None] * sheet.start[1]  # rows above the table are told, columns beside it are not
    for number, values in enumerate(sheet.iter_rows(), 1):
        cells = beside + [_cell(value) for value in values]
        yield Row(number, cells, {**_wrong_texts(cells), **wrong.get(number, {})})


def _cell(value: Any) -> Cell:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, str | float | bool | date):
        return value
    return float(value) if isinstance(value, int) else (str(value) if value is not None else None)


def _refused(code: str, **params: Any) -> Refused:
    return Refused(code, "file", **params)
