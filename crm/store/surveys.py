"""Surveys as they are stored: questions in their wordings, who was asked, links of which only hashes are kept, answers.

In an anonymous survey nothing stored leads from an answer to who gave it: a response is known by a hash that only the
address in the mail can make, it has no moment of its own, and who was asked is only known to have answered or not.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from hashlib import sha256
from uuid import UUID, uuid4

import msgspec

from crm.database import Connection
from crm.errors import NotFound
from crm.store import jobs

TASK = "send_survey"
TOKEN_BYTES = 24
Texts = dict[str, str]


class Survey(msgspec.Struct, frozen=True):
    """One; `closes_on` is the first day without answers."""

    id: UUID
    network_id: UUID
    title: Texts
    intro: Texts
    anonymous: bool
    closes_on: date
    status: str
    opened_at: datetime | None


class Question(msgspec.Struct, frozen=True):
    """A question in one wording; `choices` of a choice."""

    row_id: int
    id: UUID
    kind: str
    text: Texts
    choices: list[Texts]


class Asked(msgspec.Struct, frozen=True):
    """Somebody who was asked for a member."""

    row_id: int
    organisation_id: UUID
    email: str
    name: str
    language: str
    answered: bool


class Opened(msgspec.Struct, frozen=True):
    """What a link leads to; `used`: by this link was answered."""

    survey: Survey
    asked: Asked
    used: bool
    closed_at: datetime | None


_SURVEY = "id, network_id, title, intro, anonymous, closes_on, status, opened_at"


async def add(
    connection: Connection, network: UUID, title: Texts, intro: Texts, anonymous: bool, closes_on: date, by: str
) -> UUID:
    """A draft; its id."""
    return await connection.fetchval(
        "insert into survey (id, network_id, title, intro, anonymous, closes_on, status, left_out, made_by, made_at)"
        " values ($1, $2, $3, $4, $5, $6, 'draft', '{}', $7, now()) returning id",
        *(uuid4(), network, title, intro, anonymous, closes_on, by),
    )


async def lock(connection: Connection, network: UUID, wanted: UUID) -> Survey:
    """One of the network, held until the transaction ends. NotFound."""
    row = await connection.fetchrow(
        f"select {_SURVEY} from survey where network_id = $1 and id = $2 for update", network, wanted
    )
    if row is None:
        raise NotFound("survey", wanted)
    return Survey(**dict(row))


async def get(connection: Connection, wanted: UUID) -> Survey:
    """One that is there."""
    row = await connection.fetchrow(f"select {_SURVEY} from survey where id = $1", wanted)
    return Survey(**dict(row))


async def change(
    connection: Connection, wanted: UUID, title: Texts, intro: Texts, anonymous: bool, closes_on: date
) -> None:
    """What it is called, said to be for, whose, and until when."""
    await connection.execute(
        "update survey set title = $2, intro = $3, anonymous = $4, closes_on = $5 where id = $1",
        *(wanted, title, intro, anonymous, closes_on),
    )


async def set_status(connection: Connection, wanted: UUID, status: str, now: datetime) -> None:
    """open or closed, from now on."""
    column = {"open": "opened_at", "closed": "closed_at"}[status]
    await connection.execute(f"update survey set status = $2, {column} = $3 where id = $1", wanted, status, now)


async def questions(connection: Connection, survey: UUID) -> list[Question]:
    """As they are worded now, in their order."""
    rows = await connection.fetch(
        "select row_id, id, kind, text, choices from survey_question"
        " where survey_id = $1 and superseded_at is null order by place, row_id",
        survey,
    )
    return [Question(**dict(row)) for row in rows]


async def put_question(
    connection: Connection,
    survey: Survey,
    question: UUID | None,
    kind: str,
    text: Texts,
    choices: Sequence[Texts],
    by: str,
    now: datetime,
) -> None:
    """A new one, last; or another wording of one that is there, in its place."""
    place = await connection.fetchval(
        "update survey_question set superseded_at = $2 where id = $1 and superseded_at is null returning place",
        question,
        now,
    )
    if place is None:
        place = await connection.fetchval(
            "select coalesce(max(place), 0) + 1 from survey_question where survey_id = $1", survey.id
        )
    await connection.execute(
        "insert into survey_question (id, survey_id, network_id, place, kind, text, choices, recorded_at, recorded_by)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        *(question or uuid4(), survey.id, survey.network_id, place, kind, text, list(choices), now, by),
    )


async def add_questions(
    connection: Connection, survey: Survey, listed: Sequence[tuple[str, Texts, list[Texts]]], by: str, now: datetime
) -> None:
    """The questions of a new draft, each (kind, text, choices), in their order and by one statement."""
    rows = [
        {"id": uuid4(), "place": place, "kind": kind, "text": text, "choices": choices}
        for place, (kind, text, choices) in enumerate(listed, 1)
    ]
    await connection.execute(
        "insert into survey_question (id, survey_id, network_id, place, kind, text, choices, recorded_at, recorded_by)"
        " select q.id, $2, $3, q.place, q.kind, q.text, q.choices, $4, $5"
        " from jsonb_populate_recordset(null::survey_question, $1::jsonb) q order by q.place",
        *(rows, survey.id, survey.network_id, now, by),
    )


async def remove_question(connection: Connection, survey: UUID, question: UUID) -> None:
    """Out of a draft, with its earlier wordings."""
    await connection.execute("delete from survey_question where survey_id = $1 and id = $2", survey, question)


async def drop(connection: Connection, survey: UUID) -> None:
    """A draft and its questions."""
    await connection.execute("delete from survey_question where survey_id = $1", survey)
    await connection.execute("delete from survey where id = $1 and status = 'draft'", survey)


async def members(connection: Connection, network: UUID, today: date) -> list[UUID]:
    """The memberships that are active on the day."""
    rows = await connection.fetch(
        "select distinct membership_id from membership_period where network_id = $1 and superseded_at is null"
        " and status = 'active' and starts_on <= $2 and (ends_on is null or ends_on > $2)",
        network,
        today,
    )
    return [row["membership_id"] for row in rows]


async def ask(
    connection: Connection, survey: Survey, people: Sequence[tuple[UUID, str, str, str]], left_out: int, now: datetime
) -> None:
    """(organisation, address, name, language): they are asked, and a job writes their mails."""
    await connection.executemany(
        "insert into survey_invitation (survey_id, network_id, organisation_id, email, name, language, answered,"
        " wanted)"
        " values ($1, $2, $3, $4, $5, $6, false, true) on conflict (survey_id, organisation_id) do nothing",
        [(survey.id, survey.network_id, *each) for each in people],
    )
    await connection.execute("update survey set left_out = $2 where id = $1", survey.id, {"no_contact": left_out})
    await jobs.enqueue(connection, TASK, [({"survey": str(survey.id)}, None)], now)


async def remind(connection: Connection, survey: UUID, before: datetime, now: datetime) -> int:
    """Who has not answered, and was last written to before then, is written to again; how many."""
    done = await connection.execute(
        "update survey_invitation set wanted = true where survey_id = $1 and not answered and not wanted"
        " and email <> '' and greatest(asked_at, reminded_at) < $2",
        survey,
        before,
    )
    await jobs.enqueue(connection, TASK, [({"survey": str(survey)}, None)], now)
    return int(done.split()[-1])


async def waiting(connection: Connection, survey: UUID, limit: int) -> list[tuple[Asked, bool]]:
    """Who is to get a mail next, locked, and whether it is a reminder; another worker takes others."""
    rows = await connection.fetch(
        "select row_id, organisation_id, email, name, language, answered, asked_at is not null as again"
        " from survey_invitation where survey_id = $1 and wanted and email <> '' order by row_id limit $2"
        " for update skip locked",
        survey,
        limit,
    )
    return [(Asked(**{name: row[name] for name in Asked.__struct_fields__}), row["again"]) for row in rows]


async def written(
    connection: Connection, survey: Survey, mails: Sequence[tuple[int, UUID, str]], now: datetime
) -> None:
    """(who was asked, the mail, the token in it): their mails are queued."""
    await connection.executemany(
        "insert into survey_link (token_hash, invitation_id, network_id, mail_id, used) values ($1, $2, $3, $4, false)",
        [(hashed(token), row, survey.network_id, mail) for row, mail, token in mails],
    )
    await connection.execute(
        "update survey_invitation set wanted = false, reminded_at ="
        " case when asked_at is null then null else $2::timestamptz end,"
        " asked_at = coalesce(asked_at, $2::timestamptz) where row_id = any($1)",
        [row for row, _, _ in mails],
        now,
    )


async def opened_with(connection: Connection, token: str, answering: bool = False) -> Opened:
    """The survey and who was asked, by the address in the mail; held when it is to be answered. NotFound."""
    held = " for update of i" if answering else ""
    row = await connection.fetchrow(
        "select s.id, s.network_id, s.title, s.intro, s.anonymous, s.closes_on, s.status, s.opened_at, s.closed_at,"
        " i.row_id, i.organisation_id, i.email, i.name, i.language, i.answered, l.used from survey_link l"
        " join survey_invitation i on i.row_id = l.invitation_id join survey s on s.id = i.survey_id"
        f" where l.token_hash = $1{held}",
        hashed(token),
    )
    if row is None:
        raise NotFound("survey", "")
    survey = Survey(**{name: row[name] for name in Survey.__struct_fields__})
    asked = Asked(**{name: row[name] for name in Asked.__struct_fields__})
    return Opened(survey, asked, row["used"], row["closed_at"])


async def answers_of(connection: Connection, opened: Opened, token: str) -> dict[UUID, tuple[int | None, str]]:
    """What was answered with this link, or for this member: question -> (number, text)."""
    rows = await connection.fetch(
        "select q.id, a.number, a.text from survey_response r join survey_answer a on a.response_row_id = r.row_id"
        " join survey_question q on q.row_id = a.question_row_id where r.survey_id = $1 and r.superseded_at is null"
        " and (r.organisation_id = $2 or r.key_hash = $3)",
        opened.survey.id,
        None if opened.survey.anonymous else opened.asked.organisation_id,
        _key(token) if opened.survey.anonymous else None,
    )
    return {row["id"]: (row["number"], row["text"]) for row in rows}


async def answer(
    connection: Connection, opened: Opened, token: str, answers: Mapping[int, tuple[int | None, str]], now: datetime
) -> None:
    """What is answered now, by wording of the question; what was answered before is superseded."""
    survey = opened.survey
    whose = None if survey.anonymous else opened.asked.organisation_id
    key = _key(token) if survey.anonymous else ""
    moment = survey.opened_at if survey.anonymous else now
    await connection.execute(
        "update survey_response set superseded_at = $4 where survey_id = $1 and superseded_at is null"
        " and (organisation_id = $2 or key_hash = nullif($3, ''))",
        *(survey.id, whose, key, moment),
    )
    new = await connection.fetchval(
        "insert into survey_response (survey_id, network_id, organisation_id, key_hash, recorded_at)"
        " values ($1, $2, $3, $4, $5) returning row_id",
        *(survey.id, survey.network_id, whose, key, moment),
    )
    await connection.executemany(
        "insert into survey_answer (response_row_id, question_row_id, network_id, number, text)"
        " values ($1, $2, $3, $4, $5)",
        [(new, question, survey.network_id, *each) for question, each in answers.items()],
    )
    await connection.execute("update survey_invitation set answered = true, wanted = false where row_id = $1",
                             opened.asked.row_id)  # fmt: skip
    await connection.execute("update survey_link set used = true where token_hash = $1", hashed(token))


async def close_over(connection: Connection, today: Mapping[UUID, date]) -> list[Survey]:
    """Open surveys whose last day is over in their network, held."""
    rows = await connection.fetch(
        f"select {', '.join('s.' + each.strip() for each in _SURVEY.split(','))} from survey s"
        " join unnest($1::uuid[], $2::date[]) as d (network, day) on d.network = s.network_id"
        " where s.status = 'open' and s.closes_on <= d.day order by s.id for update of s",
        list(today),
        list(today.values()),
    )
    return [Survey(**dict(row)) for row in rows]


async def forget_links(connection: Connection, survey: UUID) -> None:
    """The mails of a closed survey forget their links: with them an anonymous answer could be found."""
    await connection.execute(
        "update mail m set body_text = '', body_html = '',"
        " status = case when m.status = 'queued' then 'cancelled' else m.status end"
        " from survey_link l join survey_invitation i on i.row_id = l.invitation_id"
        " where i.survey_id = $1 and m.id = l.mail_id and m.status <> 'sending'",
        survey,
    )


def new_token() -> str:
    """What the address in a mail holds."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def hashed(token: str) -> str:
    """What is kept of it."""
    return sha256(token.encode()).hexdigest()


def _key(token: str) -> str:
    """By what an anonymous response is known: no other stored value leads to it."""
    return sha256(b"answer:" + token.encode()).hexdigest()
