"""Differences answered together as they are shown: how far they are, what they come to, a verdict on each row. Behind
the wall."""

from typing import Any
from uuid import UUID

import msgspec

from crm.database import Connection
from crm.register_shapes import Bulk, Row

NEWEST = 10
_BULK = f"select {', '.join(Bulk.__struct_fields__)} from register_bulk"
_ROW = """
select r.row_id, r.review_id, r.organisation_id, o.name as organisation, r.looked, r.outcome, r.problem, r.change_id
from register_bulk_row r join organisation o on o.id = r.organisation_id where r.bulk_id = $1
"""


async def one(connection: Connection, wanted: UUID) -> Bulk | None:
    """One of them; None when the reader sees no such."""
    row = await connection.fetchrow(f"{_BULK} where id = $1", wanted)
    return _bulk(row) if row else None


async def newest(connection: Connection, network: UUID) -> list[Bulk]:
    """The newest of a network, without those that nobody wanted done."""
    rows = await connection.fetch(
        f"{_BULK} where network_id = $1 and status <> 'dropped' order by created_at desc, id limit $2", network, NEWEST
    )
    return [_bulk(row) for row in rows]


async def rows(connection: Connection, bulk: UUID, after: int, limit: int) -> list[Row]:
    """Its rows in order; the next page comes `after` the last row's id."""
    found = await connection.fetch(f"{_ROW} and r.row_id > $2 order by r.row_id limit $3", bulk, after, limit)
    return [msgspec.convert(dict(row), Row) for row in found]


def _bulk(row: Any) -> Bulk:
    return Bulk(**{**dict(row), "manages": tuple(row["manages"])})
