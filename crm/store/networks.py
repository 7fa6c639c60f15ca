"""What pages tell of a network besides its name. Rows only; who may change it is decided in actions/networks.py."""

from datetime import date
from uuid import UUID

import msgspec

from crm.database import Connection


class Description(msgspec.Struct, frozen=True):
    """`summary` is {nb, en}; `colour` a hue of the theme or #rrggbb; `founded` where it is known."""

    summary: dict[str, str]
    website: str = ""
    colour: str = "accent"
    founded: date | None = None


async def description(connection: Connection, network: UUID) -> Description:
    """As it is now; the row stays as it is until the transaction ends."""
    row = await connection.fetchrow(
        "select summary, website, colour, founded from network where id = $1 for no key update", network
    )
    return Description(**row)


async def describe(connection: Connection, network: UUID, wanted: Description) -> None:
    """Replace it."""
    await connection.execute(
        "update network set summary = $2, website = $3, colour = $4, founded = $5 where id = $1",
        network,
        wanted.summary,
        wanted.website,
        wanted.colour,
        wanted.founded,
    )
