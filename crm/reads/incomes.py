"""A network's other income as its pages and the API show it, behind the wall."""

from datetime import date
from uuid import UUID

import msgspec

from crm.database import Connection
from crm.reads.told import taken_back

PAGE = 50


class Income(msgspec.Struct, frozen=True):
    """Money of one payer; days half-open, `amount` minor units."""

    id: UUID
    row_id: int
    kind: str
    sector: str
    payer: str
    what: str
    starts_on: date
    ends_on: date
    amount: int
    currency: str
    reference: str
    recorded_by: str


_LISTED = f"select {', '.join(Income.__struct_fields__)} from other_income where network_id = $1"


async def of_network(connection: Connection, network: UUID, page: int) -> tuple[list[Income], int]:
    """A page of them (from 1), the newest first, and how many there are."""
    total = await connection.fetchval(
        "select count(*) from other_income where network_id = $1 and superseded_at is null", network
    )
    rows = await connection.fetch(
        f"{_LISTED} and superseded_at is null order by starts_on desc, row_id desc limit $2 offset $3",
        network,
        PAGE,
        (page - 1) * PAGE,
    )
    return [Income(**dict(row)) for row in rows], total


async def after(connection: Connection, network: UUID, row: int, limit: int | None) -> list[Income]:
    """Those told after the row, in the order they were told; all of them without a limit."""
    rows = await connection.fetch(
        f"{_LISTED} and superseded_at is null and row_id > $2 order by row_id limit $3", network, row, limit
    )
    return [Income(**dict(row)) for row in rows]


async def one(connection: Connection, network: UUID, wanted: UUID) -> Income | None:
    """The newest word on one, taken back or not; None for what the network never had."""
    row = await connection.fetchrow(f"{_LISTED} and id = $2 order by row_id desc limit 1", network, wanted)
    return Income(**dict(row)) if row else None


async def withdrawn(connection: Connection, network: UUID, wanted: UUID) -> Income | None:
    """One that was taken back and can come back; None for any other."""
    gone = await taken_back(connection, "other_income", network, wanted)
    return await one(connection, network, wanted) if gone else None
