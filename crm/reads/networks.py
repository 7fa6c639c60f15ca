"""How many members each network has: in their own right, or only through a link rule."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec

from crm.database import Connection
from crm.reads.known import believed


class Counts(msgspec.Struct, frozen=True):
    """Active members; each counts once, so `direct` and `linked` add up to `members`.

    `direct` also has those that are linked as well; `linked` are members by a link rule only.
    """

    members: int
    direct: int
    linked: int


async def counts(
    connection: Connection,
    networks: Sequence[UUID],
    now: datetime,
    as_of: date | None = None,
    known_at: datetime | None = None,
) -> dict[UUID, Counts]:
    """The figures of these networks on a day, as known at a moment.

    Without a day it is today in each network's time zone.
    """
    rows = await connection.fetch(
        "select n.id, count(p.*) as members, count(p.*) filter (where p.origin = 'linked') as linked"
        " from (select id, coalesce($3::date, ($2::timestamptz at time zone time_zone)::date) as day"
        " from network where id = any($1)) n"
        f" left join membership_period p on p.network_id = n.id and {believed('p', '$4')} and p.status = 'active'"
        "  and p.starts_on <= n.day and (p.ends_on is null or p.ends_on > n.day)"
        " group by n.id",
        list(networks),
        now,
        as_of,
        known_at,
    )
    return {r["id"]: Counts(r["members"], r["members"] - r["linked"], r["linked"]) for r in rows}


async def of_application(connection: Connection, application: UUID) -> UUID | None:
    """The network an application was sent to; None when the reader may not know."""
    return await connection.fetchval("select network_id from application where id = $1", application)
