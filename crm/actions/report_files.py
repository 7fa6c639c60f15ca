"""Reports as files: a workbook with every figure, table and list, and pages to print, in the reader's language."""

import asyncio
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from crm import names, report_words
from crm.catalogue import Catalogue, NetworkRow
from crm.context import Context
from crm.gateways import report_pdf, sheets
from crm.gateways.sheets import About, Sheet
from crm.i18n import Translator
from crm.report_board import Part
from crm.reports import Asked, Column, Figure, Report, Table

PRODUCT = "Klynge"
PDF = "application/pdf"
ONE_DAY = timedelta(days=1)
MOST_ROWS = 40  # of a table on paper; the workbook has all
# Reports that are lists to hand in, and the figure whose rows the list is: their workbooks begin with it.
LISTS = {"members": "members", "innovation-norway": "listed"}
# What a report's columns are (crm/reports.py) -> what a spreadsheet's are.
KINDS: dict[str, Any] = {"day": "day", "number": "number", "money": "number", "share": "number", "days": "number"}


class Reader(msgspec.Struct, frozen=True):
    """In which language, by which names, for which network a report is written."""

    t: Translator
    kept: Catalogue
    network: NetworkRow


def sheet_columns(reader: Reader, name: str, columns: Sequence[Column]) -> list[sheets.Column]:
    """Columns of a report as a spreadsheet's, with their headings."""
    t = reader.t
    return [sheets.Column(report_words.heading(t, name, c.code), KINDS.get(c.kind, "text"), c.width) for c in columns]


