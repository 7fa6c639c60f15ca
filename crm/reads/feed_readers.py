"""How far partners' systems have come with a network's lists: what each key read last, and how much it lacks by now.

For the office. A key may belong to another network (an agreement discloses members to it): its name is shown, and
nothing else of it.
"""

from datetime import datetime
from uuid import UUID

import msgspec

from crm.database import Connection

MOST_COUNTED = 1000  # behind by more is "more than"

# Not only up to the horizon of what can be read already: a change that waits for an older transaction is lacking, too.
_READERS = f"""
select k.id as key_id, k.name, k.prefix, k.network_id as reader_network_id, k.revoked_at, r.network_id,
    a.code as agreement, r.kind, r.asked_at, r.xid, r.seq,
    r.epoch <> e.epoch or (h.network_id is not null and r.xid::text::xid8 <= h.pruned_xid
        and (r.xid::text::xid8, r.seq) < (h.pruned_xid, h.pruned_seq)) as too_old,
    coalesce(newest.xid, '0')::text as newest_xid, coalesce(newest.seq, 0) as newest_seq, late.behind
from feed_reader r join api_key k on k.id = r.key_id cross join feed_epoch e
left join disclosure d on d.id = r.scope left join agreement a on a.id = d.agreement_id
left join feed_head h on h.network_id = r.scope
cross join lateral (
    select count(*) as behind from (
        select 1 from feed f where d.id is null and f.network_id = r.network_id
            and (f.xid, f.seq) > (r.xid::text::xid8, r.seq)
        union all
        select 1 from share s where s.disclosure_id = d.id and s.op <> 'none'
            and (s.moved_xid, s.seq) > (r.xid::text::xid8, r.seq)
        limit {MOST_COUNTED + 1}) x
) late
left join lateral (
    (select f.xid, f.seq from feed f where d.id is null and f.network_id = r.network_id
        order by f.xid desc, f.seq desc limit 1)
    union all
    (select s.moved_xid, s.seq from share s where s.disclosure_id = d.id and s.op <> 'none'
        order by s.moved_xid desc, s.seq desc limit 1)
) newest on true
where r.network_id = $1 or r.reader_network_id = $1
order by k.name, k.prefix, a.code nulls first
"""


class Reader(msgspec.Struct, frozen=True):
    """A key and one list it reads: the network's own (`agreement` None) or what an agreement discloses.

    `behind`: changes it has not been given, at most MOST_COUNTED + 1. `too_old`: its cursor is answered 410.
    """

    key_id: UUID
    name: str
    prefix: str
    reader_network_id: UUID | None
    revoked_at: datetime | None
    network_id: UUID
    agreement: str | None
    kind: str
    asked_at: datetime
    xid: int
    seq: int
    too_old: bool
    newest_xid: str
    newest_seq: int
    behind: int


async def of_network(connection: Connection, network: UUID) -> list[Reader]:
    """Who reads this network's members, and what its own keys read. Whoever asks must see the network."""
    return [Reader(**dict(row)) for row in await connection.fetch(_READERS, network)]
