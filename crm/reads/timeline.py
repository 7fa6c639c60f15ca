"""What happened to one organisation in the networks a reader sees: decisions, grants, applications, mails, audit."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec

from crm.database import Connection

MOST_MAILS = 50
MOST_AUDIT = 50
# These say what decisions, grants and applications on the same timeline say already.
_TOLD_ELSEWHERE = (
    "application_sent",
    "application_approved",
    "application_declined",
    "application_question",
    "tier_change",
    "ending",
    "suspension",
    "event",
    "decision_withdrawn",
    "suspension_lifted",
    "linked_membership",
)


class DecisionEvent(msgspec.Struct, frozen=True):
    """What a person decided, and whether it was taken back; `audit` is the number of its audit entry."""

    id: UUID
    membership_id: UUID
    network_id: UUID
    kind: str
    effective_on: date
    until_on: date | None
    tier: str
    event: str
    reason: str
    actor: str
    channel: str
    application_id: UUID | None
    recorded_at: datetime
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    audit: int | None


class GrantEvent(msgspec.Struct, frozen=True):
    """A linked grant as it was recorded once; a later row of the same id replaced it."""

    row_id: int
    id: UUID
    network_id: UUID
    source_network_id: UUID
    tier: str
    starts_on: date
    ends_on: date | None
    rule: str
    version: int
    cause_id: UUID
    reason: str
    recorded_at: datetime
    superseded_at: datetime | None
    replaced: bool


class ApplicationStep(msgspec.Struct, frozen=True):
    """A step of an application: sent, question, answer, approved, declined, withdrawn."""

    application_id: UUID
    network_id: UUID
    reference: str
    kind: str
    actor: str
    note: str
    recorded_at: datetime


class MailEvent(msgspec.Struct, frozen=True):
    """A mail about the organisation."""

    id: UUID
    network_id: UUID
    subject: str
    recipient: str
    status: str
    send_after: datetime
    sent_at: datetime | None
    created_at: datetime


class AuditEvent(msgspec.Struct, frozen=True):
    """An audit entry that no other event tells of."""

    seq: int
    network_id: UUID | None
    action: str
    actor: str
    channel: str
    recorded_at: datetime


Event = DecisionEvent | GrantEvent | ApplicationStep | MailEvent | AuditEvent


async def of_organisation(connection: Connection, organisation: UUID, networks: Sequence[UUID]) -> list[Event]:
    """Everything, in no order: whoever shows it knows which day each event is about."""
    listed = list(networks)
    out: list[Event] = []
    for statement, kind, values in (
        (_DECISIONS, DecisionEvent, ()),
        (_GRANTS, GrantEvent, ()),
        (_STEPS, ApplicationStep, ()),
        (_MAILS, MailEvent, (MOST_MAILS,)),
        (_AUDIT, AuditEvent, (MOST_AUDIT, list(_TOLD_ELSEWHERE))),
    ):
        rows = await connection.fetch(statement, organisation, listed, *values)
        out += [kind(**dict(row)) for row in rows]
    return out


async def decisions(connection: Connection, organisation: UUID, networks: Sequence[UUID]) -> list[DecisionEvent]:
    """What people decided alone, in no order: for the organisation's own pages."""
    return [DecisionEvent(**dict(row)) for row in await connection.fetch(_DECISIONS, organisation, list(networks))]


_DECISIONS = """
select d.id, d.membership_id, m.network_id, d.kind, d.effective_on, d.until_on, d.tier, d.event, d.reason, d.actor,
    d.channel, d.application_id, d.recorded_at, d.withdrawn_at, d.withdrawn_by,
    (select min(a.seq) from audit a where a.subject_id = d.id) as audit
from membership_decision d join membership m on m.id = d.membership_id
where m.organisation_id = $1 and m.network_id = any($2)
"""
_GRANTS = """
select g.row_id, g.id, g.network_id, g.source_network_id, g.tier, g.starts_on, g.ends_on, g.rule,
    g.rulebook_version as version, g.cause_id, g.reason ->> 'code' as reason, g.recorded_at, g.superseded_at,
    exists (select 1 from membership_grant later where later.id = g.id and later.row_id > g.row_id) as replaced
from membership_grant g
where g.organisation_id = $1 and g.kind = 'linked' and (g.network_id = any($2) or g.source_network_id = any($2))
"""
_STEPS = """
select e.application_id, a.network_id, a.reference, e.kind, e.actor, e.note, e.recorded_at
from application_event e join application a on a.id = e.application_id
where a.organisation_id = $1 and a.network_id = any($2)
"""
_MAILS = """
select id, network_id, subject, recipient, status, send_after, sent_at, created_at from mail
where organisation_id = $1 and network_id = any($2) order by created_at desc, id limit $3
"""
_AUDIT = """
select seq, network_id, action, actor, channel, recorded_at from audit
where organisation_id = $1 and network_id = any($2) and not (action = any($4)) order by seq desc limit $3
"""
