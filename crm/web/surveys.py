"""Surveys in the office: made, worded, opened, watched and closed; and what was answered, also as files."""

from collections import defaultdict
from collections.abc import AsyncGenerator, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from crm.actions import exports
from crm.actions import surveys as actions
from crm.actions.exports import Column
from crm.actions.surveys import KINDS, SCALE, QuestionForm, SurveyForm
from crm.errors import Invalid, NotFound, status_of
from crm.i18n import N_, Translator
from crm.reads import surveys as reads
from crm.reads.surveys import FLOOR, Question, Result, Survey
from crm.web import csv_files, told
from crm.web.fields import fields_of, id_of
from crm.web.office import Office, reading, routes, show
from crm.web.session import NOT_KEPT
from crm.web.told import Reader, Refusal, Typed

PATH = "/surveys"
CLOSES_SOON_DAYS = 7
KIND_WORDS = {
    "scale": N_("Scale from 1 to 6"),
    "number": N_("Whole number"),
    "yes_no": N_("Yes or no"),
    "choice": N_("Choice"),
    "text": N_("Text"),
}
STATUS = {
    "draft": (N_("Draft"), "neutral"),
    "open": (N_("Open for answers"), "info"),
    "closed": (N_("Closed"), "success"),
}
YES, NO = N_("Yes"), N_("No")
DONE = {
    "opened": N_("The survey is open. Mails are on their way."),
    "reminded": N_("Reminders are on their way."),
    "nobody": N_("Everybody has answered or was written to lately."),
    "closed": N_("The survey is closed."),
}


@get(PATH, include_in_schema=False)
async def show_surveys(request: Request, office: NamedDependency[Office]) -> Response[str]:
    return await _list(request, office, {}, None)


@post(f"{PATH}/new", include_in_schema=False)
async def make(request: Request, office: NamedDependency[Office]) -> Response:
    typed = await fields_of(request)
    try:
        new = await actions.make(office.context, office.actor, office.network.id, _form(typed))
    except Invalid as error:
        return await _list(request, office, typed, error)
    return _to(office, new)


@get(PATH + "/{survey:str}", include_in_schema=False)
async def show_survey(request: Request, office: NamedDependency[Office], survey: FromPath[str]) -> Response[str]:
    return await _page(request, office, await _one(office, survey), {}, None)


@post(PATH + "/{survey:str}/change", include_in_schema=False)
async def change(request: Request, office: NamedDependency[Office], survey: FromPath[str]) -> Response:
    typed, found = await fields_of(request), await _one(office, survey)
    try:
        await actions.change(office.context, office.actor, office.network.id, found.id, _form(typed))
    except (Invalid, RuleViolation) as error:
        return await _page(request, office, found, typed, error)
    return _to(office, found.id)


@post(PATH + "/{survey:str}/questions", include_in_schema=False)
async def put_question(request: Request, office: NamedDependency[Office], survey: FromPath[str]) -> Response:
    """A new question, or another wording of the one the form names."""
    typed, found = await fields_of(request), await _one(office, survey)
    which = id_of("question", typed["question"]) if typed.get("question") else None
    try:
        form = _question(typed)
        await actions.put_question(office.context, office.actor, office.network.id, found.id, form, which)
    except (Invalid, RuleViolation) as error:
        return await _page(request, office, found, typed, error)
    return _to(office, found.id, "#questions")


@post(PATH + "/{survey:str}/questions/{question:str}/remove", include_in_schema=False)
async def remove_question(
    request: Request, office: NamedDependency[Office], survey: FromPath[str], question: FromPath[str]
) -> Response:
    found, which = await _one(office, survey), id_of("question", question)
    try:
        await actions.remove_question(office.context, office.actor, office.network.id, found.id, which)
    except RuleViolation as error:
        return await _page(request, office, found, {}, error)
    return _to(office, found.id, "#questions")


@post(PATH + "/{survey:str}/{deed:str}", include_in_schema=False)
async def do(request: Request, office: NamedDependency[Office], survey: FromPath[str], deed: FromPath[str]) -> Response:
    """`opening` asks the members, `reminder` those who have not answered, `closing` ends it; `removal` of a draft."""
    found = await _one(office, survey)
    given = (office.context, office.actor, office.network.id, found.id)
    try:
        if deed == "opening":
            await actions.open_survey(*given)
            done = "opened"
        elif deed == "reminder":
            done = "reminded" if await actions.remind(*given) else "nobody"
        elif deed == "closing":
            await actions.close(*given)
            done = "closed"
        elif deed == "removal":
            await actions.drop(*given)
            return told.back(office, PATH)
        else:
            raise NotFound("page", deed)
    except RuleViolation as error:
        return await _page(request, office, found, {}, error)
    return _to(office, found.id, f"?done={done}")


