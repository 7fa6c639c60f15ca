"""Renewals: which memberships were due, which went on, which are still open; and what is left of each year's joiners.

A membership here goes on by itself until it is ended, so it falls due whenever its network's membership year turns
(ADR 0035). Unit: an own membership and one turn of its year.
"""

from collections.abc import Mapping
from typing import Any

from crm.reads.reports import cohort_courses
from crm.reads.reports.cohort_courses import FIXED, OWN, STOOD, TURNS, YEARS_BACK
from crm.reads.reports.source import Cut, Measure, Relation, Source
from crm.reads.reports.standing import KEY, NUMBERS, SPELLS, names, profile
from crm.reports import LATEST, Asked, Cell, Chart, Column, Figure, Option, Table, narrowed

YEARS_SHOWN = 12
GRACE_DAYS = 30

DUE = f"""
    with turns as materialized ({TURNS}), fixed as materialized ({FIXED}), own as materialized ({OWN}),
    due as materialized (
        select s.*, f.turn from own s join fixed f on f.network_id = s.network_id
            and s.starts_on < f.turn and (s.ends_on is null or s.ends_on >= f.turn)
        union all
        select s.*, (s.starts_on + make_interval(years => y))::date from own s
        join turns t on t.network_id = s.network_id and t.kind = 'anniversary'
        cross join lateral generate_series(
            greatest(1, extract(year from :start)::int - extract(year from s.starts_on)::int),
            extract(year from :end)::int - extract(year from s.starts_on)::int) y
        where (s.starts_on + make_interval(years => y))::date >= :start
            and (s.starts_on + make_interval(years => y))::date < :end
            and (s.ends_on is null or s.ends_on >= (s.starts_on + make_interval(years => y))::date)
    ),
    told as (
        select d.*, case when d.ends_on = d.turn and d.next_on <= d.turn + :option_grace::int and d.next_on <= :as_of
                then d.next_on end as back_on,
            d.ends_on = d.turn and (o.merged_on is not null and o.merged_on <= d.turn or exists (
                select from membership_transfer t where t.membership_id = d.membership_id
                and t.effective_on = d.turn and decided(t))) as excluded,
            d.number = 1 and d.starts_on + interval '1 year' >= d.turn as first_year
        from due d join organisation o on o.id = d.organisation_id
    ),
    who as (select distinct organisation_id from told), profile as materialized ({profile(":as_of")}),
    number as ({NUMBERS}), name as ({names(":as_of")})
    select {KEY} || ' ' || d.turn || ' ' || d.membership_id as key, coalesce(name.name, o.name) as name, number.orgnr,
        n.slug as network, d.tier, d.starts_on as joined, d.turn, d.ends_on as left_on, d.back_on, d.organisation_id,
        profile.kind, profile.size, d.first_year,
        case when d.turn > :as_of then 'open'
            when d.ends_on is null or d.ends_on > d.turn then 'renewed'
            when d.back_on is not null then 'late'
            when d.excluded then 'excluded'
            when d.turn + :option_grace::int > :as_of then 'open'
            else 'lost' end as outcome
    from told d join organisation o on o.id = d.organisation_id join network n on n.id = d.network_id
    left join profile on profile.organisation_id = d.organisation_id
    left join number on number.organisation_id = d.organisation_id
    left join name on name.organisation_id = d.organisation_id
"""

# Every stretch that had begun by the day, with the year its organisation joined first, and of the organisation a bit
# for each year at whose end it stood. Stretches of one never overlap: at any year's end it stands in one at most.
_YEARS = f"""
    select s.*, extract(year from s.starts_on)::int as from_year, extract(year from s.ends_on)::int as left_year
    from ({SPELLS}) s where s.starts_on <= :as_of
"""
JOINERS = f"""
    select s.organisation_id, s.number, s.number = 1 as first, s.from_year, s.left_year,
        min(s.from_year) over o as joined_year, bit_or({STOOD.format("s.from_year", "s.left_year")}) over o as stood
    from ({_YEARS}) s window o as (partition by s.organisation_id)
"""
_STOOD = f"(stood >> (:value::text::int - extract(year from :as_of)::int + {YEARS_BACK})) & 1 = 1"
NAMED_JOINERS = f"""
    with who as materialized ({JOINERS}), number as ({NUMBERS}), name as ({names(":as_of")})
    select {KEY} || ' ' || w.number as key, coalesce(name.name, o.name) as name, number.orgnr, w.joined_year, w.first,
        w.from_year, w.left_year, w.stood, w.organisation_id
    from who w join organisation o on o.id = w.organisation_id
    left join number on number.organisation_id = w.organisation_id
    left join name on name.organisation_id = w.organisation_id
"""


