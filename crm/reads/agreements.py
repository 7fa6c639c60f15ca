"""The agreements of a network with others, and how many linked memberships rest on each."""

from datetime import date
from uuid import UUID

import msgspec

from crm.database import Connection


class Listed(msgspec.Struct, frozen=True):
    """An agreement on a day. `linked`: memberships that stand by it on that day; `ahead`: that are to start.

    `signatures`: [{network, name, role, on}].
    """

    code: str
    source_network_id: UUID
    target_network_id: UUID
    names: dict[str, str]
    purpose: dict[str, str]
    starts_on: date
    ends_on: date | None
    on_end: str
    notice_days: int
    shared_fields: list[str]
    signatures: list[dict[str, str]]
    linked: int
    ahead: int


async def of_network(connection: Connection, network: UUID, day: date) -> list[Listed]:
    """Those that the network is part of, the ended ones last. Half-open days."""
    rows = await connection.fetch(
        "select a.code, a.source_network_id, a.target_network_id, a.names, a.purpose, a.starts_on, a.ends_on, a.on_end,"
        " a.notice_days, a.shared_fields, a.signatures,"
        " count(distinct g.membership_id) filter (where g.starts_on <= $2) as linked,"
        " count(distinct g.membership_id) filter (where g.starts_on > $2) as ahead"
        " from agreement a left join membership_grant g on g.agreement = a.code and g.kind = 'linked'"
        " and g.network_id = a.target_network_id and g.superseded_at is null and (g.ends_on is null or g.ends_on > $2)"
        " where $1 in (a.source_network_id, a.target_network_id)"
        " group by a.id order by coalesce(a.ends_on <= $2, false), a.code",
        network,
        day,
    )
    return [Listed(**dict(row)) for row in rows]
