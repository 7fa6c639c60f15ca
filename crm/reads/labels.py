"""A network's labels and programmes as its pages show them, behind the wall."""

from datetime import date
from typing import Literal
from uuid import UUID

import msgspec

from crm.database import Connection

EXPIRING_MONTHS = 6


class Label(msgspec.Struct, frozen=True):
    """One, and how it stands on the day asked for; days half-open, `expires_on` None for no end."""

    id: UUID
    row_id: int
    kind: str
    name: str
    level: str
    issuer: str
    issued_on: date
    expires_on: date | None
    note: str
    recorded_by: str
    standing: Literal["coming", "held", "expiring", "expired"]


_STANDING = """
    case when issued_on > $2 then 'coming' when expires_on <= $2 then 'expired'
        when expires_on <= ($2 + make_interval(months => $3))::date then 'expiring' else 'held' end
"""
_LABELS = f"""
    select id, row_id, kind, name, level, issuer, issued_on, expires_on, note, recorded_by, {_STANDING} as standing
    from label where network_id = $1 and superseded_at is null
"""


async def of_network(connection: Connection, network: UUID, day: date) -> list[Label]:
    """All that is known, what ends first on top, what has ended last."""
    rows = await connection.fetch(
        f"select * from ({_LABELS}) l order by standing = 'expired', expires_on nulls last, name, id",
        network,
        day,
        EXPIRING_MONTHS,
    )
    return [Label(**dict(row)) for row in rows]


async def after(
    connection: Connection,
    network: UUID,
    day: date,
    wanted: tuple[str | None, str | None, date | None],
    row: int,
    limit: int,
) -> list[Label]:
    """Those told after the row, in that order: `wanted` is (kind, standing on the day, ends before), None for any."""
    rows = await connection.fetch(
        f"select * from ({_LABELS} and row_id > $4) l where ($5::text is null or kind = $5)"
        " and ($6::text is null or standing = $6) and ($7::date is null or expires_on < $7) order by row_id limit $8",
        network,
        day,
        EXPIRING_MONTHS,
        row,
        *wanted,
        limit,
    )
    return [Label(**dict(each)) for each in rows]


async def one(connection: Connection, network: UUID, label: UUID, day: date) -> Label | None:
    """One that is told of and not withdrawn."""
    row = await connection.fetchrow(f"{_LABELS} and id = $4", network, day, EXPIRING_MONTHS, label)
    return Label(**dict(row)) if row else None


async def withdrawn(connection: Connection, network: UUID, label: UUID) -> str:
    """The name of one that was withdrawn and can come back; empty for any other."""
    return (
        await connection.fetchval(
            "select name from label l where network_id = $1 and id = $2 and not exists (select from label n"
            " where n.id = l.id and n.superseded_at is null) order by row_id desc limit 1",
            network,
            label,
        )
        or ""
    )