def in_words(reader: Reader, columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Rows for a spreadsheet: codes in words; numbers, days and amounts (in whole units) as what they are."""
    at = next((place for place, each in enumerate(columns) if each.code == "currency"), None)
    out = []
    for row in rows:
        currency = (row[at] if at is not None else "") or report_words.NO_CURRENCY
        out.append([_cell(reader, column, value, currency) for column, value in zip(columns, row, strict=True)])
    return out


def figures_sheet(reader: Reader, made: Report) -> Sheet:
    """The figures, each with its definition and what it was before."""
    t = reader.t
    columns = [
        sheets.Column(t.gettext("Figure"), width=36),
        sheets.Column(t.gettext("Value"), "number", 16),
        sheets.Column(t.gettext("Currency"), width=9),
        sheets.Column(t.gettext("Before"), "number", 16),
        sheets.Column(t.gettext("Definition"), width=100),
    ]
    rows = []
    for figure in made.figures:
        title, definition = report_words.figure(t, made.name, figure.code)
        shape, currency = Column(figure.code, figure.kind), figure.currency or report_words.NO_CURRENCY
        value, before = (_cell(reader, shape, each, currency) for each in (figure.value, figure.before))
        rows.append([title, value, figure.currency, before, definition])
    return Sheet(t.gettext("Figures"), columns, rows)


def table_sheet(reader: Reader, name: str, table: Table) -> Sheet:
    """A table, its total last."""
    rows = [[cell.value for cell in row] for row in (*table.rows, *([table.total] if table.total else []))]
    title = report_words.table(reader.t, name, table.code)
    return Sheet(title, sheet_columns(reader, name, table.columns), in_words(reader, table.columns, rows))


def list_sheet(reader: Reader, name: str, columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> Sheet:
    """The list that a report is: every row behind its figure of `LISTS`."""
    title, _ = report_words.figure(reader.t, name, LISTS[name])
    return Sheet(title, sheet_columns(reader, name, columns), in_words(reader, columns, rows))


def workbook(context: Context, reader: Reader, made: Report, own: Sheet | None = None) -> bytes:
    """The whole report: its own list where it is one, figures with their definitions, then a sheet for each table."""
    listed = [figures_sheet(reader, made), *(table_sheet(reader, made.name, each) for each in made.tables)]
    listed = [own, *listed] if own else listed
    title = reader.t.gettext(report_words.report(made.name).title)
    return sheets.book(listed, About(title, PRODUCT, context.clock.now()))


def book_of(context: Context, sheet: Sheet) -> bytes:
    """One table as a workbook."""
    return sheets.book([sheet], About(sheet.name, PRODUCT, context.clock.now()))


async def paper(context: Context, reader: Reader, title: str, listed: Sequence[tuple[Part, Report]]) -> bytes:
    """Reports, or parts of them, as PDF. All of them were asked the same."""
    t, network = reader.t, reader.network
    today = context.clock.today(network.zone)
    first = listed[0][1]
    view = {
        "language": t.language,
        "title": title,
        "network": t.text(network.names),
        "initials": t.text(network.short)[:2].upper(),
        "colour": network.colour,
        "asked": asked_words(reader, first.asked),
        "made": t.gettext("%(product)s, made %(day)s", product=PRODUCT, day=t.date(today)),
        "page": t.gettext("Page"),
        "of": t.gettext("of"),
        "sections": [_section(reader, part, made) for part, made in listed],
    }
    return await asyncio.to_thread(report_pdf.printed, view, today)


def whole(made: Report) -> Part:
    """All of a report, as a part."""
    figures = tuple(dict.fromkeys(each.measure for each in made.figures))
    return Part(made.name, figures, tuple(each.code for each in made.tables), MOST_ROWS)


def asked_words(reader: Reader, asked: Asked) -> str:
    """The questions on one line: networks, period, day, known when, beside what."""
    t = reader.t
    rows = [reader.kept.by_id[each] for each in asked.networks]
    said = [", ".join(t.text(row.names) for row in rows)]
    said.append(t.date_range(asked.start, asked.end - ONE_DAY))
    said.append(t.gettext("as of %(day)s", day=t.date(asked.as_of)))
    if asked.known_at:
        local = asked.known_at.astimezone(reader.network.zone).date()
        said.append(t.gettext("as it was known on %(day)s", day=t.date(local - ONE_DAY)))
    if asked.compare:
        start, end = asked.compare
        said.append(t.gettext("beside %(period)s", period=t.date_range(start, end - ONE_DAY)))
    return " · ".join(said)


def _section(reader: Reader, part: Part, made: Report) -> dict[str, Any]:
    t, words = reader.t, report_words.report(made.name)
    chosen = [each for each in made.figures if each.measure in part.figures]
    tables = [each for code in part.tables for each in made.tables if each.code == code and each.rows]
    return {
        "title": t.gettext(words.title),
        "summary": t.gettext(words.summary),
        "figures": [_figure(reader, made, each) for each in chosen],
        "tables": [_table(reader, made.name, each, part.rows) for each in tables],
    }


def _figure(reader: Reader, made: Report, figure: Figure) -> dict[str, str]:
    t = reader.t
    title, definition = report_words.figure(t, made.name, figure.code)
    compared = made.asked.compare is not None
    return {
        "title": title,
        "value": report_words.amount(t, figure),
        "before": report_words.before(t, figure) if compared else "",
        "change": report_words.change(t, figure) if compared else "",
        "definition": definition,
    }


def _table(reader: Reader, name: str, table: Table, most: int) -> dict[str, Any]:
    t = reader.t
    left_out = len(table.rows) - most
    return {
        "title": report_words.table(t, name, table.code),
        "columns": [
            {"label": report_words.heading(t, name, each.code), "num": each.kind not in ("text", "day")}
            for each in table.columns
        ],
        "rows": [_row(reader, table, row) for row in table.rows[:most]],
        "total": _total(reader, table) if table.total else [],
        "bars": _bars(table, most),
        "left_out": t.ngettext("and 1 row more", "and %(n)s rows more", left_out) if left_out > 0 else "",
    }


def _row(reader: Reader, table: Table, row: Sequence[Any]) -> list[str]:
    currency = next((c.value for c, of in zip(row, table.columns, strict=True) if of.code == "currency"), "")
    return [
        report_words.value(reader.t, reader.kept, column, cell.value, currency)
        for cell, column in zip(row, table.columns, strict=True)
    ]


def _total(reader: Reader, table: Table) -> list[str]:
    said = _row(reader, table, table.total)
    texts = [place for place, each in enumerate(table.columns) if each.kind == "text" and not table.total[place].value]
    return [reader.t.gettext("In all") if at == 0 else "" if at in texts else each for at, each in enumerate(said)]


def _bars(table: Table, most: int) -> list[float]:
    """How long a bar each row has: of its first number, where there is one dimension and nothing below zero."""
    if len(table.columns) < 2 or table.columns[0].kind != "text" or table.columns[1].kind not in ("number", "money"):
        return []
    if len(table.columns) > 4:
        return []
    values = [row[1].value or 0 for row in table.rows[:most]]
    largest = max(values, default=0)
    return [value / largest for value in values] if largest > 0 and min(values) >= 0 else []


def _cell(reader: Reader, column: Column, value: Any, currency: str) -> Any:
    if value is None:
        return None
    if column.kind == "money":
        return names.in_units(int(value), currency)
    if column.kind == "text":
        return report_words.code(reader.t, reader.kept, column.words, str(value))
    if isinstance(value, date):
        return value
    return Decimal(str(value)) if isinstance(value, float) else value
