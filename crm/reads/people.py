"""People and their roles, as pages show them. Behind the wall: `reading(...)` for the office, `reading_own(...)` for an
organisation's own people; `of_account` and `claims_of_account` are about the reader and need no wall."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from crm.database import Connection
from crm.i18n import LANGUAGES

Kind = Literal["host", "network", "organisation"]


class Held(msgspec.Struct, frozen=True):
    """A role of one's own, and where: `names` by language, `slug` for a network."""

    role: str
    kind: Kind
    place: UUID
    names: dict[str, str]
    slug: str


class Person(msgspec.Struct, frozen=True):
    """Somebody with a role in a place; `kind` says whether it is the place itself or the host above it."""

    account: UUID
    name: str
    email: str
    role: str
    kind: Kind
    place: UUID
    given_by: str
    given_at: datetime


class Invited(msgspec.Struct, frozen=True):
    """A role that waits for its person."""

    id: UUID
    email: str
    name: str
    role: str
    invited_by: str
    created_at: datetime
    expires_at: datetime


class Claimed(msgspec.Struct, frozen=True):
    """Somebody says they act for an organisation, and waits."""

    id: UUID
    organisation_id: UUID
    organisation: str
    website: str
    name: str
    email: str
    note: str
    created_at: datetime


async def of_account(connection: Connection, account: UUID) -> list[Held]:
    """All roles of an account: hosts, then networks, then organisations, each by name."""
    rows = await connection.fetch(
        "select r.role, case when r.host_id is not null then 'host' when r.network_id is not null then 'network'"
        " else 'organisation' end as kind, coalesce(r.host_id, r.network_id, r.organisation_id) as place,"
        " n.names, coalesce(h.name, o.name) as name, coalesce(n.slug, '') as slug"
        " from role r left join network n on n.id = r.network_id left join host h on h.id = r.host_id"
        " left join organisation o on o.id = r.organisation_id where r.account_id = $1"
        " order by kind = 'organisation', kind = 'network', coalesce(h.name, o.name, n.slug), place",
        account,
    )
    return [
        Held(row["role"], row["kind"], row["place"], row["names"] or dict.fromkeys(LANGUAGES, row["name"]), row["slug"])
        for row in rows
    ]


_PEOPLE = (
    "select a.id as account, a.name, a.email, r.role, case when r.host_id is not null then 'host'"
    " when r.network_id is not null then 'network' else 'organisation' end as kind,"
    " coalesce(r.host_id, r.network_id, r.organisation_id) as place, r.given_by, r.given_at"
    " from role r join account a on a.id = r.account_id where "
)


async def of_network(connection: Connection, network: UUID, host: UUID) -> list[Person]:
    """Who has a role in the network, and who runs its host; those above first, then by name."""
    rows = await connection.fetch(
        _PEOPLE + "r.network_id = $1 or (r.host_id = $2 and r.role = 'host_admin')"
        " order by array_position(array['host_admin', 'manager', 'treasurer', 'viewer'], r.role::text), a.name, a.id",
        network,
        host,
    )
    return [Person(**row) for row in rows]


async def of_organisation(connection: Connection, organisation: UUID) -> list[Person]:
    """Who acts for an organisation, its administrators first."""
    rows = await connection.fetch(_PEOPLE + "r.organisation_id = $1 order by r.role, a.name, a.id", organisation)
    return [Person(**row) for row in rows]


async def invited(connection: Connection, kind: Kind, place: UUID) -> list[Invited]:
    """Invitations to a place that were neither accepted nor taken back, the newest first; some are too old to use."""
    rows = await connection.fetch(
        "select id, email, name, role, invited_by, created_at, expires_at from invitation"
        f" where {kind}_id = $1 and accepted_at is null and revoked_at is null order by created_at desc, id",
        place,
    )
    return [Invited(**row) for row in rows]


_CLAIMS = (
    "select c.id, c.organisation_id, o.name as organisation, o.website, a.name, a.email, c.note, c.created_at"
    " from claim c join organisation o on o.id = c.organisation_id join account a on a.id = c.account_id"
    " where c.decided_at is null and "
)


async def claims_of_network(connection: Connection, network: UUID) -> list[Claimed]:
    """Claims of organisations that are or were members, the oldest first."""
    return await _claims(
        connection, "exists (select from membership m where m.organisation_id = o.id and m.network_id = $1)", network
    )


async def claims_of_organisation(connection: Connection, organisation: UUID) -> list[Claimed]:
    """Who waits to act for an organisation, the oldest first."""
    return await _claims(connection, "c.organisation_id = $1", organisation)


async def claims_of_account(connection: Connection, account: UUID) -> list[Claimed]:
    """The reader's own claims that wait; about their account, so without a wall."""
    return await _claims(connection, "c.account_id = $1", account)


async def _claims(connection: Connection, which: str, wanted: Any) -> list[Claimed]:
    rows = await connection.fetch(f"{_CLAIMS} {which} order by c.created_at, c.id", wanted)
    return [Claimed(**row) for row in rows]
