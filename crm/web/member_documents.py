"""Documents on members and agreements: a list with its form, a file to save, deleting with an undo."""

from collections.abc import AsyncIterator
from typing import Any, cast
from urllib.parse import quote
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Stream

from crm import file_types, words
from crm.actions import member_documents as actions
from crm.actions.member_documents import About, DocumentForm
from crm.errors import Invalid, NotFound, status_of
from crm.i18n import N_, translator
from crm.reads import member_documents as reads
from crm.reads.member_documents import Document
from crm.store.member_documents import Kind
from crm.web import member_frame
from crm.web.fields import LONGEST_FIELD, day_of, id_of
from crm.web.language import language_of
from crm.web.member_frame import Frame
from crm.web.office import Office, reading, routes, show
from crm.web.office_consequences import problems
from crm.web.rendering import error_page
from crm.web.session import NOT_KEPT

ON_MEMBER = "/members/{member:str}/documents"
ON_AGREEMENT = "/setup/agreements/{code:str}/documents"
BODY_MAX_BYTES = actions.SIZE_MAX + 64 * 1024
KINDS = {
    "agreement": N_("Agreement"),
    "minutes": N_("Minutes"),
    "letter": N_("Letter"),
    "proof": N_("Proof for a label"),
    "other": N_("Other"),
}
Typed = dict[str, str]


