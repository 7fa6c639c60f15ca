"""Files of the register on their way to being read, and what a host lets happen by itself, as they are stored."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from crm.actor import Actor
from crm.database import Connection
from crm.errors import NotFound, Refused
from crm.register_shapes import RUN_AT_WORK, Run, RunStatus
from crm.store import jobs

TASK = "read_register_file"
_COLUMNS = ", ".join(Run.__struct_fields__)


async def add(connection: Connection, run: Run) -> None:
    """A file that was uploaded; a job reads it. Refused `register_running` while another one is read for its host."""
    told = msgspec.structs.asdict(run)
    places = ", ".join(f"${n + 1}" for n in range(len(told)))
    made = await connection.fetchval(
        f"insert into register_run ({_COLUMNS}) values ({places})"
        " on conflict (host_id) where status in ('waiting', 'reading') do nothing returning id",
        *told.values(),
    )
    if made is None:
        raise Refused("register_running", "file")
    await jobs.enqueue(connection, TASK, [({"run": str(run.id)}, None)], run.asked_at)


async def must_be_free(connection: Connection, host: UUID) -> None:
    """Refused `register_running` while a file is read for this host."""
    if await connection.fetchval(
        "select exists (select from register_run where host_id = $1 and status = any($2))", host, list(RUN_AT_WORK)
    ):
        raise Refused("register_running", "file")


async def get(connection: Connection, wanted: UUID) -> Run:
    """The run as it is. NotFound."""
    row = await connection.fetchrow(f"select {_COLUMNS} from register_run where id = $1", wanted)
    if row is None:
        raise NotFound("run_id", wanted)
    return Run(**dict(row))


async def told(connection: Connection, wanted: UUID, done: int, units: int) -> None:
    """How far it is: bytes of the file, units in them."""
    await connection.execute(
        "update register_run set status = 'reading', done = least($2, size), units = $3"
        " where id = $1 and status = any($4)",
        wanted,
        done,
        units,
        list(RUN_AT_WORK),
    )


async def finish(
    connection: Connection, wanted: UUID, read: UUID | None, counts: dict[str, int], unchanged: bool, now: datetime
) -> bool:
    """It is read; False when somebody has stopped it meanwhile."""
    return await _end(
        connection,
        wanted,
        "done",
        now,
        "read_id = $5, counts = $6, unchanged = $7, done = size, units = $8",
        read,
        counts,
        unchanged,
        counts.get("units", 0),
    )


async def fail(connection: Connection, wanted: UUID, problem: dict[str, Any], now: datetime) -> None:
    """It came to nothing; why. {code, field, params}."""
    await _end(connection, wanted, "failed", now, "problem = $5", problem)


async def stop(connection: Connection, wanted: UUID, now: datetime) -> bool:
    """Nobody wants it any more; False when it is over already."""
    return await _end(connection, wanted, "stopped", now, "units = units")


async def _end(connection: Connection, wanted: UUID, status: RunStatus, now: datetime, more: str, *values: Any) -> bool:
    done = await connection.execute(
        f"update register_run set status = $2, finished_at = $3, {more} where id = $1 and status = any($4)",
        wanted,
        status,
        now,
        list(RUN_AT_WORK),
        *values,
    )
    return done != "UPDATE 0"


async def at_work(connection: Connection) -> list[UUID]:
    """Every run that still needs its file."""
    rows = await connection.fetch("select id from register_run where status = any($1)", list(RUN_AT_WORK))
    return [row["id"] for row in rows]


async def takes_small(connection: Connection, hosts: Sequence[UUID]) -> list[UUID]:
    """Those of these hosts whose small differences of headcount are taken over by themselves."""
    rows = await connection.fetch(
        "select host_id from register_rule where host_id = any($1) and take_small", list(hosts)
    )
    return [row["host_id"] for row in rows]


async def rule(connection: Connection, host: UUID, take_small: bool, actor: Actor, now: datetime) -> bool:
    """Say whether they are; False when it was so already."""
    done = await connection.execute(
        "insert into register_rule (host_id, take_small, told_by, told_at) select $1, $2, $3, $4"
        " where $2 or exists (select from register_rule where host_id = $1)"
        " on conflict (host_id) do update set (take_small, told_by, told_at) ="
        " (excluded.take_small, excluded.told_by, excluded.told_at)"
        " where register_rule.take_small is distinct from excluded.take_small",
        host,
        take_small,
        actor.name,
        now,
    )
    return done != "INSERT 0 0"
