"""Who was told ahead of a renewal, and who was not and why, as pages and the API show it."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from crm.database import Connection

# The newest period of which anybody was looked at comes first; within one those who were not told.
_ITEMS = """
select n.id, n.organisation_id, o.name as organisation, n.membership_id, n.starts_on, n.ends_on, n.tier, n.state,
    n.net, n.vat, n.currency, n.leave_by, n.problem, n.looked_at, coalesce(m.recipient, '') as recipient,
    coalesce(m.status, '') as mail_status
from renewal_notice n join organisation o on o.id = n.organisation_id left join mail m on m.id = n.mail_id
where n.network_id = $1 and ($2::text = '' or (n.state = 'told') = ($2 = 'told'))
and ($3::uuid is null or (n.state = 'told', n.id) > (select state = 'told', id from renewal_notice where id = $3))
and n.starts_on > $4
order by n.state = 'told', n.id limit $5
"""
_SUMS = """
select state, count(*) as members from renewal_notice where network_id = $1 and starts_on > $2 group by 1 order by 1
"""


class Notice(msgspec.Struct, frozen=True):
    """One member and the period that begins on `starts_on`; `recipient` and `mail_status` are empty if not told."""

    id: UUID
    organisation_id: UUID
    organisation: str
    membership_id: UUID
    starts_on: date
    ends_on: date | None
    tier: str
    state: str
    net: int
    vat: int
    currency: str
    leave_by: date
    problem: dict[str, Any] | None
    looked_at: datetime
    recipient: str
    mail_status: str


class Told(msgspec.Struct, frozen=True):
    """What a member was told of its next period."""

    membership_id: UUID
    starts_on: date
    net: int
    currency: str
    leave_by: date


async def told_to(connection: Connection, organisation: UUID, after: date) -> dict[UUID, Told]:
    """What an organisation was told of periods that begin after a day, by membership."""
    rows = await connection.fetch(
        "select distinct on (membership_id) membership_id, starts_on, net, currency, leave_by from renewal_notice"
        " where organisation_id = $1 and state = 'told' and starts_on > $2 order by membership_id, starts_on",
        organisation,
        after,
    )
    return {row["membership_id"]: Told(**dict(row)) for row in rows}


async def sums(connection: Connection, network: UUID, after: date) -> dict[str, int]:
    """How many members were told of a period that begins after a day, and how many were not, by state."""
    return {row["state"]: row["members"] for row in await connection.fetch(_SUMS, network, after)}


async def items(
    connection: Connection, network: UUID, after: date, show: str, last: UUID | None, limit: int
) -> Sequence[Notice]:
    """Members with a period that begins after a day, those not told first. `show`: "", told, or not_told."""
    rows = await connection.fetch(_ITEMS, network, show, last, after, limit)
    return [Notice(*row) for row in rows]
