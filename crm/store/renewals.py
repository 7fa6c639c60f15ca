"""Renewal runs and their items: made by the preview, confirmed by a person, worked off from the first item to the last.

`done_to` moves in the transaction that bills the items up to there: a run that was stopped by whatever goes on where it
was, and what it billed is billed once (the id of a renewal's charge is made of membership, component and period).
"""

from collections.abc import Sequence
from datetime import date
from uuid import UUID, uuid4

import msgspec
from asyncpg import Record

from cluster_rules.errors import RuleViolation
from cluster_rules.renewals import Renewal
from crm.database import Connection
from crm.errors import NotFound
from crm.store import jobs
from crm.store.renewal_facts import Told

PREVIEW_TASK = "preview_renewals"
BILL_TASK = "bill_renewals"
_ITEMS = """
insert into renewal_item (run_id, family_id, organisation_id, membership_id, network_id, state, tier, starts_on, net,
    currency, before, differs, problem)
select $1, family_id, organisation_id, membership_id, network_id, state, tier, starts_on, net, currency, before,
    differs::jsonb, problem::jsonb
from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::date[], $9::bigint[],
    $10::text[], $11::bigint[], $12::text[], $13::text[])
    as i (family_id, organisation_id, membership_id, network_id, state, tier, starts_on, net, currency, before, differs,
    problem)
"""
# The next items to bill, never a family in two parts: its charges belong on one invoice. (A family's items follow each
# other: they end where the first of another family begins.)
_NEXT = """
with first as (
    select row_id, family_id from renewal_item
    where run_id = $1 and row_id > $2 and state in ('due', 'failed') order by row_id limit $3
), last as (select row_id, family_id from first order by row_id desc limit 1),
following as (
    select coalesce((select i.row_id from renewal_item i where i.run_id = $1 and i.row_id > l.row_id
        and i.family_id <> l.family_id order by i.row_id limit 1), 9223372036854775807) as row_id
    from last l
)
select i.row_id, i.membership_id, i.family_id, i.state, i.net from renewal_item i
where i.run_id = $1 and i.row_id > $2 and i.row_id < (select row_id from following) and i.state in ('due', 'failed')
order by i.row_id
"""


class Run(msgspec.Struct, frozen=True):
    """One run as its work needs it; `networks` are those it bills."""

    id: UUID
    host_id: UUID
    network_id: UUID | None
    period_start: date
    issue: bool
    status: str
    total: int
    done: int
    done_to: int
    confirmed_by: str
    networks: tuple[UUID, ...]


class Item(msgspec.Struct, frozen=True):
    """An item that waits to be billed, and what the run says of it so far."""

    row_id: int
    membership_id: UUID
    family_id: UUID
    state: str
    net: int


async def begin(
    connection: Connection, host: UUID, network: UUID | None, period_start: date, issue: bool, by: str
) -> UUID:
    """A new run, with a job that previews it."""
    run = uuid4()
    now = await connection.fetchval(
        "insert into renewal_run (id, host_id, network_id, period_start, issue, created_by, created_at)"
        " values ($1, $2, $3, $4, $5, $6, now()) returning created_at",
        run,
        host,
        network,
        period_start,
        issue,
        by,
    )
    await jobs.enqueue(connection, PREVIEW_TASK, [({"run": str(run)}, None)], now)
    return run


async def promise(connection: Connection, run: UUID, by: str) -> None:
    """It bills as soon as its preview is there: confirmed beforehand."""
    await connection.execute("update renewal_run set confirmed_by = $2, confirmed_at = now() where id = $1", run, by)


async def lock(connection: Connection, run: UUID) -> Run:
    """The run, locked until the transaction ends. NotFound."""
    row = await connection.fetchrow(
        "select r.id, r.host_id, r.network_id, r.period_start, r.issue, r.status, r.total, r.done, r.done_to,"
        " r.confirmed_by, array(select n.id from network n where n.host_id = r.host_id"
        " and (r.network_id is null or n.id = r.network_id) order by n.slug) as networks"
        " from renewal_run r where r.id = $1 for update",
        run,
    )
    if row is None:
        raise NotFound("run_id", run)
    return Run(*row[:-1], tuple(row["networks"]))


async def forget_items(connection: Connection, run: UUID) -> None:
    """A preview begins again: what an interrupted one had found is not kept."""
    await connection.execute("delete from renewal_item where run_id = $1", run)


