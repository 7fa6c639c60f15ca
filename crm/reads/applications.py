"""Applications as a manager sees them: the queue, one with its history, and organisations it may duplicate."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from crm.database import Connection
from crm.errors import NotFound

PAGE = 50
SUGGESTIONS = 5
STATUSES = ("sent", "info_needed", "payment_due", "approved", "declined", "withdrawn")


class Waiting(msgspec.Struct, frozen=True):
    """One row of the queue."""

    id: UUID
    reference: str
    name: str
    tier: str
    status: str
    contact: str
    submitted_at: datetime
    decided_at: datetime | None
    decided_by: str


class Event(msgspec.Struct, frozen=True):
    """One line of an application's own history."""

    kind: str
    actor: str
    note: str
    recorded_at: datetime


class Application(msgspec.Struct, frozen=True):
    """One application with what was answered; drafts are the applicant's own and never shown."""

    id: UUID
    reference: str
    network_id: UUID
    organisation_id: UUID
    tier: str
    status: str
    answers: dict[str, Any]
    language: str
    starts_on: date | None
    submitted_at: datetime
    decided_at: datetime | None
    decided_by: str
    events: tuple[Event, ...]
    consents: dict[str, tuple[bool, int]]


class Known(msgspec.Struct, frozen=True):
    """An organisation in the register; `known_before` the application: since when."""

    id: UUID
    name: str
    country: str
    kind: str
    county: str
    employees: int | None
    created_at: datetime
    identifiers: list[str]
    networks: list[UUID]


_KNOWN = """
select o.id, o.name, p.country, p.kind, p.county, p.employees, o.created_at,
    array(select i.scheme || ':' || i.value from identifier i where i.organisation_id = o.id order by 1) as identifiers,
    array(select distinct m.network_id from membership_period m where m.organisation_id = o.id
          and m.superseded_at is null and m.starts_on <= $2 and (m.ends_on is null or m.ends_on > $2)) as networks
from organisation o
join lateral (
    select country, kind, county, employees from organisation_profile
    where organisation_id = o.id and superseded_at is null
    order by (starts_on <= $2 and (ends_on is null or ends_on > $2)) desc, starts_on desc limit 1
) p on true
"""


async def counts(connection: Connection, network: UUID) -> dict[str, int]:
    """How many applications there are in each status; drafts are not counted."""
    rows = await connection.fetch(
        "select status, count(*) as n from application where network_id = $1 and status = any($2) group by status",
        network,
        list(STATUSES),
    )
    return dict.fromkeys(STATUSES, 0) | {r["status"]: r["n"] for r in rows}


async def queue(connection: Connection, network: UUID, statuses: Sequence[str], page: int = 1) -> list[Waiting]:
    """Applications of these statuses, the one that has waited longest first."""
    rows = await connection.fetch(
        "select id, reference, answers -> 'organisation' ->> 'name' as name, tier, status,"
        " answers -> 'contact' ->> 'name' as contact, submitted_at, decided_at, decided_by"
        " from application where network_id = $1 and status = any($2) and submitted_at is not null"
        " order by submitted_at, id limit $3 offset $4",
        network,
        list(statuses),
        PAGE,
        (page - 1) * PAGE,
    )
    return [Waiting(**dict(r)) for r in rows]


async def one(connection: Connection, network: UUID, wanted: UUID) -> Application:
    """One sent application of this network with its history. NotFound, also for another network's."""
    row = await connection.fetchrow(
        "select id, reference, network_id, organisation_id, tier, status, answers, language, starts_on, submitted_at,"
        " decided_at, decided_by from application where id = $1 and network_id = $2 and status = any($3)"
        " and organisation_id is not null",
        wanted,
        network,
        list(STATUSES),
    )
    if row is None:
        raise NotFound("application", wanted)
    events = await connection.fetch(
        "select kind, actor, note, recorded_at from application_event where application_id = $1 order by row_id", wanted
    )
    consents = await connection.fetch(
        "select distinct on (purpose) purpose, given, text_version from consent where application_id = $1"
        " order by purpose, recorded_at desc",
        wanted,
    )
    return Application(
        **dict(row),
        events=tuple(Event(**dict(e)) for e in events),
        consents={c["purpose"]: (c["given"], c["text_version"]) for c in consents},
    )


async def known(connection: Connection, organisation: UUID, day: date) -> Known:
    """The organisation the application belongs to, as the register has it."""
    row = await connection.fetchrow(_KNOWN + " where o.id = $1", organisation, day)
    if row is None:
        raise NotFound("organisation", organisation)
    return Known(**dict(row))


async def alike(connection: Connection, organisation: UUID, day: date) -> list[Known]:
    """Others of the same name (case, spaces, signs and the form of company aside) in the same country."""
    rows = await connection.fetch(
        _KNOWN + f" where o.id <> $1 and {_PLAIN.format('o.name')} ="
        f" (select {_PLAIN.format('x.name')} from organisation x where x.id = $1) and p.country ="
        " (select country from organisation_profile x where x.organisation_id = $1 and x.superseded_at is null"
        "  order by starts_on desc limit 1) order by o.created_at, o.id limit $3",
        organisation,
        day,
        SUGGESTIONS,
    )
    return [Known(**dict(r)) for r in rows]


# Eksempel Drift A/S, EKSEMPEL-DRIFT AS and Eksempel Drift are one name.
_PLAIN = (
    "regexp_replace(regexp_replace(lower(replace({}, '/', '')),"
    " '\\m(as|asa|ab|aps|oy|oyj|ltd|gmbh|sa|ba|da)\\M', '', 'g'), '[^[:alnum:]]', '', 'g')"
)
