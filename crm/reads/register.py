"""What is shown of the register of legal entities: files read, units known, what differs. Behind the tenant wall."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from cluster_rules.register import REASONS, Unit
from crm.database import Connection
from crm.register_shapes import Read

NEWEST = 20
FIRST = UUID(int=0)  # before every difference
_UNIT = ", ".join(f"u.{name}" for name in Unit.__struct_fields__)


class Known(msgspec.Struct, frozen=True):
    """A unit, and the day of the file it came by."""

    unit: Unit
    as_of: date


class Difference(msgspec.Struct, frozen=True):
    """One thing the register says otherwise of a member; closed once it is answered."""

    id: UUID
    membership_id: UUID
    network_id: UUID
    organisation_id: UUID
    organisation: str
    number: str
    tier: str
    reason: str
    detail: dict[str, Any]
    as_of: date | None
    opened_at: datetime
    closed_at: datetime | None


_DIFFERENCE = """
select r.id, r.membership_id, r.network_id, r.organisation_id, o.name as organisation, coalesce(u.number, '') as number,
    r.tier, r.reason, r.detail, u.as_of, r.opened_at, r.closed_at
from membership_review r join organisation o on o.id = r.organisation_id
left join lateral (select u.number, u.as_of from identifier i join register_unit u on u.number = i.value
    where i.scheme = 'no-orgnr' and i.organisation_id = o.id limit 1) u on true
where r.reason = any($1)
"""


async def of_host(connection: Connection, host: UUID) -> list[Read]:
    """The newest files read for a host, the newest first."""
    rows = await connection.fetch(
        "select * from register_read where host_id = $1 order by as_of desc, read_at desc limit $2", host, NEWEST
    )
    return [Read(**dict(row)) for row in rows]


async def by_number(connection: Connection, number: str) -> Known | None:
    """What the register says of an organisation number; None where no file that was read had it."""
    row = await connection.fetchrow(f"select {_UNIT}, u.as_of from register_unit u where u.number = $1", number)
    return _known(row) if row else None


async def of_organisation(connection: Connection, organisation: UUID) -> Known | None:
    """The same of an organisation with such a number."""
    row = await connection.fetchrow(
        f"select {_UNIT}, u.as_of from identifier i join register_unit u on u.number = i.value"
        " where i.scheme = 'no-orgnr' and i.organisation_id = $1",
        organisation,
    )
    return _known(row) if row else None


async def waiting(connection: Connection, network: UUID) -> dict[str, int]:
    """How much of each kind waits for an answer: reason -> count, none of nothing."""
    rows = await connection.fetch(
        "select reason, count(*)::int as count from membership_review where network_id = $1 and closed_at is null"
        " and reason = any($2) group by reason",
        network,
        list(REASONS),
    )
    found = {row["reason"]: row["count"] for row in rows}
    return {reason: found[reason] for reason in REASONS if reason in found}


async def differences(
    connection: Connection, networks: Sequence[UUID], after: UUID = FIRST, limit: int = 100
) -> list[Difference]:
    """What waits for an answer in these networks, by id; the next page comes `after` the last id."""
    rows = await connection.fetch(
        f"{_DIFFERENCE} and r.closed_at is null and r.network_id = any($2) and r.id > $3 order by r.id limit $4",
        list(REASONS),
        list(networks),
        after,
        limit,
    )
    return [Difference(**dict(row)) for row in rows]


async def of_kind(
    connection: Connection, network: UUID, reason: str, before: int = 0, limit: int = 100
) -> list[Difference]:
    """What waits of one kind in a network, by the organisations' names; `before`: so many come first."""
    rows = await connection.fetch(
        f"{_DIFFERENCE} and r.closed_at is null and r.network_id = $2 and r.reason = $3"
        " order by o.sort_name, r.id limit $4 offset $5",
        list(REASONS),
        network,
        reason,
        limit,
        before,
    )
    return [Difference(**dict(row)) for row in rows]


async def one(connection: Connection, wanted: UUID) -> Difference | None:
    """One difference, open or closed; None when the reader sees no such."""
    row = await connection.fetchrow(f"{_DIFFERENCE} and r.id = $2", list(REASONS), wanted)
    return Difference(**dict(row)) if row else None


def _known(row: Any) -> Known:
    told = {name: row[name] for name in Unit.__struct_fields__ if name != "nace"}
    return Known(Unit(**told, nace=tuple(row["nace"])), row["as_of"])
