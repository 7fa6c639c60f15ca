"""A report as its pages show it: figures beside their definitions, tables and drawings, every number a link."""

from datetime import timedelta
from typing import Any

import msgspec

from crm import charts, names, report_words
from crm.reports import Cell, Chart, Column, Figure, Report, Table
from crm.web.office import Office
from crm.web.report_asking import Question

MOST_ROWS = 60  # of a table on a page; files have all
MOST_BARS = 12
UPRIGHT = ("bars", "area")  # kinds of drawings with an axis of numbers
MONTH_LETTERS = 3  # of a month's name under a bar


class View(msgspec.Struct, frozen=True):
    """Words and addresses for one report as one reader asked for it."""

    office: Office
    question: Question
    name: str

    @property
    def base(self) -> str:
        """The address of the report."""
        return f"{self.office.base}/reports/{self.name}"

    def rows(self, code: str, then: bool = False) -> str:
        """The address of the rows behind a figure."""
        ask = self.question.then if then else self.question.query
        return f"{self.base}/rows{ask(('figure', code))}"


def asked(view: View, stock: bool) -> str:
    """The questions on one line: which networks, which days, known when, beside what."""
    t, question = view.office.t, view.question
    asked = question.asked
    said = [", ".join(t.text(row.names) for row in question.networks)]
    if not stock:
        said.append(t.date_range(asked.start, question.last))
    said.append(t.gettext("as of %(day)s", day=t.date(asked.as_of)))
    if question.known:
        said.append(t.gettext("as it was known on %(day)s", day=t.date(question.known)))
    if asked.compare:
        start, end = asked.compare
        then = t.date(asked.then.as_of) if stock else t.date_range(start, end - timedelta(days=1))
        said.append(t.gettext("beside %(period)s", period=then))
    return " · ".join(said)


def figures(view: View, made: Report) -> list[dict[str, Any]]:
    """Each figure with its name, definition, what it was before, and the address of its rows."""
    return [_figure(view, each) for each in made.figures]


def _figure(view: View, figure: Figure) -> dict[str, Any]:
    t = view.office.t
    title, definition = report_words.figure(t, view.name, figure.code)
    compared = view.question.asked.compare is not None
    return {
        "code": figure.code,
        "title": title,
        "definition": definition,
        "value": report_words.amount(t, figure),
        "href": view.rows(figure.code) if figure.rows else "",
        "compared": compared,
        "before": report_words.before(t, figure) if compared else "",
        "before_href": view.rows(figure.code, then=True) if compared and figure.rows else "",
        "change": report_words.change(t, figure) if compared else "",
    }


def tables(view: View, made: Report) -> list[dict[str, Any]]:
    """Each table with its headings, at most so many rows, and the address of all of it as a file."""
    return [_table(view, each) for each in made.tables]


def _table(view: View, table: Table) -> dict[str, Any]:
    office = view.office
    columns = [
        {"label": report_words.heading(office.t, view.name, each.code), "num": each.kind != "text"}
        for each in table.columns
    ]
    return {
        "code": table.code,
        "title": report_words.table(office.t, view.name, table.code),
        "columns": columns,
        "rows": [_row(view, table, row) for row in table.rows[:MOST_ROWS]],
        "left_out": max(len(table.rows) - MOST_ROWS, 0),
        "total": _row(view, table, table.total) if table.total else (),
        "file": f"{view.base}/file.csv{view.question.query(('table', table.code))}",
    }


def _row(view: View, table: Table, row: tuple[Cell, ...]) -> list[dict[str, Any]]:
    """The cells of a row: words, the address of the rows behind, whether it is a number."""
    currency = next((c.value for c, of in zip(row, table.columns, strict=True) if of.code == "currency"), "") or ""
    return [
        {
            "text": said(view.office, column, cell.value, currency),
            "href": view.rows(cell.figure, cell.then) if cell.figure and cell.value is not None else "",
            "num": column.kind != "text",
        }
        for cell, column in zip(row, table.columns, strict=True)
    ]


def said(office: Office, column: Column, value: Any, currency: str = "") -> str:
    """A value of a column in words."""
    return report_words.value(office.t, office.kept, column, value, currency)


