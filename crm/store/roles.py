"""Parts that organisations play in a network, as stored: written once, superseded when ended or taken back."""

from datetime import date
from uuid import UUID, uuid4

import msgspec

from cluster_rules.organisations import Role
from cluster_rules.periods import Period
from crm.actor import Actor
from crm.database import Connection
from crm.errors import NotFound


class Row(msgspec.Struct, frozen=True):
    """A role as it stands."""

    id: UUID
    organisation_id: UUID
    network_id: UUID
    role: str
    starts_on: date
    ends_on: date | None
    source: str


_COLUMNS = ", ".join(Row.__struct_fields__)


async def held(connection: Connection, organisation: UUID, network: UUID, code: str, days: Period) -> date | None:
    """Since when the organisation has this role on any of these days; None: it has not."""
    return await connection.fetchval(
        "select min(starts_on) from organisation_role where organisation_id = $1 and network_id = $2 and role = $3"
        " and superseded_at is null and daterange(starts_on, ends_on) && daterange($4, $5)",
        organisation,
        network,
        code,
        days.start,
        days.end,
    )


async def give(
    connection: Connection, organisation: UUID, network: UUID, role: Role, source: str, actor: Actor
) -> UUID:
    """Store a role for its days; its id. The family is locked, and nobody has it on these days yet."""
    new = uuid4()
    await connection.execute(
        "insert into organisation_role (id, organisation_id, network_id, role, starts_on, ends_on, source,"
        " recorded_by, recorded_at) values ($1, $2, $3, $4, $5, $6, $7, $8, now())",
        new,
        organisation,
        network,
        role.code,
        role.period.start,
        role.period.end,
        source,
        actor.name,
    )
    return new


async def get(connection: Connection, organisation: UUID, wanted: UUID) -> Row:
    """A role of this organisation that stands. NotFound."""
    row = await connection.fetchrow(
        f"select {_COLUMNS} from organisation_role where id = $1 and organisation_id = $2 and superseded_at is null",
        wanted,
        organisation,
    )
    if row is None:
        raise NotFound("role", wanted)
    return Row(**dict(row))


async def supersede(connection: Connection, wanted: UUID) -> None:
    """The role is not what is told any more; the row stays."""
    await connection.execute(
        "update organisation_role set superseded_at = now() where id = $1 and superseded_at is null", wanted
    )
