"""Differences of one kind answered together, as they are stored: a row each, looked at first, then done, then perhaps
taken back. How far each step is stands in its rows, so that a job that begins again goes on where it was."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec

from cluster_rules.register import SMALL
from crm.actor import Actor
from crm.database import Connection
from crm.errors import NotFound, Refused
from crm.register_shapes import Bulk, BulkStatus, Deed, Looked, Row
from crm.store import jobs

TASK = "answer_register_bulk"
MOST_ROWS = 5_000  # the rest is the next one's
_COLUMNS = ", ".join(Bulk.__struct_fields__)
_ROWS = """
insert into register_bulk_row (bulk_id, network_id, review_id, organisation_id, outcome)
select $1, r.network_id, r.id, r.organisation_id, '' from membership_review r
join organisation o on o.id = r.organisation_id
where r.network_id = $2 and r.reason = $3 and r.closed_at is null and ($4::uuid[] is null or r.id = any($4))
order by o.sort_name, r.id limit $5
"""
_ROW = """
select r.row_id, r.review_id, r.organisation_id, o.name as organisation, r.looked, r.outcome, r.problem, r.change_id
from register_bulk_row r join organisation o on o.id = r.organisation_id where r.bulk_id = $1
"""
# Which rows a step still has before it.
_LEFT = {
    "looking": "r.looked is null and r.outcome = ''",
    "doing": "r.outcome = ''",
    "undoing": "r.outcome = 'changed' and r.change_id is not null",
}
_SETTLE = """
update register_bulk_row r set looked = s.looked::jsonb, outcome = s.outcome, problem = s.problem::jsonb,
    change_id = s.change_id
from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::uuid[])
    as s (row_id, looked, outcome, problem, change_id)
where r.row_id = s.row_id
"""


class Wish(msgspec.Struct, frozen=True):
    """What is to be done: a deed for one kind, from a day on, and why."""

    deed: Deed
    reason: str
    starts_on: date
    note: str = ""
    by_rule: bool = False


async def of_token(connection: Connection, network: UUID, token: UUID) -> UUID | None:
    """What a form has made already. Whoever sends the same form waits until the first is through."""
    await connection.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", f"register/{network}/{token}")
    return await connection.fetchval(
        "select id from register_bulk where network_id = $1 and token = $2", network, token
    )


async def begin(
    connection: Connection,
    network: UUID,
    actor: Actor,
    wish: Wish,
    reviews: Sequence[UUID] | None,
    token: UUID,
    now: datetime,
) -> UUID:
    """Take these open differences of the network and kind (None: all there are) together; a job is at work on them.

    Refused `selection_empty` when none of them waits.
    """
    made = uuid4()
    status = "looking" if wish.deed == "take_over" and not wish.by_rule else "doing"
    await connection.execute(
        "insert into register_bulk (id, network_id, deed, reason, note, starts_on, by_rule, status, token, actor,"
        " actor_id, manages, channel, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        *(made, network, wish.deed, wish.reason, wish.note, wish.starts_on, wish.by_rule, status, token),
        *(actor.name, actor.id, sorted(actor.manages), actor.channel, now),
    )
    chosen = None if reviews is None else list(reviews)
    done = await connection.execute(_ROWS, made, network, wish.reason, chosen, MOST_ROWS)
    rows = int(done.split()[-1])
    if not rows:
        raise Refused("selection_empty", "selection")
    await connection.execute("update register_bulk set total = $2 where id = $1", made, rows)
    await enqueue(connection, made, now)
    return made


async def begin_by_rule(connection: Connection, network: UUID, actor: Actor, today: date, now: datetime) -> int:
    """The same for headcounts of one class of size, as a host's rule says; how many."""
    waiting = await connection.fetchval(
        "select count(*) from membership_review where network_id = $1 and reason = $2 and closed_at is null",
        network,
        SMALL,
    )
    if waiting:
        # Whoever read the file; every network's fees are looked at, whomever it is told.
        everything = [row["id"] for row in await connection.fetch("select id from network")]
        seeing = msgspec.structs.replace(actor, manages=frozenset(everything))
        await begin(connection, network, seeing, Wish("take_over", SMALL, today, by_rule=True), None, uuid4(), now)
    return min(int(waiting), MOST_ROWS)


