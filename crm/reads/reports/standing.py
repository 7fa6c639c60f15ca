"""SQL that membership reports share: who stands on a day, unbroken stretches, and what was true of an organisation.

Unit: an organisation in the networks asked for, once, whatever the number of its memberships and grants. A member
*stands* on the days its timeline covers; it is *active* on those of them on which it is not suspended.
"""

# Every stretch of every membership of the networks, half-open, as believed.
PERIODS = """
    select p.membership_id, p.organisation_id, p.network_id, p.tier, p.status, p.origin, p.starts_on, p.ends_on
    from membership_period p where p.network_id = any(:networks) and stands(p)
"""

# The unbroken stretches of an organisation's standing, over all the networks: number 1 is its first one ever.
SPELLS = f"""
    select organisation_id, min(starts_on) as starts_on, nullif(max(ends_on), 'infinity') as ends_on,
        row_number() over (partition by organisation_id order by min(starts_on)) as number
    from (
        select organisation_id, starts_on, ends_on, sum(fresh) over (partition by organisation_id
            order by starts_on, ends_on rows unbounded preceding) as island
        from (
            select organisation_id, starts_on, coalesce(ends_on, 'infinity') as ends_on,
                case when starts_on <= max(coalesce(ends_on, 'infinity')) over (partition by organisation_id
                    order by starts_on, coalesce(ends_on, 'infinity') rows between unbounded preceding and 1 preceding)
                then 0 else 1 end as fresh
            from ({PERIODS}) p
        ) marked
    ) numbered
    group by organisation_id, island
"""


def profile(day: str) -> str:
    """What was true of organisations on a day; before the first that is known of one, that (facts start somewhere)."""
    return f"""
    select distinct on (f.organisation_id) f.organisation_id, f.kind, f.country, f.municipality, f.county, f.employees,
        case when f.employees is null then '' when f.employees < 10 then 'micro' when f.employees < 50 then 'small'
             when f.employees < 250 then 'medium' else 'large' end as size
    from organisation_profile f where stands(f) and f.organisation_id in (select organisation_id from who)
    order by f.organisation_id, (f.starts_on <= {day} and (f.ends_on is null or f.ends_on > {day})) desc, f.starts_on
    """


def names(day: str) -> str:
    """What organisations were called on a day, of those whose name is known to have changed."""
    return f"""
    select distinct on (k.organisation_id) k.organisation_id, k.names ->> 'nb' as name from known_name k
    where k.organisation_id is not null and k.withdrawn_at is null and (k.starts_on is null or k.starts_on <= {day})
    order by k.organisation_id, k.starts_on desc nulls last
    """


NUMBERS = """
    select i.organisation_id, min(i.value) as orgnr from identifier i
    where i.scheme = 'no-orgnr' and i.organisation_id in (select organisation_id from who) group by 1
"""


def standing(day: str) -> str:
    """Who stands on a day: level, status and origin over the networks ('several' where they differ)."""
    return f"""
    select p.organisation_id,
        case when min(p.tier) = max(p.tier) then min(p.tier) else 'several' end as tier,
        case when bool_or(p.status = 'active') then 'active' else 'suspended' end as status,
        case when min(p.origin) = max(p.origin) then min(p.origin) else 'both' end as origin,
        case when min(p.network_id::text) = max(p.network_id::text) then min(p.network_id::text) else 'several' end
            as network_id
    from ({PERIODS}) p where p.starts_on <= {day} and (p.ends_on is null or p.ends_on > {day}) group by 1
    """


def roles(day: str) -> str:
    """The parts organisations play in the networks on a day."""
    return f"""
    select r.organisation_id, string_agg(distinct r.role, ' ' order by r.role) as role from organisation_role r
    where r.network_id = any(:networks) and stands(r) and r.starts_on <= {day}
        and (r.ends_on is null or r.ends_on > {day}) group by 1
    """


# The end of what a period report looks at: of the period, or of the day it is asked as of when that is in it.
END = "greatest(:start, least(:end, :as_of + 1))"
KEY = "o.sort_name || ' ' || o.id"  # of an organisation `o`: by name
# How high each level of the networks stands, by the newest version of the rules that has it.
TIERS = """
    select distinct on (b.network_id, t ->> 'code') b.network_id, t ->> 'code' as code, (t ->> 'rank')::int as rank
    from rulebook b, jsonb_array_elements(b.body -> 'tiers') t where b.network_id = any(:networks)
    order by b.network_id, t ->> 'code', b.version desc
"""


def on(day: str) -> str:
    """The members on a day, each with what was true of it then."""
    return f"""
    with who as materialized ({standing(day)}),
    spell as (select * from ({SPELLS}) s where s.starts_on <= {day} and (s.ends_on is null or s.ends_on > {day})),
    profile as materialized ({profile(day)}), name as ({names(day)}), number as ({NUMBERS}), role as ({roles(day)})
    select {KEY} as key, o.id as organisation_id, coalesce(name.name, o.name) as name, number.orgnr,
        who.tier, who.status, who.origin,
        coalesce(n.slug, who.network_id) as network, profile.kind, profile.size, profile.employees, profile.country,
        profile.county, profile.municipality, role.role, spell.starts_on as joined,
        spell.ends_on as left_on, spell.ends_on is not null as ending,
        extract(year from spell.starts_on)::int::text as joined_year,
        greatest({day} - spell.starts_on, 0) as days
    from who join organisation o on o.id = who.organisation_id
    join spell on spell.organisation_id = who.organisation_id
    left join network n on n.id::text = who.network_id
    left join profile on profile.organisation_id = who.organisation_id
    left join name on name.organisation_id = who.organisation_id
    left join number on number.organisation_id = who.organisation_id
    left join role on role.organisation_id = who.organisation_id
    """
