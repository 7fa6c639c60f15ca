"""The audit trail for programs: what was done in a network, newest first, and what the whole chain ends with."""

from datetime import date, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from crm import audit_words
from crm.actions import audit as actions
from crm.api import edge, shapes
from crm.api.operations import PREFIX, Call, Nothing, Operation
from crm.api.problems import EdgeError
from crm.catalogue import NetworkRow
from crm.i18n import N_
from crm.reads import audit as reads

TAG = N_("Audit trail")
MOST_DIGITS = 18
Text = Annotated[str, Meta(max_length=100)]


class AuditQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries, and from where on."""

    text: Annotated[str, Meta(max_length=100, description="Part of who did it, or of the organisation's name.")] = ""
    action: Annotated[str, Meta(max_length=60, description="One code.")] = ""
    channel: Annotated[str, Meta(max_length=20, description="web, member, api, cli, import or job.")] = ""
    organisation_id: UUID | None = None
    from_: Annotated[date, Meta(description="First day, in the network's time zone.")] | None = msgspec.field(
        name="from", default=None
    )
    to: Annotated[date, Meta(description="First day that is not asked for any more.")] | None = None
    limit: shapes.Limit = 100
    cursor: Annotated[str, Meta(max_length=MOST_DIGITS, description="From `next_cursor`; opaque.")] | None = None


class AuditEntry(shapes.Answer, frozen=True):
    """One thing somebody did. `hash` covers it and the entry before it; `detail` may have `changes`: field -> [before,
    after]."""

    number: int
    recorded_at: datetime
    actor: str
    channel: str
    action: str
    words: str
    organisation_id: UUID | None
    organisation: str
    subject_id: UUID | None
    detail: dict[str, Any]
    hash: str


class AuditHead(shapes.Answer, frozen=True):
    """What the chain of all entries of this system ends with. Kept elsewhere it proves later that none was changed."""

    number: int
    hash: str


async def entries(call: Call[AuditQuery, None]) -> shapes.Page[AuditEntry]:
    asked = call.query
    before = _before(asked.cursor)
    async with call.context.db.reading(call.actor.manages) as connection:
        network = await call.managed(connection)
        wanted = reads.Wanted(
            network.id,
            asked.text,
            asked.action,
            asked.channel,
            _begins(call, network, "from", asked.from_),
            _begins(call, network, "to", asked.to),
            asked.organisation_id,
        )
        rows = await reads.page(connection, wanted, before, asked.limit + 1)
    shown = rows[: asked.limit]
    cursor = str(shown[-1].seq) if len(rows) > len(shown) else None
    if cursor:
        given = msgspec.to_builtins(asked) | {"cursor": cursor}
        call.headers["link"] = edge.next_link(f"{PREFIX}/networks/{network.slug}/audit", given)
    return shapes.Page([_shown(call, row) for row in shown], cursor, cursor is not None)


async def head(call: Call[Nothing, None]) -> AuditHead:
    async with call.context.db.reading(call.actor.manages) as connection:
        await call.managed(connection)
    chain = await actions.head(call.context)
    return AuditHead(chain.seq, chain.hash)


def _shown(call: Call[Any, Any], row: reads.Entry) -> AuditEntry:
    return AuditEntry(
        row.seq,
        row.recorded_at,
        row.actor,
        row.channel,
        row.action,
        audit_words.sentence(call.t, row.action),
        row.organisation_id,
        row.organisation,
        row.subject_id,
        row.detail,
        row.hash,
    )


def _before(cursor: str | None) -> int:
    if cursor is None:
        return reads.NEWEST
    if not (cursor.isascii() and cursor.isdigit()):
        raise EdgeError(422, "cursor", "cursor_invalid")
    return int(cursor)


def _begins(call: Call[Any, Any], network: NetworkRow, name: str, day: date | None) -> datetime | None:
    """The moment at which a day begins where the network is."""
    if day is None:
        return None
    edge.day(day, name, call.context.clock.today(network.zone) + timedelta(days=1))
    return datetime(day.year, day.month, day.day, tzinfo=network.zone)


operations = (
    Operation(
        id="list_audit_entries",
        method="GET",
        path="/networks/{slug}/audit",
        tag=TAG,
        summary=N_("What was done in a network"),
        description=N_(
            "Newest first. Only for keys that manage the network. Entries are never changed or taken away; names in "
            "them may be forgotten when the law asks for it, and the chain of hashes still stands."
        ),
        query=AuditQuery,
        answer=shapes.Page[AuditEntry],
        listing=True,
        run=entries,
    ),
    Operation(
        id="show_audit_head",
        method="GET",
        path="/networks/{slug}/audit/head",
        tag=TAG,
        summary=N_("What the chain of entries ends with"),
        description=N_(
            "Number and hash of the newest entry of the whole system. Keep them elsewhere: `crm audit check` compares."
        ),
        answer=AuditHead,
        run=head,
    ),
)
