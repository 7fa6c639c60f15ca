"""R2, what changed in a period: End = Start + New + Reinstated - Lapsed, why members left, who changed level."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from crm.reads.reports import movement_courses
from crm.reads.reports.source import Cut, Measure, Relation, Source
from crm.reads.reports.standing import END, KEY, NUMBERS, PERIODS, SPELLS, TIERS, names, profile
from crm.reports import Asked, Cell, Chart, Column, Figure, Table, later, narrowed

MOST_MONTHS = 121  # ten years, month by month
ONE_DAY = timedelta(days=1)

# Why a stretch ended. A decision counts that is not withdrawn and holds by then; the newest of several.
_WHY = """
    case when o.merged_on is not null and o.merged_on <= s.ends_on then 'merged'
        when transfer.membership_id is not null then 'transferred'
        when own.origin = 'linked' then 'link_ended'
        when decided.channel = 'job' then 'unpaid'
        when decided.channel is not null then 'resigned'
        else 'other' end
"""

# Every unbroken stretch that touches the period, with how it touches it; $days are half-open.
STRETCHES = f"""
    with spell as materialized (
        select s.*, s.starts_on < :start and (s.ends_on is null or s.ends_on >= :start) as at_start,
            s.starts_on < {END} and (s.ends_on is null or s.ends_on >= {END}) as at_end,
            s.starts_on >= :start and s.starts_on < {END} as begins,
            coalesce(s.ends_on >= :start and s.ends_on < {END}, false) as lapses
        from ({SPELLS}) s where s.starts_on < {END} and (s.ends_on is null or s.ends_on >= :start)
    ),
    who as (select distinct organisation_id from spell),
    profile as materialized ({profile(END)}), number as ({NUMBERS}), name as ({names(END)}),
    own as (
        select distinct on (p.organisation_id, p.ends_on) p.organisation_id, p.ends_on, p.tier, p.origin,
            p.membership_id, p.network_id
        from ({PERIODS}) p join spell s on s.lapses and s.organisation_id = p.organisation_id and s.ends_on = p.ends_on
        order by p.organisation_id, p.ends_on, (p.origin = 'linked'), p.network_id
    )
    select {KEY} || ' ' || s.number as key, s.number, s.number > 1 as again, s.starts_on as joined,
        s.ends_on as left_on, s.at_start, s.at_end, s.begins, s.lapses, coalesce(name.name, o.name) as name,
        o.id as organisation_id, number.orgnr, profile.kind, profile.size, profile.county, profile.country,
        coalesce(own.tier, '') as last_tier, case when s.lapses then {_WHY} end as reason,
        case when s.begins then to_char(s.starts_on, 'YYYY-MM') end as month_in,
        case when s.lapses then to_char(s.ends_on, 'YYYY-MM') end as month_out,
        s.begins::int - s.lapses::int as change
    from spell s join organisation o on o.id = s.organisation_id
    left join own on own.organisation_id = s.organisation_id and own.ends_on = s.ends_on
    left join lateral (
        select d.channel from membership_decision d where d.membership_id = own.membership_id and d.kind = 'ending'
            and d.effective_on <= own.ends_on and decided(d) order by d.effective_on desc, d.recorded_at desc limit 1
    ) decided on s.lapses
    left join lateral (
        select t.membership_id from membership_transfer t where t.membership_id = own.membership_id
            and t.effective_on <= own.ends_on and decided(t) limit 1
    ) transfer on s.lapses
    left join profile on profile.organisation_id = s.organisation_id
    left join number on number.organisation_id = s.organisation_id
    left join name on name.organisation_id = s.organisation_id
"""

# Own or linked, each membership that stands on both sides of the period, with its level then and now.
LEVELS = f"""
    with tier as materialized ({TIERS}),
    who as materialized (
        select p.organisation_id, p.network_id, max(p.tier) filter (where p.starts_on < :start) as tier_before,
            max(p.tier) filter (where p.ends_on is null or p.ends_on >= {END}) as tier_after
        from ({PERIODS}) p
        where p.starts_on < :start and (p.ends_on is null or p.ends_on >= :start)
            or p.starts_on < {END} and (p.ends_on is null or p.ends_on >= {END})
        group by 1, 2
    ),
    number as ({NUMBERS}), name as ({names(END)})
    select {KEY} || ' ' || n.slug as key, coalesce(name.name, o.name) as name, number.orgnr, n.slug as network,
        w.tier_before, w.tier_after, w.organisation_id,
        case when a.rank > b.rank then 'up' when a.rank < b.rank then 'down' else 'same' end as direction
    from who w join organisation o on o.id = w.organisation_id join network n on n.id = w.network_id
    left join tier b on b.network_id = w.network_id and b.code = w.tier_before
    left join tier a on a.network_id = w.network_id and a.code = w.tier_after
    left join number on number.organisation_id = w.organisation_id
    left join name on name.organisation_id = w.organisation_id
    where w.tier_before <> w.tier_after
