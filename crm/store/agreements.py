"""Agreements between networks as they are stored: what ends, and what goes on with another network in one's place."""

from collections.abc import Collection
from datetime import date
from uuid import UUID, uuid4

from crm.database import Connection


async def of_networks(connection: Connection, networks: Collection[UUID], on: date) -> list[dict]:
    """Those in force on a day or later that one of the networks is part of: id, code, both networks."""
    rows = await connection.fetch(
        "select id, code, source_network_id as source, target_network_id as target from agreement"
        " where (source_network_id = any($1) or target_network_id = any($1)) and (ends_on is null or ends_on > $2)"
        " order by code",
        list(networks),
        on,
    )
    return [dict(row) for row in rows]


async def end(connection: Connection, agreement: UUID, on: date) -> None:
    """It ends on a day, and its links with it."""
    await connection.execute("update agreement set ends_on = $2, on_end = 'end_links' where id = $1", agreement, on)


async def go_on(connection: Connection, agreement: UUID, code: str, on: date, source: UUID, target: UUID) -> None:
    """The same between these two from a day on; as long as the old one would have been in force."""
    await connection.execute(
        "insert into agreement select (jsonb_populate_record(a, jsonb_build_object('id', $2::uuid, 'code', $3::text,"
        " 'starts_on', greatest(a.starts_on, $4::date), 'source_network_id', $5::uuid,"
        " 'target_network_id', $6::uuid))).* from agreement a where a.id = $1 on conflict (code) do nothing",
        agreement,
        uuid4(),
        code,
        on,
        source,
        target,
    )
