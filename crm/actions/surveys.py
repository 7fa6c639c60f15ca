"""Surveys of members: made, opened (then every active member's contact has a mail), answered by link, reminded, closed.

One answer a member, which may be changed until the last day. What an anonymous survey keeps is in crm/store/surveys.py.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Literal
from uuid import UUID, uuid4

import msgspec

from crm import catalogue, fact_checks, forms, names
from crm.actor import Actor
from crm.catalogue import NetworkRow
from crm.context import Context
from crm.database import Connection
from crm.errors import Invalid, NotFound, Refused
from crm.forms import Problems
from crm.i18n import LANGUAGES, translator
from crm.store import audit, mail, mailings
from crm.store import surveys as store
from crm.store.mail import Outgoing, Recipient
from crm.store.mailings import Words
from crm.store.surveys import Opened, Question, Survey, Texts

KINDS = ("scale", "number", "yes_no", "choice", "text")
Kind = Literal["scale", "number", "yes_no", "choice", "text"]
SCALE = range(1, 7)
TITLE_MAX, INTRO_MAX, QUESTION_MAX, ANSWER_MAX = 120, 2_000, 300, 2_000
QUESTIONS_MAX, CHOICES_MAX = 30, 12
NUMBER_MAX = 10**15
NUMBER_DIGITS = 16
LONGEST = timedelta(days=366)
REMINDED_AFTER = timedelta(days=2)  # nobody is written to more often
BATCH = 50


class SurveyForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Texts by language (who writes one says it to everybody); `last_on` is the last day on which it is answered."""

    title: dict[str, str]
    intro: dict[str, str] = {}
    anonymous: bool = False
    last_on: date | None = None


class QuestionForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question; `choices` of a choice, by language."""

    kind: Kind
    text: dict[str, str]
    choices: list[dict[str, str]] = []


class Page(msgspec.Struct, frozen=True):
    """What who holds a link is asked, and has answered: question -> as it would be typed."""

    opened: Opened
    network: NetworkRow
    questions: tuple[Question, ...]
    typed: dict[str, str]
    closed: bool
    elsewhere: bool  # answered by another link, and nothing leads from this one to the answers


async def make(
    context: Context, actor: Actor, network: UUID, form: SurveyForm, questions: Sequence[QuestionForm] = ()
) -> UUID:
    """A draft, with its questions; its id. Forbidden; Refused `survey_full`; Invalid names `questions.<n>.<field>`."""
    actor.must_manage(network)
    if len(questions) > QUESTIONS_MAX:
        raise Refused("survey_full", "questions", limit=QUESTIONS_MAX)
    now, problems = context.clock.now(), Problems()
    async with context.db.tx() as connection:
        today = await _today(context, connection, network)
        title, intro, closes_on = _settings(problems, form, today)
        asked = [_question(problems, each, f"questions.{place}.") for place, each in enumerate(questions)]
        fact_checks.checked(problems)
        new = await store.add(connection, network, title, intro, form.anonymous, closes_on, actor.name)
        made = await store.lock(connection, network, new)
        worded = [(each.kind, *said) for each, said in zip(questions, asked, strict=True)]
        await store.add_questions(connection, made, worded, actor.name, now)
        detail = {"title": title["en"], "anonymous": form.anonymous} | ({"questions": len(asked)} if asked else {})
        await audit.append(connection, actor, "survey_made", detail, network, None, new)
    return new


async def change(context: Context, actor: Actor, network: UUID, wanted: UUID, form: SurveyForm) -> None:
    """Otherwise: all of a draft; of an open one its texts and its last day. Refused `survey_closed`; NotFound."""
    actor.must_manage(network)
    async with context.db.tx() as connection:
        found = await store.lock(connection, network, wanted)
        if found.status == "closed":
            raise Refused("survey_closed", "survey")
        problems = Problems()
        title, intro, closes_on = _settings(problems, form, await _today(context, connection, network))
        fact_checks.checked(problems)
        anonymous = form.anonymous if found.status == "draft" else found.anonymous
        await store.change(connection, wanted, title, intro, anonymous, closes_on)
        detail = {"title": title["en"], "closes_on": closes_on.isoformat()}
        await audit.append(connection, actor, "survey_changed", detail, network, None, wanted)


async def drop(context: Context, actor: Actor, network: UUID, wanted: UUID) -> None:
    """A draft that nobody was asked with is gone, with its questions. Refused `survey_begun`; NotFound."""
    actor.must_manage(network)
    async with context.db.tx() as connection:
        found = await store.lock(connection, network, wanted)
        if found.status != "draft":
            raise Refused("survey_begun", "survey")
        await store.drop(connection, wanted)
        await audit.append(connection, actor, "survey_dropped", {"title": found.title["en"]}, network, None, wanted)


async def put_question(
    context: Context, actor: Actor, network: UUID, wanted: UUID, form: QuestionForm, question: UUID | None = None
) -> None:
    """A new one of a draft, or another wording of one. Of an open survey wordings alone: kind and choices stay.

    Invalid; Refused `survey_begun`, `survey_closed`, `survey_full`; NotFound.
    """
    actor.must_manage(network)
    problems = Problems()
    text, choices = _question(problems, form)
    fact_checks.checked(problems)
    async with context.db.tx() as connection:
        found = await store.lock(connection, network, wanted)
        listed = await store.questions(connection, wanted)
        before = next((each for each in listed if each.id == question), None)
        if question is not None and before is None:
            raise NotFound("question", question)
        if found.status == "closed":
            raise Refused("survey_closed", "survey")
        if found.status == "open" and (
            before is None or before.kind != form.kind or len(before.choices) != len(choices)
        ):
            raise Refused("survey_begun", "kind")
        if before is None and len(listed) >= QUESTIONS_MAX:
            raise Refused("survey_full", "text", limit=QUESTIONS_MAX)
        if before and (before.kind, before.text, before.choices) == (form.kind, text, choices):
            return
        now = context.clock.now()
        await store.put_question(connection, found, question, form.kind, text, choices, actor.name, now)
        detail = {"title": found.title["en"], "question": text["en"], "before": before.text["en"] if before else ""}
        await audit.append(connection, actor, "survey_question_worded", detail, network, None, wanted)


async def remove_question(context: Context, actor: Actor, network: UUID, wanted: UUID, question: UUID) -> None:
    """Out of a draft. Refused `survey_begun`; NotFound; twice is once."""
    actor.must_manage(network)
    async with context.db.tx() as connection:
        found = await store.lock(connection, network, wanted)
        if found.status != "draft":
            raise Refused("survey_begun", "survey")
        await store.remove_question(connection, wanted, question)


async def open_survey(context: Context, actor: Actor, network: UUID, wanted: UUID) -> int:
    """Ask every active member that has somebody to write to; how many. Refused `survey_begun`, `survey_empty`,
    `mailing_nobody`, and `survey_over` when its last day is over."""
    actor.must_manage(network)
    now = context.clock.now()
    async with context.db.tx() as connection:
        found = await store.lock(connection, network, wanted)
        today = await _today(context, connection, network)
        if found.status != "draft":
            raise Refused("survey_begun", "survey")
        if not await store.questions(connection, wanted):
            raise Refused("survey_empty", "questions")
        if found.closes_on <= today:
            raise Refused("survey_over", "last_on")
        members = await store.members(connection, network, today)
        words = Words("", "information", "primary", tuple(members), {}, {})
        everybody = await mailings.somebody(connection, network, words, today)
        # one contact may answer for several members, so the same address is no reason here
        reached = [each for each in everybody if each.reason in ("", "same_address")]
        if not reached:
            raise Refused("mailing_nobody", "members")
        await store.set_status(connection, wanted, "open", now)
        people = [(each.organisation_id, each.email, each.name, each.language) for each in reached]
        await store.ask(connection, found, people, len(everybody) - len(reached), now)
        detail = {"title": found.title["en"], "members": len(people), "anonymous": found.anonymous}
        await audit.append(connection, actor, "survey_opened", detail, network, None, wanted)
    return len(reached)


async def remind(context: Context, actor: Actor, network: UUID, wanted: UUID) -> int:
    """Write again to who has not answered and was not written to lately; to how many. Refused `survey_closed`."""
    actor.must_manage(network)
    now = context.clock.now()
    async with context.db.tx() as connection:
        found = await store.lock(connection, network, wanted)
        if found.status != "open" or found.closes_on <= await _today(context, connection, network):
            raise Refused("survey_closed", "survey")
        count = await store.remind(connection, wanted, now - REMINDED_AFTER, now)
        if count:
            detail = {"title": found.title["en"], "members": count}
            await audit.append(connection, actor, "survey_reminded", detail, network, None, wanted)
    return count


async def close(context: Context, actor: Actor, network: UUID, wanted: UUID) -> None:
    """No more answers. Refused `survey_draft`; twice is once."""
    actor.must_manage(network)
    async with context.db.tx() as connection:
        found = await store.lock(connection, network, wanted)
        if found.status == "draft":
            raise Refused("survey_draft", "survey")
        if found.status == "open":
            await _close(context, connection, actor, found)


async def close_over(context: Context, actor: Actor) -> int:
    """Close every survey whose last day is over where its network is; how many."""
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        today = {each.id: context.clock.today(each.zone) for each in kept.networks}
        over = await store.close_over(connection, today)
        for each in over:
            await _close(context, connection, actor, each)
    return len(over)


async def work(context: Context, wanted: UUID) -> None:
    """The job: write the mails of a survey, some at a time. A mail and the note that it is written are one change."""
    while await _batch(context, wanted):
        pass


async def open_link(context: Context, token: str) -> Page:
    """What who holds the link is asked. NotFound."""
    async with context.db.tx() as connection:
        return await _page(context, connection, await store.opened_with(connection, token), token)


async def answer(context: Context, token: str, typed: Mapping[str, str]) -> None:
    """Store what was typed, by the ids of questions; the answers of before are superseded.

    NotFound; Refused `survey_closed`, `survey_answered` (anonymous, by another link); Invalid names the question.
    """
    async with context.db.tx() as connection:
        opened = await store.opened_with(connection, token, answering=True)
        page = await _page(context, connection, opened, token)
        if page.closed:
            raise Refused("survey_closed", "survey")
        if page.elsewhere:
            raise Refused("survey_answered", "survey")
        answers = _answers(page.questions, typed)
        await store.answer(connection, opened, token, answers, context.clock.now())


async def _page(context: Context, connection: Connection, opened: Opened, token: str) -> Page:
    kept = await catalogue.load(connection)
    network = kept.by_id[opened.survey.network_id]
    closed = opened.survey.status != "open" or opened.survey.closes_on <= context.clock.today(network.zone)
    questions = await store.questions(connection, opened.survey.id)
    known = await store.answers_of(connection, opened, token)
    typed = {str(each): text or ("" if number is None else str(number)) for each, (number, text) in known.items()}
    elsewhere = opened.survey.anonymous and opened.asked.answered and not opened.used
    return Page(opened, network, tuple(questions), typed, closed, elsewhere)


async def _batch(context: Context, wanted: UUID) -> bool:
    now = context.clock.now()
    async with context.db.tx() as connection:
        rows = await store.waiting(connection, wanted, BATCH)
        if not rows:
            return False
        kept = await catalogue.load(connection)
        found = await store.get(connection, wanted)
        network = kept.by_id[found.network_id]
        if found.status != "open":
            return False
        out, done = [], []
        for asked, again in rows:
            token, t = store.new_token(), translator(asked.language)
            values = {
                "network": t.text(network.names),
                "title": t.text(found.title),
                "text": t.text(found.intro) if any(found.intro.values()) else "",
                "link": f"{context.settings.base_url}/{t.language}/survey/{token}",
                "last_day": names.last_day(t, found.closes_on),
                "anonymous": found.anonymous,
                "again": again,
            }
            to = Recipient(asked.email, asked.name, asked.language)
            out.append(Outgoing("survey", to, values, network.id, asked.organisation_id, id=uuid4()))
            done.append((asked.row_id, out[-1].id or uuid4(), token))
        await mail.queue(connection, out)
        await store.written(connection, found, done, now)
    return True


async def _close(context: Context, connection: Connection, actor: Actor, found: Survey) -> None:
    await store.set_status(connection, found.id, "closed", context.clock.now())
    await store.forget_links(connection, found.id)
    detail = {"title": found.title["en"]}
    await audit.append(connection, actor, "survey_closed", detail, found.network_id, None, found.id)


async def _today(context: Context, connection: Connection, network: UUID) -> date:
    row = (await catalogue.load(connection)).by_id.get(network)
    if row is None:
        raise NotFound("network", network)
    return context.clock.today(row.zone)


def _settings(problems: Problems, form: SurveyForm, today: date) -> tuple[Texts, Texts, date]:
    """Title, intro and the first day without answers."""
    title = _texts(problems, "title", form.title, TITLE_MAX)
    intro = _texts(problems, "intro", form.intro, INTRO_MAX, required=False)
    fact_checks.day(problems, "last_on", form.last_on)
    if form.last_on and not problems and not today <= form.last_on <= today + LONGEST:
        said = {"given": form.last_on.isoformat(), "earliest": today.isoformat()}
        problems.append(("last_on", "date_out_of_range", said | {"latest": (today + LONGEST).isoformat()}))
    last = today if problems or form.last_on is None else form.last_on
    return title, intro, last + timedelta(days=1)


def _question(problems: Problems, form: QuestionForm, at: str = "") -> tuple[Texts, list[Texts]]:
    own = Problems()
    text = _texts(own, "text", form.text, QUESTION_MAX)
    choices = [_texts(own, "choices", each, QUESTION_MAX) for each in form.choices]
    if form.kind == "choice" and not 2 <= len(choices) <= CHOICES_MAX:
        own.append(("choices", "survey_choices", {"most": CHOICES_MAX}))
    problems += [(f"{at}{field}", code, params) for field, code, params in own]
    return text, choices if form.kind == "choice" else []


def _texts(problems: Problems, field: str, given: Mapping[str, str], most: int, required: bool = True) -> Texts:
    """The text in both languages: who wrote only one says it to everybody."""
    told = {language: given.get(language, "").replace("\r\n", "\n").strip() for language in LANGUAGES}
    if required and not any(told.values()):
        problems.append((f"{field}.nb" if field != "choices" else field, "required", {}))
    for language, text in told.items():
        forms.text(problems, f"{field}.{language}" if field != "choices" else field, text, most, required=False)
    return {language: text or next(filter(None, told.values()), "") for language, text in told.items()}


def _answers(questions: tuple[Question, ...], typed: Mapping[str, str]) -> dict[int, tuple[int | None, str]]:
    problems: Problems = []
    out: dict[int, tuple[int | None, str]] = {}
    for each in questions:
        given = typed.get(str(each.id), "").replace("\r\n", "\n").strip()
        if not given:
            continue
        if each.kind == "text":
            forms.text(problems, str(each.id), given, ANSWER_MAX)
            out[each.row_id] = (None, given)
            continue
        most = {"scale": SCALE[-1], "yes_no": 1, "choice": len(each.choices) - 1}.get(each.kind, NUMBER_MAX)
        least = {"scale": SCALE[0], "number": -NUMBER_MAX}.get(each.kind, 0)
        number = _number(given)
        if number is None or not least <= number <= most:
            problems.append((str(each.id), "number_out_of_range", {"least": least, "most": most}))
        else:
            out[each.row_id] = (number, "")
    if not problems and not out:
        problems.append(("survey", "survey_no_answer", {}))
    if problems:
        raise Invalid(problems)
    return out


def _number(given: str) -> int | None:
    """A whole number, with or without spaces between thousands."""
    digits = "".join(given.split())
    plain = digits.removeprefix("-")
    return int(digits) if plain.isascii() and plain.isdigit() and len(plain) <= NUMBER_DIGITS else None
