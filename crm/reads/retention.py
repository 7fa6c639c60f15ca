"""What was taken away when its time had come, newest first; behind the tenant wall of hosts."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from crm.database import Connection

SHOWN = 12


class Run(msgspec.Struct, frozen=True):
    """`done`: rows by kind."""

    on_date: date
    done: dict[str, int]
    actor: str
    recorded_at: datetime


async def runs(connection: Connection, host: UUID) -> list[Run]:
    """The newest of a host."""
    rows = await connection.fetch(
        "select on_date, done, actor, recorded_at from retention_run where host_id = $1"
        " order by recorded_at desc, id limit $2",
        host,
        SHOWN,
    )
    return [Run(**dict(row)) for row in rows]


async def receipts(connection: Connection, network: UUID) -> int:
    """How many people of this network's members were forgotten at their own wish."""
    return int(
        await connection.fetchval(
            "select count(*) from erasure e where exists (select from membership m"
            " where m.organisation_id = e.organisation_id and m.network_id = $1)",
            network,
        )
    )
