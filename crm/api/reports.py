"""Reports for programs: the figures behind every page, with their definitions, and the rows behind every figure."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncGenerator, Sequence
from datetime import date
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from msgspec import Meta

from crm import report_words
from crm.actions import exports
from crm.api import edge, shapes
from crm.api.invoice_shapes import Answer
from crm.api.operations import PREFIX, Call, Operation, Pieces
from crm.api.problems import EdgeError
from crm.errors import NotFound
from crm.i18n import N_
from crm.reads import reports
from crm.reports import Asked, Report, Table, asked_for

TAG = N_("Reports")
CODE_MAX = 400
MOST_NETWORKS = 20
MOST_OPTIONS = 10
CURSOR_MAX = 600
Slug = Annotated[str, Meta(pattern="^[a-z0-9-]{1,60}$")]


class ReportQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked: where, which period, as of which day, known when, compared with what."""

    network: Annotated[
        tuple[Slug, ...],
        Meta(
            min_length=1,
            max_length=MOST_NETWORKS,
            description="One network, or several of one host: an organisation in several of them counts once.",
        ),
    ]
    from_: Annotated[date, Meta(description="First day of the period; this year's when left out.")] | None = (
        msgspec.field(name="from", default=None)
    )
    to: Annotated[date, Meta(description="First day that is not in the period; next year's when left out.")] | None = (
        None
    )
    as_of: (
        Annotated[date, Meta(description="The day that stocks are of; today, or the last day of a past period.")] | None
    ) = None
    known_at: edge.KnownAt | None = None
    compare: Annotated[
        str, Meta(max_length=60, description="`previous`, `year`, or two days with / between: the figures beside.")
    ] = ""
    option: Annotated[
        tuple[Annotated[str, Meta(max_length=100)], ...],
        Meta(max_length=MOST_OPTIONS, description="Questions of one report alone, each `code:value`."),
    ] = ()


class RowQuery(ReportQuery, frozen=True, kw_only=True):
    """Which figure's rows."""

    figure: Annotated[str, Meta(min_length=1, max_length=CODE_MAX, description="A figure's `code`.")]
    limit: shapes.Limit = 50
    cursor: Annotated[str, Meta(max_length=CURSOR_MAX, description="From `next_cursor`; opaque.")] | None = None


class RowFileQuery(ReportQuery, frozen=True, kw_only=True):
    """Which figure's rows; all of them."""

    figure: Annotated[str, Meta(min_length=1, max_length=CODE_MAX, description="A figure's `code`.")]


Value = int | float | str | None


class ReportName(Answer, frozen=True):
    """A report there is. `options`: its own questions with their defaults."""

    name: str
    area: str
    title: str
    summary: str
    options: dict[str, str]


class ReportFigure(Answer, frozen=True):
    """A figure. Money is in minor units of `currency`, a share is 0 to 1; null: there is nothing to divide by.

    `rows` is the address of the rows that were counted or summed; `before` the figure of the period of comparison.
    """

    code: str
    title: str
    definition: str
    kind: str
    value: int | float | None
    currency: str | None
    before: int | float | None
    rows: str | None


class ReportColumn(Answer, frozen=True):
    """A column: its code, what kind of values it has, what it is called."""

    code: str
    kind: str
    title: str


class ReportTable(Answer, frozen=True):
    """A table: rows of values, one for each column; `figures` has, for each cell, the code of the rows behind it."""

    code: str
    title: str
    columns: list[ReportColumn]
    rows: list[list[Value]]
    figures: list[list[str | None]]
    total: list[Value]


class ReportAnswer(Answer, frozen=True):
    """A report, and the questions it answers."""

    name: str
    title: str
    summary: str
    networks: list[str]
    from_: date = msgspec.field(name="from")
    to: date
    as_of: date
    known_at: str | None
    compare: str | None
    options: dict[str, str]
    figures: list[ReportFigure]
    tables: list[ReportTable]


