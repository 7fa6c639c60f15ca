"""Notes on members, for programs of the network's own office."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from crm.actions import notes as actions
from crm.actions.notes import NoteForm
from crm.api import edge, shapes
from crm.api.operations import PREFIX, Call, Nothing, Operation
from crm.errors import NotFound
from crm.i18n import N_
from crm.reads import notes as reads

TAG = N_("Notes, tasks and mailings")


class NoteBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A note on a member; `on` left out: today. `contacts` are ids of the member's contacts."""

    organisation_id: UUID
    text: Annotated[str, Meta(max_length=actions.TEXT_MAX)]
    kind: Literal["note", "call", "meeting", "mail"] = "note"
    on: date | None = None
    contacts: Annotated[list[UUID], Meta(max_length=actions.CONTACTS_MAX)] = []
    pinned: bool = False


class Note(shapes.Answer, frozen=True):
    """A note; `versions`: how often it said something else before."""

    id: UUID
    network: str
    organisation_id: UUID
    kind: str
    text: str
    on: date
    contacts: list[UUID]
    pinned: bool
    written_by: str
    written_at: datetime
    edited_by: str
    edited_at: datetime | None
    versions: int


class NotesQuery(msgspec.Struct, frozen=True):
    """Of all members, or of one."""

    organisation_id: UUID | None = None
    limit: shapes.Limit = 100
    cursor: Annotated[str, Meta(max_length=36, description="From `next_cursor`; opaque.")] | None = None


async def add(call: Call[Nothing, NoteBody]) -> Note:
    body, network = call.body, await call.managed()
    form = NoteForm(body.text, body.kind, body.on, body.contacts, body.pinned)
    new = await actions.add(call.context, call.actor, network.id, body.organisation_id, form)
    return await _one(call, new)


async def remove(call: Call[Nothing, None]) -> Note:
    """It can be brought back for a while, on the member's page."""
    wanted = call.id("note_id")
    await actions.delete(call.context, call.actor, wanted)
    return await _one(call, wanted)


async def listing(call: Call[NotesQuery, None]) -> shapes.Page[Note]:
    query, after = call.query, edge.cursor_id(call.query.cursor) or reads.FIRST
    async with call.reading() as connection:
        network = await call.managed(connection)
        found = await reads.of_network(connection, network.id, query.organisation_id, after, query.limit + 1)
    shown = found[: query.limit]
    cursor = str(shown[-1].id) if len(found) > len(shown) else None
    if cursor:
        asked = {"limit": query.limit, "cursor": cursor, "organisation_id": query.organisation_id}
        call.headers["link"] = edge.next_link(f"{PREFIX}/networks/{network.slug}/notes", asked)
    return shapes.Page([_shown(network.slug, each) for each in shown], cursor, cursor is not None)


async def _one(call: Call[Any, Any], wanted: UUID) -> Note:
    async with call.reading() as connection:
        kept = await call.kept(connection)
        found = await reads.one(connection, wanted)
    if found is None:
        raise NotFound("note_id", wanted)
    return _shown(kept.by_id[found.network_id].slug, found)


def _shown(slug: str, row: reads.Note) -> Note:
    return Note(
        row.id,
        slug,
        row.organisation_id,
        row.kind,
        row.text,
        row.on_date,
        [each.id for each in row.people],
        row.pinned,
        row.actor,
        row.created_at,
        row.edited_by,
        row.edited_at,
        row.versions,
    )


operations = (
    Operation(
        id="add_note",
        method="POST",
        path="/networks/{slug}/notes",
        tag=TAG,
        summary=N_("Write a note on a member"),
        description=N_("For keys that manage the network; only its own people read notes."),
        body=NoteBody,
        answer=Note,
        status=201,
        missing=("organisation_id",),
        example={
            "organisation_id": "0190b000-0000-7000-8000-000000000000",
            "text": "Wants two students",
            "kind": "call",
        },
        run=add,
    ),
    Operation(
        id="list_notes",
        method="GET",
        path="/networks/{slug}/notes",
        tag=TAG,
        summary=N_("Notes on members"),
        query=NotesQuery,
        answer=shapes.Page[Note],
        listing=True,
        run=listing,
    ),
    Operation(
        id="delete_note",
        method="DELETE",
        path="/notes/{note_id}",
        tag=TAG,
        summary=N_("Delete a note"),
        description=N_("It can be brought back on the member's page for 30 days."),
        answer=Note,
        run=remove,
    ),
)
