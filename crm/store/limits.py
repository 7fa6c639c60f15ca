"""How often somebody may try something: counts in fixed windows, in a table that is not logged.

After a crash of the database the counts begin again; nothing else depends on them.
"""

from ipaddress import IPv6Address, ip_address

from crm.database import Connection
from crm.errors import TooMany

KEPT_SECONDS = 24 * 3600
IPV6_SITE_BITS = 64  # one household or firm has a whole /64 to choose addresses from

_COUNT = """
insert into rate_limit as r (key, window_start, hits)
values ($1, to_timestamp(floor(extract(epoch from clock_timestamp()) / $2) * $2), 1)
on conflict (key, window_start) do update set hits = r.hits + 1
returning hits, ceil(extract(epoch from window_start) + $2 - extract(epoch from clock_timestamp()))::int as seconds
"""


async def hit(connection: Connection, key: str, limit: int, window_seconds: int) -> None:
    """Count one try of `key`; TooMany, with the seconds until the window ends, when it is one too many."""
    row = await connection.fetchrow(_COUNT, key, window_seconds)
    if row["hits"] == 1:
        await connection.execute(
            "delete from rate_limit where window_start < clock_timestamp() - make_interval(secs => $1)", KEPT_SECONDS
        )
    if row["hits"] > limit:
        raise TooMany(max(1, row["seconds"]))


def site_of(address: str) -> str:
    """The part of a network address that one household or firm shares."""
    try:
        found = ip_address(address)
    except ValueError:
        return "unknown"
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(IPv6Address(int(found) >> (128 - IPV6_SITE_BITS) << (128 - IPV6_SITE_BITS)))
