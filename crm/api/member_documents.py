"""Documents on members and agreements, for programs that manage the network: sent, described, saved, deleted."""

from collections.abc import AsyncGenerator
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar.datastructures import UploadFile
from msgspec import Meta

from crm import file_types, forms
from crm.actions import member_documents as actions
from crm.actions.member_documents import About, DocumentForm
from crm.api import edge, shapes
from crm.api.operations import PREFIX, Call, Nothing, Operation, Pieces, encoded, tag
from crm.api.problems import EdgeError
from crm.database import Connection
from crm.errors import NotFound
from crm.i18n import N_
from crm.reads import member_documents as reads
from crm.store import member_documents as store
from crm.store.member_documents import Kind

TAG = N_("Documents")
PATH = "/networks/{slug}/documents"
ONE = "/documents/{document_id}"
MULTIPART = "multipart/form-data"
BODY_MAX = actions.SIZE_MAX * 4 // 3 + 64 * 1024  # bytes: in JSON a file is in base64


class DocumentUpload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file under its name, about a member (`organisation_id`) or an agreement (its code); `content` in base64.

    Without a title it is called as the file is. `valid_until`: its last day.
    """

    name: str
    content: bytes
    organisation_id: UUID | None = None
    agreement: str = ""
    title: str = ""
    kind: Kind = "other"
    signed_on: date | None = None
    valid_until: date | None = None


class Document(shapes.Answer, frozen=True):
    """What is kept. `media_type` by its bytes, `size` in bytes; `valid_until`: its last day."""

    id: UUID
    network: str
    organisation_id: UUID | None
    agreement: str
    kind: str
    title: str
    file_name: str
    media_type: str
    size: int
    sha256: str
    signed_on: date | None
    valid_until: date | None
    added_by: str
    added_at: datetime
    deleted_at: datetime | None


class DocumentsQuery(msgspec.Struct, frozen=True):
    """All, or those on a member, on an agreement, of a kind, or whose last day is before another."""

    organisation_id: UUID | None = None
    agreement: Annotated[str, Meta(max_length=forms.SHORT_MAX, pattern="^[a-z0-9-]*$")] | None = None
    kind: Kind | None = None
    valid_before: Annotated[date, Meta(description="Has a last day, and it is before this one.")] | None = None
    limit: shapes.Limit = 100
    cursor: Annotated[str, Meta(max_length=36, description="From `next_cursor`; opaque.")] | None = None


async def sent(call: Call[Any, Any]) -> DocumentUpload:
    """The body, as JSON or as a form with the file in its field `file`. EdgeError 400, 415, 422."""
    request = call.request
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MULTIPART:
        request.state.renames = {"file": "content"}  # what a refusal calls it
        return await edge.body(request, DocumentUpload)
    try:
        form = await request.form()
    except (UnicodeDecodeError, LookupError) as error:
        raise EdgeError(400, "body", "body_malformed", message=str(error)[:120]) from error
    told: dict[str, Any] = {}
    for name, value in form.multi_items():
        if name in told or name in ("name", "content"):
            raise EdgeError(422, name[:100], "field_unknown" if name not in told else "parameter_twice")
        if isinstance(value, UploadFile) != (name == "file"):
            raise EdgeError(422, name[:100], "type_wrong", message="a file is sent as `file`, all else as text")
        told[name] = value
    if "file" not in told:
        raise EdgeError(422, "file", "field_missing")
    file = told.pop("file")
    said = {name: value for name, value in told.items() if value}
    try:
        return msgspec.convert(said | {"name": file.filename, "content": await file.read()}, DocumentUpload)
    except msgspec.ValidationError as error:
        raise edge.told(error) from error


async def add(call: Call[Nothing, DocumentUpload]) -> Document:
    body, network = call.body, await call.managed()
    about = About(body.organisation_id, body.agreement)
    form = DocumentForm(body.title, body.kind, body.signed_on, body.valid_until)
    return await _one(
        call, await actions.add(call.context, call.actor, network.id, about, form, body.name, body.content)
    )


async def listing(call: Call[DocumentsQuery, None]) -> shapes.Page[Document]:
    query, after = call.query, edge.cursor_id(call.query.cursor) or reads.FIRST
    wanted = reads.Wanted(query.organisation_id, query.agreement, query.kind, query.valid_before)
    async with call.reading() as connection:
        network = await call.managed(connection)
        found = await reads.after(connection, network.id, wanted, after, query.limit + 1)
    shown = found[: query.limit]
    cursor = str(shown[-1].id) if len(found) > len(shown) else None
    if cursor:
        asked = msgspec.to_builtins(query) | {"cursor": cursor}
        call.headers["link"] = edge.next_link(f"{PREFIX}/networks/{network.slug}/documents", asked)
    return shapes.Page([_shown(network.slug, each) for each in shown], cursor, cursor is not None)


async def show(call: Call[Any, Any]) -> Document:
    return await _one(call, call.id("document_id"))


async def locked(call: Call[Any, Any], connection: Connection) -> str:
    """The ETag of the document, while nobody else changes it."""
    await store.lock(connection, call.id("document_id"))
    return tag(encoded(await show(call)))


async def save(call: Call[Nothing, None]) -> Pieces:
    """The file as it came, piece by piece; to be saved, never to be shown."""
    found = await _found(call, call.id("document_id"))
    if found.deleted_at:
        raise NotFound("document_id", found.id)
    call.headers |= file_types.saved_only(found.file_name)
    call.headers |= {"content-length": str(found.size), "cache-control": "private, no-store"}
    return Pieces(_pieces(call, found), found.media_type)


async def change(call: Call[Nothing, DocumentForm]) -> Document:
    await actions.change(call.context, call.actor, call.id("document_id"), call.body)
    return await show(call)


async def delete(call: Call[Nothing, Any]) -> Document:
    await actions.delete(call.context, call.actor, call.id("document_id"))
    return await show(call)


async def restore(call: Call[Nothing, Any]) -> Document:
    await actions.restore(call.context, call.actor, call.id("document_id"))
    return await show(call)


async def _pieces(call: Call[Any, Any], found: reads.Document) -> AsyncGenerator[bytes, None]:
    for at in range(0, found.size, reads.PIECE_BYTES):
        async with call.context.db.reading(call.actor.manages) as connection:
            yield await reads.piece(connection, found.id, at)


async def _found(call: Call[Any, Any], wanted: UUID) -> reads.Document:
    """One of a network that this key manages, deleted or not."""
    async with call.context.db.reading(call.actor.manages) as connection:
        found = await reads.one(connection, wanted)
    if found is None or found.network_id not in call.actor.manages:
        raise NotFound("document_id", wanted)
    return found


async def _one(call: Call[Any, Any], wanted: UUID) -> Document:
    found, kept = await _found(call, wanted), await call.kept()
    return _shown(kept.by_id[found.network_id].slug, found)


def _shown(slug: str, each: reads.Document) -> Document:
    alike = ("id", "organisation_id", "agreement", "kind", "title", "file_name", "media_type", "size", "sha256")
    own = {name: getattr(each, name) for name in (*alike, "signed_on", "valid_until", "deleted_at")}
    return Document(network=slug, added_by=each.actor, added_at=each.created_at, **own)


_NOBODYS = "00000000-0000-4000-8000-000000000000"
_ABOUT_IT = {"title": "Membership agreement", "kind": "agreement", "signed_on": "2026-01-10"}

operations = (
    Operation(
        id="add_document",
        method="POST",
        path=PATH,
        tag=TAG,
        summary=N_("Keep a document on a member or an agreement"),
        description=N_(
            "As JSON, or as multipart/form-data with the file as `file` and the same fields. Which kinds of files are "
            "kept, and how large they may be: docs/office.md. Its content must be what its name says."
        ),
        body=DocumentUpload,
        reader=sent,
        form_file="content",
        answer=Document,
        status=201,
        max_body=BODY_MAX,
        missing=("organisation_id", "agreement"),
        example={"organisation_id": _NOBODYS, "name": "note.txt", "content": "SGVsbG8=", **_ABOUT_IT},
        run=add,
    ),
    Operation(
        id="list_documents",
        method="GET",
        path=PATH,
        tag=TAG,
        summary=N_("Documents of a network"),
        description=N_("Only for keys that manage the network; without the files themselves."),
        query=DocumentsQuery,
        answer=shapes.Page[Document],
        listing=True,
        run=listing,
    ),
    Operation(
        id="show_document",
        method="GET",
        path=ONE,
        tag=TAG,
        summary=N_("What is said about a document"),
        answer=Document,
        etag=True,
        run=show,
    ),
    Operation(
        id="save_document",
        method="GET",
        path=f"{ONE}/file",
        tag=TAG,
        summary=N_("The file, as it came"),
        answer=Document,
        files=tuple(file_types.MEDIA_TYPES),
        run=save,
    ),
    Operation(
        id="change_document",
        method="POST",
        path=ONE,
        tag=TAG,
        summary=N_("Say something else about a document"),
        description=N_("All of it: what is left out is as for a new one. The file itself never changes."),
        body=DocumentForm,
        answer=Document,
        precondition=locked,
        example=_ABOUT_IT,
        run=change,
    ),
    Operation(
        id="delete_document",
        method="DELETE",
        path=ONE,
        tag=TAG,
        summary=N_("Delete a document"),
        description=N_("It can be brought back for 30 days. Twice is once."),
        answer=Document,
        run=delete,
    ),
    Operation(
        id="restore_document",
        method="POST",
        path=f"{ONE}/restoration",
        tag=TAG,
        summary=N_("Bring a document back"),
        answer=Document,
        run=restore,
    ),
)
