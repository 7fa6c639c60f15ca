"""Fees by the days they are for: recognised in the period and month by month, and paid for days that are still to come.

A line's net amount, less what was credited of it by the day, is spread evenly over its days. Up to a day it is the
whole amount times the days gone by over all its days, rounded down to a minor unit: its months add up to the line.
"""

from crm.reads.reports.money import HOSTS
from crm.reads.reports.source import Cut, Measure, Relation, Source
from crm.reports import Chart, Column

# A line without an end is for its first day.
_LEFT = f"""
    select c.id, c.membership_id, c.tier, c.component, c.currency, i.id as invoice_id,
        i.series || '-' || i.number as number, i.organisation_id, c.starts_on,
        coalesce(c.ends_on, c.starts_on + 1) as ends_on, c.net - coalesce((
            select sum(b.net) from credit_line b join invoice n on n.id = b.invoice_id
            where b.charge_id = c.id and n.status = 'issued' and n.issued_on <= :as_of), 0)::bigint as net
    from charge c join invoice i on i.id = c.invoice_id
    where i.host_id in {HOSTS} and i.kind = 'invoice' and i.status = 'issued' and i.issued_on <= :as_of
        and c.net <> 0 and coalesce(c.ends_on, c.starts_on + 1) > {{first}} and c.starts_on < {{after}}
        and (:known_at::timestamptz is null or exists (select from ledger_entry e
            join ledger_transaction t on t.id = e.transaction_id
            where e.invoice_id = i.id and t.kind = 'issued' and t.recorded_at <= :known_at))
"""


def _until(day: str) -> str:
    """What of a line is earned before a day."""
    return (
        f"floor(c.net::numeric * (least(greatest({day}, c.starts_on), c.ends_on) - c.starts_on)"
        " / (c.ends_on - c.starts_on))::bigint"
    )


_TOLD = """
    c.number, o.name, c.tier, n.slug as network, c.component, c.currency, c.starts_on, c.ends_on - 1 as last_on, c.net,
    c.invoice_id
"""
_JOINS = """
    join membership m on m.id = c.membership_id and m.network_id = any(:networks)
    join network n on n.id = m.network_id join organisation o on o.id = c.organisation_id
"""
# From the first day that is asked for to far ahead: lines of long ago are earned and done with.
EARNED = f"""
    with c as ({_LEFT.format(first="least(:start, :as_of + 1)", after="'infinity'::date")})
    select c.number || ' ' || c.id as key, {_TOLD}, {_until("least(:end, :as_of + 1)")} - {_until(":start")}
        as recognised, c.net - {_until("(:as_of + 1)")} as deferred,
        extract(year from c.ends_on - 1)::int::text as last_year
    from c {_JOINS} where c.net <> 0
"""
_SPAN = "generate_series(date_trunc('month', greatest(:start, c.starts_on)), least(:end, c.ends_on) - 1, '1 month')"
_FIRST, _AFTER = "greatest(x::date, :start)", "least((x + interval '1 month')::date, :end)"
MONTHS = f"""
    with c as ({_LEFT.format(first=":start", after=":end")})
    select to_char(x, 'YYYY-MM') || ' ' || c.number || ' ' || c.id as key, to_char(x, 'YYYY-MM') as month, {_TOLD},
        {_until(_AFTER)} - {_until(_FIRST)} as recognised
    from c {_JOINS} cross join lateral {_SPAN} x where c.net <> 0
"""
# The same sums from fewer rows: lines alike in days and amount earn alike, so they are reckoned once and multiplied.
MONTHS_TOGETHER = f"""
    with told as ({_LEFT.format(first=":start", after=":end")}), c as materialized (
        select c.tier, m.network_id, c.currency, c.starts_on, c.ends_on, c.net, count(*) as lines
        from told c join membership m on m.id = c.membership_id and m.network_id = any(:networks)
        where c.net <> 0 group by 1, 2, 3, 4, 5, 6
    )
    select to_char(x, 'YYYY-MM') as month, c.tier, n.slug as network, c.currency,
        (({_until(_AFTER)} - {_until(_FIRST)}) * c.lines)::bigint as recognised
    from c join network n on n.id = c.network_id cross join lateral {_SPAN} x
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
        ),
        "months": Relation(
            MONTHS,
            (*_COLUMNS, Column("recognised", "money"), Column("invoice_id", words="id")),
            ("month", "tier", "network", "currency"),
            together=MONTHS_TOGETHER,
        ),
    },
    measures=(
        Measure("recognised", "earned", "recognised <> 0", "sum", "recognised", "money"),
        Measure("deferred", "earned", "deferred <> 0", "sum", "deferred", "money"),
        Measure("earned", "months", "recognised <> 0", "sum", "recognised", "money", shown=False),
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
