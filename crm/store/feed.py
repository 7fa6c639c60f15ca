"""The change feed's own turn of the day: who is gone although nobody decided anything today."""

from datetime import datetime

from crm.database import Connection

TURN_LOCK = 727_004

# A membership whose last day has passed in its network's time zone while its newest entry still says "upsert".
_ENDED = """
insert into feed (network_id, organisation_id, membership_id, op, reason, version, recorded_at)
select m.network_id, m.organisation_id, m.id, 'remove', 'left', newest.version + 1, now()
from membership m
join network n on n.id = m.network_id
join lateral (select op, version from feed f where f.membership_id = m.id order by version desc limit 1) newest
    on newest.op = 'upsert'
where not exists (
    select from membership_period p where p.membership_id = m.id and p.superseded_at is null
    and (p.ends_on is null or p.ends_on > ($1::timestamptz at time zone n.time_zone)::date))
"""


async def publish_ended(connection: Connection, now: datetime) -> int:
    """One `remove` for every membership that has ended by now and whose feed does not say so; how many."""
    await connection.execute("select pg_advisory_xact_lock($1)", TURN_LOCK)  # one turn of the day at a time
    return int((await connection.execute(_ENDED, now)).split()[-1])
