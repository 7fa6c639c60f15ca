"""Data to take along, and people to forget: an organisation's, and one's own."""

from uuid import UUID

from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from crm.actions import erasures as actions
from crm.context import Context
from crm.errors import Invalid, Refused, Unauthenticated
from crm.i18n import translator
from crm.reads import erasures as erasure_reads
from crm.reads import own_data
from crm.web import archives, session, sign_in
from crm.web.erasure_views import done_words, kept_words, receipt_words
from crm.web.fields import fields_of, id_of
from crm.web.language import language_of
from crm.web.my import My, reading, routes, show
from crm.web.rendering import page

ACCOUNT = "/account/data"


@get("/data", include_in_schema=False)
async def show_data(request: Request, my: NamedDependency[My]) -> Response[str]:
    """What is stored, how much of it, and the receipts."""
    async with my.context.db.reading_own([my.organisation.id]) as connection:
        receipts = await erasure_reads.of_organisation(connection, my.organisation.id)
    async with my.context.db.tx() as connection:  # the guard has seen to it that the reader acts for it
        sections = await own_data.of_organisation(connection, my.organisation.id)
    return show(
        request,
        my,
        "my/data.html",
        "data",
        sections=archives.described(my.t, sections),
        receipts=[receipt_words(my.t, each) for each in receipts],
        done=request.query_params.get("done", ""),
    )


@get("/data/export", include_in_schema=False)
async def export(my: NamedDependency[My]) -> Response[bytes]:
    async with my.context.db.tx() as connection:
        sections = await own_data.of_organisation(connection, my.organisation.id)
    title = my.t.gettext("Everything Klynge has stored about %(name)s", name=my.organisation.name)
    return archives.answer(my.t, "klynge-data", title, sections, my.context.clock.now())


@get("/people/contacts/{contact:str}/erase", include_in_schema=False)
async def show_erase(request: Request, my: NamedDependency[My], contact: FromPath[str]) -> Response[str]:
    """What forgetting somebody would do; nothing has happened yet."""
    return await _erase_page(request, my, id_of("contact", contact))


@post("/people/contacts/{contact:str}/erase", include_in_schema=False)
async def erase(request: Request, my: NamedDependency[My], contact: FromPath[str]) -> Response:
    wanted, reason = id_of("contact", contact), (await fields_of(request)).get("reason", "")
    try:
        new = await actions.erase_contact(my.context, my.actor, my.organisation.id, wanted, reason)
    except Invalid as error:
        return await _erase_page(request, my, wanted, error, reason)
    return Redirect(f"{my.base}/data?done={new}", status_code=303, headers=session.NOT_KEPT)


@get(ACCOUNT, include_in_schema=False)
async def show_own(request: Request, context: NamedDependency[Context]) -> Response[str]:
    return await _own(request, context)


@get(f"{ACCOUNT}/export", include_in_schema=False)
async def export_own(request: Request, context: NamedDependency[Context]) -> Response[bytes]:
    who, t = session.session_of(request), translator(language_of(request))
    async with context.db.tx() as connection:
        sections = await own_data.of_person(connection, who.account, who.email)
    title = t.gettext("Everything Klynge has stored about %(name)s", name=who.name)
    return archives.answer(t, "klynge-account", title, sections, context.clock.now())


@post(f"{ACCOUNT}/erase", include_in_schema=False)
async def erase_own(request: Request, context: NamedDependency[Context]) -> Response:
    """Forget oneself; the box must be ticked, so that nobody does it by a slip."""
    if (await fields_of(request)).get("sure") != "yes":
        return await _own(request, context, unsure=True)
    try:
        new = await actions.erase_account(context, session.session_of(request).account)
    except Refused as error:
        return await _own(request, context, error)
    gone = Redirect(f"/forgotten/{new}", status_code=303, headers=session.NOT_KEPT)
    gone.set_cookie(session.session_cookie(context.settings, ""))
    return gone


@get("/forgotten/{receipt:str}", include_in_schema=False)
async def show_forgotten(request: Request, context: NamedDependency[Context], receipt: FromPath[str]) -> Response[str]:
    """The receipt for somebody who cannot sign in any more: whoever holds its address; it names nobody."""
    async with context.db.tx() as connection:
        found = await erasure_reads.one(connection, id_of("receipt", receipt))
    t = translator(language_of(request))
    shown = receipt_words(t, found) if found and found.about == "account" else None
    code = 200 if shown else 404
    return page(request, "my/forgotten.html", status_code=code, headers=session.NOT_KEPT, receipt=shown)


handlers = [
    reading(show_data),
    routes(export, show_erase, erase),
    Router(
        path="/",
        guards=[session.confirmed],
        exception_handlers={Unauthenticated: session.to_sign_in},
        route_handlers=[show_own, export_own, erase_own],
    ),
    Router(path="/", route_handlers=[show_forgotten], opt={"public": True}),
]


async def _erase_page(
    request: Request, my: My, contact: UUID, error: Invalid | None = None, reason: str = ""
) -> Response[str]:
    found = await actions.look(my.context, my.actor, my.organisation.id, contact)
    errors, _ = sign_in.told(request, error) if error else ([], {})
    here = f"{my.base}/people/contacts/{contact}/erase"
    return show(
        request,
        my,
        "my/erase.html",
        "people",
        here if error else "",
        status_code=422 if error else 200,
        here=here,
        errors=errors,
        reason=reason,
        found=found,
        done_rows=done_words(my.t, found.done),
        kept=[kept_words(my.t, k.what, k.count, k.until) for k in found.kept],
    )


async def _own(request: Request, context: Context, error: Refused | None = None, unsure: bool = False) -> Response[str]:
    who, t = session.session_of(request), translator(language_of(request))
    async with context.db.tx() as connection:
        sections = await own_data.of_person(connection, who.account, who.email)
    errors, _ = sign_in.told(request, error) if error else ([], {})
    if unsure:
        errors = [{"field": "sure", "text": t.gettext("Tick the box: it cannot be undone.")}]
    return page(
        request,
        "account/data.html",
        status_code=409 if error else 422 if unsure else 200,
        user={"name": who.name, "email": who.email, "acts": bool(who.acts_for)},
        sections=archives.described(t, sections),
        errors=errors,
    )
