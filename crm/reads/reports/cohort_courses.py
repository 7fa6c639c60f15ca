"""Renewals and joiners from courses: what cohorts.py says in general."""

from crm.reads.reports.courses import KEY, NETWORK, ORGANISATION, ORGNR, chosen, facts, name
from crm.reads.reports.grounds import OURS, PLACE, Ground
from crm.reads.reports.standing import PERIODS

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
# Own stretches without a break, of each membership.
OWN = f"""
    select membership_id, organisation_id, network_id, min(starts_on) as starts_on,
        nullif(max(ends_on), 'infinity') as ends_on, (array_agg(tier order by starts_on desc))[1] as tier,
        row_number() over (partition by membership_id order by min(starts_on)) as number,
        lead(min(starts_on)) over (partition by membership_id order by min(starts_on)) as next_on
    from (
        select *, sum(fresh) over (partition by membership_id order by starts_on) as island from (
            select membership_id, organisation_id, network_id, tier, starts_on,
                coalesce(ends_on, 'infinity') as ends_on,
                case when starts_on <= lag(ends_on) over (partition by membership_id order by starts_on)
                then 0 else 1 end as fresh
            from ({PERIODS}) p where p.origin in ('direct', 'both')
        ) marked
    ) numbered group by membership_id, organisation_id, network_id, island
"""
# Every own stretch and turn of the year on which it is due. No WITH: it would be read by one process alone; `offset 0`
# has the turns worked out once, not for each row.
_ANNIVERSARY = "(c.own_joined_on + make_interval(years => y))::date"
_DUE = f"""
    select c.*, t.turn from {{place}} join ({FIXED.replace("from turns t", f"from ({TURNS}) t")} offset 0) t
        on t.network_id = c.network_id and c.own_joined_on < t.turn
        and (c.own_left_on is null or c.own_left_on >= t.turn)
    union all
    select c.*, {_ANNIVERSARY} from {{place}}
    join ({TURNS}) t on t.network_id = c.network_id and t.kind = 'anniversary'
    cross join lateral generate_series(
        greatest(1, extract(year from :start)::int - extract(year from c.own_joined_on)::int),
        extract(year from :end)::int - extract(year from c.own_joined_on)::int) y
    where {_ANNIVERSARY} >= :start and {_ANNIVERSARY} < :end
        and (c.own_left_on is null or c.own_left_on >= {_ANNIVERSARY})
"""
_OWN = f"{OURS} and c.own_closes"
# The same for counting, each with how `many` it stands for: all with the same level, kind and days at once, from the
# index course_due; one by one those whose kind has to be looked up. Of who has been merged or has moved the days do not
# tell whether that ended it: they are taken out again, and counted one by one.
_DAYS = "c.own_joined_on, c.own_left_on, c.own_next_on, c.own_number"
_MOVED = """c.organisation_id = any(array(select z.id from organisation z where z.merged_into_id is not null
    union select m.organisation_id from membership_transfer t join membership m on m.id = t.membership_id))"""
_ONE_BY_ONE = f"select c.network_id, {{}}, c.tier, c.kind, {_DAYS}, {{}} from {PLACE} where {_OWN} and {{}}"
_IDS, _NO_IDS = "c.membership_id, c.organisation_id", "null::uuid as membership_id, null::uuid as organisation_id"
_COUNTED = f"""(
    select c.network_id, {_NO_IDS}, c.tier, c.kind, {_DAYS}, count(*) as many from {PLACE}
    where {_OWN} and c.kind is not null group by c.network_id, c.tier, c.kind, {_DAYS}
    union all {_ONE_BY_ONE.format(_IDS, "1", "c.kind is null")}
    union all {_ONE_BY_ONE.format(_NO_IDS, "-1", f"c.kind is not null and {_MOVED}")}
    union all {_ONE_BY_ONE.format(_IDS, "1", f"c.kind is not null and {_MOVED}")}) c"""
