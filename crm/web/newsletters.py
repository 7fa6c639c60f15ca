"""The address in a newsletter that ends it: a page with a button, and one click from the mail program (RFC 8058).

Only a POST ends anything: programs that look at every link of a mail end nobody's newsletter. Whoever holds the address
may use it; it needs no session, so it carries no token against forged requests either.
"""

from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm import catalogue, names
from crm.actions import mailings
from crm.context import Context
from crm.errors import NotFound
from crm.i18n import translator
from crm.web.language import language_of
from crm.web.rendering import error_page, page

PRIVATE = {"x-robots-tag": "noindex, nofollow", "referrer-policy": "no-referrer", "cache-control": "no-store"}
TOKEN_MAX = 100


@get("/unsubscribe/{token:str}")
async def show(request: Request, context: NamedDependency[Context], token: FromPath[str]) -> Response[str]:
    network, email = await mailings.reader_of(context, token[:TOKEN_MAX])
    return await _page(request, context, network, email=email, ended=False, token=token)


@post("/unsubscribe/{token:str}", status_code=200)
async def end(request: Request, context: NamedDependency[Context], token: FromPath[str]) -> Response[str]:
    network = await mailings.unsubscribe(context, token[:TOKEN_MAX])
    return await _page(request, context, network, email="", ended=True, token=token)


async def _page(request: Request, context: Context, network: object, **values: object) -> Response[str]:
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
    slug = next(each.slug for each in kept.networks if each.id == network)
    named = names.network_name(translator(language_of(request)), kept, slug)
    return page(request, "public/unsubscribe.html", headers=PRIVATE, network_name=named, **values)


def _not_found(request: Request, _: NotFound) -> Response[str]:
    return error_page(request, 404)


handlers = [
    Router(
        path="/",
        route_handlers=[show, end],
        exception_handlers={NotFound: _not_found},
        include_in_schema=False,
        opt={"public": True},
    )
]