async def add(connection: Connection, run: UUID, found: Sequence[tuple[Told, Renewal]]) -> None:
    """Store what was found out about members."""
    rows = [
        (
            row.family_id,
            row.organisation_id,
            row.membership_id,
            row.network_id,
            each.state,
            each.tier,
            each.year.start,
            each.net,
            each.currency,
            each.before,
            msgspec.json.encode(each.differs).decode(),
            msgspec.json.encode(told(each.problem)).decode() if each.problem else None,
        )
        for row, each in found
    ]
    if rows:
        await connection.execute(_ITEMS, run, *(list(column) for column in zip(*rows, strict=True)))


def told(problem: RuleViolation) -> dict[str, object]:
    """A refusal as it is stored."""
    params = {name: value if isinstance(value, int) else str(value) for name, value in problem.params.items()}
    return {"code": problem.code, "field": problem.field, "params": params}


async def looked_at(connection: Connection, run: UUID, members: int, of: int) -> None:
    """How far the preview is."""
    await connection.execute("update renewal_run set members = $2, total = $3 where id = $1", run, members, of)


async def previewed(connection: Connection, run: UUID, members: int) -> None:
    """The preview is whole: `members` stand in the year, items say what of it. If it was promised, it bills now."""
    row = await connection.fetchrow(
        "update renewal_run set status = case when confirmed_at is null then 'previewed' else 'running' end,"
        " members = $2, total = (select count(*) from renewal_item i where i.run_id = $1"
        " and i.state in ('due', 'failed')), failed = (select count(*) from renewal_item i"
        " where i.run_id = $1 and i.state = 'failed') where id = $1 returning status, now() as now",
        run,
        members,
    )
    if row["status"] == "running":
        await jobs.enqueue(connection, BILL_TASK, [({"run": str(run)}, None)], row["now"])


async def confirm(connection: Connection, run: UUID, by: str, issue: bool) -> None:
    """From now on it bills, by this person's word."""
    now = await connection.fetchval(
        "update renewal_run set status = 'running', confirmed_by = $2, confirmed_at = now(), issue = $3 where id = $1"
        " returning confirmed_at",
        run,
        by,
        issue,
    )
    await jobs.enqueue(connection, BILL_TASK, [({"run": str(run)}, None)], now)


async def close(connection: Connection, run: UUID, status: str, problem: str = "") -> None:
    """The run is over: done, cancelled or failed."""
    await connection.execute(
        "update renewal_run set status = $2, problem = $3, finished_at = now(), failed = (select count(*)"
        " from renewal_item i where i.run_id = $1 and i.state = 'failed') where id = $1",
        run,
        status,
        problem,
    )


async def at_work(connection: Connection, host: UUID) -> bool:
    """Is a run of this host billing now?"""
    return await connection.fetchval(
        "select exists (select from renewal_run where host_id = $1 and status = 'running')", host
    )


async def following(connection: Connection, run: UUID, after: int, limit: int) -> list[Item]:
    """The items to bill after the item `after`, at least `limit` of them if there are as many."""
    rows: list[Record] = await connection.fetch(_NEXT, run, after, limit)
    return [Item(*row) for row in rows]


async def advance(connection: Connection, run: UUID, items: Sequence[Item], invoices: int) -> None:
    """These items are dealt with, and so many invoices (or drafts) came of them."""
    await connection.execute(
        "update renewal_run set done = done + $2, done_to = $3, invoices = invoices + $4 where id = $1",
        run,
        len(items),
        items[-1].row_id,
        invoices,
    )


async def settle(
    connection: Connection, run: UUID, failed: Sequence[tuple[UUID, RuleViolation]], fit: Sequence[tuple[Told, Renewal]]
) -> None:
    """What billing found out about members that the preview did not know: who fails now, and who does not any more."""
    await connection.executemany(
        "update renewal_item set state = 'failed', problem = $3 where run_id = $1 and membership_id = $2",
        [(run, membership, told(why)) for membership, why in failed],
    )
    await connection.executemany(
        "update renewal_item set state = $3, problem = null, net = $4, currency = $5, tier = $6"
        " where run_id = $1 and membership_id = $2",
        [(run, row.membership_id, each.state, each.net, each.currency, each.tier) for row, each in fit],
    )