async def enqueue(connection: Connection, bulk: UUID, now: datetime) -> None:
    """A worker does the rest."""
    await jobs.enqueue(connection, TASK, [({"bulk": str(bulk)}, None)], now)


async def lock(connection: Connection, wanted: UUID) -> Bulk:
    """It, held until the transaction ends. NotFound."""
    row = await connection.fetchrow(f"select {_COLUMNS} from register_bulk where id = $1 for update", wanted)
    if row is None:
        raise NotFound("bulk_id", wanted)
    return Bulk(**{**dict(row), "manages": tuple(row["manages"])})


async def following(connection: Connection, bulk: Bulk, limit: int) -> list[Row]:
    """The next rows that its step has before it, in order."""
    left = _LEFT[bulk.status]
    rows = await connection.fetch(f"{_ROW} and {left} order by r.row_id limit $2", bulk.id, limit)
    return [_row(row) for row in rows]


async def settle(connection: Connection, bulk: UUID, rows: Sequence[Row]) -> None:
    """What became of some."""
    await connection.execute(
        _SETTLE,
        [each.row_id for each in rows],
        [_json(each.looked) for each in rows],
        [each.outcome for each in rows],
        [_json(each.problem) for each in rows],
        [each.change_id for each in rows],
    )
    await connection.execute(
        "update register_bulk set done = done + $2, changed = $3 + changed, failed = failed + $4 where id = $1",
        bulk,
        len(rows),
        sum(each.outcome == "changed" for each in rows),
        sum(each.outcome in ("failed", "closed", "stays") for each in rows),
    )


async def go_on(connection: Connection, wanted: UUID, status: BulkStatus, now: datetime) -> None:
    """The next step begins. Doing: what could not even be looked at is over already. Undoing: what was changed."""
    counts = "done = failed, changed = 0"
    if status == "undoing":
        counts = (
            "done = 0, changed = 0, failed = 0, total = (select count(*) from register_bulk_row r"
            f" where r.bulk_id = b.id and {_LEFT[status]})"
        )
    await connection.execute(
        f"update register_bulk b set status = $2, confirmed_at = coalesce(confirmed_at, $3), {counts} where b.id = $1",
        wanted,
        status,
        now,
    )
    await enqueue(connection, wanted, now)


async def over(connection: Connection, wanted: UUID, status: BulkStatus, now: datetime) -> None:
    """Nothing of the step is left: what it comes to."""
    outcomes = ["", "changed"] if status == "looked" else ["changed", "undone"]
    rows = await connection.fetch(
        "select looked from register_bulk_row where bulk_id = $1 and outcome = any($2) and looked is not null",
        wanted,
        outcomes,
    )
    totals = _totals([msgspec.convert(row["looked"], Looked) for row in rows])
    await connection.execute(
        "update register_bulk set status = $2, totals = $3, finished_at = $4 where id = $1",
        wanted,
        status,
        totals,
        None if status == "looked" else now,
    )


async def drop(connection: Connection, wanted: UUID, now: datetime) -> None:
    """It was only looked at."""
    await connection.execute("update register_bulk set status = 'dropped', finished_at = $2 where id = $1", wanted, now)


def _totals(listed: Sequence[Looked]) -> dict[str, Any]:
    fees: dict[str, dict[str, Any]] = {}
    for fee in (fee for each in listed for fee in each.fees):
        nothing = {"currency": fee.currency, "before": 0, "after": 0, "changed": 0, "unknown": 0}
        sums = fees.setdefault(fee.network, nothing)
        sums["changed"] += 1
        if fee.before is None or fee.after is None:
            sums["unknown"] += 1
        else:
            sums["before"] += fee.before
            sums["after"] += fee.after
    return {
        "fees": fees,
        "follows": sum(each.follows > 0 for each in listed),
        "reviews": sum(each.reviews > 0 for each in listed),
    }


def _row(row: Any) -> Row:
    return msgspec.convert(dict(row), Row)


def _json(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()