"""


def _by_month(
    asked: Asked, figures: Mapping[str, Any], tables: Mapping[str, Table]
) -> tuple[tuple[Figure, ...], tuple[Table, ...]]:
    """How many stood at each month's end, came and left in it."""
    joined, lapsed = ({row[0].value: row[1].value for row in tables[code].rows} for code in ("joined", "lapsed"))
    standing = figures["start"]
    rows = []
    for last in _month_ends(asked.start, max(asked.start, min(asked.end, asked.as_of + ONE_DAY))):
        month = last.isoformat()[:7]
        came, went = joined.get(month, 0), lapsed.get(month, 0)
        standing += came - went
        rows.append(
            (
                Cell(month),
                Cell(standing, narrowed("standing", day=last.isoformat())),
                Cell(came, narrowed("joined", month_in=month)),
                Cell(went, narrowed("lapsed", month_out=month)),
            )
        )
    columns = (
        Column("month", words="month"),
        Column("standing", "number"),
        Column("joined", "number"),
        Column("lapsed", "number"),
    )
    return (), (Table("by_month", columns, tuple(rows)),)


def _month_ends(start: date, end: date) -> list[date]:
    """The last day in the period of each of its months, at most ten years of them."""
    out: list[date] = []
    if start >= end:
        return out
    following = later(start.replace(day=1), 1)
    while len(out) < MOST_MONTHS:
        out.append(min(following, end) - ONE_DAY)
        if following >= end:
            break
        following = later(following, 1)
    return out


_WHO = (
    Column("name", width=40),
    Column("orgnr", width=14),
    Column("kind", words="kind"),
    Column("size", words="size"),
    Column("county", words="county"),
)
MOVEMENTS = Source(
    name="movements",
    area="members",
    relations={
        "stretches": Relation(
            STRETCHES,
            (
                *_WHO,
                Column("joined", "day", width=12),
                Column("left_on", "day", width=12),
                Column("last_tier", words="tier"),
                Column("reason", words="reason"),
                Column("change", "number"),
                Column("organisation_id", words="id", width=38),
            ),
            by=("reason", "kind", "size", "county", "country", "month_in", "month_out", "last_tier"),
            course=movement_courses.stretches,
            facts=("at_start", "at_end", "begins", "lapses", "again"),
            narrow={"day": "joined <= :value::text::date and (left_on is null or left_on > :value::text::date)"},
        ),
        "levels": Relation(
            LEVELS,
            (
                *_WHO[:2],
                Column("network", words="network", width=30),
                Column("tier_before", words="tier"),
                Column("tier_after", words="tier"),
                Column("organisation_id", words="id", width=38),
            ),
            by=("network", "tier_before", "tier_after", "direction"),
            course=movement_courses.levels,
            facts=("direction",),
        ),
    },
    measures=(
        Measure("start", "stretches", "at_start"),
        Measure("new", "stretches", "begins and not again"),
        Measure("reinstated", "stretches", "begins and again"),
        Measure("lapsed", "stretches", "lapses"),
        Measure("end", "stretches", "at_end"),
        Measure("net", "stretches", "begins or lapses", how="sum", of="change"),
        Measure("joined", "stretches", "begins", shown=False),
        Measure("standing", "stretches", "true", shown=False),
        Measure("upgraded", "levels", "direction = 'up'"),
        Measure("downgraded", "levels", "direction = 'down'"),
        Measure("changed", "levels", "true", shown=False),
    ),
    cuts=(
        Cut("by_reason", ("lapsed",), ("reason",)),
        Cut("by_kind", ("start", "new", "reinstated", "lapsed", "end", "net"), ("kind",)),
        Cut("by_size", ("start", "new", "reinstated", "lapsed", "end", "net"), ("size",)),
        Cut("by_county", ("start", "new", "reinstated", "lapsed", "end", "net"), ("county",)),
        Cut("by_change_of_level", ("changed",), ("tier_before", "tier_after")),
        Cut("joined", ("joined",), ("month_in",), shown=False),
        Cut("lapsed", ("lapsed",), ("month_out",), shown=False),
    ),
    charts=(
        Chart("bars", "by_month", "month", ("joined",)),
        Chart("area", "by_month", "month", ("standing",)),
        Chart("hbar", "by_reason", "reason", ("lapsed",)),
    ),
    further=_by_month,
    words={"month_in": "month", "month_out": "month", "last_tier": "tier", "tier_before": "tier", "tier_after": "tier"},
)
