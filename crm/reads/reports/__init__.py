"""The reports there are, by name: what makes their figures, and what lists the rows behind one.

A report is a `Source` (source.py); `figures` and `rows` of the engine do the rest. To add one: write its file, put its
source into SOURCES, its words into crm/report_words.py.
"""

from crm.reads.reports import (
    activity,
    aging,
    cohorts,
    collected,
    commitment,
    deferred,
    fee_shares,
    finance,
    innovation,
    labels,
    lifetime,
    links,
    members,
    movements,
    retention,
    revenue,
    surveys,
)
from crm.reads.reports.engine import MOST_ROWS, columns, every_row, figures, rows
from crm.reads.reports.source import Source

_MEMBERS = (
    members.MEMBERS,
    members.COMPOSITION,
    movements.MOVEMENTS,
    retention.RETENTION,
    cohorts.COHORTS,
    retention.TENURE,
    links.LINKS,
    links.HOST,
    innovation.INNOVATION_NORWAY,
    commitment.COMMITTED,
    commitment.ECCP,
)
_MONEY = (
    revenue.REVENUE,
    collected.COLLECTED,
    aging.AGING,
    deferred.DEFERRED,
    finance.FINANCE,
    fee_shares.FEE_SHARES,
    lifetime.LIFETIME,
)
_ACTIVITY = (activity.ACTIVITY, surveys.SURVEYS, labels.LABELS)
SOURCES: dict[str, Source] = {each.name: each for each in (*_MEMBERS, *_MONEY, *_ACTIVITY)}

__all__ = ["MOST_ROWS", "SOURCES", "Source", "columns", "every_row", "figures", "rows"]
