"""All families of a network's members, so many at a time: for whoever looks at a whole network and keeps none of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple
from uuid import UUID

from asyncpg import Record
from asyncpg.cursor import Cursor

from crm.database import Connection
from crm.store import families

_OF_MEMBERS = """
select family_id, count(*) over () as of_all from (
    select distinct o.family_id from organisation o
    where exists (select from membership m where m.organisation_id = o.id and m.network_id = $1)
) listed order by 1
"""


class Batch(NamedTuple):
    """Some families with what is stored about them, for `families.read`; and how many there are in all."""

    families: list[UUID]
    rows: list[Record]
    of_all: int


@asynccontextmanager
async def batches(
    connection: Connection, network: UUID, size: int, paid: bool = True
) -> AsyncIterator[Callable[[], Awaitable[Batch | None]]]:
    """Gives a call for the next batch of families with a member in the network; None after the last.

    What was billed is left out, and unless `paid` is asked for, what of it was paid (`families.fetch`).
    The server reads a batch while the one before is worked on, and never more than that is held. Nothing else may
    use the connection meanwhile.
    """
    cursor = await connection.cursor(_OF_MEMBERS, network)
    ahead = asyncio.create_task(_batch(connection, cursor, size, paid))

    async def following() -> Batch | None:
        nonlocal ahead
        batch = await ahead
        ahead = asyncio.create_task(_batch(connection, cursor, size, paid))
        return batch

    try:
        yield following
    finally:
        ahead.cancel()
        await asyncio.gather(ahead, return_exceptions=True)


async def _batch(connection: Connection, cursor: Cursor, size: int, paid: bool) -> Batch | None:
    listed = await cursor.fetch(size)
    if not listed:
        return None
    found = [row["family_id"] for row in listed]
    return Batch(found, await families.fetch(connection, found, charged=False, paid=paid), listed[0]["of_all"])
