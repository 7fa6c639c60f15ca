"""R4, how the networks are financed in a period: fees beside the other incomes that are given with the question.

Fees are booked income, without VAT: invoiced less credited. Other private and public income are not in these books:
whoever asks says them, in whole units of the currency, until they are entered as facts of their own.
"""

from crm.reads.reports.money import HOSTS, known
from crm.reads.reports.source import Cut, Derived, Figures, Measure, Relation, Source
from crm.reports import Chart, Column, Option

MOST = 999_999_999
# Income as the books have it: credit entries, so below zero is income.
INCOME = f"""
    select to_char(t.on_date, 'YYYY-MM-DD') || ' ' || lpad(e.row_id::text, 12, '0') as key, t.on_date,
        to_char(t.on_date, 'YYYY-MM') as month, n.slug as network, t.kind, e.code as account, e.currency,
        coalesce(i.series || '-' || i.number, '') as number, coalesce(o.name, '') as name, -e.amount as amount,
        e.invoice_id
    from ledger_transaction t join ledger_entry e on e.transaction_id = t.id and e.account = 'income'
    join network n on n.id = e.network_id left join invoice i on i.id = e.invoice_id
    left join organisation o on o.id = coalesce(t.organisation_id, i.organisation_id)
    where t.host_id in {HOSTS} and e.network_id = any(:networks) and e.code not like 'dunning/%'
        and t.on_date >= :start and t.on_date < :end
        and t.on_date <= :as_of and {known("t")}
"""


def _fees(figure: Figures) -> float:
    return figure("fees_invoiced") - figure("fees_credited")


def _private(figure: Figures) -> float | None:
    """Fees and other private income, of all income; nothing while no other income is said."""
    private = _fees(figure) + figure.option("other_private") * 100
    total = private + figure.option("public") * 100
    return private / total if total and figure.option("other_private") + figure.option("public") else None


FINANCE = Source(
    name="finance",
    area="money",
    relations={
        "income": Relation(
            INCOME,
            (
                Column("on_date", "day"),
                Column("number", width=14),
                Column("name", width=36),
                Column("network", words="network"),
                Column("account"),
                Column("currency"),
                Column("amount", "money"),
                Column("invoice_id", words="id"),
            ),
            ("network", "month", "account", "currency"),
        )
    },
    measures=(
        Measure("fees_invoiced", "income", "kind <> 'credited'", "sum", "amount", "money"),
        Measure("fees_credited", "income", "kind = 'credited'", "sum", "(-amount)", "money"),
        Measure("fees", "income", "true", "sum", "amount", "money"),
    ),
    derived=(Derived("private_share", "share", _private),),
    cuts=(
        Cut("by_network", ("fees_invoiced", "fees_credited", "fees"), ("network",)),
        Cut("by_month", ("fees_invoiced", "fees_credited", "fees"), ("month",), "code"),
        Cut("by_account", ("fees",), ("account",), "code"),
    ),
    charts=(Chart("bars", "by_month", "month", ("fees",)),),
    options=(Option("other_private", "0", 0, MOST), Option("public", "0", 0, MOST)),
    words={"month": "month", "account": "id"},
)
