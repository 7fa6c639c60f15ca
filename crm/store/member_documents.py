"""Documents on members and agreements, as they are stored: the content never changes, what is said about it may."""

from datetime import date, datetime
from hashlib import sha256
from typing import Literal
from uuid import UUID, uuid4

import msgspec

from crm.actor import Actor
from crm.database import Connection

Kind = Literal["agreement", "minutes", "letter", "proof", "other"]


class Words(msgspec.Struct, frozen=True):
    """What is said about a document; days are whole days, `valid_until` its last one."""

    title: str
    kind: Kind = "other"
    signed_on: date | None = None
    valid_until: date | None = None


class File(msgspec.Struct, frozen=True):
    """A file as it came, with the media type its bytes say."""

    name: str
    media_type: str
    content: bytes


class Stored(msgspec.Struct, frozen=True):
    """A document, locked until the transaction ends; of an organisation or an agreement."""

    id: UUID
    network_id: UUID
    organisation_id: UUID | None
    agreement_id: UUID | None
    words: Words
    deleted_at: datetime | None


async def agreement_of(connection: Connection, network: UUID, code: str) -> UUID | None:
    """The id of an agreement that the network is a party of."""
    return await connection.fetchval(
        "select a.id from agreement a where a.code = $2 and $1 in (a.source_network_id, a.target_network_id)",
        network,
        code,
    )


async def add(
    connection: Connection,
    network: UUID,
    organisation: UUID | None,
    agreement: UUID | None,
    words: Words,
    file: File,
    actor: Actor,
) -> UUID:
    """Store a document; its id."""
    new = uuid4()
    await connection.execute(
        "insert into member_document (id, network_id, organisation_id, agreement_id, kind, title, signed_on,"
        " valid_until, file_name, media_type, size, sha256, content, actor, channel, created_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, now())",
        new,
        network,
        organisation,
        agreement,
        words.kind,
        words.title,
        words.signed_on,
        words.valid_until,
        file.name,
        file.media_type,
        len(file.content),
        sha256(file.content).hexdigest(),
        file.content,
        actor.name,
        actor.channel,
    )
    return new


async def lock(connection: Connection, wanted: UUID) -> Stored | None:
    """One document without its content, whether hidden or not."""
    row = await connection.fetchrow(
        "select id, network_id, organisation_id, agreement_id, title, kind, signed_on, valid_until, deleted_at"
        " from member_document where id = $1 for update",
        wanted,
    )
    if row is None:
        return None
    words = Words(row["title"], row["kind"], row["signed_on"], row["valid_until"])
    place = (row["id"], row["network_id"], row["organisation_id"], row["agreement_id"])
    return Stored(*place, words, row["deleted_at"])


async def change(connection: Connection, wanted: UUID, words: Words) -> None:
    """Say something else about it."""
    await connection.execute(
        "update member_document set title = $2, kind = $3, signed_on = $4, valid_until = $5 where id = $1",
        wanted,
        words.title,
        words.kind,
        words.signed_on,
        words.valid_until,
    )


async def hide(connection: Connection, wanted: UUID, by: str) -> None:
    """Delete it, so that it can be brought back (crm/store/notes.py); by nobody: bring it back."""
    await connection.execute(
        "update member_document set deleted_at = case when $2 = '' then null else now() end, deleted_by = $2"
        " where id = $1",
        wanted,
        by,
    )
