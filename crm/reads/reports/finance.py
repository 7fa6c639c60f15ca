"""R4, how the networks are financed in a period: fees, other income by its source, and what members give in kind.

Fees are booked income, without VAT: invoiced less credited, on the day of the booking. Other income and contributions
in kind are facts told by hand (ADR 0049) for a day or a period: of those each month's part is counted by its days, up
to the day asked as of, rounded down so that months add up to the whole.
"""

from crm.reads.reports.money import HOSTS, known
from crm.reads.reports.source import Cut, Derived, Figures, Measure, Relation, Source
from crm.reports import Chart, Column

_BOOKED = f"""
    t.host_id in {HOSTS} and e.network_id = any(:networks) and e.code not like 'dunning/%' and t.on_date >= :start
        and t.on_date < :end and t.on_date <= :as_of and {known("t")}
"""
# Income as the books have it: credit entries, so below zero is income.
FEES = f"""
    select to_char(t.on_date, 'YYYY-MM-DD') || ' ' || lpad(e.row_id::text, 12, '0') as key, t.on_date,
        to_char(t.on_date, 'YYYY-MM') as month, n.slug as network, 'fees' as source, 'private' as sector, t.kind,
        e.code as account, e.currency, coalesce(i.series || '-' || i.number, '') as number,
        coalesce(o.name, '') as name, '' as what, null::float8 as hours, -e.amount as amount, e.invoice_id
    from ledger_transaction t join ledger_entry e on e.transaction_id = t.id and e.account = 'income'
    join network n on n.id = e.network_id left join invoice i on i.id = e.invoice_id
    left join organisation o on o.id = coalesce(t.organisation_id, i.organisation_id)
    where {_BOOKED}
"""
_AFTER = "least(:end, c.ends_on, :as_of + 1)"
_MONTHS = f"""
    cross join lateral (
        select greatest(x::date, :start, c.starts_on) as first,
            least((x + interval '1 month')::date, {_AFTER}) as after
        from generate_series(date_trunc('month', greatest(:start, c.starts_on)), {_AFTER} - 1, '1 month') x) p
    where c.network_id = any(:networks) and stands(c) and c.starts_on < :end and c.ends_on > :start
        and c.starts_on <= :as_of
"""


def _part(column: str) -> str:
    """What of a whole the days of a month come to."""
    until = f"floor({column}::numeric * (p.{{day}} - c.starts_on) / (c.ends_on - c.starts_on))"
    return f"({until.format(day='after')} - {until.format(day='first')})"


def _told(letter: str, source: str, sector: str, name: str, hours: str) -> str:
    return f"""
    to_char(p.first, 'YYYY-MM-DD') || ' {letter}' || lpad(c.row_id::text, 12, '0') as key, p.first as on_date,
        to_char(p.first, 'YYYY-MM') as month, n.slug as network, {source} as source, {sector} as sector,
        'told' as kind, '' as account, c.currency, c.reference as number, {name} as name, c.what, {hours} as hours,
        {_part("c.amount")}::bigint as amount, null::uuid as invoice_id
    """


OTHER = f"""
    select {_told("i", "c.kind", "c.sector", "c.payer", "null::float8")}
    from other_income c join network n on n.id = c.network_id {_MONTHS}
"""
IN_KIND = f"""
    select {_told("k", "'in_kind'", "'private'", "o.name", f"coalesce({_part('c.hours')}, 0)::float8 / 100")}
    from contribution c join network n on n.id = c.network_id join organisation o on o.id = c.organisation_id {_MONTHS}
"""


_CUT_BY = "month, network, source, sector, kind, account, currency, hours, amount"
# The same sums from fewer rows: bookings of a day that are alike are added up before anything is said of them.
TOGETHER = f"""
    select to_char(f.on_date, 'YYYY-MM') as month, n.slug as network, 'fees' as source, 'private' as sector, f.kind,
        f.account, f.currency, null::float8 as hours, f.amount
    from (
        select t.on_date, e.network_id, t.kind, e.code as account, e.currency, -sum(e.amount)::bigint as amount
        from ledger_transaction t join ledger_entry e on e.transaction_id = t.id and e.account = 'income'
        where {_BOOKED} group by 1, 2, 3, 4, 5
    ) f join network n on n.id = f.network_id
    union all select {_CUT_BY} from ({OTHER}) o union all select {_CUT_BY} from ({IN_KIND}) k
"""


def _private(figure: Figures) -> float | None:
    """Fees and other private income, of all income; nothing while no other income is told of the period."""
    others = figure("other_private") + figure("public")
    return (figure("fees") + figure("other_private")) / figure("income") if others and figure("income") else None


def _private_with_in_kind(figure: Figures) -> float | None:
    """The same with what members gave in kind on both sides."""
    whole = figure("income") + figure("in_kind")
    others = figure("other_private") + figure("public")
    return (whole - figure("public")) / whole if others and whole else None


FINANCE = Source(
    name="finance",
    area="money",
    relations={
        "income": Relation(
            f"{FEES} union all {OTHER} union all {IN_KIND}",
            (
                Column("on_date", "day"),
                Column("number", width=14),
                Column("name", width=36),
                Column("what", width=36),
                Column("network", words="network"),
                Column("source", words="source"),
                Column("sector", words="sector"),
                Column("account"),
                Column("hours", "number", width=10),
                Column("currency"),
                Column("amount", "money"),
                Column("invoice_id", words="id"),
            ),
            ("network", "month", "account", "source", "sector", "currency"),
            together=TOGETHER,
        )
    },
    measures=(
        Measure("fees_invoiced", "income", "source = 'fees' and kind <> 'credited'", "sum", "amount", "money"),
        Measure("fees_credited", "income", "source = 'fees' and kind = 'credited'", "sum", "(-amount)", "money"),
        Measure("fees", "income", "source = 'fees'", "sum", "amount", "money"),
        Measure(
            "other_private",
            "income",
            "source not in ('fees', 'in_kind') and sector = 'private'",
            "sum",
            "amount",
            "money",
        ),
        Measure("public", "income", "sector = 'public'", "sum", "amount", "money"),
        Measure("income", "income", "source <> 'in_kind'", "sum", "amount", "money"),
        Measure("in_kind", "income", "source = 'in_kind'", "sum", "amount", "money"),
        Measure("members_give", "income", "source in ('fees', 'in_kind')", "sum", "amount", "money"),
        Measure("in_kind_hundredths", "income", "source = 'in_kind'", "sum", "(hours * 100)", shown=False),
        Measure("financing", "income", "true", "sum", "amount", "money", shown=False),
    ),
    derived=(
        # a sum of a report is a whole number, and hours are none
        Derived("in_kind_hours", "number", lambda figure: figure("in_kind_hundredths") / 100),
        Derived("private_share", "share", _private),
        Derived("private_share_in_kind", "share", _private_with_in_kind),
    ),
    cuts=(
        Cut("by_source", ("financing",), ("source",)),
        Cut("by_network", ("fees", "other_private", "public", "in_kind"), ("network",)),
        Cut("by_month", ("fees", "other_private", "public", "in_kind"), ("month",), "code"),
        Cut("by_account", ("fees",), ("account",), "code"),
        Cut("hours", ("in_kind_hundredths",), ("source",), shown=False),
    ),
    charts=(Chart("bars", "by_month", "month", ("fees",)),),
    words={"month": "month", "account": "id", "source": "source", "sector": "sector"},
)