def _table(
    asked: Asked, figures: Mapping[str, Any], tables: Mapping[str, Table]
) -> tuple[tuple[Figure, ...], tuple[Table, ...]]:
    """What is left of each year's joiners at the end of that year and of those after."""
    found = []
    for row in tables["stood"].rows:
        joined, since, until, size, many = (cell.value for cell in row)
        found.append((int(joined), int(since), int(until) if until else LATEST.year, size, many))
    this = asked.as_of.year
    last = this if (asked.as_of.month, asked.as_of.day) == (12, 31) else this - 1
    years = sorted({year for year, *_ in found})[-YEARS_SHOWN:]
    width = max((last - year + 1 for year in years), default=0)
    rows = []
    for year in years:
        of = [each for joined, *each in found if joined == year]
        size = sum(joiners for *_, joiners, _ in of)
        shares = [Cell(None)] * max(0, width)
        for after in range(max(0, last - year + 1)):
            still = sum(many for since, until, _, many in of if since <= year + after < until)
            shares[after] = Cell(still / size, narrowed("still", joined_year=year, stood=year + after))
        rows.append((Cell(str(year)), Cell(size, narrowed("joiners", joined_year=year)), *shares))
    columns = [Column("joined_year", words="year"), Column("joiners", "number")]
    columns += [Column(f"after_{after}", "share") for after in range(width)]
    return (), (Table("cohorts", tuple(columns), tuple(rows)),)


_JOINERS = Relation(
    NAMED_JOINERS,
    (
        Column("name", width=40),
        Column("orgnr", width=14),
        Column("joined_year", words="year"),
        Column("organisation_id", words="id", width=38),
    ),
    by=("joined_year", "from_year", "left_year"),
    course=cohort_courses.joiners,
    counted=cohort_courses.joiners_counted,
    facts=("first",),
)
_JOINED = (
    Measure("joiners", "joiners", "first", shown=False),
    Measure("stretches", "joiners", shown=False),
)
_STOOD_AT_ENDS = Cut("stood", ("joiners", "stretches"), ("joined_year", "from_year", "left_year"), shown=False)
# The table of joining years alone, for pages that show nothing else of the report.
TABLE = Source(
    name="cohorts",
    area="members",
    relations={"joiners": _JOINERS},
    measures=_JOINED,
    cuts=(_STOOD_AT_ENDS,),
    further=_table,
)
_CUT = ("due", "renewed", "late", "lost", "open", "rate")
COHORTS = Source(
    name="cohorts",
    area="members",
    relations={
        "due": Relation(
            DUE,
            (
                Column("name", width=40),
                Column("orgnr", width=14),
                Column("network", words="network", width=30),
                Column("tier", words="tier"),
                Column("joined", "day", width=12),
                Column("turn", "day", width=12),
                Column("outcome", words="outcome"),
                Column("left_on", "day", width=12),
                Column("back_on", "day", width=12),
                Column("organisation_id", words="id", width=38),
            ),
            by=("tier", "kind", "size", "network", "turn", "outcome"),
            course=cohort_courses.due,
            counted=cohort_courses.due_counted,
            facts=("outcome", "first_year"),
        ),
        "joiners": _JOINERS,
    },
    measures=(
        Measure("due", "due", "outcome <> 'excluded'"),
        Measure("renewed", "due", "outcome in ('renewed', 'late')"),
        Measure("late", "due", "outcome = 'late'"),
        Measure("lost", "due", "outcome = 'lost'"),
        Measure("open", "due", "outcome = 'open'"),
        Measure("excluded", "due", "outcome = 'excluded'"),
        Measure(
            "rate",
            "due",
            "outcome in ('renewed', 'late', 'lost')",
            how="share",
            of="outcome in ('renewed', 'late')",
            kind="share",
        ),
        Measure(
            "first_year_rate",
            "due",
            "outcome in ('renewed', 'late', 'lost') and first_year",
            how="share",
            of="outcome in ('renewed', 'late')",
            kind="share",
        ),
        *_JOINED,
        Measure("still", "joiners", "first", how="share", of=_STOOD, kind="share", shown=False, asks="stood"),
    ),
    cuts=(
        Cut("by_tier", _CUT, ("tier",)),
        Cut("by_kind", _CUT, ("kind",)),
        Cut("by_turn", _CUT, ("turn",), "code"),
        _STOOD_AT_ENDS,
    ),
    charts=(Chart("cohort", "cohorts", "joined_year", ()),),
    options=(Option("grace", str(GRACE_DAYS), 0, 365),),
    further=_table,
    words={"turn": "day", "joined_year": "year"},
)
