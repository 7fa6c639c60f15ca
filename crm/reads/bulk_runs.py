"""Bulk runs as pages show them: how far a run is, what it did, and who it could not be done to. Behind the wall."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from crm.database import Connection

MOST_RUNS = 50
MOST_FAILED = 500  # rows of a page


class Run(msgspec.Struct, frozen=True):
    """One thing that is done to many members; `undone` is the run that took it back."""

    id: UUID
    what: str
    wanted: dict[str, Any]
    status: str
    total: int
    done: int
    changed: int
    failed: int
    undoes_id: UUID | None
    undone: UUID | None
    actor: str
    created_at: datetime
    finished_at: datetime | None

    @property
    def same(self) -> int:
        """How many were as they were to become already."""
        return self.done - self.changed - self.failed


class Failed(msgspec.Struct, frozen=True):
    """A member it could not be done to, and why."""

    membership_id: UUID
    organisation_id: UUID
    name: str
    problem: dict[str, Any]


_RUNS = """
select r.id, r.what, r.wanted, r.status, r.total, r.done, r.changed, r.failed, r.undoes_id, r.actor, r.created_at,
    r.finished_at, (select u.id from bulk_run u where u.undoes_id = r.id) as undone
from bulk_run r where r.network_id = $1
"""


async def of_network(connection: Connection, network: UUID) -> list[Run]:
    """The newest runs."""
    rows = await connection.fetch(f"{_RUNS} order by r.created_at desc, r.id limit $2", network, MOST_RUNS)
    return [Run(**dict(row)) for row in rows]


async def one(connection: Connection, network: UUID, run: UUID) -> Run | None:
    """One run; None when the network has none by this id."""
    row = await connection.fetchrow(f"{_RUNS} and r.id = $2", network, run)
    return Run(**dict(row)) if row else None


async def failed(connection: Connection, run: UUID) -> Sequence[Failed]:
    """Whom it could not be done to, the first of them."""
    rows = await connection.fetch(
        "select b.membership_id, o.id as organisation_id, o.name, b.problem from bulk_run_row b"
        " join membership m on m.id = b.membership_id join organisation o on o.id = m.organisation_id"
        " where b.run_id = $1 and b.outcome = 'failed' order by o.sort_name, b.row_id limit $2",
        run,
        MOST_FAILED,
    )
    return [Failed(**dict(row)) for row in rows]
