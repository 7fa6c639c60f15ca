"""Contracted recurring fees on a day, and why they are others than before the period (peers.md 5.2, ADR 0036).

Unit: an own membership (an organisation in a network) with a fee; amounts are a year's, without VAT, after discounts
and before anything is shared with another network. What was invoiced is another report.
"""

from crm.reads.reports.money import contracts
from crm.reads.reports.source import Cut, Derived, Figures, Measure, Relation, Source
from crm.reports import Chart, Column

_SHOWN = """
    c.membership_id::text || c.currency as key, c.membership_id, c.organisation_id, o.name, n.slug as network
"""
FEES = f"""
    with c as materialized ({contracts(":as_of")})
    select {_SHOWN}, c.tier, c.currency, c.fee
    from c join organisation o on o.id = c.organisation_id join network n on n.id = c.network_id
"""
# Beside each other: the end of the day before the period, and the end of the period's last day.
MOVES = f"""
    with a as materialized ({contracts("(:start - 1)")}),
    z as materialized ({contracts("least(:end - 1, :as_of)")}), c as (
        select coalesce(a.membership_id, z.membership_id) as membership_id,
            coalesce(a.organisation_id, z.organisation_id) as organisation_id,
            coalesce(a.network_id, z.network_id) as network_id, coalesce(a.currency, z.currency) as currency,
            coalesce(a.tier, '') as tier_before, coalesce(z.tier, '') as tier, coalesce(a.fee, 0) as before,
            coalesce(z.fee, 0) as fee
        from a full join z on z.membership_id = a.membership_id and z.currency = a.currency
    )
    select {_SHOWN}, c.tier_before, coalesce(nullif(c.tier, ''), c.tier_before) as tier, c.currency, c.before, c.fee,
        c.fee - c.before as change,
        case when c.before = 0 and exists (select from charge e where e.membership_id = c.membership_id and e.yearly > 0
                and e.starts_on < :start - 1) then 'reactivation'
            when c.before = 0 then 'new' when c.fee = 0 then 'churn' when c.fee > c.before then 'expansion'
            when c.fee < c.before then 'contraction' else 'same' end as move
    from c join organisation o on o.id = c.organisation_id join network n on n.id = c.network_id
"""
_COLUMNS = (
    Column("name", width=36),
    Column("network", words="network"),
    Column("tier", words="tier"),
    Column("currency"),
)
_IDS = (Column("organisation_id", words="id"), Column("membership_id", words="id"))


def _gross(figure: Figures) -> float | None:
    opening = figure("opening")
    return (opening - figure("churn") - figure("contraction")) / opening if opening else None


def _net(figure: Figures) -> float | None:
    opening = figure("opening")
    lost = figure("churn") + figure("contraction")
    return (opening - lost + figure("expansion")) / opening if opening else None


def _moved(move: str, of: str = "change") -> Measure:
    return Measure(move, "moves", f"move = '{move}'", "sum", of, "money")


REVENUE = Source(
    name="revenue",
    area="money",
    relations={
        "fees": Relation(FEES, (*_COLUMNS, Column("fee", "money"), *_IDS), ("tier", "network", "currency")),
        "moves": Relation(
            MOVES,
            (
                *_COLUMNS,
                Column("tier_before", words="tier"),
                Column("before", "money"),
                Column("fee", "money"),
                Column("change", "money"),
                Column("move", words="move"),
                *_IDS,
            ),
            ("tier", "network", "move", "currency"),
        ),
    },
    measures=(
        Measure("arr", "fees", "true", "sum", "fee", "money"),
        Measure("paying", "fees"),
        Measure("opening", "moves", "before > 0", "sum", "before", "money"),
        _moved("new"),
        _moved("reactivation"),
        _moved("expansion"),
        _moved("contraction", "(before - fee)"),
        _moved("churn", "(before - fee)"),
        Measure("closing", "moves", "fee > 0", "sum", "fee", "money"),
        Measure("moved", "moves", "move <> 'same'", "sum", "change", "money", shown=False),
        Measure("moved_members", "moves", "move <> 'same'", shown=False),
    ),
    derived=(
        Derived("mrr", "money", lambda figure: round(figure("arr") / 12)),
        Derived("gross_retention", "share", _gross),
        Derived("net_retention", "share", _net),
    ),
    cuts=(
        Cut("by_tier", ("arr", "paying"), ("tier",)),
        Cut("by_network", ("arr", "paying"), ("network",)),
        Cut("by_move", ("moved", "moved_members"), ("move",), "code"),
        Cut(
            "moves_by_tier",
            ("opening", "new", "reactivation", "expansion", "contraction", "churn", "closing"),
            ("tier",),
        ),
    ),
    charts=(Chart("hbar", "by_tier", "tier", ("arr",)), Chart("bars", "by_move", "move", ("moved",))),
)
