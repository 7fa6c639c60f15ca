"""Applications: drafts saved step by step, sent once, decided once."""

import secrets
from datetime import date, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec

from crm.database import Connection
from crm.errors import NotFound
from crm.forms import ConsentsForm

_REFERENCE_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # none that read alike
REFERENCE_LENGTH = 8


class Row(msgspec.Struct, frozen=True):
    """An application as stored."""

    id: UUID
    reference: str
    network_id: UUID
    organisation_id: UUID | None
    tier: str
    status: str
    answers: dict[str, Any]
    language: str
    version: int
    starts_on: date | None
    submitted_at: datetime | None
    decided_at: datetime | None
    decided_by: str
    updated_at: datetime


_COLUMNS = ", ".join(Row.__struct_fields__)


def token_hash(token: str) -> str:
    """What is stored of the secret in a resume link."""
    return sha256(token.encode()).hexdigest()


async def start(connection: Connection, network: UUID, tier: str, language: str, token: str | None) -> UUID:
    """A new, empty draft; with `token` it can be resumed from a link."""
    new = uuid4()
    reference = "".join(secrets.choice(_REFERENCE_LETTERS) for _ in range(REFERENCE_LENGTH))
    await connection.execute(
        "insert into application (id, reference, network_id, tier, status, answers, language, token_hash,"
        " version, created_at, updated_at) values ($1, $2, $3, $4, 'draft', '{}', $5, $6, 1, now(), now())",
        new,
        reference,
        network,
        tier,
        language,
        token_hash(token) if token else None,
    )
    return new


async def get(connection: Connection, wanted: UUID, lock: bool = False) -> Row:
    """One application; `lock` holds it until the transaction ends. NotFound."""
    return _row(
        await connection.fetchrow(
            f"select {_COLUMNS} from application where id = $1" + (" for update" if lock else ""), wanted
        ),
        wanted,
    )


async def has_status_page(connection: Connection, application: UUID) -> bool:
    """Was it filled in on our pages, so that the applicant holds a link? One sent by API has none."""
    return bool(await connection.fetchval("select token_hash is not null from application where id = $1", application))


async def by_token(connection: Connection, token: str, lock: bool = False) -> Row:
    """The application a resume link belongs to. NotFound."""
    return _row(
        await connection.fetchrow(
            f"select {_COLUMNS} from application where token_hash = $1" + (" for update" if lock else ""),
            token_hash(token),
        ),
        "token",
    )


def _row(row: asyncpg.Record | None, wanted: Any) -> Row:
    if row is None:
        raise NotFound("application", wanted)
    return Row(**dict(row))


async def save(
    connection: Connection, wanted: UUID, answers: dict[str, Any], tier: str, language: str | None = None
) -> None:
    """Keep a draft's answers, and the language they were given in."""
    await connection.execute(
        "update application set answers = $2, tier = $3, language = coalesce($4, language), version = version + 1,"
        " updated_at = now() where id = $1 and status = 'draft'",
        wanted,
        answers,
        tier,
        language,
    )


async def send(connection: Connection, wanted: UUID, organisation: UUID, tier: str, answers: dict[str, Any]) -> bool:
    """Draft -> sent. False when this organisation already has an open application to the network."""
    other = await connection.fetchval(
        "select o.id from application a join application o on o.network_id = a.network_id"
        " where a.id = $1 and o.id <> a.id and o.organisation_id = $2 and o.status in ('sent', 'info_needed')",
        wanted,
        organisation,
    )
    if other is not None:
        return False
    await connection.execute(
        "update application set status = 'sent', organisation_id = $2, tier = $3, answers = $4,"
        " submitted_at = now(), version = version + 1, updated_at = now() where id = $1 and status = 'draft'",
        wanted,
        organisation,
        tier,
        answers,
    )
    return True


async def decide(connection: Connection, wanted: UUID, status: str, actor: str, starts_on: date | None = None) -> None:
    """Approved, declined, withdrawn, info_needed, or sent again after an answer."""
    await connection.execute(
        "update application set status = $2::text, decided_by = $3, starts_on = coalesce($4, starts_on),"
        " decided_at = case when $2::text in ('approved', 'declined', 'withdrawn') then now() end,"
        " version = version + 1, updated_at = now() where id = $1",
        wanted,
        status,
        actor,
        starts_on,
    )


async def add_event(connection: Connection, wanted: UUID, kind: str, actor: str, note: str = "") -> None:
    """One line of the application's own history."""
    await connection.execute(
        "insert into application_event (application_id, kind, actor, note, recorded_at) values ($1, $2, $3, $4, now())",
        wanted,
        kind,
        actor,
        note,
    )


async def record_consents(
    connection: Connection, wanted: UUID, organisation: UUID, consents: ConsentsForm, actor: str
) -> None:
    """Every answer, yes and no, with the version of the text that was shown."""
    given = {"terms": True, "directory": consents.directory, "newsletter": consents.newsletter}
    await connection.executemany(
        "insert into consent (id, application_id, organisation_id, purpose, text_version, given, actor, recorded_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, now())",
        [
            (uuid4(), wanted, organisation, purpose, consents.terms_version, yes, actor)
            for purpose, yes in given.items()
        ],
    )


async def outcome(connection: Connection, wanted: UUID) -> tuple[list[UUID], list[UUID]]:
    """What an approval made: memberships (direct first, then linked) and draft invoices."""
    memberships = await connection.fetch(
        "with root as (select id, membership_id from membership_decision"
        "              where application_id = $1 and withdrawn_at is null)"
        " select m from (select membership_id as m, 0 as place from root union"
        "   select g.membership_id, 1 from membership_grant g join root on g.cause_id = root.id"
        "   where g.superseded_at is null) made group by m order by min(place), m",
        wanted,
    )
    invoices = await connection.fetch(
        "select distinct c.invoice_id from charge c join membership_decision d"
        " on d.membership_id = c.membership_id and c.grant_id = d.id where d.application_id = $1",
        wanted,
    )
    return [r["m"] for r in memberships], [r["invoice_id"] for r in invoices]
