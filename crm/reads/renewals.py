"""Renewal runs as pages and the API show them: how far, how much, what differs from the year before, what failed."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from crm.database import Connection

Show = Literal["all", "changed", "failed", "waived", "ending", "free", "held", "lapsing"]
RUNS = 50  # of one host, the newest
_COLUMNS = """
    r.id, r.host_id, r.network_id, r.period_start, r.issue, r.status, r.members, r.total, r.done, r.invoices,
    r.failed, r.problem, r.created_by, r.created_at, r.confirmed_by, r.confirmed_at, r.finished_at"""
# Failures first. What became of an item is looked up: the charge of the year, and its invoice.
_ITEMS = """
select i.row_id, i.organisation_id, o.name as organisation, i.membership_id, i.network_id, i.state, i.tier, i.starts_on,
    i.net, i.currency, i.before, i.differs, i.problem, b.invoice_id, coalesce(b.number, '') as number,
    coalesce(b.status, '') as invoice_status
from renewal_item i join organisation o on o.id = i.organisation_id
left join lateral (
    select v.id as invoice_id, v.status, v.series || '-' || v.number as number from charge c
    join invoice v on v.id = c.invoice_id
    where c.membership_id = i.membership_id and c.starts_on >= i.starts_on and c.reason ->> 'code' = 'renewal'
    and exists (select from renewal_run r where r.id = i.run_id and r.confirmed_at <= c.recorded_at
        and (r.finished_at is null or r.finished_at >= c.recorded_at))
    order by c.starts_on limit 1
) b on true
where i.run_id = $1 and (i.state <> 'failed', i.row_id) > ($2, $3) and case $4
    when 'all' then true when 'changed' then i.state = 'due' and i.before <> i.net
    else i.state = $4 end
order by i.state <> 'failed', i.row_id limit $5
"""
_SUMS = """
select state, currency, count(*) as members, coalesce(sum(net), 0)::bigint as net,
    coalesce(sum(before), 0)::bigint as before,
    count(*) filter (where state = 'due' and before <> net) as changed
from renewal_item where run_id = $1 group by state, currency order by state, currency
"""


class Run(msgspec.Struct, frozen=True):
    """One run. While it is `previewing`, `members` of `total` are looked at; then `done` of `total` are billed."""

    id: UUID
    host_id: UUID
    network_id: UUID | None
    period_start: date
    issue: bool
    status: str
    members: int
    total: int
    done: int
    invoices: int
    failed: int
    problem: str
    created_by: str
    created_at: datetime
    confirmed_by: str
    confirmed_at: datetime | None
    finished_at: datetime | None


class Sum(msgspec.Struct, frozen=True):
    """How many members of a run are in a state, and what they pay, with what they paid the year before."""

    state: str
    currency: str
    members: int
    net: int
    before: int
    changed: int


class Item(msgspec.Struct, frozen=True):
    """One member of a run; `number` is empty for a draft and before it is billed."""

    row_id: int
    organisation_id: UUID
    organisation: str
    membership_id: UUID
    network_id: UUID
    state: str
    tier: str
    starts_on: date
    net: int
    currency: str
    before: int
    differs: list[dict[str, Any]]
    problem: dict[str, Any] | None
    invoice_id: UUID | None
    number: str
    invoice_status: str


async def run(connection: Connection, wanted: UUID) -> Run | None:
    """One run, as far as the reader may see it."""
    row = await connection.fetchrow(f"select {_COLUMNS} from renewal_run r where r.id = $1", wanted)
    return Run(*row) if row else None


async def of_network(connection: Connection, host: UUID, network: UUID) -> list[Run]:
    """The newest runs that billed a network, its own and those over all of its host's."""
    rows = await connection.fetch(
        f"select {_COLUMNS} from renewal_run r where r.host_id = $1 and (r.network_id is null or r.network_id = $2)"
        " order by r.created_at desc, r.id limit $3",
        host,
        network,
        RUNS,
    )
    return [Run(*row) for row in rows]


async def sums(connection: Connection, wanted: UUID) -> list[Sum]:
    """The run in figures, by state and currency."""
    return [Sum(*row) for row in await connection.fetch(_SUMS, wanted)]


async def items(
    connection: Connection, wanted: UUID, show: Show, after: tuple[bool, int], limit: int
) -> Sequence[Item]:
    """Some members of a run, failures first; `after` is (did not fail, row_id) of the last one that was given."""
    rows = await connection.fetch(_ITEMS, wanted, *after, show, limit)
    return [Item(*row) for row in rows]


async def standing(connection: Connection, network: UUID, day: date) -> int:
    """How many memberships of a network stand on a day by a grant of their own."""
    return await connection.fetchval(
        "select count(distinct membership_id) from membership_grant where network_id = $1 and superseded_at is null"
        " and kind = 'direct' and starts_on <= $2 and (ends_on is null or ends_on > $2)",
        network,
        day,
    )
