"""The draft of a network's next rules: what it says so far, its text, how it is begun and thrown away."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import FormMultiDict, UploadFile
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Redirect

from cluster_rules.differences import compare
from cluster_rules.errors import RulebookError
from cluster_rules.networks import Rulebook
from crm import rulebook_words as words
from crm.actions import rulebook_drafts as actions
from crm.actions import rulebooks
from crm.errors import Refused
from crm.reads import rulebook_drafts as reads
from crm.reads.rulebook_drafts import Draft
from crm.rulebook_checks import as_next, check_next
from crm.rulebook_mistakes import mistake, why
from crm.web.office import Office, routes, show
from crm.web.rendering import PAGE_HEADERS
from crm.web.rulebooks import PATH, TOML, book_of, from_the_top, level_of, page_of, rule_of
from crm.web.session import NOT_KEPT

DRAFT = PATH + "/draft"


@get(DRAFT, include_in_schema=False)
async def show_draft(request: Request, office: NamedDependency[Office], saved: FromQuery[str] = "") -> Response[Any]:
    draft = await held(office)
    if draft is None:
        return to(office, PATH)
    return await show(request, office, "office/rules_draft.html", "rules", saved=saved, **overview(office, draft))


@post(DRAFT, include_in_schema=False, status_code=200)
async def begin(request: Request, office: NamedDependency[Office]) -> Response[Any]:
    version = str((await request.form()).get("version", ""))
    await actions.begin(office.context, office.actor, office.network.slug, book_of(office, version).version)
    return to(office, DRAFT)


@post(DRAFT + "/discard", include_in_schema=False, status_code=200)
async def discard(request: Request, office: NamedDependency[Office]) -> Response[Any]:
    stamp = str((await request.form()).get("stamp", ""))
    try:
        await actions.discard(office.context, office.actor, office.network.slug, stamp)
    except Refused:
        draft = await held(office)
        return await gone(request, office) if draft is None else await refused(request, office, draft)
    return to(office, PATH)


@get(DRAFT + "/download", include_in_schema=False)
async def download(office: NamedDependency[Office]) -> Response[Any]:
    draft = await held(office)
    if draft is None:
        return to(office, PATH)
    book = as_next(office.kept, draft.book)
    name = f"{book.network}-{book.version}-draft.toml"
    headers = PAGE_HEADERS | {"content-disposition": f'attachment; filename="{name}"'}
    return Response(rulebooks.text(book), media_type=TOML, headers=headers)


@get(DRAFT + "/text", include_in_schema=False)
async def show_text(request: Request, office: NamedDependency[Office]) -> Response[str]:
    draft = await held(office)
    newest = office.kept.rulebooks.of(office.network.slug)[-1:]
    book = draft.book if draft else next(iter(newest), None) or book_of(office, "")
    text = rulebooks.text(as_next(office.kept, book))
    return await text_page(request, office, text, draft.stamp if draft else "")


@post(DRAFT + "/text", include_in_schema=False, status_code=200)
async def save_text(request: Request, office: NamedDependency[Office]) -> Response[Any]:
    form = await request.form()
    text, stamp = await text_in(form), str(form.get("stamp", ""))
    try:
        book = rulebooks.read(office.kept, office.network.slug, text)
        await actions.save(office.context, office.actor, book, stamp)
    except RulebookError as error:
        return await text_refused(request, office, text, error, stamp)
    except Refused:
        now = await held(office)
        meanwhile = changed(office, now, book) if now else None
        return await text_page(request, office, text, now.stamp if now else "", changed=meanwhile, status_code=409)
    return to(office, f"{DRAFT}?saved=text")


handlers = [routes(show_draft, begin, discard, download, show_text, save_text)]


def to(office: Office, path: str) -> Redirect:
    """To a page of the rules."""
    return Redirect(office.base + path, status_code=303, headers=NOT_KEPT)


async def held(office: Office) -> Draft | None:
    """The draft of the open network."""
    async with office.context.db.reading(office.actor.sees) as connection:
        return await reads.draft(connection, office.network.id)


def overview(office: Office, draft: Draft) -> dict[str, Any]:
    """What the page of a draft shows."""
    book = as_next(office.kept, draft.book)
    known = words.with_draft(office.kept, book)
    newest = office.kept.rulebooks.of(office.network.slug)[-1]
    first = min(book.effective_from, book.effective_from_existing or book.effective_from)
    return {
        "book": book,
        "past": first if first < office.today else None,
        "draft": draft,
        "newest": newest,
        "differences": differences(office, newest, book),
        "wrong": _wrong(office, book),
        "facts": [{"label": label, "value": value} for label, value in words.facts(office.t, book)],
        "levels": [level_of(office, known, book, tier) for tier in from_the_top(book)],
        "rules": [rule_of(office, known, book, rule) | {"code": rule.code} for rule in book.link_rules],
        "text": rulebooks.text(book),
        "here": office.base + PATH,
    }


def differences(office: Office, old: Rulebook, new: Rulebook) -> list[words.Changed]:
    """What `new` says otherwise than `old`, in words."""
    return words.differences(office.t, office.kept, compare(old, new), old, new)


def changed(office: Office, now: Draft, mine: Rulebook | None) -> dict[str, Any]:
    """Somebody else saved meanwhile: who, when, and what is stored otherwise than what was typed."""
    listed = differences(office, as_next(office.kept, now.book), mine) if mine else []
    return {"by": now.changed_by, "at": now.changed_at, "differences": listed}


async def gone(request: Request, office: Office) -> Response[str]:
    """What was typed belongs to a draft that is no longer there."""
    said = office.t.gettext("The draft is gone: it was published or thrown away meanwhile. Nothing was saved.")
    values = await page_of(office, book_of(office, ""))
    values |= {"errors": [{"field": "", "text": said}], "status_code": 409}
    return await show(request, office, "office/rules.html", "rules", at=office.base + PATH, **values)


async def refused(request: Request, office: Office, draft: Draft, said: str = "") -> Response[str]:
    """The draft as it is now, with what could not be done to it."""
    text = said or office.t.gettext("The draft was changed meanwhile. Look at it again, then decide.")
    values = overview(office, draft) | {"errors": [{"field": "", "text": text}]}
    values["status_code"] = 422 if said else 409
    return await show(request, office, "office/rules_draft.html", "rules", at=office.base + DRAFT, **values)


async def text_in(form: FormMultiDict) -> str:
    """The file that was chosen, else the text of the box."""
    file = form.get("file")
    if isinstance(file, UploadFile) and (content := await file.read()):
        return content.decode("utf-8-sig", errors="replace")
    typed = form.get("text", "")
    return typed.replace("\r\n", "\n") if isinstance(typed, str) else ""


async def text_refused(
    request: Request, office: Office, text: str, error: RulebookError, stamp: str | None = None
) -> Response[str]:
    """The text again, with the line and the field that is wrong. `stamp` None: of the draft as it is now."""
    if "line" not in error.params:
        error.params["line"] = rulebooks.line(text, error)
    if stamp is None:
        draft = await held(office)
        stamp = draft.stamp if draft else ""
    said = [{"field": "text", "text": mistake(office.t, office.kept, error)}]
    return await text_page(request, office, text, stamp, errors=said, status_code=422)


async def text_page(request: Request, office: Office, text: str, stamp: str, **values: Any) -> Response[str]:
    """The draft as a text, to be changed by those who like that better."""
    here = office.base + PATH
    shown: dict[str, Any] = {"text": text, "stamp": stamp, "here": here, "changed": None, "errors": [], **values}
    return await show(request, office, "office/rules_text.html", "rules", at=office.base + DRAFT + "/text", **shown)


def _wrong(office: Office, book: Rulebook) -> str:
    """Why a draft that was good when it was saved cannot be published now; "" when it can."""
    try:
        check_next(office.kept, office.network.slug, book)
    except RulebookError as error:
        return f"{error.field}: {why(office.t, office.kept, error)}"
    return ""
