"""Limited places of a network: how many are taken, and who waits in which order."""

from datetime import datetime
from uuid import UUID

import msgspec

from crm.database import Connection

_TAKEN = "select rule, tier, count(*) as n from place where network_id = $1 and status = 'given' group by rule, tier"
_QUEUE = """
select p.id, p.network_id, p.rule, p.tier, p.organisation_id, o.name as organisation, p.asked_at,
    row_number() over (partition by p.rule, p.tier order by p.asked_at, p.id) as number
from place p join organisation o on o.id = p.organisation_id
where p.network_id = $1 and p.status = 'waiting' order by p.rule, p.tier, number
"""


class Waiting(msgspec.Struct, frozen=True):
    """One who waits; `number` 1 gets the next place."""

    id: UUID
    network_id: UUID
    rule: str
    tier: str
    organisation_id: UUID
    organisation: str
    asked_at: datetime
    number: int


async def queues(
    connection: Connection, network: UUID
) -> tuple[dict[tuple[str, str], int], dict[tuple[str, str], list[Waiting]]]:
    """By (rule, level), the other empty: places taken, and the queue."""
    taken = {(r["rule"], r["tier"]): r["n"] for r in await connection.fetch(_TAKEN, network)}
    out: dict[tuple[str, str], list[Waiting]] = {}
    for row in await connection.fetch(_QUEUE, network):
        each = Waiting(**dict(row))
        out.setdefault((each.rule, each.tier), []).append(each)
    return taken, out


async def network_of(connection: Connection, place: UUID) -> UUID | None:
    """The network whose place it is, when the reader sees it."""
    return await connection.fetchval("select network_id from place where id = $1", place)
