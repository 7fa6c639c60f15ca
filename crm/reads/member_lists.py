"""Pushed lists: how far each is, what became of its rows, and the rows that wait for a person."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from crm.database import Connection

Verdict = Literal["waiting", "created", "updated", "unchanged", "ended", "held", "refused"]
MOST = 500
FIRST = UUID(int=0)


class Run(msgspec.Struct, frozen=True):
    """A push. `problem`: rule and values, why absent members were not ended; days are half-open."""

    id: UUID
    network_id: UUID
    status: str
    dry_run: bool
    complete: bool
    ends_on: date | None
    confirm: int | None
    total: int
    done: int
    counts: dict[str, int]
    absent: int | None
    problem: dict[str, Any] | None
    actor: str
    created_at: datetime
    finished_at: datetime | None


class Row(msgspec.Struct, frozen=True):
    """A row and what became of it; `verdict` is empty while it waits. `problems`: [{field, rule, values}]."""

    number: int
    external_id: str
    body: dict[str, Any] | None
    verdict: str
    organisation_id: UUID | None
    membership_id: UUID | None
    problems: list[dict[str, Any]]
    changes: list[str]


class Held(msgspec.Struct, frozen=True):
    """A row that waits for a person: `why` is a code, `candidates` [{organisation, reasons}]."""

    id: UUID
    network_id: UUID
    external_id: str
    body: dict[str, Any]
    why: str
    candidates: list[dict[str, Any]]
    opened_at: datetime
    closed_at: datetime | None


_RUN = f"select {', '.join(Run.__struct_fields__)} from member_list"
_HELD = f"select {', '.join(Held.__struct_fields__)} from held_row"


async def runs(connection: Connection, network: UUID, limit: int = MOST) -> list[Run]:
    """The newest pushes of a network."""
    rows = await connection.fetch(f"{_RUN} where network_id = $1 order by created_at desc, id limit $2", network, limit)
    return [Run(**dict(row)) for row in rows]


async def run(connection: Connection, wanted: UUID) -> Run | None:
    """One push; None when the reader sees no such."""
    row = await connection.fetchrow(f"{_RUN} where id = $1", wanted)
    return Run(**dict(row)) if row else None


async def rows(connection: Connection, member_list: UUID, verdict: Verdict | None, after: int, limit: int) -> list[Row]:
    """Rows in their order, those with a number above `after`; only those of one verdict when it is given."""
    found = await connection.fetch(
        f"select {', '.join(Row.__struct_fields__)} from member_list_row where list_id = $1 and number > $2"
        " and ($3::text is null or verdict = $3) order by number limit $4",
        member_list,
        after,
        "" if verdict == "waiting" else verdict,
        limit,
    )
    return [Row(**dict(row)) for row in found]


async def held(connection: Connection, network: UUID, after: UUID = FIRST, limit: int = MOST) -> list[Held]:
    """Rows that wait, by id; the next page comes `after` the last id."""
    found = await connection.fetch(
        f"{_HELD} where network_id = $1 and closed_at is null and id > $2 order by id limit $3", network, after, limit
    )
    return [Held(**dict(row)) for row in found]


async def one_held(connection: Connection, wanted: UUID) -> Held | None:
    """One row that waits, or waited; None when the reader sees no such."""
    row = await connection.fetchrow(f"{_HELD} where id = $1", wanted)
    return Held(**dict(row)) if row else None
