"""Contact persons of organisations, as stored. Partners are told by the database (crm/migrations/sql/shares.sql)."""

from typing import Literal
from uuid import UUID, uuid4

import msgspec

from crm.database import Connection


class Person(msgspec.Struct, frozen=True):
    """A contact person; `main`: who mails go to, `communication`: who is written to about activities and news."""

    name: str
    email: str
    role: str = ""
    language: Literal["nb", "en"] = "nb"
    main: bool = False
    communication: bool = False


async def get(connection: Connection, organisation: UUID, wanted: UUID) -> Person | None:
    """One contact person of the organisation, locked."""
    row = await connection.fetchrow(
        "select name, email, role, language, main, communication from contact"
        " where organisation_id = $1 and id = $2 for update",
        organisation,
        wanted,
    )
    return Person(**dict(row)) if row else None


async def known(connection: Connection, organisation: UUID, email: str, besides: UUID | None = None) -> bool:
    """Has another contact person of the organisation this address?"""
    return await connection.fetchval(
        "select exists (select from contact where organisation_id = $1 and lower(email) = lower($2)"
        " and id is distinct from $3)",
        organisation,
        email,
        besides,
    )


async def alone(connection: Connection, organisation: UUID, besides: UUID | None = None) -> bool:
    """Would there be no main contact besides this one?"""
    return not await connection.fetchval(
        "select exists (select from contact where organisation_id = $1 and main and id is distinct from $2)",
        organisation,
        besides,
    )


async def put(connection: Connection, organisation: UUID, wanted: UUID | None, person: Person) -> UUID:
    """Store a new contact person, or what is told of one now; a main one replaces the one before."""
    if person.main:
        await connection.execute(
            "update contact set main = false where organisation_id = $1 and main and id is distinct from $2",
            organisation,
            wanted,
        )
    new = wanted or uuid4()
    await connection.execute(
        "insert into contact (id, organisation_id, name, email, role, language, main, communication, created_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, now()) on conflict (id) do update set name = excluded.name,"
        " email = excluded.email, role = excluded.role, language = excluded.language, main = excluded.main,"
        " communication = excluded.communication",
        new,
        organisation,
        *msgspec.structs.astuple(person),
    )
    return new