def drawings(view: View, made: Report) -> list[dict[str, Any]]:
    """Each drawing with its heading; nothing is drawn of an empty table."""
    out = []
    for chart in made.charts:
        table, currency = _of_one_currency(chart, made.table(chart.table))
        if table.rows:
            title = _title(view, chart)
            if currency and chart.kind in UPRIGHT:  # the axis has numbers alone
                title = f"{title}, {currency}"
            drawing = _drawing(view, chart, table, title, currency)
            out.append({"title": title, "drawing": drawing, "key": _key(view, chart), "code": table.code})
    return out


def _key(view: View, chart: Chart) -> charts.Drawing | None:
    """What the colours of bars of several parts mean; areas have it beside them."""
    if chart.kind != "bars" or len(chart.values) < 2:
        return None
    said = [report_words.heading(view.office.t, view.name, code) for code in chart.values]
    return charts.key(list(zip(said, charts.KINDS, strict=False)))


def _of_one_currency(chart: Chart, table: Table) -> tuple[Table, str]:
    """What is drawn of a table of money: the currency that has most of it, since currencies are never added."""
    codes = [each.code for each in table.columns]
    if "currency" not in codes or not chart.values:
        return table, ""
    at, drawn = codes.index("currency"), [codes.index(code) for code in chart.values]
    sums: dict[str, int] = {}
    for row in table.rows:
        sums[row[at].value] = sums.get(row[at].value, 0) + sum(abs(row[place].value or 0) for place in drawn)
    currency = max(sums, key=lambda each: (sums[each], each), default="")
    rows = tuple(row for row in table.rows if row[at].value == currency)
    return msgspec.structs.replace(table, rows=rows), currency or report_words.NO_CURRENCY


def _title(view: View, chart: Chart) -> str:
    """The table's heading, with the measure that is drawn where the table has several."""
    title = report_words.table(view.office.t, view.name, chart.table)
    if chart.kind not in UPRIGHT or len(chart.values) != 1:
        return title
    return f"{title}: {report_words.heading(view.office.t, view.name, chart.values[0])}"


def _drawing(view: View, chart: Chart, table: Table, title: str, currency: str) -> charts.Drawing:
    codes = [each.code for each in table.columns]
    if chart.kind == "cohort":
        return _cohorts(view, table, title)
    at = codes.index(chart.label)
    rows = table.rows if chart.kind == "area" else table.rows[:MOST_BARS]
    most = MONTH_LETTERS if table.columns[at].words == "month" else None
    labels = [said(view.office, table.columns[at], row[at].value)[:most] for row in rows]
    if chart.kind == "hbar":
        place = codes.index(chart.values[0])
        bars = []
        for label, row in zip(labels, rows, strict=True):
            cell = row[place]
            text = said(view.office, table.columns[place], cell.value, currency)
            bars.append(charts.Bar(label, float(cell.value or 0), "a", text, href=view.rows(cell.figure)))
        return charts.hbar(title, bars)
    series = [
        charts.Series(
            report_words.heading(view.office.t, view.name, code),
            [_height(table.columns[codes.index(code)], row[codes.index(code)].value, currency) for row in rows],
            charts.KINDS[place],
        )
        for place, code in enumerate(chart.values)
    ]
    say = view.office.t.number
    if chart.kind == "area":
        return charts.area(title, labels, series, say)
    return charts.stacked(title, labels, series, say)


def _height(column: Column, value: Any, currency: str) -> float:
    """How high a bar is: amounts in whole units."""
    return float(names.in_units(int(value or 0), currency) if column.kind == "money" else value or 0)


def _cohorts(view: View, table: Table, title: str) -> charts.Drawing:
    """A table of a label, a size and shares as a cohort table, every share a link to the rows behind it."""
    head = [report_words.heading(view.office.t, view.name, each.code) for each in table.columns]
    rows = []
    for row in table.rows:
        label, size, *shares = row
        known = [cell for cell in shares if cell.value is not None]
        rows.append(
            charts.Cohort(
                said(view.office, table.columns[0], label.value),
                said(view.office, table.columns[1], size.value),
                [cell.value for cell in known],
                [view.rows(cell.figure) for cell in known],
            )
        )
    return charts.cohort(title, head, rows, view.office.t.percent)
