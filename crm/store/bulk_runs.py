"""Bulk runs as they are stored: a run, the members it is about, and what became of each."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec

from crm.actor import Actor
from crm.database import Connection
from crm.errors import NotFound
from crm.store import jobs

TASK = "settle_bulk_run"


class Run(msgspec.Struct, frozen=True):
    """One thing that is done to many members; `actor`, `actor_id` and `channel` are who wants it."""

    id: UUID
    network_id: UUID
    what: str
    wanted: dict[str, Any]
    status: str
    total: int
    done: int
    changed: int
    failed: int
    token: UUID
    undoes_id: UUID | None
    actor: str
    actor_id: UUID | None
    channel: str
    created_at: datetime

    @property
    def by(self) -> Actor:
        """Who it is, for the audit trail."""
        return Actor(self.actor, self.channel, manages=frozenset({self.network_id}), id=self.actor_id)  # type: ignore[arg-type]


class Settled(msgspec.Struct, frozen=True):
    """What became of a member: changed, same or failed; `before`: {"value": what it was}; `problem`: {rule, values}."""

    membership: UUID
    outcome: str
    before: dict[str, Any] | None = None
    problem: dict[str, Any] | None = None


async def of_token(connection: Connection, network: UUID, token: UUID) -> UUID | None:
    """The run that a form has made already. Whoever sends the same form waits until the first is through."""
    await connection.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", f"bulk/{network}/{token}")
    return await connection.fetchval("select id from bulk_run where network_id = $1 and token = $2", network, token)


async def begin(
    connection: Connection,
    network: UUID,
    actor: Actor,
    what: str,
    wanted: Mapping[str, Any],
    memberships: Sequence[UUID],
    token: UUID,
    now: datetime,
    undoes: UUID | None = None,
) -> UUID:
    """Store a run and its members, each once."""
    made = uuid4()
    await connection.execute(
        "insert into bulk_run (id, network_id, what, wanted, status, total, done, changed, failed, token, undoes_id,"
        " actor, actor_id, channel, created_at)"
        " values ($1, $2, $3, $4, 'waiting', $5, 0, 0, 0, $6, $7, $8, $9, $10, $11)",
        *(made, network, what, dict(wanted), len(memberships), token, undoes),
        *(actor.name, actor.id, actor.channel, now),
    )
    await connection.execute(
        "insert into bulk_run_row (run_id, network_id, membership_id, outcome)"
        " select $1, $2, m, '' from unnest($3::uuid[]) m",
        made,
        network,
        list(memberships),
    )
    return made


async def enqueue(connection: Connection, run: UUID, now: datetime) -> None:
    """A worker does the rest."""
    await jobs.enqueue(connection, TASK, [({"run": str(run)}, None)], now)


async def lock(connection: Connection, run: UUID) -> Run:
    """The run, held until the transaction ends. NotFound."""
    row = await connection.fetchrow(
        f"select {', '.join(Run.__struct_fields__)} from bulk_run where id = $1 for update", run
    )
    if row is None:
        raise NotFound("run", run)
    return Run(**dict(row))


async def following(connection: Connection, run: UUID, limit: int) -> list[UUID]:
    """The next members that wait, in the order they were chosen."""
    rows = await connection.fetch(
        "select membership_id from bulk_run_row where run_id = $1 and outcome = '' order by row_id limit $2", run, limit
    )
    return [row["membership_id"] for row in rows]


async def settle(connection: Connection, run: UUID, settled: Sequence[Settled]) -> None:
    """What became of some, and how far the run is."""
    await connection.execute(
        "update bulk_run_row r set outcome = s.outcome, before = s.before::jsonb, problem = s.problem::jsonb"
        " from unnest($2::uuid[], $3::text[], $4::text[], $5::text[]) as s (membership_id, outcome, before, problem)"
        " where r.run_id = $1 and r.membership_id = s.membership_id and r.outcome = ''",
        run,
        [each.membership for each in settled],
        [each.outcome for each in settled],
        [_json(each.before) for each in settled],
        [_json(each.problem) for each in settled],
    )
    counts = [sum(each.outcome == outcome for each in settled) for outcome in ("changed", "failed")]
    await connection.execute(
        "update bulk_run set status = 'running', done = done + $2, changed = changed + $3, failed = failed + $4"
        " where id = $1",
        *(run, len(settled), *counts),
    )


async def finish(connection: Connection, run: UUID, now: datetime) -> None:
    """Nothing of it is left."""
    await connection.execute("update bulk_run set status = 'done', finished_at = $2 where id = $1", run, now)


async def undone_by(connection: Connection, run: UUID) -> UUID | None:
    """The run that took this one back."""
    return await connection.fetchval("select id from bulk_run where undoes_id = $1", run)


async def changed(connection: Connection, run: UUID) -> list[UUID]:
    """Whom a run changed."""
    rows = await connection.fetch(
        "select membership_id from bulk_run_row where run_id = $1 and outcome = 'changed' order by row_id", run
    )
    return [row["membership_id"] for row in rows]


async def before(connection: Connection, run: UUID, memberships: Sequence[UUID]) -> dict[UUID, Any]:
    """What it was before a run, of those it changed."""
    rows = await connection.fetch(
        "select membership_id, before -> 'value' as value from bulk_run_row"
        " where run_id = $1 and membership_id = any ($2) and outcome = 'changed'",
        run,
        list(memberships),
    )
    return {row["membership_id"]: row["value"] for row in rows}


async def of_network(connection: Connection, network: UUID, memberships: Sequence[UUID]) -> list[UUID]:
    """Those of the memberships that are of this network, in order."""
    rows = await connection.fetch(
        "select id from membership where network_id = $1 and id = any ($2) order by id", network, list(memberships)
    )
    return [row["id"] for row in rows]


async def organisations(connection: Connection, memberships: Sequence[UUID]) -> dict[UUID, UUID]:
    """membership -> organisation."""
    rows = await connection.fetch("select id, organisation_id from membership where id = any ($1)", list(memberships))
    return {row["id"]: row["organisation_id"] for row in rows}


def _json(value: dict[str, Any] | None) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()