_BACK = "c.own_left_on = c.turn and c.own_next_on <= c.turn + :option_grace::int and c.own_next_on <= :as_of"
# Asked once a statement, for a subquery for each row would be worked out by one process alone.
_MERGED = "(select jsonb_object_agg(z.id, z.merged_on) from organisation z where z.merged_into_id is not null)"
_TRANSFERRED = "array(select t.membership_id::text || t.effective_on from membership_transfer t where decided(t))"
_EXCLUDED = f"""c.own_left_on = c.turn and ((({_MERGED} ->> c.organisation_id::text)::date <= c.turn) is true
    or c.membership_id::text || c.turn = any({_TRANSFERRED}))"""


def due(wanted: frozenset[str], ground: Ground) -> str:
    """As cohorts.DUE."""
    return _due(wanted, _DUE.format(place=ground.own(OWN)))


def due_counted(wanted: frozenset[str], ground: Ground) -> str | None:
    """The same for what is cut by levels, kinds and turns: many at once."""
    return None if ground.known else _due(wanted, _DUE.format(place=_COUNTED))


def _due(wanted: frozenset[str], place: str) -> str:
    true, joins = facts(wanted, ":as_of")
    told = {
        "key": f"{KEY} || ' ' || c.turn || ' ' || c.membership_id",
        "name": name(":as_of"),
        "orgnr": ORGNR,
        "network": "n.slug",
        "joined": "c.own_joined_on",
        "left_on": "c.own_left_on",
        "back_on": f"case when {_BACK} then c.own_next_on end",
        **{each: f"c.{each}" for each in ("tier", "turn", "organisation_id")},
        "many": "c.many",
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
    return chosen(wanted, told, {"o": ORGANISATION, "n": NETWORK, **joins}, "true", f"({place}) c")


# The bits of the years at whose end somebody stood who joined in one year and left in another (null: has not).
_FIRST = f"{{0}} - extract(year from :as_of)::int + {YEARS_BACK}"
_LAST = f"coalesce({{1}}, 9999) - 1 - extract(year from :as_of)::int + {YEARS_BACK}"
STOOD = f"""case when {_LAST} < greatest(0, {_FIRST}) then 0
    else ((1::bigint << (least({YEARS_BACK}, {_LAST}) + 1)) - 1) & ~((1::bigint << greatest(0, {_FIRST})) - 1) end"""

_YEARS = {
    "first": "c.number = 1",
    "joined_year": "date_part('year', c.first_on)::int",
    "from_year": "date_part('year', c.joined_on)::int",
    "left_year": "date_part('year', c.left_on)::int",
}


def joiners(wanted: frozenset[str], ground: Ground) -> str:
    """As cohorts.NAMED_JOINERS."""
    bits = STOOD.format("date_part('year', c.joined_on)::int", "date_part('year', c.left_on)::int")
    told = {
        "key": f"{KEY} || ' ' || c.number",
        "name": name(":as_of"),
        "orgnr": ORGNR,
        "organisation_id": "c.organisation_id",
        **_YEARS,
        "stood": "c.stood",
    }
    ours = OURS if ground.plain else "true"
    place = f"""(select c.*, bit_or({bits}) over (partition by c.organisation_id) as stood
        from {ground.stretches()} where {ours} and c.closes and c.joined_on <= :as_of) c"""
    return chosen(wanted, told, {"o": ORGANISATION}, "true", place)


def joiners_counted(wanted: frozenset[str], ground: Ground) -> str | None:
    """The same for counting, all with the same days at once, from the index course_joiners."""
    if not ground.plain:
        return None
    days = "c.first_on, c.joined_on, c.left_on, c.number"
    place = f"""(select {days}, count(*) as many from {PLACE}
        where {OURS} and c.closes and c.joined_on <= :as_of group by c.network_id, {days}) c"""
    return chosen(wanted, {**_YEARS, "many": "c.many"}, {}, "true", place)