@get(PATH + "/{survey:str}/answers.csv", include_in_schema=False)
async def export_csv(office: NamedDependency[Office], survey: FromPath[str]) -> Response[bytes]:
    name, columns, rows = await _sheet(office, await _one(office, survey), "csv")
    return csv_files.answer(office.t, name, [each.heading for each in columns], rows)


@get(PATH + "/{survey:str}/answers.xlsx", include_in_schema=False)
async def export_xlsx(office: NamedDependency[Office], survey: FromPath[str]) -> Response[bytes]:
    found = await _one(office, survey)
    name, columns, rows = await _sheet(office, found, "xlsx")
    body = exports.of_rows(office.context, columns, _batches(rows), office.t.text(found.title))
    headers = {**NOT_KEPT, "content-disposition": f'attachment; filename="{name}.xlsx"'}
    content = b"".join([piece async for piece in body])
    return Response(content, media_type=exports.MEDIA["xlsx"], headers=headers)


handlers = [
    reading(show_surveys, show_survey, export_csv, export_xlsx),
    routes(make, change, put_question, remove_question, do),
]


def to_remind(office: Office, ending: list[Survey]) -> list[dict[str, Any]]:
    """For "to do" on the overview: each that closes within days and that somebody has not answered."""
    t = office.t
    return [
        {
            "icon": "clipboard-check",
            "color": "info",
            "text": t.gettext(
                "%(title)s closes %(day)s: %(n)s have not answered",
                title=t.text(each.title),
                day=office.last_day(each.closes_on),
                n=t.number(each.asked - each.answered),
            ),
            "href": f"{office.base}{PATH}/{each.id}",
            "detail": t.gettext("Remind them"),
        }
        for each in ending
    ]


def _form(typed: Typed) -> SurveyForm:
    given = Reader(typed)
    last = given.day("last_on")
    given.checked()
    return SurveyForm(_both(typed, "title"), _both(typed, "intro"), typed.get("anonymous") == "yes", last)


def _question(typed: Typed) -> QuestionForm:
    """A line of choices is `norsk | English`, or one text for both."""
    kind = typed.get("kind", "")
    if kind not in KINDS:
        raise Invalid([("kind", "value_unknown", {"message": kind[:40]})])
    choices = []
    for line in typed.get("choices", "").splitlines():
        nb, _, en = (each.strip() for each in line.partition("|"))
        if nb or en:
            choices.append({"nb": nb, "en": en})
    return QuestionForm(kind, _both(typed, "text"), choices)


def _both(typed: Typed, name: str) -> dict[str, str]:
    return {language: typed.get(f"{name}_{language}", "") for language in ("nb", "en")}


def _to(office: Office, survey: UUID, rest: str = "") -> Redirect:
    return told.back(office, f"{PATH}/{survey}{rest}")


async def _sheet(office: Office, found: Survey, kind: str) -> tuple[str, list[Column], list[Sequence[Any]]]:
    """A row a member; of an anonymous survey a row an answer and how often it was given, as the page shows it."""
    t = office.t
    async with office.context.db.reading(office.actor.sees) as connection:
        listed = await reads.questions(connection, found.id)
        answered = await reads.answers(connection, found)
        results = await reads.results(connection, found)
    await exports.taken(office.context, office.actor, office.network.id, kind, {"survey": t.text(found.title)})
    name = f"{office.network.slug}-survey-{found.opened_at.date() if found.opened_at else 'draft'}"
    if found.anonymous:
        columns = [Column(t.gettext("Question")), Column(t.gettext("Answer")), Column(t.gettext("How often"), "number")]
        return name, columns, [line for each in results for line in _lines(t, each)]
    columns = [Column(t.gettext("Member")), Column(t.gettext("Organisation number"))]
    for each in listed:
        columns.append(Column(t.text(each.text), "number" if each.kind in ("scale", "number") else "text"))
    rows = [
        (member, number, *(_cell(t, each, answers.get(each.id)) for each in listed))
        for member, number, answers in answered
    ]
    return name, columns, rows


async def _batches(rows: list[Sequence[Any]]) -> AsyncGenerator[list[Sequence[Any]], None]:
    yield rows


async def _one(office: Office, survey: str) -> Survey:
    async with office.context.db.reading(office.actor.sees) as connection:
        found = await reads.one(connection, office.network.id, id_of("survey", survey))
    if found is None:
        raise NotFound("survey", survey)
    return found


def _errors(office: Office, error: Refusal | None) -> list[dict[str, str]]:
    """Fields of a language are named by it: `title.nb` is the field `title_nb`."""
    listed = told.problems(office, error, {}) if error else []
    return [each | {"field": each["field"].replace(".", "_")} for each in listed]


