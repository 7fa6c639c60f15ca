"""R8, labels and programmes: what a network holds on a day, what ends soon, and what has ended.

Unit: a label or programme of a network, on the half-open days it was given for; what begins later is not looked at.
"""

from crm.reads.reports.source import Cut, Measure, Relation, Source
from crm.reports import Column, Option

ENDING_BY = "(:as_of + make_interval(months => :option_ending::int))::date"
TOLD = f"""
    select coalesce(to_char(l.expires_on, 'YYYY-MM-DD'), '9999') || ' ' || l.name || ' ' || l.id as key, l.name, l.kind,
        l.level, l.issuer, l.issued_on as awarded_on, l.expires_on, l.expires_on - :as_of as days_left, l.note,
        n.slug as network,
        case when l.expires_on <= :as_of then 'expired' when l.expires_on <= {ENDING_BY} then 'expiring'
            else 'held' end as status
    from label l join network n on n.id = l.network_id
    where l.network_id = any(:networks) and stands(l) and l.issued_on <= :as_of
"""
LABELS = Source(
    name="labels",
    area="activity",
    stock=True,
    relations={
        "labels": Relation(
            TOLD,
            (
                Column("name", width=36),
                Column("kind", words="label_kind"),
                Column("level"),
                Column("issuer", width=30),
                Column("awarded_on", "day", width=12),
                Column("expires_on", "day", width=12),
                Column("status", words="label_status"),
                Column("days_left", "number", width=10),
                Column("network", words="network", width=30),
                Column("note", width=40),
            ),
            by=("kind", "status", "network", "issuer"),
        )
    },
    measures=(
        Measure("held", "labels", "status <> 'expired'"),
        Measure("expiring", "labels", "status = 'expiring'"),
        Measure("expired", "labels", "status = 'expired'"),
    ),
    cuts=(
        Cut("by_kind", ("held", "expiring", "expired"), ("kind",)),
        Cut("by_issuer", ("held", "expiring", "expired"), ("issuer",)),
        Cut("by_network", ("held", "expiring", "expired"), ("network",)),
    ),
    options=(Option("ending", "6", 1, 60),),
    words={"kind": "label_kind", "status": "label_status"},
)