def too_large(request: Request, _: Exception) -> Response[str]:
    """A body that was not even read: what the limit is."""
    t = translator(language_of(request))
    said = words.refusal(t, None, "document_too_large", {"limit": actions.SIZE_MAX // 2**20})
    return error_page(request, 413, detail=said)


@get(ON_MEMBER, include_in_schema=False)
async def show_documents(request: Request, office: NamedDependency[Office], member: FromPath[str]) -> Response[str]:
    return await _member_page(request, office, await member_frame.find(request, office, member))


@post(
    f"{ON_MEMBER}/new",
    include_in_schema=False,
    request_max_body_size=BODY_MAX_BYTES,
    exception_handlers={413: too_large},
)
async def add_document(request: Request, office: NamedDependency[Office], member: FromPath[str]) -> Response:
    frame = await member_frame.find(request, office, member)
    typed, name, content = await _sent(request)
    try:
        about = About(organisation=frame.id)
        await actions.add(office.context, office.actor, office.network.id, about, _form(typed), name, content)
    except Invalid as error:
        return await _member_page(request, office, frame, error, typed)
    return _to(f"{office.base}/members/{frame.id}/documents")


@get(ON_AGREEMENT, include_in_schema=False)
async def show_agreement_documents(
    request: Request, office: NamedDependency[Office], code: FromPath[str]
) -> Response[str]:
    return await _agreement_page(request, office, code)


@post(
    f"{ON_AGREEMENT}/new",
    include_in_schema=False,
    request_max_body_size=BODY_MAX_BYTES,
    exception_handlers={413: too_large},
)
async def add_agreement_document(request: Request, office: NamedDependency[Office], code: FromPath[str]) -> Response:
    typed, name, content = await _sent(request)
    try:
        about = About(agreement=code)
        await actions.add(office.context, office.actor, office.network.id, about, _form(typed), name, content)
    except Invalid as error:
        return await _agreement_page(request, office, code, error, typed)
    return _to(f"{office.base}/setup/agreements/{quote(code)}/documents")


@get("/documents/{document:str}/file", include_in_schema=False)
async def download(office: NamedDependency[Office], document: FromPath[str]) -> Stream:
    """The file, always to be saved and never shown: whatever it holds does nothing on our pages."""
    found = await _document(office, document)
    headers = {**NOT_KEPT, **file_types.saved_only(found.file_name), "content-length": str(found.size)}
    return Stream(_pieces(office, found), media_type=found.media_type, headers=headers)


@get("/documents/{document:str}", include_in_schema=False)
async def show_document(request: Request, office: NamedDependency[Office], document: FromPath[str]) -> Response[str]:
    return await _document_page(request, office, await _document(office, document))


@post("/documents/{document:str}", include_in_schema=False)
async def change_document(request: Request, office: NamedDependency[Office], document: FromPath[str]) -> Response:
    found, (typed, _, _) = await _document(office, document), await _sent(request)
    try:
        await actions.change(office.context, office.actor, found.id, _form(typed))
    except Invalid as error:
        return await _document_page(request, office, found, error, typed)
    return _to(await _home(office, found.organisation_id, found.agreement_id))


@post("/documents/{document:str}/{word:str}", include_in_schema=False)
async def move_document(office: NamedDependency[Office], document: FromPath[str], word: FromPath[str]) -> Response:
    """Deleted, or brought back."""
    act = {"delete": actions.delete, "restore": actions.restore}.get(word)
    if act is None:
        raise NotFound("word", word)
    found = await act(office.context, office.actor, id_of("document", document))
    told = f"?deleted={found.id}" if word == "delete" else ""
    return _to(await _home(office, found.organisation_id, found.agreement_id) + told)


handlers = [
    reading(show_documents, show_agreement_documents, download),
    routes(add_document, add_agreement_document, show_document, change_document, move_document),
]


async def _sent(request: Request) -> tuple[Typed, str, bytes]:
    """(fields, the file's name, its content) of a form."""
    form = await request.form()
    typed = {name: value[:LONGEST_FIELD] for name, value in form.items() if isinstance(value, str)}
    file = form.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        return typed, "", b""
    return typed, file.filename, await file.read()


def _form(typed: Typed) -> DocumentForm:
    """What is said about it as actions take it. Invalid where a day is none or a choice cannot be made on the page."""
    kind, days = typed.get("kind", "other"), {}
    if kind not in KINDS:
        raise Invalid([("kind", "value_unknown", {"message": kind[:30]})])
    for name in ("signed_on", "valid_until"):
        days[name] = day_of(typed.get(name, ""))
        if typed.get(name) and days[name] is None:
            raise Invalid([(name, "date_format", {})])
    return DocumentForm(typed.get("title", ""), cast(Kind, kind), days["signed_on"], days["valid_until"])


async def _document(office: Office, wanted: str) -> Document:
    async with office.context.db.reading(office.actor.sees) as connection:
        found = await reads.one(connection, id_of("document", wanted))
    if found is None or found.network_id != office.network.id or found.deleted_at:
        raise NotFound("document", wanted)
    return found


async def _pieces(office: Office, found: Document) -> AsyncIterator[bytes]:
    """The content a piece at a time: a large file is never in memory as a whole."""
    for at in range(0, found.size, reads.PIECE_BYTES):
        async with office.context.db.reading(office.actor.sees) as connection:
            yield await reads.piece(connection, found.id, at)


async def _home(office: Office, organisation: UUID | None, agreement: UUID | None) -> str:
    """The page a document stands on."""
    if organisation:
        return f"{office.base}/members/{organisation}/documents"
    async with office.context.db.reading(office.actor.sees) as connection:
        code = await reads.agreement_code(connection, agreement)
    return f"{office.base}/setup/agreements/{quote(code)}/documents"


async def _parts(request: Request, office: Office, error: Invalid | None, typed: Typed | None) -> dict[str, Any]:
    """What both lists of documents have besides their rows."""
    errors = problems(office, error, {n: n for n in ("file", *DocumentForm.__struct_fields__)}) if error else []
    undo = None
    if wanted := request.query_params.get("deleted", ""):
        async with office.context.db.reading(office.actor.sees) as connection:
            gone = await reads.one(connection, id_of("document", wanted))
        if gone and gone.deleted_at and gone.network_id == office.network.id:
            text = office.t.gettext("%(title)s is deleted.", title=gone.title)
            undo = {"text": text, "href": f"{office.base}/documents/{gone.id}/restore"}
    return {
        "status_code": status_of(error) if error else 200,
        "kinds": _kinds(office),
        "labels": {kind: office.t.gettext(word) for kind, word in KINDS.items()},
        "typed": typed or {},
        "errors": errors,
        "wrong": {each["field"]: each["text"] for each in errors},
        "limit": actions.SIZE_MAX // 2**20,
        "endings": [f".{each}" for each in file_types.ENDINGS],
        "undo": undo,
    }


def _kinds(office: Office) -> list[dict[str, str]]:
    return [{"value": kind, "label": office.t.gettext(word)} for kind, word in KINDS.items()]


async def _member_page(
    request: Request, office: Office, frame: Frame, error: Invalid | None = None, typed: Typed | None = None
) -> Response[str]:
    async with office.context.db.reading(office.actor.sees) as connection:
        listed = await reads.of_member(connection, office.network.id, frame.id)
    at = f"{office.base}/members/{frame.id}/documents"
    parts = await _parts(request, office, error, typed)
    sent = at if request.method == "POST" else ""
    return await member_frame.answer(
        request, office, frame, "documents", "office/member_documents.html", sent, documents=listed, here=at, **parts
    )


async def _agreement_page(
    request: Request, office: Office, code: str, error: Invalid | None = None, typed: Typed | None = None
) -> Response[str]:
    agreement = office.kept.rulebooks.agreement(code)
    if agreement is None or office.network.slug not in (agreement.source, agreement.target):
        raise NotFound("agreement", code)
    async with office.context.db.reading(office.actor.sees) as connection:
        listed = await reads.of_agreement(connection, office.network.id, code)
    at = f"{office.base}/setup/agreements/{quote(code)}/documents"
    parts = await _parts(request, office, error, typed)
    return await show(
        request,
        office,
        "office/agreement_documents.html",
        "rules",
        at if request.method == "POST" else "",
        agreement=office.t.text(agreement.names) or code,
        documents=listed,
        here=at,
        **parts,
    )


async def _document_page(
    request: Request, office: Office, found: Document, error: Invalid | None = None, typed: Typed | None = None
) -> Response[str]:
    told = {name: str(getattr(found, name) or "") for name in DocumentForm.__struct_fields__}
    at = f"{office.base}/documents/{found.id}"
    parts = await _parts(request, office, error, typed or told)
    back = await _home(office, found.organisation_id, found.agreement_id)
    sent = at if request.method == "POST" else ""
    return await show(request, office, "office/document.html", "members", sent, document=found, back=back, **parts)


def _to(where: str) -> Redirect:
    return Redirect(where, status_code=303, headers=NOT_KEPT)
