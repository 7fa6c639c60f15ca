"""R5, what a network does in a period and who takes part; R6, what of it is international.

Unit: an activity on its one day; a member that stands at the end of the period, or of the part of it that is over.
"""

from crm.reads.reports import courses
from crm.reads.reports.grounds import Ground
from crm.reads.reports.members import ACTIVE, BY
from crm.reads.reports.source import Cut, Measure, Relation, Source
from crm.reads.reports.standing import END, on
from crm.reports import Chart, Column

IN_PERIOD = """
    a.network_id = any(:networks) and stands(a) and a.on_day >= :start and a.on_day < :end and a.on_day <= :as_of
"""
DONE = f"""
    select to_char(a.on_day, 'YYYY-MM-DD') || ' ' || a.id as key, a.title, a.kind as activity_kind, a.on_day,
        to_char(a.on_day, 'YYYY-MM') as month, case when a.international then 'yes' else 'no' end as international,
        a.partner_countries, n.slug as network, coalesce(p.organisations, 0) as organisations, a.others,
        coalesce(p.people, 0) + a.others as people
    from activity a join network n on n.id = a.network_id
    left join lateral (select count(*) as organisations, sum(q.people) as people from activity_participant q
        where q.activity_row_id = a.row_id) p on true
    where {IN_PERIOD}
"""
_DAY = f"({END} - 1)"
_TAKING_PART = f"""
    select m.*, coalesce(t.times, 0) as times, t.last_time, t.times > 0 is true as took_part
    from ({{members}}) m
    left join (select q.organisation_id, count(*) as times, max(a.on_day) as last_time
        from activity a join activity_participant q on q.activity_row_id = a.row_id where {IN_PERIOD} group by 1) t
        on t.organisation_id = m.organisation_id
    where m.{ACTIVE}
"""


def _course(wanted: frozenset[str], ground: Ground) -> str:
    return _TAKING_PART.format(members=courses.on({*wanted, "organisation_id", "status"}, ground, _DAY))


ACTIVITY = Source(
    name="activity",
    area="activity",
    relations={
        "activities": Relation(
            DONE,
            (
                Column("on_day", "day", width=12),
                Column("title", width=40),
                Column("activity_kind", words="activity_kind"),
                Column("organisations", "number", width=10),
                Column("others", "number", width=10),
                Column("people", "number", width=10),
                Column("international", words="international"),
                Column("partner_countries", width=24),
                Column("network", words="network", width=30),
            ),
            by=("activity_kind", "month", "international", "network"),
        ),
        "members": Relation(
            _TAKING_PART.format(members=on(_DAY)),
            (
                Column("name", width=40),
                Column("orgnr", width=14),
                Column("kind", words="kind"),
                Column("tier", words="tier", width=24),
                Column("times", "number", width=10),
                Column("last_time", "day", width=12),
                Column("organisation_id", words="id", width=38),
            ),
            by=BY,
            course=_course,
            facts=("took_part",),
        ),
    },
    measures=(
        Measure("activities", "activities"),
        Measure("international_activities", "activities", "international = 'yes'"),
        Measure("participants", "activities", "true", "sum", "people"),
        Measure("participations", "activities", "true", "sum", "organisations"),
        Measure("participating", "members", "took_part"),
        Measure("members", "members"),
        Measure("share_participating", "members", how="share", of="took_part", kind="share"),
    ),
    cuts=(
        Cut("by_activity", ("activities", "participations", "participants"), ("activity_kind",)),
        Cut("by_month", ("activities", "participants"), ("month",), "code"),
        Cut("by_tier", ("participating", "members"), ("tier",)),
        Cut("by_kind", ("participating", "members"), ("kind",)),
    ),
    charts=(Chart("bars", "by_month", "month", ("participants",)),),
    words={"month": "month"},
)
