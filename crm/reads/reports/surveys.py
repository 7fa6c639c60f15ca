"""R7, what members answer: how many of those asked, question by question, and how the answers spread.

Unit: a member that was asked in a survey that was opened in the period; a member's newest answer to a question.
An anonymous survey counts in who was asked and who has answered. What was answered in it is told once it is closed, by
question and only from five answers on, and its rows are those sums: no row is one member's.
"""

from crm.reads.reports.source import Cut, Measure, Relation, Source
from crm.reads.surveys import FLOOR
from crm.reports import Chart, Column

SEPARATOR = "\u241e"  # between the two languages of a text: crm/report_words.py shows the reader's


def _both(text: str) -> str:
    return f"({text} ->> 'nb') || '{SEPARATOR}' || ({text} ->> 'en')"


_SURVEYS = """
    s.network_id = any(:networks) and s.opened_at is not null
    and (s.opened_at at time zone n.time_zone)::date >= :start and (s.opened_at at time zone n.time_zone)::date < :end
    and (s.opened_at at time zone n.time_zone)::date <= :as_of
    and (:known_at::timestamptz is null or s.opened_at <= :known_at)
"""
_KNOWN = "(:known_at::timestamptz is null or {0} <= :known_at)"
ASKED = f"""
    select lpad(i.row_id::text, 12, '0') as key, {_both("s.title")} as survey, o.name, n.slug as network,
        case when s.anonymous then i.answered else exists (select from survey_response r where r.survey_id = s.id
            and r.organisation_id = i.organisation_id and {_KNOWN.format("r.recorded_at")}) end as has_answered,
        case when s.anonymous then 'yes' else 'no' end as anonymous, i.organisation_id
    from survey s join network n on n.id = s.network_id join survey_invitation i on i.survey_id = s.id
    join organisation o on o.id = i.organisation_id where {_SURVEYS}
"""
_ANSWER = f"""
    case q.kind when 'scale' then a.number::text || '{SEPARATOR}' || a.number::text
        when 'yes_no' then case a.number when 1 then 'Ja{SEPARATOR}Yes' else 'Nei{SEPARATOR}No' end
        when 'choice' then {_both("(q.choices -> a.number::int)")}
        when 'number' then a.number::text || '{SEPARATOR}' || a.number::text
        else a.text || '{SEPARATOR}' || a.text end
"""
ANSWERS = f"""
    select lpad(q.place::text, 4, '0') || ' ' || lpad(a.row_id::text, 12, '0') as key, {_both("s.title")} as survey,
        {_both("w.text")} as question, q.kind as question_kind, o.name, {_ANSWER} as answer, a.number as value,
        n.slug as network, r.organisation_id
    from survey s join network n on n.id = s.network_id join survey_response r on r.survey_id = s.id and stands(r)
    join organisation o on o.id = r.organisation_id
    join survey_answer a on a.response_row_id = r.row_id join survey_question q on q.row_id = a.question_row_id
    join lateral (select v.text from survey_question v where v.id = q.id order by v.row_id desc limit 1) w on true
    where not s.anonymous and {_SURVEYS}
"""
TOGETHER = f"""
    select lpad(min(q.place)::text, 4, '0') || ' ' || q.id as key, {_both("s.title")} as survey,
        (select {_both("v.text")} from survey_question v where v.id = q.id order by v.row_id desc limit 1) as question,
        q.kind as question_kind, count(*)::int as many,
        case when q.kind in ('scale', 'number') then avg(a.number)::float8 end as average, n.slug as network
    from survey s join network n on n.id = s.network_id join survey_response r on r.survey_id = s.id
        and r.superseded_at is null
    join survey_answer a on a.response_row_id = r.row_id join survey_question q on q.row_id = a.question_row_id
    where s.anonymous and s.status = 'closed' and {_KNOWN.format("s.closed_at")} and {_SURVEYS}
    group by s.id, q.id, q.kind, n.slug having count(*) >= {FLOOR}
"""
SURVEYS = Source(
    name="surveys",
    area="activity",
    relations={
        "asked": Relation(
            ASKED,
            (
                Column("survey", words="both", width=36),
                Column("name", width=40),
                Column("anonymous", words="anonymous"),
                Column("network", words="network", width=30),
                Column("organisation_id", words="id", width=38),
            ),
            by=("survey", "network"),
        ),
        "answers": Relation(
            ANSWERS,
            (
                Column("survey", words="both", width=36),
                Column("question", words="both", width=44),
                Column("name", width=36),
                Column("answer", words="both", width=36),
                Column("network", words="network", width=30),
                Column("organisation_id", words="id", width=38),
            ),
            by=("survey", "question", "answer", "network"),
        ),
        "together": Relation(
            TOGETHER,
            (
                Column("survey", words="both", width=36),
                Column("question", words="both", width=44),
                Column("many", "number"),
                Column("average", "number"),
                Column("network", words="network", width=30),
            ),
            by=("survey", "question", "network"),
        ),
    },
    measures=(
        Measure("asked", "asked"),
        Measure("answered", "asked", "has_answered"),
        Measure("response_rate", "asked", how="share", of="has_answered", kind="share"),
        Measure("answers", "answers"),
        Measure("scale_mean", "answers", "question_kind = 'scale'", "mean", "value"),
        Measure("number_sum", "answers", "question_kind = 'number'", "sum", "value", shown=False),
        Measure("picked", "answers", "question_kind in ('scale', 'yes_no', 'choice')", shown=False),
        Measure("anonymous_answers", "together", "true", "sum", "many"),
        Measure("anonymous_mean", "together", "question_kind = 'scale'", "mean", "average", shown=False),
    ),
    cuts=(
        Cut("by_survey", ("asked", "answered", "response_rate"), ("survey",)),
        Cut("by_question", ("answers", "scale_mean", "number_sum"), ("question",), "code"),
        Cut("by_answer", ("picked",), ("question", "answer"), "code"),
        Cut("by_anonymous_question", ("anonymous_answers", "anonymous_mean"), ("question",), "code"),
    ),
    charts=(Chart("hbar", "by_survey", "survey", ("answered",)),),
    words={"survey": "both", "question": "both", "answer": "both"},
)
