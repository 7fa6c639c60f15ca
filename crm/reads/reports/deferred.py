"""Fees by the days they are for: recognised in the period and month by month, and paid for days that are still to come.

A line's net amount, less what was credited of it by the day, is spread evenly over its days. Up to a day it is the
whole amount times the days gone by over all its days, rounded down to a minor unit: its months add up to the line.
"""

from crm.reads.reports.source import Cut, Measure, Relation, Source
from crm.reports import Chart, Column


def _lines(first: str, after: str) -> str:
    """Issued lines with a day in [first, after). A line without an end is for its first day."""
    return f"select * from earned_lines(:networks, {first}, {after}, :as_of, :known_at)"


def _until(day: str) -> str:
    """What of a line is earned before a day."""
    return (
        f"floor(c.net::numeric * (least(greatest({day}, c.starts_on), c.ends_on) - c.starts_on)"
        " / (c.ends_on - c.starts_on))::bigint"
    )


_TOLD = """
    c.number, o.name, c.tier, n.slug as network, c.currency, c.starts_on, c.ends_on - 1 as last_on, c.net, c.invoice_id
"""
_JOINS = "join network n on n.id = c.network_id join organisation o on o.id = c.organisation_id"
# From the first day that is asked for to far ahead: lines of long ago are earned and done with.
_EVER = _lines("least(:start, :as_of + 1)", "'infinity'::date")
_EARNED = f"""
    {_until("least(:end, :as_of + 1)")} - {_until(":start")} as recognised, c.net - {_until("(:as_of + 1)")} as deferred
"""
EARNED = f"""
    with c as materialized ({_EVER})
    select c.number || ' ' || c.id as key, {_TOLD}, {_EARNED}, extract(year from c.ends_on - 1)::int::text as last_year,
        null::text as month
    from c {_JOINS}
"""
_SPAN = "generate_series(date_trunc('month', greatest(:start, c.starts_on)), least(:end, c.ends_on) - 1, '1 month')"
_FIRST, _AFTER = "greatest(x::date, :start)", "least((x + interval '1 month')::date, :end)"
MONTHS = f"""
    with c as materialized ({_lines(":start", ":end")})
    select to_char(x, 'YYYY-MM') || ' ' || c.number || ' ' || c.id as key, to_char(x, 'YYYY-MM') as month, {_TOLD},
        {_until(_AFTER)} - {_until(_FIRST)} as recognised
    from c {_JOINS} cross join lateral {_SPAN} x
"""
# The same sums from fewer rows: lines alike in days and amount earn alike, so they are reckoned once and multiplied.
TOGETHER = f"""
    with c as materialized (
        select * from earned_alike(:networks, least(:start, :as_of + 1), 'infinity'::date, :as_of, :known_at)
    ), earned as (
        select c.*, {_EARNED}, extract(year from c.ends_on - 1)::int::text as last_year, null::text as month from c
    ), months as (
        select c.*, {_until(_AFTER)} - {_until(_FIRST)} as recognised, 0 as deferred, null::text as last_year,
            to_char(x, 'YYYY-MM') as month
        from c cross join lateral {_SPAN} x where c.starts_on < :end and c.ends_on > :start
    )
    select r.tier, n.slug as network, r.currency, r.last_year, r.month, (r.recognised * r.lines)::bigint as recognised,
        (r.deferred * r.lines)::bigint as deferred
    from (select * from earned union all select * from months) r join network n on n.id = r.network_id
"""
_COLUMNS = (
    Column("number", width=14),
    Column("name", width=36),
    Column("tier", words="tier"),
    Column("network", words="network"),
    Column("starts_on", "day"),
    Column("last_on", "day"),
    Column("currency"),
    Column("net", "money"),
)

DEFERRED = Source(
    name="deferred",
    area="money",
    relations={
        "earned": Relation(
            EARNED,
            (*_COLUMNS, Column("recognised", "money"), Column("deferred", "money"), Column("invoice_id", words="id")),
            ("tier", "network", "last_year", "currency"),
            together=TOGETHER,
        ),
        "months": Relation(
            MONTHS,
            (*_COLUMNS, Column("recognised", "money"), Column("invoice_id", words="id")),
            ("month", "tier", "network", "currency"),
            together=TOGETHER,
        ),
    },
    measures=(
        Measure("recognised", "earned", "month is null and recognised <> 0", "sum", "recognised", "money"),
        Measure("deferred", "earned", "month is null and deferred <> 0", "sum", "deferred", "money"),
        Measure("earned", "months", "month is not null and recognised <> 0", "sum", "recognised", "money", shown=False),
    ),
    cuts=(
        Cut("by_month", ("earned",), ("month",), "code"),
        Cut("by_tier", ("recognised", "deferred"), ("tier",)),
        Cut("by_network", ("recognised", "deferred"), ("network",)),
        Cut("by_last_year", ("deferred",), ("last_year",), "code"),
    ),
    charts=(Chart("bars", "by_month", "month", ("earned",)),),
    words={"month": "month", "last_year": "year"},
)
