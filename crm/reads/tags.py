"""A network's tags and who looks after its members, as pages and the API show them. Behind the tenant wall."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from crm.database import Connection


class Tag(msgspec.Struct, frozen=True):
    """One word of the vocabulary; `members`: how many memberships have it."""

    id: UUID
    name: str
    colour: str
    icon: str
    members: int
    created_at: datetime
    created_by: str


_TAGS = """
select w.id, w.name, w.colour, w.icon, w.created_at, w.created_by,
    (select count(*) from membership_tag t where t.tag_id = w.id)::int as members
from tag w where w.network_id = $1 and w.deleted_at is null
"""


async def of_network(connection: Connection, network: UUID) -> list[Tag]:
    """The vocabulary in the order of the alphabet, without what was deleted."""
    return [Tag(**dict(row)) for row in await connection.fetch(f"{_TAGS} order by lower(w.name), w.id", network)]


async def one(connection: Connection, network: UUID, tag: UUID) -> Tag | None:
    """One tag; None when the network has none by this id (any more)."""
    row = await connection.fetchrow(f"{_TAGS} and w.id = $2", network, tag)
    return Tag(**dict(row)) if row else None


async def deleted(connection: Connection, network: UUID, tag: UUID) -> str:
    """The name of a tag that can come back; empty when it was not deleted."""
    said = (
        "select name from tag where network_id = $1 and id = $2 and deleted_at is not null and merged_into_id is null"
    )
    return await connection.fetchval(said, network, tag) or ""


async def of_membership(connection: Connection, membership: UUID) -> list[UUID]:
    """The tags a member has, in the order of the alphabet."""
    rows = await connection.fetch(
        "select t.tag_id from membership_tag t join tag w on w.id = t.tag_id"
        " where t.membership_id = $1 and w.deleted_at is null order by lower(w.name), w.id",
        membership,
    )
    return [row["tag_id"] for row in rows]


async def network_of(connection: Connection, membership: UUID) -> UUID | None:
    """The network of a membership, as far as the reader may know of it."""
    return await connection.fetchval("select network_id from membership where id = $1", membership)


async def organisations(connection: Connection, memberships: Sequence[UUID]) -> dict[UUID, tuple[UUID, str]]:
    """membership -> (organisation, its name)."""
    rows = await connection.fetch(
        "select m.id, o.id as organisation, o.name from membership m join organisation o on o.id = m.organisation_id"
        " where m.id = any ($1)",
        list(memberships),
    )
    return {row["id"]: (row["organisation"], row["name"]) for row in rows}


async def responsible(connection: Connection, membership: UUID) -> UUID | None:
    """The account of who looks after a member."""
    return await connection.fetchval(
        "select account_id from membership_responsible where membership_id = $1", membership
    )
