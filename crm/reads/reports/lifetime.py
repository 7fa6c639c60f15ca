"""What a membership is worth over its life: its average yearly fee times how many years one lasts (peers.md 5.2).

Churn is that of the year which ends with the day, counted in memberships with a fee. Nobody lost, or few members, would
say a life without end: years are at most `most_years`, and the number of memberships stands beside.
"""

from crm.reads.reports.money import DAYS_OF_A_YEAR, contracts
from crm.reads.reports.source import Cut, Derived, Figures, Measure, Relation, Source
from crm.reports import Column, Option

_BESIDE = contracts(":as_of", f"(:as_of - {DAYS_OF_A_YEAR})")
_BOTH = (
    "coalesce(c.tier, c.tier_before) as tier, c.currency, coalesce(c.before, 0) as before, coalesce(c.fee, 0) as fee"
)
YEAR = f"""
    select c.membership_id::text || c.currency as key, o.name, n.slug as network, {_BOTH}, o.id as organisation_id
    from ({_BESIDE}) c join organisation o on o.id = c.organisation_id join network n on n.id = c.network_id
"""


def _mean(figure: Figures) -> float | None:
    return round(figure("fees") / figure("paying")) if figure("paying") else None


def _churn(figure: Figures) -> float | None:
    return figure("lost") / figure("paid_before") if figure("paid_before") else None


def _years(figure: Figures) -> float | None:
    churn, most = _churn(figure), figure.option("most_years")
    if churn is None:
        return None
    return min(1 / churn, most) * DAYS_OF_A_YEAR if churn else float(most * DAYS_OF_A_YEAR)


def _value(figure: Figures) -> float | None:
    mean, days = _mean(figure), _years(figure)
    return None if mean is None or days is None else round(mean * days / DAYS_OF_A_YEAR)


LIFETIME = Source(
    name="lifetime",
    area="money",
    stock=True,
    relations={
        "year": Relation(
            YEAR,
            (
                Column("name", width=36),
                Column("network", words="network"),
                Column("tier", words="tier"),
                Column("currency"),
                Column("before", "money"),
                Column("fee", "money"),
                Column("organisation_id", words="id"),
            ),
            ("tier", "network", "currency"),
            together=f"select n.slug as network, {_BOTH} from ({_BESIDE}) c join network n on n.id = c.network_id",
        )
    },
    measures=(
        Measure("fees", "year", "fee > 0", "sum", "fee", "money"),
        Measure("paying", "year", "fee > 0"),
        Measure("paid_before", "year", "before > 0"),
        Measure("lost", "year", "before > 0 and fee = 0"),
    ),
    derived=(
        Derived("mean_fee", "money", _mean),
        Derived("fee_churn", "share", _churn),
        Derived("life", "days", _years),
        Derived("lifetime_value", "money", _value),
    ),
    cuts=(Cut("by_tier", ("fees", "paying", "paid_before", "lost"), ("tier",)),),
    options=(Option("most_years", "20", 1, 100),),
)
