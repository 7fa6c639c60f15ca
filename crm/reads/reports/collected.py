"""Fees invoiced in a period, and what has become of them by a day; money received; how much of what fell due is paid.

What an invoice comes to and its claims = paid + credited + written off + owed; below zero owed is too much paid.
"""

from crm.reads.reports.money import (
    BOOKS,
    CUT_BY,
    CUTS,
    DESCRIBED,
    HOSTS,
    JOINS,
    LINES,
    MONTH,
    OURS,
    POSITION,
    invoices,
    known,
    standing,
)
from crm.reads.reports.source import Cut, Derived, Figures, Measure, Relation, Source
from crm.reports import Chart, Column

_SUMS = """
    coalesce(w.paid, b.paid, 0) as paid, coalesce(w.credited, b.credited, 0) as credited,
    coalesce(w.written_off, b.written_off, 0) as written_off, coalesce(w.claimed, b.claimed, 0) as claimed,
    coalesce(w.balance, b.balance, w.gross) as owed,
    w.gross + coalesce(w.claimed, b.claimed, 0) - coalesce(w.credited, b.credited, 0)
        - coalesce(w.written_off, b.written_off, 0) as to_pay
"""


def _with_books(condition: str, told: str, joins: str) -> str:
    return f"""
    with wanted as materialized ({invoices(condition)}), b as ({BOOKS}), l as ({LINES})
    select {told}, {MONTH.format(day="w.issued_on")} as month, w.net, w.vat, w.gross, {_SUMS}
    from wanted w {joins} left join b on b.invoice_id = w.id
    """


def _in_period(alias: str) -> str:
    return f"{alias}.issued_on >= :start and {alias}.issued_on < :end and {alias}.issued_on <= :as_of"


def _fell_due(alias: str) -> str:
    return f"{alias}.due_on >= :start and {alias}.due_on < :end and {alias}.due_on <= :as_of"


_IN_PERIOD = f"{_in_period('i')} and {OURS}"
_FELL_DUE = f"{_fell_due('i')} and i.issued_on <= :as_of"
_PARTS = f"{_in_period('w')} and {OURS.replace('i.id', 'w.id')} as in_period, {_fell_due('w')} as fell_due"
# What was invoiced and what fell due are largely the same invoices: figures come from one pass over both, of what is
# kept alone. As it was known earlier nobody keeps it: then it is the rows of both.
_OPENING = "(select o.invoice_id from opening_item o)"
_EITHER = f"({_in_period('s')} and s.invoice_id not in {_OPENING}) or ({_fell_due('s')})"
_SUMMED = "net, gross, paid, credited, written_off, claimed, owed, to_pay"
_TOGETHER = f"""
    select x.tier, x.network, x.currency, {_in_period("x")} and x.id not in {_OPENING} as in_period,
        {_fell_due("x")} as fell_due, {MONTH.format(day="x.issued_on")} as month, x.net, x.gross, x.paid, x.credited,
        x.written_off, x.claimed, x.balance as owed, x.gross + x.claimed - x.credited - x.written_off as to_pay
    from ({standing(_EITHER)}) x
    union all
    select e.tier, e.network, e.currency, e.in_period, e.fell_due, e.month, {_SUMMED} from (
        {_with_books(f"({_IN_PERIOD}) or ({_FELL_DUE})", f"{CUT_BY}, {_PARTS}", CUTS)}
    ) e where :known_at::timestamptz is not null
"""
# Money put on invoices, and taken off again, by the day it was booked for. (Credit from before these books came in
# elsewhere: an invoice is paid with it, and nothing is received.)
_BOOKED = f"""
    select e.row_id, e.invoice_id as id, e.payment_id, t.on_date, -e.amount as amount
    from ledger_transaction t join ledger_entry e on e.transaction_id = t.id
    where t.host_id in {HOSTS} and t.kind <> 'issued' and t.on_date >= :start and t.on_date < :end
        and t.on_date <= :as_of and {known("t")}
        and e.account in {POSITION} and e.payment_id is not null and e.invoice_id is not null
"""


def _received(told: str, joins: str, condition: str = "true") -> str:
    return f"""
    with booked as materialized ({_BOOKED} and {condition}),
    wanted as materialized (select i.* from ({invoices("i.id in (select id from booked)")}) i), l as ({LINES})
    select {told}, {MONTH.format(day="x.on_date")} as month, coalesce(p.rail, '') as rail, x.amount
    from booked x join wanted w on w.id = x.id {joins} left join payment p on p.id = x.payment_id
    where coalesce(p.rail, '') <> 'opening'
    """


