"""How many: composition of a network and distinct organisations over several, at any day, as known at any moment.

Unit: an organisation in a network counts once, whatever the number of its grants. "At a day" = the
membership's timeline covers that day with status active (half-open periods); `known_at` leaves out
everything recorded later.
"""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec

from crm.database import Connection
from crm.reads.known import believed

_MEMBERS = f"""
select p.network_id, p.organisation_id, p.tier, p.origin, profile.kind
from membership_period p
left join lateral (
    select kind from organisation_profile f
    where f.organisation_id = p.organisation_id
      and {believed("f", "$3")}
    order by (f.starts_on <= $2 and (f.ends_on is null or f.ends_on > $2)) desc, f.starts_on
    limit 1
) profile on true
where p.network_id = any($1) and p.status = 'active'
  and p.starts_on <= $2 and (p.ends_on is null or p.ends_on > $2)
  and {believed("p", "$3")}
"""


class Composition(msgspec.Struct, frozen=True):
    """Members at a day: all of them, and the same number cut by kind, tier and origin."""

    members: int
    by_kind: dict[str, int]
    by_tier: dict[str, int]
    by_origin: dict[str, int]


async def composition(
    connection: Connection, network: UUID, as_of: date, known_at: datetime | None = None
) -> Composition:
    """What a network is made of on a day (AC-1); unknown is its own bucket, so the parts always add up."""
    row = await connection.fetchrow(
        f"with m as ({_MEMBERS}) select count(*) as members,"
        " coalesce((select jsonb_object_agg(k, n) from (select coalesce(kind, 'unknown') as k, count(*) as n"
        "   from m group by 1) x), '{}') as by_kind,"
        " coalesce((select jsonb_object_agg(tier, n) from (select tier, count(*) as n from m group by 1) x), '{}')"
        "   as by_tier,"
        " coalesce((select jsonb_object_agg(origin, n) from (select origin, count(*) as n from m group by 1) x), '{}')"
        "   as by_origin from m",
        [network],
        as_of,
        known_at,
    )
    return Composition(row["members"], row["by_kind"], row["by_tier"], row["by_origin"])


async def distinct(
    connection: Connection, networks: Sequence[UUID], as_of: date, known_at: datetime | None = None
) -> tuple[dict[UUID, int], int]:
    """Members of each network, and how many different organisations they are together (AC-14)."""
    rows = await connection.fetch(
        f"with m as ({_MEMBERS}) select network_id, count(*) as n, (select count(distinct organisation_id) from m)"
        " as together from m group by network_id",
        list(networks),
        as_of,
        known_at,
    )
    counts = dict.fromkeys(networks, 0) | {r["network_id"]: r["n"] for r in rows}
    return counts, rows[0]["together"] if rows else 0
