"""Notes on members, as they are stored: an edit keeps what stood before, a deletion only hides for a while."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID, uuid4

import msgspec

from crm.actor import Actor
from crm.database import Connection

Kind = Literal["note", "call", "meeting", "mail"]
HIDDEN_FOR = timedelta(days=30)  # what was deleted can be brought back so long, then it goes for good


class Words(msgspec.Struct, frozen=True):
    """What a note says: `on` is the day it is about, `contacts` the contact persons it was with."""

    text: str
    kind: Kind
    on: date
    contacts: tuple[UUID, ...] = ()
    pinned: bool = False


class Stored(msgspec.Struct, frozen=True):
    """A note, locked until the transaction ends."""

    id: UUID
    network_id: UUID
    organisation_id: UUID
    words: Words
    actor: str
    created_at: datetime
    deleted_at: datetime | None


async def is_member(connection: Connection, network: UUID, organisation: UUID) -> bool:
    """Is or was the organisation a member of the network?"""
    return await connection.fetchval(
        "select exists (select from membership where network_id = $1 and organisation_id = $2)", network, organisation
    )


async def strangers(connection: Connection, organisation: UUID, contacts: Sequence[UUID]) -> list[UUID]:
    """Those of the ids that are no contact of the organisation."""
    rows = await connection.fetch(
        "select id from contact where organisation_id = $1 and id = any($2)", organisation, list(contacts)
    )
    return sorted(set(contacts) - {row["id"] for row in rows})


async def add(connection: Connection, network: UUID, organisation: UUID, words: Words, actor: Actor) -> UUID:
    """Store a note; its id."""
    new = uuid4()
    await connection.execute(
        "insert into note (id, network_id, organisation_id, kind, text, on_date, contact_ids, pinned, actor,"
        " author_id, channel, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, now())",
        new,
        network,
        organisation,
        words.kind,
        words.text,
        words.on,
        list(words.contacts),
        words.pinned,
        actor.name,
        actor.id,
        actor.channel,
    )
    return new


async def lock(connection: Connection, wanted: UUID) -> Stored | None:
    """One note, whether hidden or not."""
    row = await connection.fetchrow(
        "select id, network_id, organisation_id, kind, text, on_date, contact_ids, pinned, actor, created_at,"
        " deleted_at from note where id = $1 for update",
        wanted,
    )
    if row is None:
        return None
    words = Words(row["text"], row["kind"], row["on_date"], tuple(row["contact_ids"]), row["pinned"])
    place = (row["id"], row["network_id"], row["organisation_id"])
    return Stored(*place, words, row["actor"], row["created_at"], row["deleted_at"])


async def edit(connection: Connection, note: Stored, words: Words, actor: Actor) -> None:
    """Replace what it says. What stood there is kept, with who had written it, where its text, kind or day differs."""
    before = note.words
    if (before.text, before.kind, before.on) != (words.text, words.kind, words.on):
        await connection.execute(
            "insert into note_version (note_id, network_id, kind, text, on_date, actor, recorded_at)"
            " select id, network_id, kind, text, on_date, coalesce(nullif(edited_by, ''), actor),"
            " coalesce(edited_at, created_at) from note where id = $1",
            note.id,
        )
        await connection.execute("update note set edited_at = now(), edited_by = $2 where id = $1", note.id, actor.name)
    await connection.execute(
        "update note set kind = $2, text = $3, on_date = $4, contact_ids = $5, pinned = $6 where id = $1",
        note.id,
        words.kind,
        words.text,
        words.on,
        list(words.contacts),
        words.pinned,
    )


async def hide(connection: Connection, wanted: UUID, actor: Actor) -> None:
    """Delete it, so that it can be brought back."""
    await connection.execute("update note set deleted_at = now(), deleted_by = $2 where id = $1", wanted, actor.name)


async def show(connection: Connection, wanted: UUID) -> None:
    """Bring it back."""
    await connection.execute("update note set deleted_at = null, deleted_by = '' where id = $1", wanted)


async def forget_hidden(connection: Connection, now: datetime) -> dict[str, int]:
    """Notes, tasks and documents that were deleted long enough ago go for good; how many of each."""
    done = {}
    for table in ("note", "todo", "member_document"):
        told = await connection.execute(f"delete from {table} where deleted_at < $1", now - HIDDEN_FOR)
        done[table] = int(told.split()[-1])
    return done
