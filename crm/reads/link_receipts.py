"""What linked memberships' networks said about them, for both sides."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal
from uuid import UUID

import msgspec

from crm.database import Connection

FIRST = UUID(int=0)
MOST = 500
State = Literal["open", "acknowledged", "objected"]


class Receipt(msgspec.Struct, frozen=True):
    """A word on a linked grant. An objection is open while `outcome` is empty; `on_date`: from when it is to count."""

    id: UUID
    network_id: UUID
    source_network_id: UUID
    organisation_id: UUID
    organisation: str
    membership_id: UUID
    grant_id: UUID
    rule: str
    word: str
    reason: str
    on_date: date
    actor: str
    recorded_at: datetime
    outcome: str
    note: str
    closed_by: str
    closed_at: datetime | None


_RECEIPT = """
select r.id, r.network_id, r.source_network_id, r.organisation_id, o.name as organisation, r.membership_id, r.grant_id,
    r.rule, r.word, r.reason, r.on_date, r.actor, r.recorded_at, r.outcome, r.note, r.closed_by, r.closed_at
from link_receipt r join organisation o on o.id = r.organisation_id
"""
_STATES = {
    "open": "and r.word = 'objected' and r.outcome = ''",
    "acknowledged": "and r.word = 'acknowledged'",
    "objected": "and r.word = 'objected'",
}


async def of_network(
    connection: Connection, network: UUID, state: State | None, after: UUID = FIRST, limit: int = MOST
) -> list[Receipt]:
    """Words about links to the network and from it, by id; the next page comes `after` the last id."""
    rows = await connection.fetch(
        f"{_RECEIPT} where $1 in (r.network_id, r.source_network_id) {_STATES.get(state or '', '')}"
        " and r.id > $2 order by r.id limit $3",
        network,
        after,
        limit,
    )
    return [Receipt(**dict(row)) for row in rows]


async def to_decide(connection: Connection, network: UUID) -> list[Receipt]:
    """Open objections of the network's own system, the oldest first."""
    rows = await connection.fetch(
        f"{_RECEIPT} where r.network_id = $1 {_STATES['open']} order by r.recorded_at, r.id limit {MOST}", network
    )
    return [Receipt(**dict(row)) for row in rows]


async def newest(connection: Connection, grants: Sequence[UUID]) -> dict[UUID, Receipt]:
    """The last word on each linked grant."""
    rows = await connection.fetch(
        f"select distinct on (grant_id) * from ({_RECEIPT} where r.grant_id = any($1)) r"
        " order by grant_id, recorded_at desc, id",
        list(grants),
    )
    return {row["grant_id"]: Receipt(**dict(row)) for row in rows}


async def one(connection: Connection, wanted: UUID) -> Receipt | None:
    """One word; None when the reader sees no such."""
    row = await connection.fetchrow(f"{_RECEIPT} where r.id = $1", wanted)
    return Receipt(**dict(row)) if row else None


async def some(connection: Connection, wanted: Sequence[UUID]) -> list[Receipt]:
    """These words, in the order in which they were said."""
    rows = await connection.fetch(f"{_RECEIPT} where r.id = any($1) order by r.recorded_at, r.id", list(wanted))
    return [Receipt(**dict(row)) for row in rows]
