"""Documents on members and agreements: kept, described, hidden and brought back by who manages the network."""

from datetime import date
from uuid import UUID

import msgspec

from crm import file_types, forms
from crm.actor import Actor
from crm.context import Context
from crm.database import Connection
from crm.errors import Invalid, NotFound
from crm.forms import Problems
from crm.store import audit, notes
from crm.store import member_documents as store
from crm.store.member_documents import File, Kind, Stored, Words

SIZE_MAX = 20 * 2**20  # bytes
FILE_NAME_MAX = 200
EARLIEST, LATEST = date(1900, 1, 1), date(2199, 12, 31)


class DocumentForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is said about a document; without a title it is called as its file is."""

    title: str = ""
    kind: Kind = "other"
    signed_on: date | None = None
    valid_until: date | None = None


class About(msgspec.Struct, frozen=True):
    """What it is about: a member of the network, or an agreement it is a party of (its code)."""

    organisation: UUID | None = None
    agreement: str = ""


async def add(
    context: Context, actor: Actor, network: UUID, about: About, form: DocumentForm, name: str, content: bytes
) -> UUID:
    """Keep a file; the document's id. Forbidden; NotFound; Invalid: the file (`file`) or what is said about it."""
    actor.must_manage(network)
    problems: Problems = []
    if (about.organisation is None) != bool(about.agreement):
        problems.append(("organisation_id", "document_about", {}))
    file = _file(problems, name, content)
    named = form.title.strip() or file.name or "?"  # a file without a name is refused as that alone
    words = _words(problems, msgspec.structs.replace(form, title=named))
    if problems:
        raise Invalid(problems)
    async with context.db.tx() as connection:
        agreement = None
        if about.organisation is None:
            agreement = await store.agreement_of(connection, network, about.agreement)
            if agreement is None:
                raise NotFound("agreement", about.agreement)
        elif not await notes.is_member(connection, network, about.organisation):
            raise NotFound("organisation_id", about.organisation)
        new = await store.add(connection, network, about.organisation, agreement, words, file, actor)
        detail = {"title": words.title, "kind": words.kind, "bytes": len(content)}
        await audit.append(connection, actor, "document_added", detail, network, about.organisation, new)
    return new


async def change(context: Context, actor: Actor, wanted: UUID, form: DocumentForm) -> None:
    """Say something else about it. NotFound also for a deleted one."""
    problems: Problems = []
    words = _words(problems, form)
    if problems:
        raise Invalid(problems)
    async with context.db.tx() as connection:
        found = await _own(connection, actor, wanted)
        if found.deleted_at:
            raise NotFound("document", wanted)
        if words != found.words:
            await store.change(connection, wanted, words)
            changes = audit.changes(found.words, words)
            await _tell(connection, actor, "document_changed", found, {"title": words.title, "changes": changes})


async def delete(context: Context, actor: Actor, wanted: UUID) -> Stored:
    """Hide it; it can be brought back for a while, then it goes for good. Twice is once."""
    async with context.db.tx() as connection:
        found = await _own(connection, actor, wanted)
        if found.deleted_at is None:
            await store.hide(connection, wanted, actor.name)
            await _tell(connection, actor, "document_deleted", found, {"title": found.words.title})
    return found


async def restore(context: Context, actor: Actor, wanted: UUID) -> Stored:
    """Bring it back. NotFound when it is gone for good."""
    async with context.db.tx() as connection:
        found = await _own(connection, actor, wanted)
        if found.deleted_at is not None:
            await store.hide(connection, wanted, "")
            await _tell(connection, actor, "document_restored", found, {"title": found.words.title})
    return found


async def _own(connection: Connection, actor: Actor, wanted: UUID) -> Stored:
    found = await store.lock(connection, wanted)
    if found is None or found.network_id not in actor.sees:
        raise NotFound("document", wanted)
    actor.must_manage(found.network_id)
    return found


async def _tell(connection: Connection, actor: Actor, action: str, found: Stored, detail: dict[str, object]) -> None:
    await audit.append(connection, actor, action, detail, found.network_id, found.organisation_id, found.id)


def _file(problems: Problems, name: str, content: bytes) -> File:
    """The file under the last part of its name; what its bytes are counts, and its name must say the same."""
    plain = " ".join(name.replace("\\", "/").rpartition("/")[2].split())
    forms.text(problems, "file", plain, FILE_NAME_MAX)
    media = ""
    if not content:
        problems.append(("file", "document_empty", {}))
    elif len(content) > SIZE_MAX:
        problems.append(("file", "document_too_large", {"limit": SIZE_MAX // 2**20}))
    elif not (media := file_types.sniffed(content)):
        problems.append(("file", "document_type_unknown", {"known": ", ".join(file_types.ENDINGS)}))
    elif plain and file_types.ending(plain) not in file_types.MEDIA_TYPES[media]:
        told = {"ending": file_types.ending(plain), "found": file_types.MEDIA_TYPES[media][0]}
        problems.append(("file", "document_type_differs", told))
    return File(plain, media, content)


def _words(problems: Problems, form: DocumentForm) -> Words:
    title = " ".join(form.title.split())
    forms.text(problems, "title", title, forms.NAME_MAX)
    for field in ("signed_on", "valid_until"):
        day = getattr(form, field)
        if day and not EARLIEST <= day <= LATEST:
            told = {"given": day.isoformat(), "earliest": EARLIEST.isoformat(), "latest": LATEST.isoformat()}
            problems.append((field, "date_out_of_range", told))
    if form.signed_on and form.valid_until and form.valid_until < form.signed_on:
        problems.append(("valid_until", "valid_before_signed", {}))
    return Words(title, form.kind, form.signed_on, form.valid_until)
