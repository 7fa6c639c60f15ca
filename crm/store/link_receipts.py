"""Words of a linked membership's network on it, as they are stored: acknowledged, or objected to with a reason."""

from datetime import date, datetime
from uuid import UUID, uuid4

import msgspec

from crm.actor import Actor
from crm.database import Connection
from crm.errors import NotFound


class Link(msgspec.Struct, frozen=True):
    """A linked grant that stands or is to start; `acceptance` is not known here."""

    grant_id: UUID
    membership_id: UUID
    network_id: UUID
    source_network_id: UUID
    organisation_id: UUID
    rule: str
    version: int


class Receipt(msgspec.Struct, frozen=True):
    """One word; an objection is open while `outcome` is empty."""

    id: UUID
    network_id: UUID
    source_network_id: UUID
    organisation_id: UUID
    membership_id: UUID
    grant_id: UUID
    rule: str
    word: str
    reason: str
    on_date: date
    outcome: str
    recorded_at: datetime


_ROW = f"select {', '.join(Receipt.__struct_fields__)} from link_receipt"


async def links(connection: Connection, membership: UUID, today: date) -> list[Link]:
    """The linked grants behind a membership."""
    rows = await connection.fetch(
        "select id as grant_id, membership_id, network_id, source_network_id, organisation_id, rule,"
        " rulebook_version as version from membership_grant where membership_id = $1 and kind = 'linked'"
        " and superseded_at is null and (ends_on is null or ends_on > $2) order by starts_on, id",
        membership,
        today,
    )
    return [Link(**dict(row)) for row in rows]


async def newest(connection: Connection, grant: UUID) -> Receipt | None:
    """The last word on a linked grant."""
    row = await connection.fetchrow(f"{_ROW} where grant_id = $1 order by recorded_at desc, id limit 1", grant)
    return Receipt(**dict(row)) if row else None


async def add(
    connection: Connection, link: Link, word: str, reason: str, on: date, actor: Actor, answer: UUID | None = None
) -> UUID:
    """Store a word; with `answer`, an objection that has declined the link at once."""
    made = uuid4()
    await connection.execute(
        "insert into link_receipt (id, network_id, source_network_id, organisation_id, membership_id, grant_id, rule,"
        " word, reason, on_date, actor, recorded_at, outcome, note, answer_id, closed_by, closed_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, clock_timestamp(), $12, '', $13, $14,"
        "  case when $13::uuid is null then null else now() end)",
        made,
        link.network_id,
        link.source_network_id,
        link.organisation_id,
        link.membership_id,
        link.grant_id,
        link.rule,
        word,
        reason,
        on,
        actor.name,
        "declined" if answer else "",
        answer,
        actor.name if answer else "",
    )
    return made


async def lock(connection: Connection, wanted: UUID) -> Receipt:
    """One word, held until the transaction ends. NotFound."""
    row = await connection.fetchrow(f"{_ROW} where id = $1 for update", wanted)
    if row is None:
        raise NotFound("receipt_id", wanted)
    return Receipt(**dict(row))


async def close(
    connection: Connection, wanted: UUID, outcome: str, note: str, actor: Actor, answer: UUID | None = None
) -> None:
    """What became of an objection."""
    await connection.execute(
        "update link_receipt set outcome = $2, note = $3, closed_by = $4, closed_at = now(), answer_id = $5"
        " where id = $1 and outcome = ''",
        wanted,
        outcome,
        note,
        actor.name,
        answer,
    )
