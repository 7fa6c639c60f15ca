"""Files of the register on their way, and what a host lets happen by itself, as they are shown. Behind the wall."""

from uuid import UUID

from crm.database import Connection
from crm.register_shapes import RUN_AT_WORK, Run

NEWEST = 20
_RUN = f"select {', '.join(Run.__struct_fields__)} from register_run"


async def one(connection: Connection, wanted: UUID) -> Run | None:
    """One file; None when the reader sees no such."""
    row = await connection.fetchrow(f"{_RUN} where id = $1", wanted)
    return Run(**dict(row)) if row else None


async def at_work(connection: Connection, host: UUID) -> Run | None:
    """The one that is read for a host now."""
    row = await connection.fetchrow(f"{_RUN} where host_id = $1 and status = any($2)", host, list(RUN_AT_WORK))
    return Run(**dict(row)) if row else None


async def failed_last(connection: Connection, host: UUID) -> Run | None:
    """The newest one, when it came to nothing."""
    row = await connection.fetchrow(f"{_RUN} where host_id = $1 order by asked_at desc, id limit 1", host)
    return Run(**dict(row)) if row and row["status"] == "failed" else None


async def takes_small(connection: Connection, host: UUID) -> bool:
    """Are headcounts that change no class of size taken over by themselves?"""
    return bool(await connection.fetchval("select take_small from register_rule where host_id = $1", host))
