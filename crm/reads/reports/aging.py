"""R10, what is owed on a day by how late it is (peers.md 5.2): as it stood at the end of that day, whatever came later.

Open is what is owed of an invoice, VAT, fees and interest with it, less payments, credit notes and write-offs booked by
then. Unapplied credit stands beside it and is never taken off: whose it is says what it is for.
"""

from crm.reads.reports.money import DAYS_OF_A_YEAR, DESCRIBED, HOSTS, JOINS, LINES, POSITION, invoices, known
from crm.reads.reports.source import Cut, Derived, Figures, Measure, Relation, Source
from crm.reports import Chart, Column

# Ages as the first day of each: code -> up to how many days late (None: no end). In the order they are shown.
AGES = {"not_due": 0, "d001_030": 30, "d031_060": 60, "d061_090": 90, "d091_120": 120, "d121": None}
_BUCKET = "case " + " ".join(
    f"when :as_of - i.due_on <= {days} then '{code}'" if days is not None else f"else '{code}' end"
    for code, days in AGES.items()
)

# Every position that is not zero: an invoice, or an organisation's money that is on none.
POSITIONS = f"""
    with books as materialized (
        select e.invoice_id, case when e.invoice_id is null then e.payment_id end as payment_id, e.organisation_id,
            e.currency, sum(e.amount)::bigint as balance
        from ledger_entry e join ledger_transaction t on t.id = e.transaction_id
        where e.host_id in {HOSTS} and e.account in {POSITION} and e.organisation_id is not null
            and t.on_date <= :as_of and {known("t")}
        group by 1, 2, 3, 4 having sum(e.amount) <> 0
    ), wanted as (select b.invoice_id as id from books b where b.invoice_id is not null), l as materialized ({LINES})
    select coalesce(i.series || '-' || i.number || ' ', '') || coalesce(i.id, b.payment_id, b.organisation_id)::text
            || b.currency as key, i.id as invoice_id, coalesce(i.series || '-' || i.number, '') as number,
        b.organisation_id, o.name, coalesce(l.tier, '') as tier,
        coalesce(n.slug, l.network_id, own.slug, '') as network, b.currency, i.issued_on, i.due_on,
        greatest(:as_of - i.due_on, 0) as days_late, {_BUCKET} as age, i.gross, greatest(b.balance, 0) as open,
        greatest(-b.balance, 0) as credit, case when b.balance > 0 then coalesce(dun.kind, 'none') end as stage
    from books b join organisation o on o.id = b.organisation_id left join invoice i on i.id = b.invoice_id
    left join l on l.invoice_id = i.id left join network n on n.id::text = l.network_id
    left join network own on own.id = i.network_id
    left join lateral (
        select s.kind from dunning_step s where s.invoice_id = i.id and s.outcome = 'done' and s.on_date <= :as_of
            and {known("s")}
        order by s.after_days desc, s.recorded_at desc limit 1
    ) dun on b.balance > 0
    where l.network_id is not null and exists (select from charge c join membership m on m.id = c.membership_id
            where c.invoice_id = i.id and m.network_id = any(:networks))
        or l.network_id is null and (i.network_id = any(:networks) or i.network_id is null and exists
            (select from membership m where m.organisation_id = b.organisation_id and m.network_id = any(:networks)))
"""

# What was invoiced in the year that ends with the day: what days of sales are reckoned from.
BILLED = f"""
    with wanted as materialized ({invoices("i.issued_on <= :as_of and i.issued_on > :as_of - " + str(DAYS_OF_A_YEAR))}),
    l as ({LINES})
    select {DESCRIBED}, w.net, w.gross from wanted w {JOINS}
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
        Cut("by_age", ("open", "open_invoices"), ("age",), "code"),
        Cut("by_tier", ("open", "overdue", "open_invoices"), ("tier",)),
        Cut("by_network", ("open", "overdue", "open_invoices"), ("network",)),
        Cut("by_stage", ("open", "open_invoices"), ("stage",), "code"),
        Cut("by_member", ("open", "overdue", "open_invoices"), ("name",)),
    ),
    charts=(Chart("hbar", "by_age", "age", ("open",)),),
)
