"""Who speaks for an organisation, with ids, for its own pages (behind the wall of organisations)."""

from datetime import datetime
from uuid import UUID

import msgspec

from crm.database import Connection


class Contact(msgspec.Struct, frozen=True):
    """A person who speaks for an organisation; `main`: who its mails go to."""

    id: UUID
    name: str
    email: str
    role: str
    language: str
    main: bool
    communication: bool
    created_at: datetime


_CONTACTS = (
    "select id, name, email, role, language, main, communication, created_at from contact where organisation_id = $1"
)


async def of_organisation(connection: Connection, organisation: UUID) -> list[Contact]:
    """The main contact first, then the newest."""
    rows = await connection.fetch(f"{_CONTACTS} order by main desc, created_at desc, id", organisation)
    return [Contact(**dict(row)) for row in rows]


async def one(connection: Connection, organisation: UUID, wanted: UUID) -> Contact | None:
    """One of them, if it is there."""
    row = await connection.fetchrow(f"{_CONTACTS} and id = $2", organisation, wanted)
    return Contact(**dict(row)) if row else None
