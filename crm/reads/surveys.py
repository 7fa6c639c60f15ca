"""Surveys as the office's pages and the API show them, behind the wall: how they go, and what was answered.

Of an anonymous survey nothing is shown while it is open (from one answer to the next one could tell whose it is), and
of a question with fewer answers than FLOOR nothing at all.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from crm.database import Connection

FLOOR = 5
TEXTS_SHOWN = 200
Texts = dict[str, str]


class Survey(msgspec.Struct, frozen=True):
    """One, and how many were asked and have answered; `closes_on` is the first day without answers."""

    id: UUID
    title: Texts
    intro: Texts
    anonymous: bool
    closes_on: date
    status: str
    opened_at: datetime | None
    closed_at: datetime | None
    left_out: dict[str, int]
    asked: int
    answered: int

    @property
    def hidden(self) -> bool:
        """Is what was answered not to be seen yet?"""
        return self.anonymous and self.status != "closed"


class Question(msgspec.Struct, frozen=True):
    """A question as it is worded now."""

    id: UUID
    kind: str
    text: Texts
    choices: list[Texts]


class Result(msgspec.Struct, frozen=True):
    """What was answered to a question, in all its wordings. `few`: too few answers to say anything of them.

    `picked`: answer -> how often (scale, yes or no, choice); `mean` of scales and numbers, `total` of numbers.
    """

    question: Question
    answers: int
    few: bool = False
    mean: float | None = None
    total: int | None = None
    picked: dict[int, int] = {}
    texts: list[str] = []
    wordings: int = 1


class Member(msgspec.Struct, frozen=True):
    """A member that was asked."""

    organisation_id: UUID
    name: str
    contact: str
    answered: bool
    reminded_at: datetime | None


_LISTED = """
select s.id, s.title, s.intro, s.anonymous, s.closes_on, s.status, s.opened_at, s.closed_at, s.left_out,
    count(i.row_id)::int as asked, (count(i.row_id) filter (where i.answered))::int as answered
from survey s left join survey_invitation i on i.survey_id = s.id where s.network_id = $1
"""


async def of_network(connection: Connection, network: UUID) -> list[Survey]:
    """All, the newest first."""
    rows = await connection.fetch(f"{_LISTED} group by s.id order by s.made_at desc, s.id", network)
    return [Survey(**dict(row)) for row in rows]


async def one(connection: Connection, network: UUID, wanted: UUID) -> Survey | None:
    """One of the network; None for any other."""
    row = await connection.fetchrow(f"{_LISTED} and s.id = $2 group by s.id", network, wanted)
    return Survey(**dict(row)) if row else None


async def questions(connection: Connection, survey: UUID) -> list[Question]:
    """As they are worded now, in their order."""
    rows = await connection.fetch(
        "select id, kind, text, choices from survey_question where survey_id = $1 and superseded_at is null"
        " order by place, row_id",
        survey,
    )
    return [Question(**dict(row)) for row in rows]


async def members(connection: Connection, survey: UUID) -> list[Member]:
    """Who was asked, those first who have not answered."""
    rows = await connection.fetch(
        "select i.organisation_id, o.name, i.name as contact, i.answered, i.reminded_at from survey_invitation i"
        " join organisation o on o.id = i.organisation_id where i.survey_id = $1"
        " order by i.answered, o.sort_name, o.id",
        survey,
    )
    return [Member(**dict(row)) for row in rows]


async def results(connection: Connection, survey: Survey) -> list[Result]:
    """What was answered, question by question; nothing of an anonymous survey that is open."""
    listed = await questions(connection, survey.id)
    if survey.hidden:
        return [Result(each, 0, few=True) for each in listed]
    rows = await connection.fetch(
        "select q.id, count(*)::int as answers, avg(a.number)::float8 as mean, sum(a.number)::bigint as total,"
        " (select count(*)::int from survey_question w where w.id = q.id) as wordings"
        " from survey_response r join survey_answer a on a.response_row_id = r.row_id"
        " join survey_question q on q.row_id = a.question_row_id"
        " where r.survey_id = $1 and r.superseded_at is null group by q.id",
        survey.id,
    )
    sums: dict[UUID, dict[str, Any]] = {row["id"]: dict(row) for row in rows}
    picked = await _picked(connection, survey.id)
    texts = await _texts(connection, survey.id)
    return [_result(each, sums.get(each.id), picked, texts, survey.anonymous) for each in listed]


def _result(
    question: Question,
    sums: dict[str, Any] | None,
    picked: dict[UUID, dict[int, int]],
    texts: dict[UUID, list[str]],
    anonymous: bool,
) -> Result:
    if sums is None:
        return Result(question, 0, few=anonymous)
    if anonymous and sums["answers"] < FLOOR:
        return Result(question, 0, few=True)
    numeric = question.kind in ("scale", "number")
    return Result(
        question,
        sums["answers"],
        mean=sums["mean"] if numeric else None,
        total=sums["total"] if question.kind == "number" else None,
        picked=picked.get(question.id, {}) if question.kind in ("scale", "yes_no", "choice") else {},
        texts=texts.get(question.id, [])[:TEXTS_SHOWN],
        wordings=sums["wordings"],
    )


_ANSWERED = """
    from survey_response r join survey_answer a on a.response_row_id = r.row_id
    join survey_question q on q.row_id = a.question_row_id where r.survey_id = $1 and r.superseded_at is null
