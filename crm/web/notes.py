"""Notes and tasks about one member: the tab, a note's own page with what it said before, deleting with an undo."""

from typing import Any, cast

from litestar import Request, Response, get, post
from litestar.datastructures import FormMultiDict
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from crm.actions import notes as actions
from crm.actions.notes import NoteForm
from crm.errors import Invalid, NotFound, status_of
from crm.reads import contacts as contact_reads
from crm.reads import notes as reads
from crm.reads import todos as todo_reads
from crm.reads.contacts import Contact
from crm.reads.notes import Note
from crm.store.notes import Kind
from crm.web import member_frame
from crm.web.fields import LONGEST_FIELD, day_of, id_of
from crm.web.member_frame import Frame
from crm.web.office import Office, reading, routes
from crm.web.office_consequences import problems
from crm.web.session import NOT_KEPT
from crm.web.timeline_words import NOTES
from crm.web.todos import people_of, undo_of

PATH = "/members/{member:str}/notes"
Typed = dict[str, Any]


@get(PATH, include_in_schema=False)
async def show_notes(request: Request, office: NamedDependency[Office], member: FromPath[str]) -> Response[str]:
    return await _page(request, office, await member_frame.find(request, office, member))


@post(f"{PATH}/new", include_in_schema=False)
async def add_note(request: Request, office: NamedDependency[Office], member: FromPath[str]) -> Response:
    frame, form = await member_frame.find(request, office, member), await request.form()
    typed = typed_of(form)
    try:
        await actions.add(office.context, office.actor, office.network.id, frame.id, _form(typed))
    except Invalid as error:
        return await _page(request, office, frame, error, typed)
    return _back(office, frame)


@get(PATH + "/{note:str}", include_in_schema=False)
async def show_note(
    request: Request, office: NamedDependency[Office], member: FromPath[str], note: FromPath[str]
) -> Response[str]:
    frame = await member_frame.find(request, office, member)
    return await _note_page(request, office, frame, await _note(office, frame, note))


@post(PATH + "/{note:str}", include_in_schema=False)
async def edit_note(
    request: Request, office: NamedDependency[Office], member: FromPath[str], note: FromPath[str]
) -> Response:
    frame = await member_frame.find(request, office, member)
    found, typed = await _note(office, frame, note), typed_of(await request.form())
    try:
        await actions.edit(office.context, office.actor, found.id, _form(typed))
    except Invalid as error:
        return await _note_page(request, office, frame, found, error, typed)
    return _back(office, frame, f"#note-{found.id}")


@post(PATH + "/{note:str}/{word:str}", include_in_schema=False)
async def move_note(
    request: Request,
    office: NamedDependency[Office],
    member: FromPath[str],
    note: FromPath[str],
    word: FromPath[str],
) -> Response:
    """Pinned, deleted, brought back."""
    frame, wanted = await member_frame.find(request, office, member), id_of("note", note)
    if word in ("pin", "unpin"):
        await actions.pin(office.context, office.actor, wanted, word == "pin")
        return _back(office, frame)
    act = {"delete": actions.delete, "restore": actions.restore}.get(word)
    if act is None:
        raise NotFound("word", word)
    await act(office.context, office.actor, wanted)
    return _back(office, frame, f"?deleted={wanted}" if word == "delete" else f"#note-{wanted}")


handlers = [reading(show_notes), routes(add_note, show_note, edit_note, move_note)]


def typed_of(form: FormMultiDict) -> Typed:
    """What was written in the form of a note."""
    typed: Typed = {name: str(form.get(name, ""))[:LONGEST_FIELD] for name in ("text", "kind", "on")}
    return typed | {"contacts": [str(each) for each in form.getall("contacts", [])], "pinned": bool(form.get("pinned"))}


