"""Files of members as people really send them, each broken in one way, with what must be said of it.

Made here, so that nothing large or hostile is kept. `row` is where the mistake is (0: the file as a whole).
"""

import io
import struct
import zipfile
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any, NamedTuple

import xlsxwriter

from crm.gateways import table_files

HEAD = ("Org.nr.", "Navn", "Nivå", "Innmeldt", "E-post", "Ansatte")
FIRST = ("982463718", "Fjordvind Måling AS", "partner", "01.02.2024", "kari@fjordvind.example", "12")
SECOND = ("971035854", "Universitetet i Oslo", "partner", "2024-03-01", "", "")


class Broken(NamedTuple):
    """A file, the row and field it is wrong in, and the code that says why."""

    name: str
    make: Callable[[], bytes]
    code: str
    row: int = 0
    field: str = ""


def csv(*rows: tuple[str, ...], separator: str = ";", encoding: str = "utf-8", head: tuple[str, ...] = HEAD) -> bytes:
    """Rows as a file, as a spreadsheet program writes them."""
    return "".join(separator.join(row) + "\r\n" for row in (head, *rows)).encode(encoding)


def changed(field: int, value: str) -> tuple[str, ...]:
    """The first member with one cell otherwise."""
    return (*FIRST[:field], value, *FIRST[field + 1 :])


def book(*rows: tuple[Any, ...], more: Callable[[Any, Any], None] | None = None) -> bytes:
    """Rows as an XLSX workbook; `more` does what only a workbook can."""
    out = io.BytesIO()
    made = xlsxwriter.Workbook(out, {"in_memory": True, "default_date_format": "yyyy-mm-dd"})
    sheet = made.add_worksheet("Medlemmer")
    for number, row in enumerate((HEAD, *rows)):
        for place, cell in enumerate(row):
            if cell != "":
                sheet.write(number, place, cell)
    if more:
        more(made, sheet)
    made.close()
    return out.getvalue()


def packed(**parts: bytes) -> bytes:
    """A zip file with these parts; `__` in a name is a slash."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return out.getvalue()


def with_part(content: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    """A workbook with one of its parts otherwise."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            found = old.read(part)
            new.writestr(part.filename, change(found) if part.filename == name else found)
    return out.getvalue()


def declaring(content: bytes, size: int) -> bytes:
    """The same zip file, whose directory says that every part unpacks to so much."""
    out, at = bytearray(content), 0
    while (at := out.find(b"PK\x01\x02", at)) >= 0:
        out[at + 24 : at + 28] = struct.pack("<I", size)
        at += 4
    return bytes(out)


def formula(made: Any, sheet: Any) -> None:
    sheet.write_formula(1, 5, "=3*4", None, 12)


def merged(made: Any, sheet: Any) -> None:
    sheet.merge_range(1, 2, 2, 2, "partner")


def failed(made: Any, sheet: Any) -> None:
    sheet.write_formula(1, 5, "=NA()", None, "#N/A")


def _nothing() -> bytes:
    """A megabyte of zeros in a kilobyte."""
    return packed(xl__workbook_dot_xml=b"<workbook/>", xl__worksheets__sheet1_dot_xml=bytes(1024**2))


def _entities(found: bytes) -> bytes:
    return found.replace(b"<worksheet", b'<!DOCTYPE w [<!ENTITY x SYSTEM "file:///etc/passwd">]><worksheet', 1)


def files() -> Iterator[Broken]:
    """Forty of them and some more."""
    yield from _letters()
    yield from _shapes()
    yield from _workbooks()
    yield from _cells()
    yield from _members()


def _letters() -> Iterator[Broken]:
    yield Broken("empty", lambda: b"", "file_empty")
    yield Broken("a mark of UTF-8 and nothing else", lambda: b"\xef\xbb\xbf\r\n", "file_empty")
    yield Broken("UTF-8 that breaks off", lambda: b"\xef\xbb\xbf" + csv(FIRST) + b"\xc3", "file_encoding")
    yield Broken(
        "UTF-16 with half a letter", lambda: b"\xff\xfe" + csv(FIRST, encoding="utf-16-le") + b"x", "file_encoding"
    )
    yield Broken("letters of no code page", lambda: csv(FIRST) + b"\x81\x8d;\x9d;x;;;\r\n", "file_encoding")
    yield Broken("a NUL byte", lambda: csv(FIRST, changed(1, "Fjord\x00vind")), "file_nul", 3)
    yield Broken("written twice as UTF-8", lambda: csv(changed(1, "FjordvindmÃ¥ler")), "cell_garbled", 2, "name")
    yield Broken("a letter that was lost", lambda: csv(changed(1, "Fjordvind M\ufffdling")), "cell_garbled", 2, "name")
    yield Broken("a control character", lambda: csv(changed(1, "Fjord\x07vind")), "control_characters", 2, "name")


