"""Tasks as pages and programs show them, behind the wall: a network's people alone read its tasks."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from crm.database import Connection

FIRST = UUID(int=0)
MOST = 500  # open tasks on a page; who has more has another trouble


class Todo(msgspec.Struct, frozen=True):
    """One task; `assignee` and `organisation` are names, empty where there is none."""

    id: UUID
    network_id: UUID
    organisation_id: UUID | None
    organisation: str
    title: str
    due_on: date | None
    assignee_id: UUID | None
    assignee: str
    actor: str
    created_at: datetime
    done_at: datetime | None
    done_by: str
    deleted_at: datetime | None


_TODO = """
select t.id, t.network_id, t.organisation_id, coalesce(o.name, '') as organisation, t.title, t.due_on, t.assignee_id,
    coalesce(a.name, '') as assignee, t.actor, t.created_at, t.done_at, t.done_by, t.deleted_at
from todo t left join organisation o on o.id = t.organisation_id left join account a on a.id = t.assignee_id
"""


async def of_network(
    connection: Connection, network: UUID, assignee: UUID | None = None, done: bool = False, limit: int = MOST
) -> list[Todo]:
    """Of everybody or one person: open ones by their day (those without one last), done ones the newest first."""
    order = "t.done_at desc, t.id" if done else "t.due_on nulls last, t.created_at, t.id"
    rows = await connection.fetch(
        _TODO + f" where t.network_id = $1 and ($2::uuid is null or t.assignee_id = $2) and t.deleted_at is null"
        f" and (t.done_at is not null) = $3 order by {order} limit $4",
        network,
        assignee,
        done,
        limit,
    )
    return [Todo(**dict(row)) for row in rows]


async def of_member(connection: Connection, network: UUID, organisation: UUID) -> list[Todo]:
    """Of one member, the open ones first."""
    rows = await connection.fetch(
        _TODO + " where t.network_id = $1 and t.organisation_id = $2 and t.deleted_at is null"
        " order by t.done_at desc nulls first, t.due_on nulls last, t.created_at, t.id limit $3",
        network,
        organisation,
        MOST,
    )
    return [Todo(**dict(row)) for row in rows]


async def page(
    connection: Connection, network: UUID, done: bool | None, organisation: UUID | None, after: UUID, limit: int
) -> list[Todo]:
    """For programs: in the order of their ids."""
    rows = await connection.fetch(
        _TODO + " where t.network_id = $1 and ($2::boolean is null or (t.done_at is not null) = $2)"
        " and ($3::uuid is null or t.organisation_id = $3) and t.deleted_at is null and t.id > $4"
        " order by t.id limit $5",
        network,
        done,
        organisation,
        after,
        limit,
    )
    return [Todo(**dict(row)) for row in rows]


async def one(connection: Connection, wanted: UUID) -> Todo | None:
    """One task, also a deleted one."""
    row = await connection.fetchrow(_TODO + " where t.id = $1", wanted)
    return Todo(**dict(row)) if row else None