def _form(typed: Typed) -> NoteForm:
    """The note as actions take it. Invalid where a day is none or a choice cannot be made on the page."""
    on = day_of(typed["on"]) if typed["on"] else None
    if typed["on"] and on is None:
        raise Invalid([("on", "date_format", {})])
    if typed["kind"] not in NOTES:
        raise Invalid([("kind", "value_unknown", {"message": typed["kind"][:30]})])
    contacts = [id_of("contact", each) for each in typed["contacts"]]
    return NoteForm(typed["text"], cast(Kind, typed["kind"]), on, contacts, typed["pinned"])


async def _note(office: Office, frame: Frame, wanted: str) -> Note:
    async with office.context.db.reading(office.actor.sees) as connection:
        found = await reads.one(connection, id_of("note", wanted))
    ours = found and found.network_id == office.network.id and found.organisation_id == frame.id
    if found is None or not ours or found.deleted_at:
        raise NotFound("note", wanted)
    return found


async def _contacts(office: Office, frame: Frame) -> list[Contact]:
    async with office.context.db.reading(office.actor.sees) as connection:
        return await contact_reads.of_organisation(connection, frame.id)


def _choices(office: Office, contacts: list[Contact]) -> dict[str, Any]:
    labels = {kind: office.t.gettext(word) for kind, (_, word) in NOTES.items()}
    return {
        "labels": labels,
        "kinds": [{"value": kind, "label": label} for kind, label in labels.items()],
        "contacts": [{"value": str(each.id), "label": each.name, "hint": each.role} for each in contacts],
    }


async def _page(
    request: Request, office: Office, frame: Frame, error: Invalid | None = None, typed: Typed | None = None
) -> Response[str]:
    async with office.context.db.reading(office.actor.sees) as connection:
        notes = await reads.of_member(connection, office.network.id, frame.id)
        tasks = await todo_reads.of_member(connection, office.network.id, frame.id)
    errors = problems(office, error, {name: name for name in NoteForm.__struct_fields__}) if error else []
    here = f"{office.base}/members/{frame.id}/notes"
    undo = await undo_of(request, office, here)
    deleted = request.query_params.get("deleted", "")
    if deleted and not undo:
        async with office.context.db.reading(office.actor.sees) as connection:
            gone = await reads.one(connection, id_of("note", deleted))
        if gone and gone.deleted_at:
            undo = {"text": office.t.gettext("The note is deleted."), "href": f"{here}/{gone.id}/restore"}
    return await member_frame.answer(
        request,
        office,
        frame,
        "notes",
        "office/member_notes.html",
        here if request.method == "POST" else "",
        status_code=status_of(error) if error else 200,
        notes=notes,
        tasks=tasks,
        people=await people_of(office),
        **_choices(office, await _contacts(office, frame)),
        typed=typed or {},
        about="note",
        errors=errors,
        wrong={each["field"]: each["text"] for each in errors},
        me=office.actor.id,
        undo=undo,
    )


async def _note_page(
    request: Request,
    office: Office,
    frame: Frame,
    note: Note,
    error: Invalid | None = None,
    typed: Typed | None = None,
) -> Response[str]:
    async with office.context.db.reading(office.actor.sees) as connection:
        versions = await reads.versions(connection, note.id)
    errors = problems(office, error, {name: name for name in NoteForm.__struct_fields__}) if error else []
    told = {"text": note.text, "kind": note.kind, "on": note.on_date.isoformat(), "pinned": note.pinned}
    return await member_frame.answer(
        request,
        office,
        frame,
        "notes",
        "office/note.html",
        f"{office.base}/members/{frame.id}/notes/{note.id}" if request.method == "POST" else "",
        status_code=status_of(error) if error else 200,
        note=note,
        versions=versions,
        **_choices(office, await _contacts(office, frame)),
        typed=typed or told | {"contacts": [str(each.id) for each in note.people]},
        errors=errors,
        wrong={each["field"]: each["text"] for each in errors},
    )


def _back(office: Office, frame: Frame, rest: str = "") -> Redirect:
    where = f"{office.base}/members/{frame.id}/notes{rest}"
    return Redirect(where, status_code=303, headers=NOT_KEPT)
