"""Surveys of members made by programs that manage the network: drafted, worded, opened, reminded of, closed."""

from datetime import date
from uuid import UUID

import msgspec

from crm.actions import surveys as actions
from crm.actions.surveys import Kind, QuestionForm, SurveyForm
from crm.api.operations import Call, Nothing, Operation
from crm.api.shapes import Answer
from crm.api.surveys import ONE, PATH, TAG, SurveyWording, worded
from crm.i18n import N_


class SurveyTexts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text in both languages; who writes one says it to everybody."""

    nb: str = ""
    en: str = ""


class SurveyQuestionForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question: scale (1 to 6), number, yes_no, choice or text; `choices` of a choice."""

    kind: Kind
    text: SurveyTexts
    choices: list[SurveyTexts] = []


class SurveySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What it is called and said to be for; `last_on` is the last day on which it is answered."""

    title: SurveyTexts
    last_on: date
    intro: SurveyTexts = SurveyTexts()
    anonymous: bool = False


class NewSurvey(SurveySettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The same, with its questions in their order; more can be added while it is a draft."""

    questions: list[SurveyQuestionForm] = []


class SurveyReminded(Answer, frozen=True):
    """To how many members a reminder is on its way."""

    id: UUID
    reminded: int


class SurveyDropped(Answer, frozen=True):
    """A draft that is gone."""

    id: UUID


async def make(call: Call[Nothing, NewSurvey]) -> SurveyWording:
    network, given = (await call.managed()).id, call.body
    questions = [_question(each) for each in given.questions]
    new = await actions.make(call.context, call.actor, network, _settings(given), questions)
    return await worded(call, new)


async def change(call: Call[Nothing, SurveySettings]) -> SurveyWording:
    network, wanted = (await call.managed()).id, call.id("survey_id")
    await actions.change(call.context, call.actor, network, wanted, _settings(call.body))
    return await worded(call, wanted)


async def drop(call: Call[Nothing, None]) -> SurveyDropped:
    network, wanted = (await call.managed()).id, call.id("survey_id")
    await actions.drop(call.context, call.actor, network, wanted)
    return SurveyDropped(wanted)


async def add_question(call: Call[Nothing, SurveyQuestionForm]) -> SurveyWording:
    network, wanted = (await call.managed()).id, call.id("survey_id")
    await actions.put_question(call.context, call.actor, network, wanted, _question(call.body))
    return await worded(call, wanted)


async def change_question(call: Call[Nothing, SurveyQuestionForm]) -> SurveyWording:
    network, wanted, question = (await call.managed()).id, call.id("survey_id"), call.id("question_id")
    await actions.put_question(call.context, call.actor, network, wanted, _question(call.body), question)
    return await worded(call, wanted)


async def remove_question(call: Call[Nothing, None]) -> SurveyWording:
    network, wanted, question = (await call.managed()).id, call.id("survey_id"), call.id("question_id")
    await actions.remove_question(call.context, call.actor, network, wanted, question)
    return await worded(call, wanted)


async def open_it(call: Call[Nothing, None]) -> SurveyWording:
    network, wanted = (await call.managed()).id, call.id("survey_id")
    await actions.open_survey(call.context, call.actor, network, wanted)
    return await worded(call, wanted)


async def remind(call: Call[Nothing, None]) -> SurveyReminded:
    network, wanted = (await call.managed()).id, call.id("survey_id")
    return SurveyReminded(wanted, await actions.remind(call.context, call.actor, network, wanted))


async def close(call: Call[Nothing, None]) -> SurveyWording:
    network, wanted = (await call.managed()).id, call.id("survey_id")
    await actions.close(call.context, call.actor, network, wanted)
    return await worded(call, wanted)


def _settings(given: SurveySettings) -> SurveyForm:
    title, intro = (msgspec.structs.asdict(each) for each in (given.title, given.intro))
    return SurveyForm(title, intro, given.anonymous, given.last_on)


def _question(given: SurveyQuestionForm) -> QuestionForm:
    choices = [msgspec.structs.asdict(each) for each in given.choices]
    return QuestionForm(given.kind, msgspec.structs.asdict(given.text), choices)


operations = (
    Operation(
        id="make_survey",
        method="POST",
        path=PATH,
        tag=TAG,
        summary=N_("Make a survey"),
        description=N_("A draft: nobody is asked before it is opened. Questions can come with it or one by one."),
        body=NewSurvey,
        answer=SurveyWording,
        status=201,
        example={
            "title": {"nb": "Året som gikk", "en": "The year that was"},
            "last_on": "2026-12-11",
            "questions": [{"kind": "scale", "text": {"nb": "Hvor fornøyde er dere?", "en": "How content are you?"}}],
        },
        run=make,
    ),
    Operation(
        id="change_survey",
        method="POST",
        path=ONE,
        tag=TAG,
        summary=N_("Change a survey"),
        description=N_(
            "All of a draft; of an open one its texts and its last day. Whether it is anonymous stays then."
        ),
        body=SurveySettings,
        answer=SurveyWording,
        example={"title": {"nb": "Året 2026", "en": "The year 2026"}, "last_on": "2026-12-18"},
        run=change,
    ),
    Operation(
        id="drop_survey",
        method="DELETE",
        path=ONE,
        tag=TAG,
        summary=N_("Delete the draft of a survey"),
        answer=SurveyDropped,
        run=drop,
    ),
    Operation(
        id="add_survey_question",
        method="POST",
        path=f"{ONE}/questions",
        tag=TAG,
        summary=N_("Add a question to the draft of a survey"),
        body=SurveyQuestionForm,
        answer=SurveyWording,
        status=201,
        example={"kind": "yes_no", "text": {"nb": "Har dere fått nye partnere?", "en": "Have you found new partners?"}},
        run=add_question,
    ),
    Operation(
        id="change_survey_question",
        method="POST",
        path=f"{ONE}/questions/{{question_id}}",
        tag=TAG,
        summary=N_("Word a question anew"),
        description=N_(
            "Of an open survey the kind and the number of choices stay; answers know which wording they saw."
        ),
        body=SurveyQuestionForm,
        answer=SurveyWording,
        example={"kind": "number", "text": {"nb": "Hvor mange nye stillinger?", "en": "How many new jobs?"}},
        run=change_question,
    ),
    Operation(
        id="remove_survey_question",
        method="DELETE",
        path=f"{ONE}/questions/{{question_id}}",
        tag=TAG,
        summary=N_("Take a question out of a draft"),
        answer=SurveyWording,
        run=remove_question,
    ),
    Operation(
        id="open_survey",
        method="POST",
        path=f"{ONE}/opening",
        tag=TAG,
        summary=N_("Open a survey and ask the members"),
        description=N_("Every active member's contact gets a mail with a link of its own."),
        answer=SurveyWording,
        run=open_it,
    ),
    Operation(
        id="remind_of_survey",
        method="POST",
        path=f"{ONE}/reminders",
        tag=TAG,
        summary=N_("Remind those who have not answered"),
        description=N_("Nobody is written to more often than every second day."),
        answer=SurveyReminded,
        run=remind,
    ),
    Operation(
        id="close_survey",
        method="POST",
        path=f"{ONE}/closing",
        tag=TAG,
        summary=N_("Close a survey"),
        description=N_("No more answers; the links in its mails are forgotten. Closing it twice is closing it once."),
        answer=SurveyWording,
        run=close,
    ),
)
