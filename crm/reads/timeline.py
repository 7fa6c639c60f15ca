"""What happened to one organisation in the networks a reader sees, as one stream that is read page by page.

Days are the network's own; amounts are minor units. Behind the wall: `context.db.reading(...)`.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from crm.database import Connection
from crm.reads import timeline_sources as sources

PAGE = 40


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
    """A linked grant as it was recorded once. `replaced`: a later row of the same id stands for it; `again`: it stands
    for an earlier one itself, which ended on `ended_before`."""

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
    again: bool
    ended_before: date | None


class ApplicationStep(msgspec.Struct, frozen=True):
    """A step of an application: sent, question, answer, approved, declined, withdrawn."""

    application_id: UUID
    network_id: UUID
    reference: str
    kind: str
    actor: str
    note: str
    recorded_at: datetime
    row_id: int
    channel: str


class MailEvent(msgspec.Struct, frozen=True):
    """A mail about the organisation; `mailing` and `actor`: of the mail to many that it is one of."""

    id: UUID
    network_id: UUID
    subject: str
    recipient: str
    status: str
    last_error: str
    send_after: datetime
    sent_at: datetime | None
    created_at: datetime
    mailing_id: UUID | None
    mailing: str
    actor: str


class AuditEvent(msgspec.Struct, frozen=True):
    """An audit entry that no other event tells of; `detail.changes` is {field: [before, after]} where it is an edit.

    `undoable`: what it deleted is still there to be brought back.
    """

    seq: int
    network_id: UUID | None
    action: str
    actor: str
    channel: str
    detail: dict[str, Any]
    subject_id: UUID | None
    recorded_at: datetime
    undoable: bool


class NoteEvent(msgspec.Struct, frozen=True):
    """A note; `people` are the names of the contact persons it was with."""

    id: UUID
    network_id: UUID
    kind: str
    text: str
    on_date: date
    pinned: bool
    actor: str
    channel: str
    created_at: datetime
    edited_at: datetime | None
    people: list[str]


class FactsEvent(msgspec.Struct, frozen=True):
    """A change of what is known of the organisation: {fact: {old, new}}."""

    id: UUID
    facts: dict[str, dict[str, Any]]
    effective_on: date
    reason: str
    actor: str
    channel: str
    recorded_at: datetime
    withdrawn_at: datetime | None
    withdrawn_by: str | None


class InvoiceEvent(msgspec.Struct, frozen=True):
    """Something that happened to an invoice or credit note (`paper`)."""

    id: UUID
    paper: str
    number: str
    gross: int | None
    currency: str
    kind: str
    actor: str
    detail: dict[str, Any]
    recorded_at: datetime
    channel: str


class BookingEvent(msgspec.Struct, frozen=True):
    """Money that came in (`amount` above zero) or went back, on the organisation's account."""

    id: UUID
    kind: str
    currency: str
    on_date: date
    provider: str
    actor: str
    recorded_at: datetime
    reversed: bool
    amount: int


class ReceiptEvent(msgspec.Struct, frozen=True):
    """The word of a linked membership's network on it: acknowledged or objected."""

    id: UUID
    network_id: UUID
    source_network_id: UUID
    word: str
    reason: str
    actor: str
    recorded_at: datetime
    outcome: str


class ShareEvent(msgspec.Struct, frozen=True):
    """What a partner network is told of the member changed: `op` upsert or remove."""

    row_id: int
    network_id: UUID
    to_network_id: UUID
    agreement: dict[str, str]
    op: str
    reason: str
    version: int
    recorded_at: datetime


Event = (
    DecisionEvent
    | GrantEvent
    | ApplicationStep
    | MailEvent
    | AuditEvent
    | NoteEvent
    | FactsEvent
    | InvoiceEvent
    | BookingEvent
    | ReceiptEvent
    | ShareEvent
)


class Entry(msgspec.Struct, frozen=True):
    """An event with its place in the stream: (day, moment, key), the greatest first."""

    on: date
    at: datetime
    key: str
    event: Event

    @property
    def place(self) -> tuple[date, datetime, str]:
        """What a page goes on from."""
        return self.on, self.at, self.key


class Asked(msgspec.Struct, frozen=True):
    """Which kinds (none: all), what comes after which place, how many, and in which zone a moment is a day."""

    zone: str
    kinds: tuple[str, ...] = ()
    after: tuple[date, datetime, str] | None = None
    limit: int = PAGE


_AUDIT = [list(sources.TOLD_ELSEWHERE), list(sources.OF_THE_DESK)]
_SOURCES: tuple[tuple[str, str, type[Any], list[Any]], ...] = (
    ("decisions", sources.PAGED_DECISIONS, DecisionEvent, []),
    ("decisions", sources.PAGED_STEPS, ApplicationStep, []),
    ("links", sources.PAGED_GRANTS, GrantEvent, []),
    ("money", sources.PAGED_INVOICES, InvoiceEvent, []),
    ("money", sources.PAGED_BOOKINGS, BookingEvent, []),
    ("syncs", sources.PAGED_SHARES, ShareEvent, []),
    ("syncs", sources.PAGED_RECEIPTS, ReceiptEvent, []),
    ("notes", sources.PAGED_NOTES, NoteEvent, []),
    ("notes", sources.PAGED_AUDIT, AuditEvent, [*_AUDIT, True]),
    ("mails", sources.PAGED_MAILS, MailEvent, []),
    ("changes", sources.PAGED_FACTS, FactsEvent, []),
    ("changes", sources.PAGED_AUDIT, AuditEvent, [*_AUDIT, False]),
)
KINDS = tuple(dict.fromkeys(kind for kind, *_ in _SOURCES))


async def page(connection: Connection, organisation: UUID, networks: Sequence[UUID], asked: Asked) -> list[Entry]:
    """The newest entries after the place asked for, from every source at once; what is to come stands first."""
    day, moment, key = asked.after or (None, None, None)
    found: list[Entry] = []
    for kind, statement, shape, values in _SOURCES:
        if asked.kinds and kind not in asked.kinds:
            continue
        parameters = [organisation, list(networks), day, moment, key, asked.limit, asked.zone, *values]
        for row in await connection.fetch(statement, *parameters):
            event = shape(**{name: row[name] for name in shape.__struct_fields__})
            found.append(Entry(row["on_day"], row["at"], row["key"], event))
    return sorted(found, key=lambda entry: entry.place, reverse=True)[: asked.limit]


async def recorded(connection: Connection, organisation: UUID, networks: Sequence[UUID]) -> list[Event]:
    """All decisions, linked grants and steps of applications, in no order: what a member's page reasons about."""
    out: list[Event] = []
    for statement, shape in (
        (sources.DECISIONS, DecisionEvent),
        (sources.GRANTS, GrantEvent),
        (sources.STEPS, ApplicationStep),
    ):
        out += [shape(**dict(row)) for row in await connection.fetch(statement, organisation, list(networks))]
    return out


async def decisions(connection: Connection, organisation: UUID, networks: Sequence[UUID]) -> list[DecisionEvent]:
    """What people decided alone, in no order: for the organisation's own pages."""
    rows = await connection.fetch(sources.DECISIONS, organisation, list(networks))
    return [DecisionEvent(**dict(row)) for row in rows]
