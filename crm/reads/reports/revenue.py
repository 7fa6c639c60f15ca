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
    select {_SHOWN}, c.tier, c.currency, c.fee, 'fee' as part
    from c join organisation o on o.id = c.organisation_id join network n on n.id = c.network_id
"""
# Beside each other: the end of the day before the period, and the end of the period's last day.
_BESIDE = contracts("least(:end - 1, :as_of)", "(:start - 1)")
_MOVED = """
    select c.membership_id, c.organisation_id, c.network_id, c.currency, coalesce(c.tier_before, '') as tier_before,
        coalesce(c.tier, c.tier_before) as tier, coalesce(c.before, 0) as before, coalesce(c.fee, 0) as fee,
        coalesce(c.fee, 0) - coalesce(c.before, 0) as change,
        case when c.before is null and c.billed_before then 'reactivation' when c.before is null then 'new'
            when c.fee is null then 'churn' when c.fee > c.before then 'expansion'
            when c.fee < c.before then 'contraction' else 'same' end as move
    from c
"""
MOVES = f"""
    with c as materialized ({_BESIDE})
    select {_SHOWN}, c.tier_before, c.tier, c.currency, c.before, c.fee, c.change, c.move, 'move' as part
    from ({_MOVED}) c join organisation o on o.id = c.organisation_id join network n on n.id = c.network_id
"""
# Figures come from one pass: as long as the period lasts, its last day is the day asked as of.
TOGETHER = f"""
    with c as materialized ({_BESIDE})
    select n.slug as network, c.tier, c.currency, c.before, c.fee, c.change, c.move,
        case when :as_of < :end then 'both' else 'move' end as part
    from ({_MOVED}) c join network n on n.id = c.network_id
    union all
    select n.slug, c.tier, c.currency, null, c.fee, null, null, 'fee'
    from ({contracts(":as_of")}) c join network n on n.id = c.network_id where :as_of >= :end
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


_IN_FEES = "part <> 'move' and fee > 0"
_IN_MOVES = "part <> 'fee'"


def _moved(move: str, of: str = "change") -> Measure:
    return Measure(move, "moves", f"{_IN_MOVES} and move = '{move}'", "sum", of, "money")


REVENUE = Source(
    name="revenue",
    area="money",
    relations={
        "fees": Relation(
            FEES, (*_COLUMNS, Column("fee", "money"), *_IDS), ("tier", "network", "currency"), together=TOGETHER
        ),
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
            together=TOGETHER,
        ),
    },
    measures=(
        Measure("arr", "fees", _IN_FEES, "sum", "fee", "money"),
        Measure("paying", "fees", _IN_FEES),
        Measure("opening", "moves", f"{_IN_MOVES} and before > 0", "sum", "before", "money"),
        _moved("new"),
        _moved("reactivation"),
        _moved("expansion"),
        _moved("contraction", "(before - fee)"),
        _moved("churn", "(before - fee)"),
        Measure("closing", "moves", f"{_IN_MOVES} and fee > 0", "sum", "fee", "money"),
        Measure("moved", "moves", f"{_IN_MOVES} and move <> 'same'", "sum", "change", "money", shown=False),
        Measure("moved_members", "moves", f"{_IN_MOVES} and move <> 'same'", shown=False),
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
