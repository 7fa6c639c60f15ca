"""Mails to many as pages and programs show them, behind the wall."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from crm.database import Connection

FIRST = UUID(int=0)
MOST_ROWS = 200  # of those that failed


class Mailing(msgspec.Struct, frozen=True):
    """A mailing; `written`, `sent` and `failed` count its mails, `recipients` who gets one."""

    id: UUID
    network_id: UUID
    name: str
    purpose: str
    contact_role: str
    selection: dict[str, Any]
    subject: dict[str, str]
    text: dict[str, str]
    status: str
    left_out: dict[str, int]
    actor: str
    created_at: datetime
    begun_by: str
    begun_at: datetime | None
    ended_at: datetime | None
    recipients: int
    sent: int
    failed: int
    cancelled: int


class Failed(msgspec.Struct, frozen=True):
    """A mail that could not be sent, and why."""

    organisation_id: UUID
    organisation: str
    email: str
    reason: str


class Template(msgspec.Struct, frozen=True):
    """A text to begin a mailing with."""

    id: UUID
    name: str
    subject: dict[str, str]
    text: dict[str, str]
    changed_by: str
    changed_at: datetime


_MAILING = """
select m.id, m.network_id, m.name, m.purpose, m.contact_role, m.selection, m.subject, m.text, m.status, m.left_out,
    m.actor, m.created_at, m.begun_by, m.begun_at, m.ended_at, r.recipients, r.sent, r.failed, r.cancelled
from mailing m, lateral (
    select count(*) as recipients, count(*) filter (where l.status = 'sent') as sent,
        count(*) filter (where l.status = 'failed') as failed,
        count(*) filter (where l.status = 'cancelled') as cancelled
    from mailing_recipient r left join mail l on l.id = r.mail_id where r.mailing_id = m.id) r
"""


async def of_network(connection: Connection, network: UUID, limit: int = 100) -> list[Mailing]:
    """The newest first."""
    rows = await connection.fetch(
        _MAILING + " where m.network_id = $1 order by m.created_at desc, m.id limit $2", network, limit
    )
    return [Mailing(**dict(row)) for row in rows]


async def page(connection: Connection, network: UUID, after: UUID, limit: int) -> list[Mailing]:
    """For programs: in the order of their ids."""
    rows = await connection.fetch(
        _MAILING + " where m.network_id = $1 and m.id > $2 order by m.id limit $3", network, after, limit
    )
    return [Mailing(**dict(row)) for row in rows]


async def one(connection: Connection, wanted: UUID) -> Mailing | None:
    """One mailing."""
    row = await connection.fetchrow(_MAILING + " where m.id = $1", wanted)
    return Mailing(**dict(row)) if row else None


async def everybody(connection: Connection, network: UUID, today: date) -> list[UUID]:
    """The memberships that stand today or begin later, in the order of their ids."""
    rows = await connection.fetch(
        "select distinct p.membership_id as id from membership_period p where p.network_id = $1"
        " and p.superseded_at is null and (p.ends_on is null or p.ends_on > $2) order by 1",
        network,
        today,
    )
    return [row["id"] for row in rows]


async def of_members(connection: Connection, network: UUID, organisations: Sequence[UUID]) -> dict[UUID, UUID]:
    """Organisation -> its membership of the network, of those that are or were members."""
    rows = await connection.fetch(
        "select organisation_id, id from membership where network_id = $1 and organisation_id = any($2)",
        network,
        list(organisations),
    )
    return {row["organisation_id"]: row["id"] for row in rows}


async def failed(connection: Connection, wanted: UUID) -> list[Failed]:
    """What could not be sent, by the member's name."""
    rows = await connection.fetch(
        "select r.organisation_id, o.name as organisation, r.email, l.last_error as reason from mailing_recipient r"
        " join mail l on l.id = r.mail_id join organisation o on o.id = r.organisation_id"
        " where r.mailing_id = $1 and l.status = 'failed' order by o.name, r.email limit $2",
        wanted,
        MOST_ROWS,
    )
    return [Failed(**dict(row)) for row in rows]


async def templates(connection: Connection, network: UUID) -> list[Template]:
    """By name."""
    rows = await connection.fetch(
        "select id, name, subject, text, changed_by, changed_at from mail_template where network_id = $1"
        " order by lower(name)",
        network,
    )
    return [Template(**dict(row)) for row in rows]