class ReportRows(Answer, frozen=True):
    """A page of the rows behind a figure: values by column. `measured` is the column that a sum or mean is of."""

    columns: list[ReportColumn]
    measured: str | None
    items: list[dict[str, Value]]
    next_cursor: str | None
    has_more: bool


async def list_reports(call: Call[Any, None]) -> shapes.Page[ReportName]:
    listed = []
    for source in reports.SOURCES.values():
        words = report_words.report(source.name)
        options = {each.code: each.default for each in source.options}
        title, summary = call.t.gettext(words.title), call.t.gettext(words.summary)
        listed.append(ReportName(source.name, source.area, title, summary, options))
    return shapes.Page(listed, None, False)


async def show_report(call: Call[ReportQuery, None]) -> ReportAnswer:
    source = _source(call)
    asked = await _asked(call, source)
    async with call.reading() as connection:
        made = await reports.figures(connection, source, asked)
    words, t = report_words.report(source.name), call.t
    return ReportAnswer(
        name=source.name,
        title=t.gettext(words.title),
        summary=t.gettext(words.summary),
        networks=list(call.query.network),
        from_=asked.start,
        to=asked.end,
        as_of=asked.as_of,
        known_at=asked.known_at.isoformat() if asked.known_at else None,
        compare="/".join(day.isoformat() for day in asked.compare) if asked.compare else None,
        options=asked.options,
        figures=_figures(call, made),
        tables=[_table(call, source.name, each) for each in made.tables],
    )


async def list_rows(call: Call[RowQuery, None]) -> ReportRows:
    source = _source(call)
    asked = await _asked(call, source)
    after = _after(call.query.cursor)
    async with call.reading() as connection:
        page = await reports.rows(connection, source, asked, call.query.figure, after, call.query.limit)
    cursor = urlsafe_b64encode(page.after.encode()).decode().rstrip("=") if page.after else None
    if cursor:
        again = [*_repeated(call), ("figure", call.query.figure), ("limit", call.query.limit), ("cursor", cursor)]
        call.headers["link"] = edge.next_link(f"{PREFIX}/reports/{source.name}/rows", again)
    codes = [each.code for each in page.columns]
    items = [dict(zip(codes, map(_plain, row), strict=True)) for row in page.rows]
    measured = codes[page.measured] if page.measured is not None else None
    return ReportRows(_columns(call, source.name, page.columns), measured, items, cursor, cursor is not None)


async def export_rows(call: Call[RowFileQuery, None]) -> Pieces:
    """All rows as a file: codes as headings in CSV and XLSX alike, for programs."""
    source = _source(call)
    asked = await _asked(call, source)
    kind = call.operation.path.rpartition(".")[2]
    columns = [
        exports.Column(each.code, exports.KINDS[each.kind], each.width)
        for each in reports.columns(source, call.query.figure)
    ]
    name = f"{source.name}-{asked.as_of.isoformat()}.{kind}"
    call.headers["content-disposition"] = f'attachment; filename="{name}"'
    title = call.t.gettext(report_words.report(source.name).title)
    content = exports.of_table(call.context, kind, columns, _every(call, source, asked), title)
    return Pieces(content, exports.MEDIA[kind])


async def _every(
    call: Call[RowFileQuery, None], source: reports.Source, asked: Asked
) -> AsyncGenerator[Sequence[Sequence[Any]], None]:
    async with call.reading() as connection:
        async for batch in reports.every_row(connection, source, asked, call.query.figure):
            yield batch


def _source(call: Call[Any, None]) -> reports.Source:
    name = call.text("name")
    if name not in reports.SOURCES:
        raise NotFound("name", name)
    return reports.SOURCES[name]


