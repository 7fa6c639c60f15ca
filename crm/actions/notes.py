"""Notes on members: written, edited, pinned, deleted and brought back by those who manage the network."""

from datetime import date
from uuid import UUID

import msgspec

from crm import catalogue, forms
from crm.actor import Actor
from crm.context import Context
from crm.database import Connection
from crm.errors import Invalid, NotFound
from crm.forms import Problems
from crm.store import audit, notes
from crm.store.notes import Kind, Stored, Words

TEXT_MAX = 8000
CONTACTS_MAX = 20
EARLIEST = date(1990, 1, 1)


class NoteForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A note as it is asked for; `on` left out: today. `contacts` are ids of the member's contact persons."""

    text: str
    kind: Kind = "note"
    on: date | None = None
    contacts: list[UUID] = []
    pinned: bool = False


async def add(context: Context, actor: Actor, network: UUID, organisation: UUID, form: NoteForm) -> UUID:
    """Write a note on a member; its id. NotFound `organisation_id`; Forbidden; Invalid names what is wrong."""
    actor.must_manage(network)
    async with context.db.tx() as connection:
        if not await notes.is_member(connection, network, organisation):
            raise NotFound("organisation_id", organisation)
        words = await _checked(connection, context, network, organisation, form)
        new = await notes.add(connection, network, organisation, words, actor)
        await audit.append(connection, actor, "note_added", {"kind": words.kind}, network, organisation, new)
    return new


async def edit(context: Context, actor: Actor, wanted: UUID, form: NoteForm) -> None:
    """Let it say something else; what it said before is kept with it. NotFound also for a deleted one."""
    async with context.db.tx() as connection:
        note = await _own(connection, actor, wanted)
        if note.deleted_at:
            raise NotFound("note_id", wanted)
        dated = form if form.on else msgspec.structs.replace(form, on=note.words.on)
        words = await _checked(connection, context, note.network_id, note.organisation_id, dated)
        if words == note.words:
            return
        await notes.edit(connection, note, words, actor)
        fields = [n for n in Words.__struct_fields__ if getattr(words, n) != getattr(note.words, n)]
        await _tell(connection, actor, "note_changed", note, {"changed": fields})


async def pin(context: Context, actor: Actor, wanted: UUID, pinned: bool) -> None:
    """Keep it on top of the member's notes, or no longer."""
    async with context.db.tx() as connection:
        note = await _own(connection, actor, wanted)
        if note.deleted_at:
            raise NotFound("note_id", wanted)
        if note.words.pinned != pinned:
            await notes.edit(connection, note, msgspec.structs.replace(note.words, pinned=pinned), actor)


async def delete(context: Context, actor: Actor, wanted: UUID) -> None:
    """Hide it; it can be brought back for `HIDDEN_FOR`. Twice is once."""
    async with context.db.tx() as connection:
        note = await _own(connection, actor, wanted)
        if note.deleted_at is None:
            await notes.hide(connection, wanted, actor)
            await _tell(connection, actor, "note_deleted", note, {})


async def restore(context: Context, actor: Actor, wanted: UUID) -> None:
    """Bring it back. NotFound when it is gone for good."""
    async with context.db.tx() as connection:
        note = await _own(connection, actor, wanted)
        if note.deleted_at is not None:
            await notes.show(connection, wanted)
            await _tell(connection, actor, "note_restored", note, {})


async def forget_hidden(context: Context) -> dict[str, int]:
    """Notes, tasks and documents that were deleted long enough ago go for good; how many of each."""
    async with context.db.tx() as connection:
        return await notes.forget_hidden(connection, context.clock.now())


async def _own(connection: Connection, actor: Actor, wanted: UUID) -> Stored:
    note = await notes.lock(connection, wanted)
    if note is None or note.network_id not in actor.sees:
        raise NotFound("note_id", wanted)
    actor.must_manage(note.network_id)
    return note


async def _tell(connection: Connection, actor: Actor, action: str, note: Stored, detail: dict[str, list[str]]) -> None:
    await audit.append(connection, actor, action, detail, note.network_id, note.organisation_id, note.id)


async def _checked(
    connection: Connection, context: Context, network: UUID, organisation: UUID, form: NoteForm
) -> Words:
    """The note in the network's own day. What is ahead of it has not been said yet: Invalid `date_out_of_range`."""
    kept = await catalogue.load(connection)
    today = context.clock.today(kept.by_id[network].zone)
    on, problems = form.on or today, _problems(form, today)
    contacts = tuple(dict.fromkeys(form.contacts))
    if not problems:
        for each in await notes.strangers(connection, organisation, contacts):
            problems.append(("contacts", "contact_unknown", {"given": str(each)}))
    if problems:
        raise Invalid(problems)
    return Words(form.text.replace("\r\n", "\n").strip(), form.kind, on, contacts, form.pinned)


def _problems(form: NoteForm, today: date) -> Problems:
    problems: Problems = []
    forms.text(problems, "text", form.text.replace("\r\n", "\n"), TEXT_MAX)
    if form.on and not EARLIEST <= form.on <= today:
        given = {"given": form.on.isoformat(), "earliest": EARLIEST.isoformat(), "latest": today.isoformat()}
        problems.append(("on", "date_out_of_range", given))
    if len(form.contacts) > CONTACTS_MAX:
        problems.append(("contacts", "too_many", {"limit": CONTACTS_MAX}))
    return problems