async def _list(request: Request, office: Office, typed: Typed, error: Refusal | None) -> Response[str]:
    async with office.context.db.reading(office.actor.sees) as connection:
        listed = await reads.of_network(connection, office.network.id)
    at = f"{office.base}{PATH}" if request.method == "POST" else ""
    return await show(
        request,
        office,
        "office/surveys.html",
        "surveys",
        at,
        status_code=status_of(error) if error else 200,
        surveys=[_row(office, each) for each in listed],
        typed=defaultdict(str, typed or {"last_on": (office.today + timedelta(days=21)).isoformat()}),
        errors=_errors(office, error),
    )


async def _page(request: Request, office: Office, found: Survey, typed: Typed, error: Refusal | None) -> Response[str]:
    t = office.t
    async with office.context.db.reading(office.actor.sees) as connection:
        results = await reads.results(connection, found)
        asked = await reads.members(connection, found.id)
    settings = {
        **{f"title_{language}": text for language, text in found.title.items()},
        **{f"intro_{language}": text for language, text in found.intro.items()},
        "last_on": (found.closes_on - timedelta(days=1)).isoformat(),
        "anonymous": "yes" if found.anonymous else "",
    }
    what = request.query_params.get("done", "")
    mine = typed if "kind" in typed or "text_nb" in typed else {}
    return await show(
        request,
        office,
        "office/survey.html",
        "surveys",
        f"{office.base}{PATH}/{found.id}" if request.method == "POST" else "",
        status_code=status_of(error) if error else 200,
        survey=_row(office, found),
        results=[_shown(t, each) for each in results],
        asked=asked,
        settings=defaultdict(str, typed if typed and not mine else settings),
        typed=defaultdict(str, mine if not mine.get("question") else {}),
        kinds=[{"value": each, "label": t.gettext(KIND_WORDS[each])} for each in KINDS],
        floor=FLOOR,
        done=t.gettext(DONE[what]) if what in DONE else "",
        errors=_errors(office, error),
    )


def _row(office: Office, each: Survey) -> dict[str, Any]:
    """One as pages show it."""
    t, (said, colour) = office.t, STATUS[each.status]
    return {
        "id": each.id,
        "title": t.text(each.title),
        "anonymous": each.anonymous,
        "hidden": each.hidden,
        "status": each.status,
        "standing": t.gettext(said),
        "color": colour,
        "last_day": office.last_day(each.closes_on),
        "opened_on": each.opened_at,
        "asked": each.asked,
        "answered": each.answered,
        "rate": each.answered / each.asked if each.asked else None,
        "left_out": sum(each.left_out.values()),
    }


def _shown(t: Translator, each: Result) -> dict[str, Any]:
    """A question with what was answered."""
    question = each.question
    return {
        "id": question.id,
        "kind": t.gettext(KIND_WORDS[question.kind]),
        "code": question.kind,
        "text": t.text(question.text),
        "wording": question.text,
        "choices": "\n".join(f"{choice['nb']} | {choice['en']}" for choice in question.choices),
        "answers": each.answers,
        "few": each.few,
        "mean": None if each.mean is None else t.number(round(each.mean, 1)),
        "total": each.total,
        "picked": [(_said(t, question, value), each.picked.get(value, 0)) for value in _values(question)]
        if each.answers
        else [],
        "texts": each.texts,
        "wordings": each.wordings,
    }


def _values(question: Question) -> list[int]:
    """All that can be picked, also what nobody has picked."""
    return {
        "scale": list(SCALE),
        "yes_no": [1, 0],
        "choice": list(range(len(question.choices))),
    }.get(question.kind, [])


def _said(t: Translator, question: Question, value: int) -> str:
    if question.kind == "choice":
        return t.text(question.choices[value])
    return t.gettext(YES if value else NO) if question.kind == "yes_no" else str(value)


def _cell(t: Translator, question: Question, value: int | str | None) -> int | str | None:
    """An answer as a file has it: numbers as numbers."""
    if isinstance(value, int) and question.kind in ("yes_no", "choice"):
        return _said(t, question, value)
    return value


def _lines(t: Translator, each: Result) -> list[tuple[str, str | int | date | None, int | None]]:
    """What an anonymous survey's file tells of a question."""
    text = t.text(each.question.text)
    if each.few:
        return [(text, t.gettext("Fewer than %(n)s answers: not shown", n=FLOOR), None)]
    told_lines: list[tuple[str, str | int | date | None, int | None]] = [
        (text, _said(t, each.question, value), each.picked.get(value, 0)) for value in _values(each.question)
    ]
    if each.total is not None:
        told_lines.append((text, t.gettext("Sum: %(n)s", n=each.total), each.answers))
    return told_lines + [(text, said, 1) for said in each.texts]
