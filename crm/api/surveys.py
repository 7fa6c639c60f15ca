"""Surveys of members, for programs that manage the network: how they are worded, who was asked, what was answered.

Anonymity holds here as on pages. Making and opening them: crm/api/survey_making.py.
"""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from crm.api.operations import Call, Nothing, Operation
from crm.api.shapes import Answer
from crm.database import Connection
from crm.errors import NotFound
from crm.i18n import N_
from crm.reads import surveys as reads

TAG = N_("Surveys")
PATH = "/networks/{slug}/surveys"
ONE = f"{PATH}/{{survey_id}}"


class SurveyQuestion(Answer, frozen=True):
    """A question as it is worded now."""

    id: UUID
    kind: str
    text: dict[str, str]
    choices: list[dict[str, str]]


class SurveyWording(Answer, frozen=True):
    """A survey as it is made, in both languages. `left_out`: members with nobody to write to when it opened."""

    id: UUID
    network: str
    status: str
    title: dict[str, str]
    intro: dict[str, str]
    anonymous: bool
    last_on: date
    questions: list[SurveyQuestion]
    opened_at: datetime | None
    closed_at: datetime | None
    asked: int
    answered: int
    left_out: int


class SurveyAsked(Answer, frozen=True):
    """A member that was asked, and whether it has answered: that much is known of an anonymous survey, too."""

    organisation_id: UUID
    name: str
    contact: str
    answered: bool
    reminded_at: datetime | None


class SurveyMembers(Answer, frozen=True):
    """Who was asked, those first who have not answered."""

    items: list[SurveyAsked]


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
        found = await _found(connection, network.id, wanted)
        results = await reads.results(connection, found)
        answers = await reads.answers(connection, found)
    members = [
        MemberAnswers(name, number, {str(question): said for question, said in each.items()})
        for name, number, each in answers
    ]
    return SurveyResults(_survey(call, found), [_result(call, each) for each in results], members)


async def wording(call: Call[Nothing, None]) -> SurveyWording:
    await call.managed()
    return await worded(call, call.id("survey_id"))


async def members(call: Call[Nothing, None]) -> SurveyMembers:
    wanted = call.id("survey_id")
    async with call.reading() as connection:
        network = await call.managed(connection)
        await _found(connection, network.id, wanted)
        listed = await reads.members(connection, wanted)
    return SurveyMembers([SurveyAsked(**msgspec.structs.asdict(each)) for each in listed])


async def _found(connection: Connection, network: UUID, wanted: UUID) -> reads.Survey:
    found = await reads.one(connection, network, wanted)
    if found is None:
        raise NotFound("survey_id", wanted)
    return found


async def worded(call: Call[Any, Any], wanted: UUID) -> SurveyWording:
    """A survey of the network of the path as it is now; NotFound."""
    async with call.reading() as connection:
        network = await call.managed(connection)
        found = await _found(connection, network.id, wanted)
        questions = await reads.questions(connection, wanted)
    return SurveyWording(
        found.id,
        network.slug,
        found.status,
        found.title,
        found.intro,
        found.anonymous,
        found.closes_on - timedelta(days=1),
        [SurveyQuestion(each.id, each.kind, each.text, each.choices) for each in questions],
        found.opened_at,
        found.closed_at,
        found.asked,
        found.answered,
        sum(found.left_out.values()),
    )


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
        description=N_("Only for keys that manage the network."),
        answer=Surveys,
        run=listing,
    ),
    Operation(
        id="show_survey_results",
        method="GET",
        path=ONE,
        tag=TAG,
        summary=N_("What was answered in a survey"),
        description=N_(
            "Of an anonymous one: once it is closed, and nothing of a question with fewer than five answers."
        ),
        answer=SurveyResults,
        run=show,
    ),
    Operation(
        id="show_survey",
        method="GET",
        path=f"{ONE}/wording",
        tag=TAG,
        summary=N_("A survey as it is worded, in both languages"),
        answer=SurveyWording,
        run=wording,
    ),
    Operation(
        id="list_survey_members",
        method="GET",
        path=f"{ONE}/members",
        tag=TAG,
        summary=N_("Who was asked in a survey, and who has answered"),
        answer=SurveyMembers,
        run=members,
    ),
)