def _shapes() -> Iterator[Broken]:
    yield Broken("headings and no rows", lambda: csv(), "file_no_rows")
    yield Broken("no headings", lambda: csv(SECOND, head=FIRST), "headings_missing", 1)
    yield Broken("two columns of one name", lambda: csv(FIRST, head=(*HEAD[:5], "Navn")), "headings_twice", 1)
    yield Broken("the headings again", lambda: csv(FIRST, HEAD), "headings_again", 3, "row")
    yield Broken("a row that is longer", lambda: csv(FIRST, (*SECOND, "x")), "row_too_long", 3, "row")
    yield Broken("a row that is shorter", lambda: csv(FIRST, SECOND[:3]), "row_too_short", 3, "row")
    yield Broken("a comma in a name, unquoted", lambda: csv(
        changed(1, "Fjordvind, Måling AS"), SECOND, separator=","), "row_too_long", 2, "row")  # fmt: skip
    yield Broken("a quotation mark that stays open", lambda: csv(FIRST, changed(1, '"Fjordvind')), "file_quotes", 3)
    yield Broken("a quotation mark in the middle", lambda: csv(changed(1, '"Fjord" vind')), "file_quotes", 2)
    yield Broken("more columns than we take", lambda: csv(
        tuple("x" * (table_files.COLUMNS_MAX + 1))), "file_columns", 2)  # fmt: skip
    yield Broken(
        "more rows than we take", lambda: csv(FIRST) + b";x;;;;\r\n" * (table_files.ROWS_MAX + 20), "file_rows"
    )
    yield Broken(
        "fifty megabytes and one byte", lambda: bytes(b"x;y\r\n" * (table_files.FILE_MAX // 5 + 1)), "file_too_large"
    )


def _workbooks() -> Iterator[Broken]:
    yield Broken(
        "a web page named .xls", lambda: b"\r\n<html><table><tr><td>Navn</td></tr></table></html>", "file_is_html"
    )
    yield Broken("XML of an old spreadsheet", lambda: b'<?xml version="1.0"?><Workbook/>', "file_is_xml")
    yield Broken("a PDF", lambda: b"%PDF-1.7 members", "file_unknown")
    yield Broken("a zip of something else", lambda: packed(readme_dot_txt=b"members"), "file_unknown")
    yield Broken("a workbook cut in half", lambda: book(FIRST)[:2000], "file_broken")
    yield Broken(
        "an old workbook that is none", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 600, "file_broken"
    )
    yield Broken("a zip bomb", lambda: declaring(_nothing(), table_files.UNPACKED_MAX), "file_unpacks")
    yield Broken("a zip bomb that lies", lambda: declaring(_nothing(), 64), "file_broken")
    yield Broken("an entity in a sheet", lambda: with_part(
        book(FIRST), "xl/worksheets/sheet1.xml", _entities), "file_entities")  # fmt: skip
    yield Broken("an entity in the shared texts", lambda: with_part(
        book(FIRST), "xl/sharedStrings.xml", lambda found: b"<!DOCTYPE lolz>" + found), "file_entities")  # fmt: skip
    yield Broken("a formula", lambda: book(FIRST, more=formula), "cell_formula", 2, "employees")
    yield Broken("merged cells", lambda: book(FIRST, SECOND, more=merged), "cell_merged", 2, "level")
    yield Broken("an error in a cell", lambda: book(FIRST, more=failed), "cell_formula", 2, "employees")
    yield Broken("an empty sheet", lambda: with_part(book(FIRST), "xl/worksheets/sheet1.xml", lambda _:
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData/></worksheet>'),
        "file_empty")  # fmt: skip
    yield Broken(
        "a day of 2207 in a workbook",
        lambda: book((*FIRST[:3], date(2207, 1, 1), "", "")),
        "date_out_of_range",
        2,
        "joined",
    )


def _cells() -> Iterator[Broken]:
    yield Broken("a day of 2207", lambda: csv(changed(3, "01.03.2207")), "date_out_of_range", 2, "joined")
    yield Broken("a day of the year 24", lambda: csv(changed(3, "0024-03-01")), "date_out_of_range", 2, "joined")
    yield Broken("the 31st of February", lambda: csv(changed(3, "31.02.2024")), "day_invalid", 2, "joined")
    yield Broken("a day as a spreadsheet counts them", lambda: csv(changed(3, "45352")), "day_invalid", 2, "joined")
    yield Broken("no day", lambda: csv(changed(3, "")), "required", 2, "joined")
    yield Broken("a formula in a CSV", lambda: csv(changed(1, "=1+1")), "cell_formula", 2, "name")
    yield Broken(
        "a number shortened by a spreadsheet", lambda: csv(changed(0, "9,82E+08")), "number_shortened", 2, "orgnr"
    )
    yield Broken(
        "a number with a wrong check digit", lambda: csv(changed(0, "982463719")), "identifier_checksum", 2, "orgnr"
    )
    yield Broken("a number that lost a digit", lambda: csv(changed(0, "98246371")), "identifier_length", 2, "orgnr")
    yield Broken("half an employee", lambda: csv(changed(5, "12,5")), "number_invalid", 2, "employees")
    yield Broken(
        "two addresses in one cell", lambda: csv(changed(4, "a@b.no, c@d.no")), "email_format", 2, "contact_email"
    )
    yield Broken("a name too long", lambda: csv(changed(1, "x" * 201)), "too_long", 2, "name")
    yield Broken("a cell of a whole book", lambda: csv(changed(1, "x" * 5001)), "cell_too_long", 2, "name")


def _members() -> Iterator[Broken]:
    yield Broken("no name", lambda: csv(changed(1, "")), "required", 2, "name")
    yield Broken("a level nobody knows", lambda: csv(changed(2, "Platina")), "level_unknown", 2, "level")
    yield Broken("the same member twice", lambda: csv(FIRST, SECOND, FIRST), "organisation_twice", 4, "orgnr")
    yield Broken("the same name twice, without numbers", lambda: csv(
        changed(0, ""), ("", "FJORDVIND MÅLING", *FIRST[2:])), "organisation_twice", 3, "name")  # fmt: skip