"""


async def _picked(connection: Connection, survey: UUID) -> dict[UUID, dict[int, int]]:
    rows = await connection.fetch(
        f"select q.id, a.number, count(*)::int as n {_ANSWERED} and a.number is not null group by 1, 2 order by 1, 2",
        survey,
    )
    out: dict[UUID, dict[int, int]] = {}
    for row in rows:
        out.setdefault(row["id"], {})[row["number"]] = row["n"]
    return out


async def _texts(connection: Connection, survey: UUID) -> dict[UUID, list[str]]:
    """In the order of the alphabet, which tells nothing of when they were written."""
    rows = await connection.fetch(
        f"select q.id, a.text {_ANSWERED} and a.text <> '' order by q.id, lower(a.text), a.text", survey
    )
    out: dict[UUID, list[str]] = {}
    for row in rows:
        out.setdefault(row["id"], []).append(row["text"])
    return out


async def answers(connection: Connection, survey: Survey) -> list[tuple[str, str, dict[UUID, int | str]]]:
    """(member, number, question -> answer) of a survey that is not anonymous; of any other nothing."""
    if survey.anonymous:
        return []
    rows = await connection.fetch(
        "select o.name, coalesce((select min(i.value) from identifier i where i.organisation_id = o.id"
        " and i.scheme = 'no-orgnr'), '') as number, r.row_id, q.id, a.number as value, a.text"
        " from survey_response r join organisation o on o.id = r.organisation_id"
        " join survey_answer a on a.response_row_id = r.row_id join survey_question q on q.row_id = a.question_row_id"
        " where r.survey_id = $1 and r.superseded_at is null order by o.sort_name, o.id",
        survey.id,
    )
    out: dict[int, tuple[str, str, dict[UUID, int | str]]] = {}
    for row in rows:
        told = out.setdefault(row["row_id"], (row["name"], row["number"], {}))
        told[2][row["id"]] = row["text"] if row["value"] is None else row["value"]
    return list(out.values())


async def ending(connection: Connection, network: UUID, day: date, within: int) -> list[Survey]:
    """Open ones that close within so many days and that somebody has not answered, the first to close on top."""
    rows = await connection.fetch(
        f"{_LISTED} and s.status = 'open' and s.closes_on > $2 and s.closes_on <= $2 + $3::int group by s.id"
        " having count(i.row_id) filter (where not i.answered) > 0 order by s.closes_on, s.id",
        network,
        day,
        within,
    )
    return [Survey(**dict(row)) for row in rows]