async def _asked(call: Call[Any, None], source: reports.Source) -> Asked:
    """The questions, checked; networks that the key does not see are not found."""
    query, now = call.query, call.context.clock.now()
    kept = await call.kept()
    rows = []
    for slug in query.network:
        row = kept.by_slug.get(slug)
        if row is None or row.id not in call.actor.sees:
            raise NotFound("network", slug)
        rows.append(row)
    known_at = edge.moment(query.known_at, "known_at", now)
    options = {code: value for code, _, value in (each.partition(":") for each in query.option)}
    return asked_for(
        [(row.id, row.host) for row in rows],
        call.context.clock.today(rows[0].zone),
        source.options,
        start=query.from_,
        end=query.to,
        as_of=query.as_of,
        known_at=known_at,
        compare=query.compare,
        given=options,
    )


def _figures(call: Call[ReportQuery, None], made: Report) -> list[ReportFigure]:
    out = []
    for each in made.figures:
        title, definition = report_words.figure(call.t, made.name, each.code)
        where = f"{PREFIX}/reports/{made.name}/rows?{urlencode([*_repeated(call), ('figure', each.code)])}"
        rows = where if each.rows else None
        before = each.before
        out.append(
            ReportFigure(each.code, title, definition, each.kind, each.value, each.currency or None, before, rows)
        )
    return out


def _repeated(call: Call[Any, None]) -> list[tuple[str, Any]]:
    """The questions, as they stand in an address."""
    query = call.query
    pairs = [("network", slug) for slug in query.network]
    single = {"from": query.from_, "to": query.to, "as_of": query.as_of, "known_at": query.known_at}
    pairs += [(name, value) for name, value in single.items() if value is not None]
    return pairs + [("option", each) for each in query.option]


def _table(call: Call[Any, None], name: str, table: Table) -> ReportTable:
    return ReportTable(
        table.code,
        report_words.table(call.t, name, table.code),
        _columns(call, name, table.columns),
        [[_plain(cell.value) for cell in row] for row in table.rows],
        [[cell.figure or None if not cell.then else None for cell in row] for row in table.rows],
        [_plain(cell.value) for cell in table.total],
    )


def _columns(call: Call[Any, None], name: str, columns: Sequence[Any]) -> list[ReportColumn]:
    return [ReportColumn(c.code, c.kind, report_words.heading(call.t, name, c.code)) for c in columns]


def _plain(value: Any) -> Value:
    return value if value is None or isinstance(value, int | float | str) else str(value)


def _after(cursor: str | None) -> str:
    if cursor is None:
        return ""
    try:
        text = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode()
    except ValueError as error:
        raise EdgeError(422, "cursor", "cursor_invalid") from error
    if "\0" in text:
        raise EdgeError(422, "cursor", "cursor_invalid")
    return text


operations = (
    Operation(
        id="list_reports",
        method="GET",
        path="/reports",
        tag=TAG,
        summary=N_("The reports there are"),
        answer=shapes.Page[ReportName],
        listing=True,
        run=list_reports,
    ),
    Operation(
        id="show_report",
        method="GET",
        path="/reports/{name}",
        tag=TAG,
        summary=N_("One report: its figures and tables"),
        description=N_(
            "Every figure stands with its definition and the address of the rows it was reckoned from: as many of "
            "them, or of the same sum. Totals of every dimension are the total; what is unknown is a bucket of its own."
        ),
        query=ReportQuery,
        answer=ReportAnswer,
        missing=("network",),
        run=show_report,
    ),
    Operation(
        id="list_report_rows",
        method="GET",
        path="/reports/{name}/rows",
        tag=TAG,
        summary=N_("The rows behind a figure"),
        query=RowQuery,
        answer=ReportRows,
        listing=True,
        missing=("network",),
        run=list_rows,
    ),
    *(
        Operation(
            id=f"export_report_rows_{kind}",
            method="GET",
            path=f"/reports/{{name}}/rows.{kind}",
            tag=TAG,
            summary=summary,
            query=RowFileQuery,
            answer=str,
            file=exports.MEDIA[kind],
            missing=("network",),
            run=export_rows,
        )
        for kind, summary in (
            ("csv", N_("The rows behind a figure, as CSV")),
            ("xlsx", N_("The rows behind a figure, as a spreadsheet (XLSX)")),
        )
    ),
)
