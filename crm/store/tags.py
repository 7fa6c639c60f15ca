"""Tags as they are stored: the vocabulary of a network, who has which, and who looks after a member."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec

from crm.database import Connection
from crm.errors import NotFound, Refused


class Tag(msgspec.Struct, frozen=True):
    """One word of the vocabulary."""

    id: UUID
    network_id: UUID
    name: str
    colour: str
    icon: str
    deleted_at: datetime | None = None
    merged_into_id: UUID | None = None


async def count(connection: Connection, network: UUID) -> int:
    """How many words the vocabulary has."""
    return await connection.fetchval("select count(*) from tag where network_id = $1 and deleted_at is null", network)


async def lock(connection: Connection, tag: UUID) -> Tag:
    """The tag, held until the transaction ends. NotFound."""
    columns = ", ".join(Tag.__struct_fields__)
    row = await connection.fetchrow(f"select {columns} from tag where id = $1 for update", tag)
    if row is None:
        raise NotFound("tag_id", tag)
    return Tag(**dict(row))


async def add(connection: Connection, tag: Tag, by: str, now: datetime) -> None:
    """A new word. Refused `tag_known` when there is one of that name."""
    await _known(
        connection,
        tag.name,
        "insert into tag (id, network_id, name, colour, icon, created_at, created_by)"
        " values ($1, $2, $3, $4, $5, $6, $7)",
        *(tag.id, tag.network_id, tag.name, tag.colour, tag.icon, now, by),
    )


async def change(connection: Connection, tag: Tag) -> None:
    """Another name, colour, icon; deleted or back. Refused `tag_known`."""
    await _known(
        connection,
        tag.name,
        "update tag set name = $2, colour = $3, icon = $4, deleted_at = $5, merged_into_id = $6 where id = $1",
        *(tag.id, tag.name, tag.colour, tag.icon, tag.deleted_at, tag.merged_into_id),
    )


async def move(connection: Connection, source: UUID, target: UUID) -> int:
    """Whoever has the one tag has the other instead; how many did not have it before."""
    moved = await connection.fetch(
        "insert into membership_tag (id, membership_id, tag_id, network_id, added_at, added_by)"
        " select gen_random_uuid(), membership_id, $2, network_id, added_at, added_by from membership_tag"
        " where tag_id = $1 on conflict (membership_id, tag_id) do nothing returning membership_id",
        source,
        target,
    )
    await connection.execute("delete from membership_tag where tag_id = $1", source)
    return len(moved)


async def put(
    connection: Connection, network: UUID, tag: UUID, memberships: Sequence[UUID], by: str, now: datetime
) -> set[UUID]:
    """These members of the network have the tag; those that did not have it before."""
    rows = await connection.fetch(
        "insert into membership_tag (id, membership_id, tag_id, network_id, added_at, added_by)"
        " select gen_random_uuid(), m, $2, $1, $4, $5 from unnest($3::uuid[]) m"
        " on conflict (membership_id, tag_id) do nothing returning membership_id",
        *(network, tag, list(memberships), now, by),
    )
    return {row["membership_id"] for row in rows}


async def take(connection: Connection, tag: UUID, memberships: Sequence[UUID]) -> set[UUID]:
    """These members do not have the tag any more; those that had it."""
    rows = await connection.fetch(
        "delete from membership_tag where tag_id = $1 and membership_id = any ($2) returning membership_id",
        tag,
        list(memberships),
    )
    return {row["membership_id"] for row in rows}


async def of_membership(connection: Connection, membership: UUID) -> dict[UUID, str]:
    """The tags of a member: id -> name, without what was deleted."""
    rows = await connection.fetch(
        "select w.id, w.name from membership_tag t join tag w on w.id = t.tag_id"
        " where t.membership_id = $1 and w.deleted_at is null order by lower(w.name)",
        membership,
    )
    return {row["id"]: row["name"] for row in rows}


async def network_of(connection: Connection, membership: UUID) -> tuple[UUID, UUID]:
    """(network, organisation) of a membership, which is held against changes of its tags and answers. NotFound."""
    row = await connection.fetchrow(
        "select network_id, organisation_id from membership where id = $1 for no key update", membership
    )
    if row is None:
        raise NotFound("membership_id", membership)
    return row["network_id"], row["organisation_id"]


async def may_look_after(connection: Connection, network: UUID, account: UUID) -> str | None:
    """The name of somebody with a role in the network or at its host; None for anybody else."""
    return await connection.fetchval(
        "select a.name from account a where a.id = $2 and exists (select from role r join network n on n.id = $1"
        " where r.account_id = a.id and (r.network_id = n.id or r.host_id = n.host_id))",
        network,
        account,
    )


async def looked_after(connection: Connection, memberships: Sequence[UUID]) -> dict[UUID, str]:
    """Who looks after these members: membership -> account, as text; nobody: not there."""
    rows = await connection.fetch(
        "select membership_id, account_id::text from membership_responsible where membership_id = any ($1)",
        list(memberships),
    )
    return {row["membership_id"]: row["account_id"] for row in rows}


async def give(
    connection: Connection, network: UUID, memberships: Sequence[UUID], account: UUID | None, by: str, now: datetime
) -> dict[UUID, str | None]:
    """Somebody (None: nobody) looks after these members from now on; who changed -> the account before."""
    before = {
        row["membership_id"]: str(row["account_id"])
        for row in await connection.fetch(
            "select membership_id, account_id from membership_responsible where membership_id = any ($1) for update",
            list(memberships),
        )
    }
    wanted = str(account) if account else None
    changed = [each for each in memberships if before.get(each) != wanted]
    if account is None:
        await connection.execute("delete from membership_responsible where membership_id = any ($1)", changed)
    else:
        await connection.execute(
            "insert into membership_responsible (membership_id, network_id, account_id, since, given_by)"
            " select m, $1, $3, $4, $5 from unnest($2::uuid[]) m on conflict (membership_id)"
            " do update set account_id = excluded.account_id, since = excluded.since, given_by = excluded.given_by",
            *(network, changed, account, now, by),
        )
    return {each: before.get(each) for each in changed}


def new(network: UUID, name: str, colour: str, icon: str) -> Tag:
    """A tag that is not stored yet."""
    return Tag(uuid4(), network, name, colour, icon)


async def _known(connection: Connection, name: str, statement: str, *values: Any) -> None:
    try:
        async with connection.transaction():
            await connection.execute(statement, *values)
    except asyncpg.UniqueViolationError:
        raise Refused("tag_known", "name", given=name) from None
