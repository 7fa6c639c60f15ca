"""/dev/mailbox: what the demo sent and will send. Only in development; anywhere else it is not found."""

from litestar import Request, Response, get
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath, FromQuery

from crm.context import Context
from crm.errors import NotFound
from crm.reads import mailbox as reads
from crm.web.fields import id_of
from crm.web.rendering import HTML, page
from crm.web.session import context_of, session_or_none

# A mail's HTML part is shown at an address of its own and may do nothing: no scripts, no pictures, no forms.
LETTER_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self';"
    " sandbox allow-popups"
)


async def in_development(connection: ASGIConnection, _: BaseRouteHandler) -> None:
    """Guard: the instance is a developer's own."""
    if not context_of(connection).settings.development:
        raise NotFound("page", connection.url.path)


@get("/dev/mailbox", include_in_schema=False, guards=[in_development])
async def show_mailbox(
    request: Request, context: NamedDependency[Context], page_number: FromQuery[int] = 1
) -> Response[str]:
    number = min(max(page_number, 1), 10_000)
    async with context.db.tx() as connection:
        mails, total = await reads.newest(connection, number)
    shown = {"mails": mails, "total": total, "page_number": number, "page_size": reads.PAGE}
    return page(request, "office/mailbox.html", user=await _user(request), now=context.clock.now(), **shown)


@get("/dev/mailbox/{mail:str}", include_in_schema=False, guards=[in_development])
async def show_letter(request: Request, context: NamedDependency[Context], mail: FromPath[str]) -> Response[str]:
    async with context.db.tx() as connection:
        letter = await reads.one(connection, id_of("mail", mail))
    return page(request, "office/letter.html", user=await _user(request), letter=letter, now=context.clock.now())


@get("/dev/mailbox/{mail:str}/html", include_in_schema=False, guards=[in_development])
async def show_html_part(context: NamedDependency[Context], mail: FromPath[str]) -> Response[str]:
    async with context.db.tx() as connection:
        letter = await reads.one(connection, id_of("mail", mail))
    headers = {"content-security-policy": LETTER_POLICY, "cache-control": "no-store"}
    return Response(letter.body_html, media_type=HTML, headers=headers)


handlers = [show_mailbox, show_letter, show_html_part]


async def _user(request: Request) -> dict[str, str] | None:
    who = await session_or_none(request)
    return {"name": who.name, "email": who.email} if who else None
