"""How an organisation stands to others, as far as the reader may see it: roles, owner, sizes, agreed fees."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from crm.database import Connection
from crm.reads.known import believed


class Role(msgspec.Struct, frozen=True):
    """A role in a network; half-open days."""

    id: UUID
    network: str
    role: str
    starts_on: date
    ends_on: date | None
    source: str


class Figure(msgspec.Struct, frozen=True):
    """A size (units: see `cluster_rules.organisations.Size`), or where the owner is (`basis` owner)."""

    basis: str
    scope: str
    currency: str
    value: int
    country: str
    as_of: date
    source: str


class Agreed(msgspec.Struct, frozen=True):
    """A yearly amount agreed for a component of a network's fees; minor units, half-open days."""

    network: str
    component: str
    amount: int
    currency: str
    starts_on: date
    ends_on: date | None
    source: str


async def roles(connection: Connection, organisation: UUID, known_at: datetime | None = None) -> list[Role]:
    """The roles in the reader's networks, as known now or at a moment; the newest first."""
    rows = await connection.fetch(
        "select r.id, n.slug as network, r.role, r.starts_on, r.ends_on, r.source from organisation_role r"
        f" join network n on n.id = r.network_id where r.organisation_id = $1 and {believed('r', '$2')}"
        " order by r.starts_on desc, n.slug, r.role",
        organisation,
        known_at,
    )
    return [Role(**dict(row)) for row in rows]


async def figures(connection: Connection, organisation: UUID, known_at: datetime | None = None) -> list[Figure]:
    """All sizes and owners told of it, the newest day of each first."""
    rows = await connection.fetch(
        "select s.basis, s.scope, s.currency, s.value, '' as country, s.as_of, s.source from organisation_size s"
        f" where s.organisation_id = $1 and {believed('s', '$2')} union all"
        " select 'owner', 'own', '', 0, o.country, o.as_of, o.source from organisation_owner o"
        f" where o.organisation_id = $1 and {believed('o', '$2')} order by basis, scope, currency, as_of desc",
        organisation,
        known_at,
    )
    return [Figure(**dict(row)) for row in rows]


async def agreed(connection: Connection, organisation: UUID, known_at: datetime | None = None) -> list[Agreed]:
    """The amounts agreed with it by the reader's networks, the newest first."""
    rows = await connection.fetch(
        "select n.slug as network, a.component, a.amount, a.currency, a.starts_on, a.ends_on, a.source"
        " from agreed_fee a join network n on n.id = a.network_id"
        f" where a.organisation_id = $1 and {believed('a', '$2')} order by a.starts_on desc, n.slug, a.component",
        organisation,
        known_at,
    )
    return [Agreed(**dict(row)) for row in rows]
