"""A survey that was held before it was told of here: who was asked then, and what they answered. By the statement."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from crm.database import Connection

# $1 survey, $2 network, $3 the day, $4 its moment, $5 how many of a hundred answered, $6 answers that are there
_ASKED = """
with standing as (
    select distinct organisation_id from membership_period where network_id = $2 and superseded_at is null
        and status = 'active' and starts_on <= $3 and (ends_on is null or ends_on > $3)
), asked as (
    select s.organisation_id, k.email, k.name, k.language, count(*) over () as of,
        row_number() over (order by md5(s.organisation_id::text)) as n
    from standing s cross join lateral (select email, name, language from contact k
        where k.organisation_id = s.organisation_id order by k.main desc, k.created_at desc, k.id limit 1) k
)
insert into survey_invitation (survey_id, network_id, organisation_id, email, name, language, answered, asked_at,
    wanted)
select $1, $2, organisation_id, email, name, language, n * 100 <= of * $5, $4, false from asked order by n
returning organisation_id, answered
"""
_RESPONSES = """
insert into survey_response (survey_id, network_id, organisation_id, key_hash, recorded_at)
select $1, $2, r.organisation_id, case when r.organisation_id is null then md5($1::uuid::text || r.n) else '' end, $3
from unnest($4::uuid[]) with ordinality r (organisation_id, n) order by r.n returning row_id
"""
_ANSWERS = """
insert into survey_answer (response_row_id, question_row_id, network_id, number, text)
select a.response, q.row_id, $2, a.number, a.text
from unnest($3::bigint[], $4::int[], $5::bigint[], $6::text[]) a (response, place, number, text)
join survey_question q on q.survey_id = $1 and q.place = a.place and q.superseded_at is null
"""
Said = tuple[int | None, str]


async def hold(
    connection: Connection,
    network: UUID,
    survey: UUID,
    opened_at: datetime,
    closes_on: date,
    closed_at: datetime | None,
) -> None:
    """A draft becomes what was opened then, and closed since unless `closed_at` is None."""
    await connection.execute(
        "update survey set status = $3, made_at = $4, opened_at = $4, closes_on = $5, closed_at = $6"
        " where network_id = $1 and id = $2",
        *(network, survey, "closed" if closed_at else "open", opened_at, closes_on, closed_at),
    )


async def answered(
    connection: Connection,
    network: UUID,
    survey: UUID,
    opened_at: datetime,
    percent: int,
    anonymous: bool,
    said: Sequence[Sequence[Said | None]],
) -> int:
    """So many of the members of that day answered, by turns what `said` has (an answer for each question); how many.

    Of an anonymous one nothing tells whose an answer is, as in one that was held here.
    """
    rows = await connection.fetch(_ASKED, survey, network, opened_at.date(), opened_at, percent)
    who = [row["organisation_id"] for row in rows if row["answered"]]
    whose = [None] * len(who) if anonymous else who
    responses = [row["row_id"] for row in await connection.fetch(_RESPONSES, survey, network, opened_at, whose)]
    answers = [
        (response, place, *each)
        for at, response in enumerate(responses)
        for place, each in enumerate(said[at % len(said)], 1)
        if each is not None
    ]
    if answers:
        await connection.execute(_ANSWERS, survey, network, *(list(column) for column in zip(*answers, strict=True)))
    return len(who)
