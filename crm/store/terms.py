"""Versions of a network's own membership terms; texts are {nb, en}, plain, with empty lines between paragraphs."""

from datetime import date, datetime
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import msgspec

from crm.database import Connection


class Version(msgspec.Struct, frozen=True):
    """One version, and how many agreed to it."""

    version: int
    effective_from: date
    body: dict[str, str]
    agreed: int


async def today(connection: Connection, network: UUID, now: datetime) -> date:
    """The day it is where the network is."""
    zone = await connection.fetchval("select time_zone from network where id = $1", network)
    return now.astimezone(ZoneInfo(zone)).date()


async def add(connection: Connection, network: UUID, body: dict[str, str], effective_from: date) -> int:
    """The next version. Its number is above every version of the network's rules, too: those were agreed to before."""
    await connection.execute("select from network where id = $1 for no key update", network)
    return int(
        await connection.fetchval(
            "insert into terms (id, network_id, version, body, effective_from) select $1, $2, 1 + greatest("
            " (select coalesce(max(version), 0) from terms where network_id = $2),"
            " (select coalesce(max(version), 0) from rulebook where network_id = $2)), $3, $4 returning version",
            uuid4(),
            network,
            body,
            effective_from,
        )
    )


async def versions(connection: Connection, network: UUID) -> list[Version]:
    """All of them, the newest first."""
    rows = await connection.fetch(
        "select t.version, t.effective_from, t.body, (select count(*) from consent c"
        " join application a on a.id = c.application_id where a.network_id = t.network_id"
        " and c.purpose = 'terms' and c.given and c.text_version = t.version) as agreed"
        " from terms t where t.network_id = $1 order by t.version desc",
        network,
    )
    return [Version(**row) for row in rows]
