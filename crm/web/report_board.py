"""The board report: the figures a board asks for, out of several reports, on a page and on paper."""

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency

from crm import report_words
from crm.actions import report_files as files
from crm.reads import reports
from crm.report_board import BOARD, TITLE, Part
from crm.reports import Report
from crm.web import office_consequences, report_views
from crm.web.office import Office, reading_money, show
from crm.web.report_asking import Question, question_of
from crm.web.report_views import View
from crm.web.reports import NAV, questions_form, reader_of, shown_paper

SOURCE = reports.Source(name="board", area="members", relations={}, measures=())


@get("/reports/board", include_in_schema=False)
async def show_board(request: Request, office: NamedDependency[Office]) -> Response[str]:
    """The board report, every figure with its definition and a link to its rows."""
    question = question_of(request, office, SOURCE)
    sections = []
    for part, made in await made_of(office, question):
        view = View(office, question, part.report)
        kept = msgspec.structs.replace(made, tables=tuple(t for t in made.tables if t.code in part.tables and t.rows))
        sections.append(
            {
                "words": report_words.report(part.report),
                "href": f"{view.base}{question.query()}",
                "figures": [
                    each for each in report_views.figures(view, made) if each["code"].partition("/")[0] in part.figures
                ],
                "tables": report_views.tables(view, kept),
            }
        )
    view = View(office, question, "board")
    return await show(
        request,
        office,
        "office/report_board.html",
        NAV,
        status_code=422 if question.error else 200,
        view=view,
        source=SOURCE,
        question=question,
        asked=report_views.asked(view, stock=False),
        form=questions_form(office, question, SOURCE),
        sections=sections,
        refusal=office_consequences.refusal(office, question.error) if question.error else "",
    )


@get("/reports/board.pdf", include_in_schema=False)
async def board_pdf(request: Request, office: NamedDependency[Office]) -> Response[bytes]:
    """The board report on paper: a few pages A4."""
    question = question_of(request, office, SOURCE, refuse=True)
    listed = await made_of(office, question)
    body = await files.paper(office.context, reader_of(office), office.t.gettext(TITLE), listed)
    return shown_paper(body, f"board-{office.network.slug}-{question.asked.as_of.isoformat()}")


async def made_of(office: Office, question: Question) -> list[tuple[Part, Report]]:
    """Its parts, all asked the same; what only one report asks is as it is when nobody says."""
    out = []
    async with office.context.db.reading(office.actor.sees) as connection:
        for part in BOARD:
            source = reports.SOURCES[part.report]
            options = {each.code: each.default for each in source.options}
            asked = msgspec.structs.replace(question.asked, options=options)
            out.append((part, await reports.figures(connection, source, asked)))
    return out


handlers = [reading_money(show_board, board_pdf)]
