"""The board report: which figures and tables of which reports it is made of."""

import msgspec

from crm.i18n import N_

TITLE = N_("Board report")


class Part(msgspec.Struct, frozen=True):
    """A section: a report with some of its figures and tables (by code), so many rows of each table at most."""

    report: str
    figures: tuple[str, ...]
    tables: tuple[str, ...] = ()
    rows: int = 8


BOARD = (
    Part("movements", ("start", "new", "reinstated", "lapsed", "end"), ("by_reason",)),
    Part("composition", ("members", "suspended"), ("by_kind", "by_tier", "by_size")),
    Part("retention", ("retention", "churn"), ("by_tier",)),
    Part("cohorts", ("due", "renewed", "lost", "open", "rate"), ("cohorts",)),
    Part("revenue", ("opening", "new", "reactivation", "expansion", "contraction", "churn", "closing"), ("by_tier",)),
    Part("collected", ("invoiced", "paid", "owed", "collection_rate")),
    Part("aging", ("open", "overdue"), ("by_age",)),
    Part("links", ("links_start", "granted", "ended", "links_end"), ("by_rule",)),
)
