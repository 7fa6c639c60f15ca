"""Write the change feed: tell of memberships, turn the day, drop what is old (ADR 0020).

All of it goes through `feed_publish` in the database (crm/migrations/sql/sync.sql): an entry is written only when
a partner would see something else than before, and in the transaction of what it tells of.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from uuid import UUID

from crm.database import Connection

TURN_LOCK = 727_004
RETENTION_DAYS = 90  # how long an interrupted partner may take to go on; the database refuses to drop younger entries
# Transactions count anew on another server: no position that was said before means anything (crm/store/backups.py).
RENEW = """
set local crm.feed = 'epoch';
delete from feed;
update feed_member set moved_xid = '0';
update share set moved_xid = '0';
update feed_head set pruned_xid = '0', pruned_seq = 0;
set local crm.feed = '';
update directory_state set epoch = gen_random_uuid();
update directory_entry set moved_xid = '0';
delete from member_moved;
insert into member_moved (what, ids) values ('membership', '{}')
"""

# Memberships of a network (null: of all) whose stretch or profile begins or ends after they were last looked at.
_TURNING = """
select n.id as network_id, d.today, array_agg(f.membership_id) filter (where f.membership_id is not null) as turning
from network n
cross join lateral (select ($1::timestamptz at time zone n.time_zone)::date as today) d
left join feed_head h on h.network_id = n.id
left join feed_member f on f.network_id = n.id and f.shown_on < d.today and (
    exists (select from membership_period p where p.network_id = n.id and p.organisation_id = f.organisation_id
        and p.superseded_at is null and (p.starts_on > f.shown_on and p.starts_on <= d.today
                                         or p.ends_on > f.shown_on and p.ends_on <= d.today))
    or exists (select from organisation_profile o where o.organisation_id = f.organisation_id
        and o.superseded_at is null and (o.starts_on > f.shown_on and o.starts_on <= d.today
                                         or o.ends_on > f.shown_on and o.ends_on <= d.today)))
where ($2::uuid is null or n.id = $2) and coalesce(h.turned_on < d.today, true)
group by n.id, d.today
"""
_PRUNE = """
with gone as (delete from feed where recorded_at < $1 returning network_id, xid, seq),
last as (select distinct on (network_id) network_id, xid, seq from gone order by network_id, xid desc, seq desc),
marked as (
    insert into feed_head (network_id, pruned_xid, pruned_seq) select network_id, xid, seq from last
    on conflict (network_id) do update set pruned_xid = excluded.pruned_xid, pruned_seq = excluded.pruned_seq
    where (feed_head.pruned_xid, feed_head.pruned_seq) < (excluded.pruned_xid, excluded.pruned_seq)
)
select count(*) from gone
"""


async def publish(connection: Connection, memberships: Iterable[tuple[UUID, date]]) -> None:
    """Tell of each membership as it is on a day (the network's today), if it looks otherwise than told."""
    by_day: dict[date, list[UUID]] = {}
    for membership, day in memberships:
        by_day.setdefault(day, []).append(membership)
    for day, ids in by_day.items():
        await connection.execute("select feed_publish($1, $2)", ids, day)


async def publish_touched(connection: Connection) -> None:
    """Tell now of what was touched: for who makes organisations first, and members of them later."""
    await connection.execute("select touched_tell_news(nullif(current_setting('crm.touched', true), '')::bigint)")


async def settle(connection: Connection) -> None:
    """Tell feed, shares and directory now of all that was touched, and leave nothing of it to the commit."""
    await connection.execute("select touched_settle()")


async def turn(connection: Connection, now: datetime, network: UUID | None = None) -> int:
    """What became true by itself as the day began, in every network (or one); how many members are gone by it."""
    await connection.execute("select pg_advisory_xact_lock($1)", TURN_LOCK)  # one turn of the day at a time
    gone = 0
    for row in await connection.fetch(_TURNING, now, network):
        if row["turning"]:
            gone += await connection.fetchval("select feed_publish($1, $2)", row["turning"], row["today"])
        await connection.execute(
            "insert into feed_head (network_id, turned_on) values ($1, $2)"
            " on conflict (network_id) do update set turned_on = excluded.turned_on",
            row["network_id"],
            row["today"],
        )
    return gone


async def prune(connection: Connection, now: datetime) -> int:
    """Drop entries older than the retention, remembering up to where; how many."""
    await connection.execute("set local crm.feed = 'prune'")
    dropped = await connection.fetchval(_PRUNE, now - timedelta(days=RETENTION_DAYS))
    await connection.execute("set local crm.feed = ''")
    return int(dropped)


async def renew_epoch(connection: Connection) -> bool:
    """After a restore into another server, positions start anew: old cursors are answered 410. True if it was so."""
    renewed = await connection.fetchval(
        "update feed_epoch set epoch = left(md5(gen_random_uuid()::text), 8), server = feed_server()"
        " where server <> feed_server() returning true"
    )
    if renewed:
        await connection.execute(RENEW)
    return bool(renewed)
