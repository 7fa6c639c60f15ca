"""What must hold about places: nobody got one beyond the limit, and the queue is one (`crm verify`)."""

from datetime import date

from crm.catalogue import Catalogue
from crm.database import Connection
from crm.store.places import places_of
from crm.store.verify import Difference

_TAKEN = """
select network_id, rule, tier, count(*) as taken, bool_or(not entitled) as limited from place where status = 'given'
group by network_id, rule, tier order by 1, 2, 3
"""
# Who stood before places were limited keeps its place, even beyond the limit; whoever asked after that may not.
_LIMITED_SINCE = "select max(published_at) from rulebook where network_id = $1"
_STANDING = """
select 'place ' || p.id, 'is given, and another place of the same pool stands for it since ' || o.given_on
from place p join place o on o.id > p.id and o.status = 'given'
    and (o.network_id, o.rule, o.tier, o.organisation_id) = (p.network_id, p.rule, p.tier, p.organisation_id)
where p.status = 'given'
"""


async def check(connection: Connection, kept: Catalogue, today: date) -> list[Difference]:
    """No more hold a place than there are (but for those who held one before there was a limit)."""
    out = [Difference("place_twice", row[0], row[1]) for row in await connection.fetch(_STANDING)]
    for row in await connection.fetch(_TAKEN):
        network = kept.by_id[row["network_id"]]
        pool = (network.slug, row["rule"], row["tier"])
        limit = places_of(kept, pool, today)
        if limit and row["taken"] > limit and row["limited"]:
            named = row["rule"] or row["tier"]
            why = f"{row['taken']} hold one of {limit} places"
            out.append(Difference("place_overfull", f"{named} of {network.slug}", why))
    return out
