"""Shares of fees between networks that a link rule asks for: what was booked as owed and as to be received in a period.

From the networks' own books (store/fee_shares.py books both sides as fees are collected); net amounts, without VAT.
"""

from crm.reads.reports.money import known
from crm.reads.reports.source import Cut, Derived, Measure, Relation, Source
from crm.reports import Chart, Column

BOOKED = f"""
    select to_char(t.on_date, 'YYYY-MM-DD') || ' ' || lpad(e.row_id::text, 12, '0') as key, t.on_date,
        to_char(t.on_date, 'YYYY-MM') as month, mine.slug as network,
        coalesce(other.slug, t.fact ->> 'other') as partner, t.fact ->> 'rule' as rule,
        coalesce(i.series || '-' || i.number, '') as number, e.currency,
        case e.account when 'share_cost' then 'owes' else 'gets' end as side,
        case e.account when 'share_cost' then e.amount else -e.amount end as amount, e.invoice_id
    from ledger_transaction t
    join ledger_entry e on e.transaction_id = t.id and e.account in ('share_cost', 'share_income')
    join network mine on mine.id = e.network_id left join network other on other.id::text = t.fact ->> 'other'
    left join invoice i on i.id = e.invoice_id
    where t.kind = 'shared' and e.network_id = any(:networks) and t.on_date >= :start and t.on_date < :end
        and t.on_date <= :as_of and {known("t")}
"""

FEE_SHARES = Source(
    name="fee-shares",
    area="money",
    relations={
        "booked": Relation(
            BOOKED,
            (
                Column("on_date", "day"),
                Column("network", words="network"),
                Column("side", words="side"),
                Column("partner", words="network"),
                Column("rule"),
                Column("number", width=14),
                Column("currency"),
                Column("amount", "money"),
                Column("invoice_id", words="id"),
            ),
            ("network", "partner", "rule", "side", "month", "currency"),
        )
    },
    measures=(
        Measure("share_owed", "booked", "side = 'owes'", "sum", "amount", "money"),
        Measure("share_received", "booked", "side = 'gets'", "sum", "amount", "money"),
    ),
    derived=(Derived("share_balance", "money", lambda figure: figure("share_received") - figure("share_owed")),),
    cuts=(
        Cut("by_partner", ("share_owed", "share_received"), ("network", "partner")),
        Cut("by_rule", ("share_owed", "share_received"), ("rule", "partner")),
        Cut("by_month", ("share_owed", "share_received"), ("month",), "code"),
    ),
    charts=(Chart("bars", "by_month", "month", ("share_received", "share_owed")),),
    words={"partner": "network", "month": "month"},
)
