"""Tasks of a network's people, as they are stored; a deletion only hides for a while (crm/store/notes.py)."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID, uuid4

import msgspec

from crm.actor import Actor
from crm.database import Connection
from crm.store.mail import Recipient


class Words(msgspec.Struct, frozen=True):
    """What is to be done, by when, by whom, about which member."""

    title: str
    due_on: date | None = None
    assignee: UUID | None = None
    organisation: UUID | None = None


class Stored(msgspec.Struct, frozen=True):
    """A task, locked until the transaction ends."""

    id: UUID
    network_id: UUID
    words: Words
    done_at: datetime | None
    deleted_at: datetime | None


class Due(msgspec.Struct, frozen=True):
    """A task that somebody is reminded of; `organisation` is a name, or empty."""

    id: UUID
    title: str
    due_on: date
    organisation: str


async def has_role(connection: Connection, network: UUID, account: UUID) -> bool:
    """Is the person one of the network's people: with a role in it, or in charge of its host?"""
    return await connection.fetchval(
        "select exists (select from role r join network n on n.id = $1 where r.account_id = $2"
        " and (r.network_id = n.id or (r.host_id = n.host_id and r.role = 'host_admin')))",
        network,
        account,
    )


async def add(connection: Connection, network: UUID, words: Words, actor: Actor) -> UUID:
    """Store a task; its id."""
    new = uuid4()
    await connection.execute(
        "insert into todo (id, network_id, organisation_id, title, due_on, assignee_id, actor, channel, created_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, now())",
        new,
        network,
        words.organisation,
        words.title,
        words.due_on,
        words.assignee,
        actor.name,
        actor.channel,
    )
    return new


async def lock(connection: Connection, wanted: UUID) -> Stored | None:
    """One task, whether hidden or not."""
    row = await connection.fetchrow(
        "select id, network_id, organisation_id, title, due_on, assignee_id, done_at, deleted_at from todo"
        " where id = $1 for update",
        wanted,
    )
    if row is None:
        return None
    words = Words(row["title"], row["due_on"], row["assignee_id"], row["organisation_id"])
    return Stored(row["id"], row["network_id"], words, row["done_at"], row["deleted_at"])


async def change(connection: Connection, wanted: UUID, words: Words) -> None:
    """Replace what it says."""
    await connection.execute(
        "update todo set title = $2, due_on = $3, assignee_id = $4, organisation_id = $5 where id = $1",
        wanted,
        words.title,
        words.due_on,
        words.assignee,
        words.organisation,
    )


async def finish(connection: Connection, wanted: UUID, by: str) -> None:
    """It is done, by this person; by nobody: it is to do again."""
    await connection.execute(
        "update todo set done_at = case when $2 = '' then null else now() end, done_by = $2 where id = $1", wanted, by
    )


async def hide(connection: Connection, wanted: UUID, by: str) -> None:
    """Delete it, so that it can be brought back; by nobody: bring it back."""
    await connection.execute(
        "update todo set deleted_at = case when $2 = '' then null else now() end, deleted_by = $2 where id = $1",
        wanted,
        by,
    )


async def to_remind(
    connection: Connection, network: UUID, today: date, earliest: date
) -> list[tuple[UUID, Recipient, list[Due]]]:
    """(account, where to write, tasks) of everybody with tasks due by today that no reminder was mailed for; locked."""
    rows = await connection.fetch(
        "select t.id, t.title, t.due_on, coalesce(o.name, '') as organisation, a.id as account, a.email, a.name,"
        " a.language from todo t join account a on a.id = t.assignee_id"
        " left join organisation o on o.id = t.organisation_id where t.network_id = $1 and t.done_at is null"
        " and t.deleted_at is null and t.due_on between $3 and $2 and t.reminded_on is distinct from t.due_on"
        " order by a.id, t.due_on, t.id for update of t",
        network,
        today,
        earliest,
    )
    out: dict[UUID, tuple[UUID, Recipient, list[Due]]] = {}
    for row in rows:
        person = Recipient(row["email"], row["name"], row["language"])
        _, _, due = out.setdefault(row["account"], (row["account"], person, []))
        due.append(Due(row["id"], row["title"], row["due_on"], row["organisation"]))
    return list(out.values())


async def reminded(connection: Connection, tasks: Sequence[UUID]) -> None:
    """Nobody is reminded of these by this day again."""
    await connection.execute("update todo set reminded_on = due_on where id = any($1)", list(tasks))
