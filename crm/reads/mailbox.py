"""The mails queued and sent: the development mailbox shows them as they are."""

from datetime import datetime
from uuid import UUID

import msgspec

from crm.database import Connection
from crm.errors import NotFound

PAGE = 100


class Heading(msgspec.Struct, frozen=True):
    """A mail in the list."""

    id: UUID
    subject: str
    recipient: str
    recipient_name: str
    kind: str
    language: str
    status: str
    attempts: int
    send_after: datetime
    sent_at: datetime | None
    created_at: datetime


class Letter(msgspec.Struct, frozen=True):
    """A whole mail."""

    id: UUID
    subject: str
    recipient: str
    recipient_name: str
    kind: str
    language: str
    status: str
    attempts: int
    send_after: datetime
    sent_at: datetime | None
    created_at: datetime
    last_error: str
    body_text: str
    body_html: str


async def newest(connection: Connection, page: int = 1) -> tuple[list[Heading], int]:
    """Mails, the newest first, and how many there are."""
    columns = ", ".join(Heading.__struct_fields__)
    rows = await connection.fetch(
        f"select {columns} from mail order by created_at desc, id limit $1 offset $2", PAGE, (page - 1) * PAGE
    )
    return [Heading(**dict(r)) for r in rows], await connection.fetchval("select count(*) from mail")


async def one(connection: Connection, wanted: UUID) -> Letter:
    """One mail; NotFound."""
    columns = ", ".join(Letter.__struct_fields__)
    row = await connection.fetchrow(f"select {columns} from mail where id = $1", wanted)
    if row is None:
        raise NotFound("mail", wanted)
    return Letter(**dict(row))
