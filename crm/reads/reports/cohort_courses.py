"""Renewals and joiners of one network as it is known now, from its courses: what cohorts.py says in general."""

from crm.reads.reports.courses import COURSES, KEY, NETWORK, ORGANISATION, ORGNR, OURS, chosen, facts, name

YEARS_BACK = 40  # of which it is remembered who stood at their end: bits of one number

# When each network's membership year turns, by the newest version of its rules: month and day, and whether by halves.
TURNS = """
    select distinct on (b.network_id) b.network_id, coalesce(b.body -> 'period' ->> 'kind', 'calendar_year') as kind,
        case when coalesce(b.body -> 'period' ->> 'kind', 'calendar_year') = 'calendar_year' then '01-01'
            else coalesce(b.body -> 'period' ->> 'starts', '01-01') end as starts
    from rulebook b where b.network_id = any(:networks) order by b.network_id, b.version desc
"""
# The days of the period on which a year turns; anniversaries are each membership's own.
FIXED = """
    select t.network_id, d::date as turn from turns t
    cross join lateral generate_series(extract(year from :start)::int - 1, extract(year from :end)::int) y
    cross join lateral (values (to_date(y || '-' || t.starts, 'YYYY-MM-DD')), (case when t.kind = 'half_year'
        then (to_date(y || '-' || t.starts, 'YYYY-MM-DD') + interval '6 months')::date end)) v (d)
    where t.kind in ('calendar_year', 'window', 'half_year') and d >= :start and d < :end
"""
# Every own stretch and turn of the year on which it is due. No WITH: it would be read by one process alone.
_ANNIVERSARY = "(c.own_joined_on + make_interval(years => y))::date"
_DUE = f"""
    select c.*, t.turn from {COURSES} join ({FIXED.replace("from turns t", f"from ({TURNS}) t")}) t
        on t.network_id = c.network_id and c.own_joined_on < t.turn
        and (c.own_left_on is null or c.own_left_on >= t.turn)
    where {OURS} and c.own_closes
    union all
    select c.*, {_ANNIVERSARY} from {COURSES}
    join ({TURNS}) t on t.network_id = c.network_id and t.kind = 'anniversary'
    cross join lateral generate_series(
        greatest(1, extract(year from :start)::int - extract(year from c.own_joined_on)::int),
        extract(year from :end)::int - extract(year from c.own_joined_on)::int) y
    where {OURS} and c.own_closes and {_ANNIVERSARY} >= :start and {_ANNIVERSARY} < :end
        and (c.own_left_on is null or c.own_left_on >= {_ANNIVERSARY})
"""
_BACK = "c.own_left_on = c.turn and c.own_next_on <= c.turn + :option_grace::int and c.own_next_on <= :as_of"
_EXCLUDED = """c.own_left_on = c.turn
    and ((select z.merged_on <= c.turn from organisation z where z.id = c.organisation_id) is true
        or exists (select from membership_transfer t where t.membership_id = c.membership_id
            and t.effective_on = c.turn and decided(t)))"""


def due(wanted: frozenset[str]) -> str:
    """As cohorts.DUE."""
    true, joins = facts(wanted, ":as_of")
    told = {
        "key": f"{KEY} || ' ' || c.turn || ' ' || c.membership_id",
        "name": name(":as_of"),
        "orgnr": ORGNR,
        "network": NETWORK,
        "joined": "c.own_joined_on",
        "left_on": "c.own_left_on",
        "back_on": f"case when {_BACK} then c.own_next_on end",
        **{each: f"c.{each}" for each in ("tier", "turn", "organisation_id")},
        "kind": true["kind"],
        "size": true["size"],
        # a year is at most 366 days: most are told without reckoning one
        "first_year": "c.own_number = 1 and c.own_joined_on >= c.turn - 366"
        " and c.own_joined_on + interval '1 year' >= c.turn",
        "outcome": f"""case when c.turn > :as_of then 'open'
            when c.own_left_on is null or c.own_left_on > c.turn then 'renewed'
            when {_BACK} then 'late' when {_EXCLUDED} then 'excluded'
            when c.turn + :option_grace::int > :as_of then 'open' else 'lost' end""",
    }
    return chosen(wanted, told, {"o": ORGANISATION, **joins}, "true", f"({_DUE}) c")


_FIRST = f"date_part('year', c.joined_on)::int - extract(year from :as_of)::int + {YEARS_BACK}"
_LAST = f"coalesce(date_part('year', c.left_on)::int, 9999) - 1 - extract(year from :as_of)::int + {YEARS_BACK}"
_BITS = "((1::bigint << (least({0}, {1}) + 1)) - 1) & ~((1::bigint << greatest(0, {2})) - 1)"
_STOOD = f"case when {_LAST} < greatest(0, {_FIRST}) then 0 else {_BITS.format(YEARS_BACK, _LAST, _FIRST)} end"
_JOINERS = f"""
    select c.organisation_id, date_part('year', c.joined_on)::int as joined_year, {_STOOD} as stood from {COURSES}
    where {OURS} and c.closes and c.number = 1 and c.next_on is null and c.joined_on <= :as_of
    union all
    select c.organisation_id, date_part('year', min(c.joined_on))::int, bit_or({_STOOD}) from {COURSES}
    where {OURS} and c.closes and (c.number > 1 or c.next_on is not null) and c.joined_on <= :as_of group by 1
"""


def joiners(wanted: frozenset[str]) -> str:
    """As cohorts.NAMED_JOINERS; most have been members once, and need no grouping."""
    told = {
        "key": KEY,
        "name": name(":as_of"),
        "orgnr": ORGNR,
        **{each: f"c.{each}" for each in ("joined_year", "stood", "organisation_id")},
    }
    return chosen(wanted, told, {"o": ORGANISATION}, "true", f"({_JOINERS}) c")
