"""Logos as they are shown: by address, and whose they are. An address is the picture's hash and its kind."""

from uuid import UUID

import msgspec

from crm.database import Connection

_ADDRESS = "l.hash || case l.media_type when 'image/png' then '.png' when 'image/jpeg' then '.jpg' else '.webp' end"


class Stored(msgspec.Struct, frozen=True):
    """A picture."""

    media_type: str
    content: bytes


async def shown(connection: Connection, name: str) -> Stored | None:
    """The picture of this address, if somebody who is in the directory now has it as its logo."""
    row = await connection.fetchrow(
        f"select l.media_type, l.content from listing_logo l join listing s on s.organisation_id = l.organisation_id"
        f" and s.logo = l.hash join directory_entry e on e.organisation_id = l.organisation_id and e.shown"
        f" where l.hash = split_part($1, '.', 1) and {_ADDRESS} = $1 limit 1",
        name,
    )
    return Stored(**dict(row)) if row else None


async def one(connection: Connection, organisation: UUID, wanted: str) -> Stored | None:
    """An organisation's picture by its hash, shown or not."""
    row = await connection.fetchrow(
        "select media_type, content from listing_logo where organisation_id = $1 and hash = $2", organisation, wanted
    )
    return Stored(**dict(row)) if row else None
