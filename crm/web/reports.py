"""The reports of a network: the index, each report with its definitions and drawings, the rows behind every number."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm import report_words
from crm.actions import exports
from crm.actions import report_files as files
from crm.actions.exports import Sheet
from crm.errors import NotFound
from crm.reads import reports
from crm.reports import Column, Report
from crm.web import csv_files, office_consequences, report_views
from crm.web.office import Office, reading_money, show
from crm.web.report_asking import (
    COMPARISONS,
    PERIODS,
    Question,
    choices,
    others,
    question_of,
)
from crm.web.report_views import View
from crm.web.session import NOT_KEPT

PAGE = 50
KEY_MAX = 600
NAV = "reports"


@get("/reports", include_in_schema=False)
async def show_index(request: Request, office: NamedDependency[Office]) -> Response[str]:
    """Every report with a line on what it is for, by area."""
    groups = []
    for area, words in report_words.AREAS.items():
        listed = [
            {"name": source.name, "words": report_words.report(source.name)}
            for source in reports.SOURCES.values()
            if source.area == area
        ]
        if listed:
            groups.append({"area": area, "title": office.t.gettext(words), "reports": listed})
    return await show(request, office, "office/reports.html", NAV, groups=groups)


@get("/reports/{name:str}", include_in_schema=False)
async def show_report(request: Request, office: NamedDependency[Office], name: FromPath[str]) -> Response[str]:
    source = _source(name)
    question = question_of(request, office, source)
    made = await _made(office, source, question)
    view = View(office, question, name)
    return await show(
        request,
        office,
        "office/report.html",
        NAV,
        status_code=422 if question.error else 200,
        view=view,
        asked=report_views.asked(view, source.stock),
        words=report_words.report(name),
        source=source,
        question=question,
        figures=report_views.figures(view, made),
        tables=report_views.tables(view, made),
        drawings=report_views.drawings(view, made),
        form=questions_form(office, question, source),
        own_list=files.LISTS.get(name, ""),
        refusal=office_consequences.refusal(office, question.error) if question.error else "",
    )


@get("/reports/{name:str}/rows", include_in_schema=False)
async def show_rows(request: Request, office: NamedDependency[Office], name: FromPath[str]) -> Response[str]:
    """A page of the rows behind one number."""
    source, code = _source(name), request.query_params.get("figure", "")
    question = question_of(request, office, source, refuse=True)
    after = request.query_params.get("after", "")[:KEY_MAX].replace("\0", "")
    async with office.context.db.reading(office.actor.sees) as connection:
        found = await reports.rows(connection, source, question.asked, code, after, PAGE)
    view = View(office, question, name)
    title, definition = report_words.figure(office.t, name, code)
    shown = [column for column in found.columns if column.words != "id"]
    return await show(
        request,
        office,
        "office/report_rows.html",
        NAV,
        view=view,
        asked=report_views.asked(view, source.stock),
        question=question,
        words=report_words.report(name),
        title=title,
        definition=definition,
        narrowed=report_words.narrowed(office.t, office.kept, source.words, code),
        columns=[
            {"label": report_words.heading(office.t, name, each.code), "num": each.kind not in ("text", "day")}
            for each in shown
        ],
        rows=[_shown(office, found.columns, row) for row in found.rows],
        next_href=f"{view.base}/rows{question.query(('figure', code), ('after', found.after))}" if found.after else "",
        first_href=f"{view.base}/rows{question.query(('figure', code))}" if after else "",
        file=f"{view.base}/rows.{{kind}}{question.query(('figure', code))}",
    )


@get("/reports/{name:str}/rows.csv", include_in_schema=False)
async def rows_csv(request: Request, office: NamedDependency[Office], name: FromPath[str]) -> Response[bytes]:
    """All rows behind a number, as CSV."""
    source = _source(name)
    columns, rows, stem = await _all_rows(request, office, source, "csv")
    heads = [report_words.heading(office.t, name, each.code) for each in columns]
    return csv_files.answer(office.t, stem, heads, rows)


@get("/reports/{name:str}/rows.xlsx", include_in_schema=False)
async def rows_xlsx(request: Request, office: NamedDependency[Office], name: FromPath[str]) -> Response[bytes]:
    """All rows behind a number, as a spreadsheet."""
    source = _source(name)
    columns, rows, stem = await _all_rows(request, office, source, "xlsx")
    title = office.t.gettext(report_words.report(name).title)
    sheet = Sheet(title, files.sheet_columns(reader_of(office), name, columns), rows)
    return _download(files.book_of(office.context, sheet), stem)


@get("/reports/{name:str}/file.csv", include_in_schema=False)
async def table_csv(request: Request, office: NamedDependency[Office], name: FromPath[str]) -> Response[bytes]:
    """One table of the report, or its figures with their definitions, as CSV."""
    source = _source(name)
    question = question_of(request, office, source, refuse=True)
    made = await _made(office, source, question)
    wanted = request.query_params.get("table", "")
    stem = f"{name}-{office.network.slug}-{question.asked.as_of.isoformat()}"
    for table in made.tables:
        if table.code == wanted:
            sheet = files.table_sheet(reader_of(office), name, table)
            return csv_files.answer(office.t, f"{stem}-{wanted}", [each.heading for each in sheet.columns], sheet.rows)
    if wanted:
        raise NotFound("table", wanted)
    sheet = files.figures_sheet(reader_of(office), made)
    return csv_files.answer(office.t, stem, [each.heading for each in sheet.columns], sheet.rows)


@get("/reports/{name:str}/file.xlsx", include_in_schema=False)
async def report_xlsx(request: Request, office: NamedDependency[Office], name: FromPath[str]) -> Response[bytes]:
    """The whole report as a workbook: its list where it is one, figures with their definitions, then each table."""
    source = _source(name)
    question = question_of(request, office, source, refuse=True)
    made = await _made(office, source, question)
    own = None
    if code := files.LISTS.get(name):
        rows = await _read(office, source, question, code)
        await _kept(office, question, name, code, len(rows), "xlsx")
        own = files.list_sheet(reader_of(office), name, reports.columns(source, code), rows)
    body = files.workbook(office.context, reader_of(office), made, own)
    return _download(body, f"{name}-{office.network.slug}-{question.asked.as_of.isoformat()}")


@get("/reports/{name:str}/paper.pdf", include_in_schema=False)
async def report_pdf(request: Request, office: NamedDependency[Office], name: FromPath[str]) -> Response[bytes]:
    """The whole report on paper."""
    source = _source(name)
    question = question_of(request, office, source, refuse=True)
    made = await _made(office, source, question)
    title = office.t.gettext(report_words.report(name).title)
    body = await files.paper(office.context, reader_of(office), title, [(files.whole(made), made)])
    return shown_paper(body, f"{name}-{office.network.slug}-{question.asked.as_of.isoformat()}")


handlers = [reading_money(show_index, show_report, show_rows, rows_csv, rows_xlsx, table_csv, report_xlsx, report_pdf)]


def _source(name: str) -> reports.Source:
    if name not in reports.SOURCES:
        raise NotFound("report", name)
    return reports.SOURCES[name]


async def _made(office: Office, source: reports.Source, question: Question) -> Report:
    async with office.context.db.reading(office.actor.sees) as connection:
        return await reports.figures(connection, source, question.asked)


def questions_form(office: Office, question: Question, source: reports.Source) -> dict[str, Any]:
    """What the form over a report offers."""
    t = office.t
    picked = {row.slug for row in question.networks}
    options = [
        {
            "code": each.code,
            "label": report_words.option(t, source.name, each.code),
            "value": question.asked.options[each.code],
            "choices": [{"value": c, "label": report_words.option_value(t, each.code, c)} for c in each.choices],
            "least": each.least,
            "most": each.most,
        }
        for each in source.options
    ]
    return {
        "periods": choices(office, PERIODS),
        "comparisons": choices(office, COMPARISONS),
        "networks": [
            {"value": row.slug, "label": t.text(row.names), "checked": row.slug in picked} for row in others(office)
        ],
        "options": options,
    }


def _shown(office: Office, columns: Sequence[Column], row: Sequence[Any]) -> dict[str, Any]:
    """One row in words; an organisation's leads to its page, an invoice's to the invoice."""
    by_code = {column.code: value for column, value in zip(columns, row, strict=True)}
    currency = by_code.get("currency") or ""
    cells = [
        {
            "text": report_views.said(office, column, value, currency),
            "num": column.kind not in ("text", "day"),
        }
        for column, value in zip(columns, row, strict=True)
        if column.words != "id"
    ]
    href = ""
    if by_code.get("invoice_id"):
        href = f"{office.base}/invoices/{by_code['invoice_id']}"
    elif by_code.get("organisation_id"):
        href = f"{office.base}/members/{by_code['organisation_id']}"
    return {"cells": cells, "href": href}


async def _all_rows(
    request: Request, office: Office, source: reports.Source, kind: str
) -> tuple[Sequence[Column], list[list[Any]], str]:
    """The columns, all rows in words, and the file's name; who takes them along is kept."""
    code = request.query_params.get("figure", "")
    question = question_of(request, office, source, refuse=True)
    columns = reports.columns(source, code)
    rows = await _read(office, source, question, code)
    await _kept(office, question, source.name, code, len(rows), kind)
    stem = f"{source.name}-{code.partition('/')[0]}-{office.network.slug}-{question.asked.as_of.isoformat()}"
    return columns, files.in_words(reader_of(office), columns, rows), stem


