"""The list Innovation Norway asks for, one reporting year at a time: number, role, name, joined, left."""

from crm.reads.reports.commitment import TYPES
from crm.reads.reports.courses import KEY as NAMED
from crm.reads.reports.courses import NUMBERED, ORGANISATION, ORGNR, chosen, facts, name
from crm.reads.reports.courses import role as parts
from crm.reads.reports.grounds import OURS, PLACE, Ground
from crm.reads.reports.source import Cut, Measure, Relation, Source
from crm.reads.reports.standing import END, KEY, NUMBERS, PERIODS, SPELLS, names, profile
from crm.reports import Chart, Column

# Everybody who was a member on a day of the period: joined is the first day of the stretch it was then in, left the day
# after its last one, if that was in the period.
LISTED = f"""
    with spell as (select * from ({SPELLS}) s where s.starts_on < {END} and (s.ends_on is null or s.ends_on > :start)),
    who as materialized (
        select organisation_id, min(starts_on) as joined,
            nullif(max(coalesce(ends_on, 'infinity')), 'infinity') as left_on from spell group by 1
    ),
    tier as (
        select distinct on (p.organisation_id) p.organisation_id, p.tier from ({PERIODS}) p
        where p.starts_on < {END} and (p.ends_on is null or p.ends_on > :start)
        order by p.organisation_id, p.starts_on desc, p.network_id
    ),
    role as (
        select r.organisation_id, string_agg(distinct r.role, ' ' order by r.role) as role from organisation_role r
        where r.network_id = any(:networks) and stands(r) and r.starts_on < {END}
            and (r.ends_on is null or r.ends_on > :start) group by 1
    ),
    profile as materialized ({profile(f"({END} - 1)")}), number as ({NUMBERS}), name as ({names(f"({END} - 1)")})
    select {KEY} as key, coalesce(name.name, o.name) as name, number.orgnr, role.role, tier.tier, w.joined,
        case when w.left_on <= {END} then w.left_on end as left_on, w.organisation_id, profile.kind, profile.country,
        w.joined >= :start as begins, coalesce(w.left_on <= {END}, false) as leaves,
        number.orgnr is not null as numbered, {TYPES} as type
    from who w join organisation o on o.id = w.organisation_id
    left join tier on tier.organisation_id = w.organisation_id
    left join role on role.organisation_id = w.organisation_id
    left join profile on profile.organisation_id = w.organisation_id
    left join number on number.organisation_id = w.organisation_id
    left join name on name.organisation_id = w.organisation_id
"""


# The same from courses. Of one network as it is known now, the last stretch that touches the period stands for its
# organisation; else all that do are put together.
_LAST = f"""
    select c.*, case when c.number = 1 then c.joined_on else (select min(x.joined_on) from membership_course x
        where x.membership_id = c.membership_id and x.organisation_id = c.organisation_id
        and (x.left_on is null or x.left_on > :start)) end as first_there
    from {PLACE} where {OURS} and c.starts_on < {END} and (c.ends_on is null or c.ends_on > :start)
        and (c.ends_on is null or c.ends_on >= {END} or c.closes and (c.next_on is null or c.next_on >= {END}))
"""
_TOGETHER = f"""
    select c.organisation_id, any_value(c.kind) as kind, min(c.joined_on) as first_there,
        nullif(max(coalesce(c.left_on, 'infinity')), 'infinity') as left_on,
        (array_agg(c.tier order by c.starts_on desc, c.network_id))[1] as tier
    from {{}} where c.starts_on < {END} and (c.ends_on is null or c.ends_on > :start) group by c.organisation_id
"""


def _listed(wanted: frozenset[str], ground: Ground) -> str:
    place = _LAST if ground.plain else _TOGETHER.format(ground.stretches())
    true, joins = facts({*wanted, "kind"} if "type" in wanted else wanted, f"({END} - 1)")
    told = {
        "key": NAMED,
        "name": name(f"({END} - 1)"),
        "orgnr": ORGNR,
        "role": parts(f"r.starts_on < {END} and (r.ends_on is null or r.ends_on > :start)"),
        "tier": "c.tier",
        "joined": "c.first_there",
        "left_on": f"case when c.left_on <= {END} then c.left_on end",
        "organisation_id": "c.organisation_id",
        "kind": true["kind"],
        "country": true["country"],
        "begins": "c.first_there >= :start",
        "leaves": f"coalesce(c.left_on <= {END}, false)",
        "numbered": NUMBERED,
        "type": TYPES.replace("kind", f"({true['kind']})"),
    }
    return chosen(wanted, told, {"o": ORGANISATION, **joins}, "true", f"({place}) c")


INNOVATION_NORWAY = Source(
    name="innovation-norway",
    area="members",
    relations={
        "listed": Relation(
            LISTED,
            (
                Column("orgnr", width=14),
                Column("role", words="role", width=20),
                Column("name", width=40),
                Column("joined", "day", width=12),
                Column("left_on", "day", width=12),
                Column("type", words="type", width=24),
                Column("tier", words="tier", width=24),
                Column("country", words="country"),
                Column("organisation_id", words="id", width=38),
            ),
            by=("type", "country", "tier"),
            course=_listed,
            facts=("begins", "leaves", "numbered", "country"),
        )
    },
    measures=(
        Measure("listed", "listed"),
        Measure("joined", "listed", "begins"),
        Measure("left", "listed", "leaves"),
        Measure("without_number", "listed", "not numbered and country = 'NO'"),
        Measure("abroad", "listed", "country <> 'NO'"),
    ),
    cuts=(
        Cut("by_type", ("listed", "joined", "left"), ("type",)),
        Cut("by_country", ("listed", "joined", "left"), ("country",)),
    ),
    charts=(Chart("hbar", "by_type", "type", ("listed",)),),
)
