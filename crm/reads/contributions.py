"""A network's in-kind contributions as its pages and the API show them, behind the wall."""

from datetime import date
from uuid import UUID

import msgspec

from crm.database import Connection
from crm.reads.told import taken_back

PAGE = 50


class Contribution(msgspec.Struct, frozen=True):
    """One; days half-open, `hours` hundredths, `rate` and `amount` minor units. `number`: empty where none is known."""

    id: UUID
    row_id: int
    organisation_id: UUID
    member: str
    number: str
    what: str
    starts_on: date
    ends_on: date
    hours: int | None
    rate: int | None
    amount: int
    currency: str
    reference: str
    recorded_by: str


class Rate(msgspec.Struct, frozen=True):
    """What an hour counts as from a day, minor units."""

    id: UUID
    starts_on: date
    amount: int
    currency: str
    recorded_by: str


_LISTED = """
select c.id, c.row_id, c.organisation_id, o.name as member, coalesce((select min(i.value) from identifier i
        where i.organisation_id = o.id and i.scheme = 'no-orgnr'), '') as number,
    c.what, c.starts_on, c.ends_on, c.hours, c.rate, c.amount, c.currency, c.reference, c.recorded_by
from contribution c join organisation o on o.id = c.organisation_id where c.network_id = $1
"""


async def of_network(connection: Connection, network: UUID, page: int) -> tuple[list[Contribution], int]:
    """A page of them (from 1), the newest first, and how many there are."""
    total = await connection.fetchval(
        "select count(*) from contribution where network_id = $1 and superseded_at is null", network
    )
    rows = await connection.fetch(
        f"{_LISTED} and c.superseded_at is null order by c.starts_on desc, c.row_id desc limit $2 offset $3",
        network,
        PAGE,
        (page - 1) * PAGE,
    )
    return [Contribution(**dict(row)) for row in rows], total


async def after(connection: Connection, network: UUID, row: int, limit: int | None) -> list[Contribution]:
    """Those told after the row, in the order they were told; all of them without a limit."""
    rows = await connection.fetch(
        f"{_LISTED} and c.superseded_at is null and c.row_id > $2 order by c.row_id limit $3", network, row, limit
    )
    return [Contribution(**dict(row)) for row in rows]


async def one(connection: Connection, network: UUID, wanted: UUID) -> Contribution | None:
    """The newest word on one, taken back or not; None for what the network never had."""
    row = await connection.fetchrow(f"{_LISTED} and c.id = $2 order by c.row_id desc limit 1", network, wanted)
    return Contribution(**dict(row)) if row else None


async def withdrawn(connection: Connection, network: UUID, wanted: UUID) -> Contribution | None:
    """One that was taken back and can come back; None for any other."""
    gone = await taken_back(connection, "contribution", network, wanted)
    return await one(connection, network, wanted) if gone else None


async def rates(connection: Connection, network: UUID) -> list[Rate]:
    """What an hour counts as, from the last day on which it changed down."""
    rows = await connection.fetch(
        "select id, starts_on, amount, currency, recorded_by from in_kind_rate"
        " where network_id = $1 and superseded_at is null order by starts_on desc",
        network,
    )
    return [Rate(**dict(row)) for row in rows]