# By day and rail what stands on an invoice says itself; the ledger, as it was known earlier.
_RECEIVED_TOGETHER = f"""
    select s.tier, s.network, s.currency, {MONTH.format(day="s.starts_on")} as month, v.rail, v.amount
    from invoice_standing s cross join lateral (values ('bank', s.by_bank), ('card', s.by_card)) v (rail, amount)
    where :known_at::timestamptz is null and s.host_id in {HOSTS} and s.networks && :networks
        and s.starts_on >= :start and s.starts_on < :end and s.starts_on <= :as_of and v.amount <> 0
    union all select * from ({_received(CUT_BY, CUTS, ":known_at::timestamptz is not null")}) earlier
"""
_RECEIVED = f"""
    to_char(x.on_date, 'YYYY-MM-DD') || ' ' || lpad(x.row_id::text, 12, '0') as key, w.number, o.name, {CUT_BY},
    x.on_date, coalesce(p.payer_name, '') as payer, w.id as invoice_id
"""
_INVOICE = (
    Column("number", width=14),
    Column("name", width=36),
    Column("tier", words="tier"),
    Column("network", words="network"),
    Column("issued_on", "day"),
    Column("due_on", "day"),
    Column("currency"),
    Column("net", "money"),
    Column("gross", "money"),
    Column("claimed", "money"),
    Column("paid", "money"),
    Column("credited", "money"),
    Column("written_off", "money"),
    Column("owed", "money"),
    Column("to_pay", "money"),
    Column("invoice_id", words="id"),
)


def _rate(figure: Figures) -> float | None:
    due = figure("due")
    return figure("due_paid") / due if due else None


COLLECTED = Source(
    name="collected",
    area="money",
    relations={
        "invoiced": Relation(
            _with_books(_IN_PERIOD, f"{DESCRIBED}, true as in_period", JOINS),
            _INVOICE,
            ("tier", "network", "month", "currency"),
            together=_TOGETHER,
        ),
        "due": Relation(
            _with_books(_FELL_DUE, f"{DESCRIBED}, true as fell_due", JOINS),
            _INVOICE,
            ("tier", "network", "currency"),
            together=_TOGETHER,
        ),
        "received": Relation(
            _received(_RECEIVED, JOINS),
            (
                Column("on_date", "day"),
                Column("number", width=14),
                Column("name", width=36),
                Column("tier", words="tier"),
                Column("network", words="network"),
                Column("rail", words="rail"),
                Column("payer", width=30),
                Column("currency"),
                Column("amount", "money"),
                Column("invoice_id", words="id"),
            ),
            ("tier", "network", "month", "rail", "currency"),
            together=_RECEIVED_TOGETHER,
        ),
    },
    measures=(
        Measure("invoiced", "invoiced", "in_period", "sum", "gross", "money"),
        Measure("invoiced_net", "invoiced", "in_period", "sum", "net", "money"),
        Measure("invoices", "invoiced", "in_period"),
        Measure("claimed", "invoiced", "in_period and claimed <> 0", "sum", "claimed", "money"),
        Measure("paid", "invoiced", "in_period and paid <> 0", "sum", "paid", "money"),
        Measure("credited", "invoiced", "in_period and credited <> 0", "sum", "credited", "money"),
        Measure("written_off", "invoiced", "in_period and written_off <> 0", "sum", "written_off", "money"),
        Measure("owed", "invoiced", "in_period and owed <> 0", "sum", "owed", "money"),
        Measure("received", "received", "true", "sum", "amount", "money"),
        Measure("due", "due", "fell_due", "sum", "to_pay", "money"),
        Measure("due_paid", "due", "fell_due and paid <> 0", "sum", "paid", "money"),
    ),
    derived=(Derived("collection_rate", "share", _rate),),
    cuts=(
        Cut("by_month", ("invoiced", "paid", "credited", "written_off", "owed"), ("month",), "code"),
        Cut("by_tier", ("invoiced", "paid", "credited", "written_off", "owed"), ("tier",)),
        Cut("by_network", ("invoiced", "paid", "credited", "written_off", "owed"), ("network",)),
        Cut("received_by_month", ("received",), ("month",), "code"),
        Cut("received_by_rail", ("received",), ("rail",)),
        Cut("due_by_tier", ("due", "due_paid"), ("tier",)),
    ),
    charts=(Chart("bars", "by_month", "month", ("paid", "owed")),),
    words={"month": "month"},
)
