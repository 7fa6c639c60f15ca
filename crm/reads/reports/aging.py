"""R10, what is owed on a day by how late it is (peers.md 5.2): as it stood at the end of that day, whatever came later.

Open is what is owed of an invoice, VAT, fees and interest with it, less payments, credit notes and write-offs booked by
then. Unapplied credit stands beside it and is never taken off: whose it is says what it is for.
"""

from crm.reads.reports.money import (
    BOOKS,
    CUT_BY,
    CUTS,
    DAYS_OF_A_YEAR,
    HOSTS,
    LINES,
    OURS,
    POSITION,
    invoices,
    known,
    standing,
)
from crm.reads.reports.source import Cut, Derived, Figures, Measure, Relation, Source
from crm.reports import Chart, Column

# Ages as the first day of each: code -> up to how many days late (None: no end). In the order they are shown.
AGES = {"not_due": 0, "d001_030": 30, "d031_060": 60, "d061_090": 90, "d091_120": 120, "d121": None}
MOST_DEBTORS = 100  # by name; who owes least is told together, and by name in the rows
_BUCKET = "case " + " ".join(
    f"when :as_of - i.due_on <= {days} then '{code}'" if days is not None else f"else '{code}' end"
    for code, days in AGES.items()
)

# Money that is on no invoice, by whose it is and what it came with.
_LOOSE = f"""
    select e.payment_id, e.organisation_id, e.currency, sum(e.amount)::bigint as balance
    from ledger_entry e join ledger_transaction t on t.id = e.transaction_id
    where e.host_id in {HOSTS} and e.account in {POSITION} and e.invoice_id is null
        and t.on_date <= :as_of and {known("t")}
    group by 1, 2, 3 having sum(e.amount) <> 0
"""
_OURS_TOO = """
    exists (select from membership m where m.organisation_id = f.organisation_id and m.network_id = any(:networks))
"""
# How far an invoice `i` that is not paid has come.
_STAGE = f"""
    left join lateral (
        select s.kind from dunning_step s where s.invoice_id = i.id and s.outcome = 'done' and s.on_date <= :as_of
            and {known("s")}
        order by s.after_days desc, s.recorded_at desc limit 1
    ) dun on i.balance > 0
"""
_TOLD = f"""
    {_BUCKET} as age, greatest(i.balance, 0) as open, greatest(-i.balance, 0) as credit,
    case when i.balance > 0 then coalesce(dun.kind, 'none') end as stage
"""
# Every position that is not zero: an invoice, or an organisation's money that is on none.
_OPEN = f"i.id in (select invoices_open(h.host_id, :as_of, :known_at) from {HOSTS} h)"
POSITIONS = f"""
    with wanted as materialized ({invoices(_OPEN)}),
    b as ({BOOKS}), l as ({LINES}), loose as materialized ({_LOOSE}), found as materialized (
        select w.number || ' ' || w.id as key, w.id, w.number, w.organisation_id, {CUT_BY}, w.issued_on, w.due_on,
            w.gross, coalesce(w.balance, b.balance, w.gross) as balance
        from wanted w left join b on b.invoice_id = w.id {CUTS} where coalesce(w.balance, b.balance, w.gross) <> 0
        union all
        select f.payment_id::text || f.organisation_id || f.currency, null, '', f.organisation_id, '', '', f.currency,
            null, null, null, f.balance
        from loose f where {_OURS_TOO}
    )
    select i.key, i.id as invoice_id, i.number, i.organisation_id, o.name, i.tier, i.network, i.currency, i.issued_on,
        i.due_on, greatest(:as_of - i.due_on, 0) as days_late, i.gross, {_TOLD}
    from found i join organisation o on o.id = i.organisation_id {_STAGE}
"""
# For figures, of what is kept alone. As it was known earlier nobody keeps it: then it is the rows.
_TOGETHER = f"""
    with loose as materialized ({_LOOSE}), found as (
        {standing("true", owed=True)}
        union all
        select null, f.organisation_id, '', '', f.currency, null, null, null, null, f.balance, null, null, null, null
        from loose f where :known_at::timestamptz is null and {_OURS_TOO}
    )
    select o.name, i.tier, i.network, i.currency, {_TOLD}
    from found i join organisation o on o.id = i.organisation_id {_STAGE}
    union all
    select e.name, e.tier, e.network, e.currency, e.age, e.open, e.credit, e.stage from ({POSITIONS}) e
    where :known_at::timestamptz is not null
"""

# What was invoiced in the year that ends with the day: what days of sales are reckoned from.
_YEAR = f"i.issued_on <= :as_of and i.issued_on > :as_of - {DAYS_OF_A_YEAR} and {OURS}"
BILLED = f"""
    with wanted as ({invoices(_YEAR, standing=False)})
    select w.number || ' ' || w.id as key, w.id as invoice_id, w.number, o.name, w.currency, w.issued_on, w.gross
    from wanted w join organisation o on o.id = w.organisation_id
"""


def _days_of_sales(figure: Figures) -> float | None:
    billed = figure("billed_12")
    return figure("open") / billed * DAYS_OF_A_YEAR if billed else None


AGING = Source(
    name="aging",
    area="money",
    stock=True,
    relations={
        "positions": Relation(
            POSITIONS,
            (
                Column("number", width=14),
                Column("name", width=36),
                Column("tier", words="tier"),
                Column("network", words="network"),
                Column("issued_on", "day"),
                Column("due_on", "day"),
                Column("days_late", "number"),
                Column("age", words="age"),
                Column("stage", words="stage"),
                Column("currency"),
                Column("gross", "money"),
                Column("open", "money"),
                Column("credit", "money"),
                Column("invoice_id", words="id"),
                Column("organisation_id", words="id"),
            ),
            ("age", "tier", "network", "stage", "name", "organisation_id", "currency"),
            together=_TOGETHER,
        ),
        "billed": Relation(
            BILLED,
            (
                Column("number", width=14),
                Column("name", width=36),
                Column("issued_on", "day"),
                Column("currency"),
                Column("gross", "money"),
                Column("invoice_id", words="id"),
            ),
            ("currency",),
            together=f"select i.currency, i.gross from ({invoices(_YEAR, standing=False)}) i",
        ),
    },
    measures=(
        Measure("open", "positions", "open > 0", "sum", "open", "money"),
        Measure("overdue", "positions", "open > 0 and age <> 'not_due'", "sum", "open", "money"),
        Measure("open_invoices", "positions", "open > 0"),
        Measure("overdue_invoices", "positions", "open > 0 and age <> 'not_due'"),
        Measure("credit", "positions", "credit > 0", "sum", "credit", "money"),
        Measure("billed_12", "billed", "true", "sum", "gross", "money"),
    ),
    derived=(Derived("days_of_sales", "days", _days_of_sales),),
    cuts=(
        Cut("by_age", ("open", "open_invoices"), ("age",), "code", codes=(*AGES,)),
        Cut("by_tier", ("open", "overdue", "open_invoices"), ("tier",)),
        Cut("by_network", ("open", "overdue", "open_invoices"), ("network",)),
        Cut("by_stage", ("open", "open_invoices"), ("stage",), "code"),
        Cut("by_member", ("open", "overdue", "open_invoices"), ("name",), most=MOST_DEBTORS),
    ),
    charts=(Chart("hbar", "by_age", "age", ("open",)),),
)
