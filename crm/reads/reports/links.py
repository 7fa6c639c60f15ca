"""R9: memberships by rule, given and ended; who is a member by itself, by rule or both; how networks overlap."""

from crm.reads.reports import courses
from crm.reads.reports.grounds import Ground
from crm.reads.reports.members import ACTIVE, ON_THE_DAY
from crm.reads.reports.source import Cut, Measure, Relation, Source
from crm.reads.reports.standing import END, KEY, NUMBERS, PERIODS, names
from crm.reports import Chart, Column

# Linked grants that the networks' rules gave, or that were given to them, and that stood on a day of the period.
GRANTS = f"""
    with who as materialized (
        select g.* from membership_grant g where g.kind = 'linked' and stands(g)
            and (g.network_id = any(:networks) or g.source_network_id = any(:networks))
            and g.starts_on < {END} and (g.ends_on is null or g.ends_on >= :start)
    ),
    number as ({NUMBERS}), name as ({names(END)})
    select {KEY} || ' ' || g.starts_on || ' ' || g.id as key, coalesce(name.name, o.name) as name, number.orgnr,
        g.rule, s.slug as source, n.slug as network, g.tier, g.starts_on as granted_on, g.ends_on as ended_on,
        g.organisation_id,
        g.starts_on >= :start as begins, coalesce(g.ends_on < {END}, false) as ends,
        g.starts_on < :start and (g.ends_on is null or g.ends_on >= :start) as at_start,
        g.ends_on is null or g.ends_on >= {END} as at_end
    from who g join organisation o on o.id = g.organisation_id
    join network n on n.id = g.network_id join network s on s.id = g.source_network_id
    left join number on number.organisation_id = g.organisation_id
    left join name on name.organisation_id = g.organisation_id
"""
# Each member of the networks, once for every other network the reader sees that it is a member of, too.
OVERLAP = f"""
    with mine as materialized (
        select distinct p.organisation_id, p.network_id from ({PERIODS}) p where p.status = 'active'
            and p.starts_on <= :as_of and (p.ends_on is null or p.ends_on > :as_of)
    ),
    theirs as materialized (
        select distinct p.organisation_id, p.network_id from membership_period p where stands(p) and p.status = 'active'
            and p.starts_on <= :as_of and (p.ends_on is null or p.ends_on > :as_of)
    ),
    who as (select distinct organisation_id from mine), number as ({NUMBERS}), name as ({names(":as_of")})
    select {KEY} || ' ' || a.slug || ' ' || b.slug as key, coalesce(name.name, o.name) as name, number.orgnr,
        a.slug as network, b.slug as other, m.organisation_id
    from mine m join theirs t on t.organisation_id = m.organisation_id and t.network_id <> m.network_id
    join organisation o on o.id = m.organisation_id
    join network a on a.id = m.network_id join network b on b.id = t.network_id
    left join number on number.organisation_id = m.organisation_id
    left join name on name.organisation_id = m.organisation_id
"""
_ID = Column("organisation_id", words="id", width=38)
LINKS = Source(
    name="links",
    area="members",
    relations={
        "grants": Relation(
            GRANTS,
            (
                Column("name", width=40),
                Column("orgnr", width=14),
                Column("rule", words="rule", width=30),
                Column("source", words="network", width=30),
                Column("network", words="network", width=30),
                Column("tier", words="tier"),
                Column("granted_on", "day", width=12),
                Column("ended_on", "day", width=12),
                _ID,
            ),
            by=("rule", "source", "network", "tier"),
        ),
        "members": ON_THE_DAY,
        "overlap": Relation(
            OVERLAP,
            (
                Column("name", width=40),
                Column("orgnr", width=14),
                Column("network", words="network", width=30),
                Column("other", words="network", width=30),
                _ID,
            ),
            by=("network", "other"),
        ),
    },
    measures=(
        Measure("links_start", "grants", "at_start"),
        Measure("granted", "grants", "begins"),
        Measure("ended", "grants", "ends"),
        Measure("links_end", "grants", "at_end"),
        Measure("own_only", "members", f"{ACTIVE} and origin = 'direct'"),
        Measure("by_rule_only", "members", f"{ACTIVE} and origin = 'linked'"),
        Measure("own_and_by_rule", "members", f"{ACTIVE} and origin = 'both'"),
        Measure("members", "members", ACTIVE),
        Measure("in_both", "overlap", shown=False),
    ),
    cuts=(
        Cut("by_rule", ("links_start", "granted", "ended", "links_end"), ("source", "rule", "network")),
        Cut("by_origin", ("members",), ("origin",)),
        Cut("overlap", ("in_both",), ("network", "other")),
    ),
    charts=(Chart("hbar", "by_origin", "origin", ("members",)),),
    words={"source": "network", "other": "network"},
)

# Each membership of a day, one row a network, beside the organisations counted once.
MEMBERSHIPS = f"""
    with who as materialized (
        select p.organisation_id, p.network_id, p.tier, p.origin, p.status from ({PERIODS}) p
        where p.starts_on <= :as_of and (p.ends_on is null or p.ends_on > :as_of)
    ),
    number as ({NUMBERS}), name as ({names(":as_of")})
    select {KEY} || ' ' || n.slug as key, coalesce(name.name, o.name) as name, number.orgnr, n.slug as network, w.tier,
        w.origin, w.status, w.organisation_id
    from who w join organisation o on o.id = w.organisation_id join network n on n.id = w.network_id
    left join number on number.organisation_id = w.organisation_id
    left join name on name.organisation_id = w.organisation_id
"""


def _memberships(wanted: frozenset[str], ground: Ground) -> str:
    told = {
        "key": f"{courses.KEY} || ' ' || n.slug",
        "name": courses.name(":as_of"),
        "orgnr": courses.ORGNR,
        "network": "n.slug",
        **{each: f"c.{each}" for each in ("tier", "origin", "status", "organisation_id")},
    }
    where = "c.starts_on <= :as_of and (c.ends_on is null or c.ends_on > :as_of)"
    return courses.chosen(wanted, told, {"o": courses.ORGANISATION, "n": courses.NETWORK}, where, ground.periods())


HOST = Source(
    name="host",
    area="members",
    stock=True,
    host_wide=True,
    relations={
        "members": ON_THE_DAY,
        "memberships": Relation(
            MEMBERSHIPS,
            (
                Column("name", width=40),
                Column("orgnr", width=14),
                Column("network", words="network", width=30),
                Column("tier", words="tier"),
                Column("origin", words="origin"),
                Column("status", words="status"),
                _ID,
            ),
            by=("network", "origin"),
            course=_memberships,
            facts=("status",),
        ),
    },
    measures=(
        Measure("members", "members", ACTIVE),
        Measure("memberships", "memberships", ACTIVE),
        Measure("in_several", "members", f"{ACTIVE} and network = 'several'"),
        Measure("suspended", "members", "status = 'suspended'"),
    ),
    cuts=(
        Cut("by_network", ("memberships",), ("network",)),
        Cut("distinct_by_network", ("members",), ("network",)),
        Cut("distinct_by_kind", ("members",), ("kind",)),
    ),
    charts=(Chart("hbar", "by_network", "network", ("memberships",)),),
)
