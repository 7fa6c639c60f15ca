"""Surveys of members and what was answered, for programs that manage the network; anonymity holds here as on pages."""

from datetime import date
from typing import Any
from uuid import UUID

from crm.api.operations import Call, Nothing, Operation
from crm.api.shapes import Answer
from crm.errors import NotFound
from crm.i18n import N_
from crm.reads import surveys as reads

TAG = N_("Surveys")
PATH = "/networks/{slug}/surveys"


class Survey(Answer, frozen=True):
    """One; `closes_on` is the first day without answers. Status: draft, open, closed."""

    id: UUID
    title: str
    anonymous: bool
    status: str
    closes_on: date
    asked: int
    answered: int


class Surveys(Answer, frozen=True):
    """All of a network, the newest first."""

    items: list[Survey]


class Picked(Answer, frozen=True):
    """How often an answer was picked: 1 to 6, 1 or 0 for yes or no, the place of a choice (`words`: the choice)."""

    value: int
    words: str
    count: int


class QuestionResult(Answer, frozen=True):
    """What was answered. `hidden`: anonymous, and still open or with fewer than five answers. `total` of numbers."""

    id: UUID
    kind: str
    text: str
    hidden: bool
    answers: int
    average: float | None
    total: int | None
    picked: list[Picked]
    texts: list[str]


class MemberAnswers(Answer, frozen=True):
    """What one member answered, by the ids of questions; there are none in an anonymous survey."""

    name: str
    orgnr: str
    answers: dict[str, int | str]


class SurveyResults(Answer, frozen=True):
    """A survey with its results and, unless it is anonymous, each member's answers."""

    survey: Survey
    questions: list[QuestionResult]
    members: list[MemberAnswers]


async def listing(call: Call[Nothing, None]) -> Surveys:
    async with call.reading() as connection:
        network = await call.managed(connection)
        return Surveys([_survey(call, each) for each in await reads.of_network(connection, network.id)])


async def show(call: Call[Nothing, None]) -> SurveyResults:
    wanted = call.id("survey_id")
    async with call.reading() as connection:
        network = await call.managed(connection)
        found = await reads.one(connection, network.id, wanted)
        if found is None:
            raise NotFound("survey_id", wanted)
        results = await reads.results(connection, found)
        answers = await reads.answers(connection, found)
    members = [
        MemberAnswers(name, number, {str(question): said for question, said in each.items()})
        for name, number, each in answers
    ]
    return SurveyResults(_survey(call, found), [_result(call, each) for each in results], members)


def _survey(call: Call[Any, Any], each: reads.Survey) -> Survey:
    return Survey(
        each.id, call.t.text(each.title), each.anonymous, each.status, each.closes_on, each.asked, each.answered
    )


def _result(call: Call[Any, Any], each: reads.Result) -> QuestionResult:
    question = each.question

    def words(value: int) -> str:
        return call.t.text(question.choices[value]) if question.kind == "choice" else ""

    return QuestionResult(
        question.id,
        question.kind,
        call.t.text(question.text),
        each.few,
        each.answers,
        each.mean,
        each.total,
        [Picked(value, words(value), count) for value, count in sorted(each.picked.items())],
        each.texts,
    )


operations = (
    Operation(
        id="list_surveys",
        method="GET",
        path=PATH,
        tag=TAG,
        summary=N_("Surveys of a network"),
        description=N_("Only for keys that manage the network. Surveys are made and opened on pages."),
        answer=Surveys,
        run=listing,
    ),
    Operation(
        id="show_survey_results",
        method="GET",
        path=f"{PATH}/{{survey_id}}",
        tag=TAG,
        summary=N_("What was answered in a survey"),
        description=N_(
            "Of an anonymous one: once it is closed, and nothing of a question with fewer than five answers."
        ),
        answer=SurveyResults,
        run=show,
    ),
)