async def _read(office: Office, source: reports.Source, question: Question, code: str) -> list[tuple[Any, ...]]:
    async with office.context.db.reading(office.actor.sees) as connection:
        batches = reports.every_row(connection, source, question.asked, code)
        return [row async for batch in batches for row in batch]


async def _kept(office: Office, question: Question, name: str, code: str, rows: int, kind: str) -> None:
    """Write down who takes which rows along."""
    asked = {"report": name, "figure": code, "rows": rows, "asked": urlencode(question.pairs)}
    for network in question.networks:
        await exports.taken(office.context, office.actor, network.id, kind, asked)


def reader_of(office: Office) -> files.Reader:
    """In whose language and by which names files are written."""
    return files.Reader(office.t, office.kept, office.network)


def shown_paper(body: bytes, stem: str) -> Response[bytes]:
    """A PDF that opens in the browser."""
    headers = {**NOT_KEPT, "content-disposition": f'inline; filename="{stem}.pdf"'}
    return Response(body, media_type=files.PDF, headers=headers)


def _download(body: bytes, stem: str) -> Response[bytes]:
    headers = {**NOT_KEPT, "content-disposition": f'attachment; filename="{stem}.xlsx"'}
    return Response(body, media_type=exports.MEDIA["xlsx"], headers=headers)
