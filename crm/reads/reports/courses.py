"""SQL of membership reports from courses (ADR 0044), on whatever ground these are read (grounds.py).

`c` is always a course: a stretch at one level, with the unbroken membership it is part of. Only the
columns that somebody looks at are chosen, with the joins they need. What these say, standing.py says in general.
"""

import re
from collections.abc import Collection, Mapping

from crm.reads.reports.grounds import PLACE, Ground

KEY = "o.sort_name || ' ' || o.id"
ORGANISATION = "join organisation o on o.id = c.organisation_id"
ORGNR = """
    (select min(i.value) from identifier i where i.scheme = 'no-orgnr' and i.organisation_id = c.organisation_id)
"""
NUMBERED = "c.organisation_id in (select i.organisation_id from identifier i where i.scheme = 'no-orgnr')"
NETWORK = "join network n on n.id = c.network_id"
_SIZE = """
    case when {0} is null then '' when {0} < 10 then 'micro' when {0} < 50 then 'small' when {0} < 250 then 'medium'
        else 'large' end
"""
_FACTS = ("country", "municipality", "county", "employees")


def chosen(
    wanted: Collection[str], told: Mapping[str, str], joins: Mapping[str, str], where: str, place: str = PLACE
) -> str:
    """A SELECT of the columns in `told` (name: SQL) that are wanted; `joins`: alias: JOIN, where it is spoken of."""
    columns = [f"{sql} as {name}" for name, sql in told.items() if name in wanted] or ["1 as one"]
    said = " ".join((*columns, where))
    for alias, join in reversed(list(joins.items())):
        if re.search(rf"\b{alias}\.", said):
            said = f"{join} {said}"
    used = [join for join in joins.values() if join in said]
    return f"select {', '.join(columns)} from {place} {' '.join(used)} where {where}"


def name(day: str) -> str:
    """What organisation `o` was called on a day."""
    return f"""coalesce((select k.names ->> 'nb' from known_name k where k.organisation_id = c.organisation_id
        and k.withdrawn_at is null and (k.starts_on is null or k.starts_on <= {day})
        order by k.starts_on desc nulls last limit 1), o.name)"""


def role(days: str) -> str:
    """The parts it plays in the network, on days about which `days` is a condition on role `r`."""
    return f"""(select string_agg(distinct r.role, ' ' order by r.role) from organisation_role r
        where r.organisation_id = c.organisation_id and r.network_id = any(:networks) and stands(r) and {days})"""


def facts(wanted: Collection[str], day: str) -> tuple[dict[str, str], dict[str, str]]:
    """What was true of organisations on a day (or first, when nothing is known of it): the columns, and their joins.

    Of an organisation that has always been of one kind its course says which; others are looked up.
    """
    holds = f"{{0}}.starts_on <= {day} and ({{0}}.ends_on is null or {{0}}.ends_on > {day})"
    joins = {
        "f": "left join organisation_profile f on f.organisation_id = c.organisation_id and stands(f)"
        f" and {holds.format('f')}",
        "g": "left join (select distinct on (x.organisation_id) x.* from organisation_profile x"
        f" where stands(x) and not ({holds.format('x')}) order by x.organisation_id, x.starts_on) g"
        " on g.organisation_id = c.organisation_id and f.id is null",
    }
    columns = {each: f"case when f.id is null then g.{each} else f.{each} end" for each in _FACTS}
    columns["size"] = f"case when f.id is null and g.id is null then null else {_SIZE.format(columns['employees'])} end"
    if columns.keys() & set(wanted):
        columns["kind"] = "coalesce(f.kind, g.kind)"
    else:
        columns["kind"] = f"""coalesce(c.kind, (select y.kind from organisation_profile y
            where y.organisation_id = c.organisation_id and stands(y)
            order by ({holds.format("y")}) desc, y.starts_on limit 1))"""
    return columns, joins


def on(wanted: Collection[str], ground: Ground, day: str) -> str:
    """The members on a day, each with what was true of it then: as standing.on."""
    true, joins = facts(wanted, day)
    told = {
        "key": KEY,
        "organisation_id": "c.organisation_id",
        "name": name(day),
        "orgnr": ORGNR,
        "tier": "c.tier",
        "status": "c.status",
        "origin": "c.origin",
        "network": "coalesce(n.slug, 'several')",
        **true,
        "role": role(f"r.starts_on <= {day} and (r.ends_on is null or r.ends_on > {day})"),
        "joined": "c.joined_on",
        "left_on": "c.left_on",
        "joined_year": "date_part('year', c.joined_on)::int",
        "ending": "c.left_on is not null",
        "days": f"greatest({day} - c.joined_on, 0)",
    }
    return chosen(wanted, told, {"o": ORGANISATION, "n": f"left {NETWORK}", **joins}, "true", ground.on(day))
