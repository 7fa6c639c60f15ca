"""Pages anybody may read: the front page, the networks, privacy and accessibility."""

from litestar import Request, Response, Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from crm.context import Context
from crm.errors import NotFound
from crm.i18n import LANGUAGES, translator
from crm.reads import public
from crm.web import directory_opening, offer_conditions, offer_words, session
from crm.web.language import language_of
from crm.web.rendering import PAGE_HEADERS, error_page, page

SHORT = ("networks", "join", "privacy", "accessibility")
VARIES = {"cache-control": "no-store", "vary": PAGE_HEADERS["vary"]}


def in_each_language(path: str) -> list[str]:
    """/nb/.. and /en/..: an address in another language does not exist."""
    return [f"/{language}{path}" for language in LANGUAGES]


async def open_page(request: Request, template: str, **values: object) -> Response[str]:
    """A public page; a reader who is signed in finds the way to the back office on it."""
    reader = await session.session_or_none(request)
    who = {"user": {"name": reader.name, "email": reader.email}, "office_href": session.OFFICE} if reader else {}
    return page(request, template, **who, **values)  # type: ignore[arg-type]


@get(["/", *(f"/{name}" for name in SHORT)], sync_to_thread=False)
def choose_language(request: Request) -> Redirect:
    path = request.url.path.rstrip("/")
    return Redirect(f"/{language_of(request)}{path or '/'}", status_code=302, headers=VARIES)


@get(in_each_language("/"))
async def home(request: Request, context: NamedDependency[Context]) -> Response[str]:
    found = await public.home(context)
    t = translator(language_of(request))
    story = offer_words.story(t, found.kept, *found.rule) if found.rule else None
    return await open_page(request, "public/home.html", home=found, story=story)


@get(in_each_language("/networks"))
async def list_networks(request: Request, context: NamedDependency[Context]) -> Response[str]:
    return await open_page(request, "public/networks.html", listed=await public.networks(context), nav="networks")


@get(in_each_language("/networks/{slug:str}"))
async def show_network(request: Request, context: NamedDependency[Context], slug: FromPath[str]) -> Response[str]:
    found = await public.about(context, slug)
    t = translator(language_of(request))
    stories = [offer_words.story(t, found.kept, found.network, each) for each in found.brings]
    prices = {offer.tier.code: offer_words.price(t, offer) for offer in found.offers}
    brought = offer_words.brought(t, found.kept, found.brought_by)
    asks = {offer.tier.code: offer_conditions.of(t, found.kept, offer) for offer in found.offers}
    built = {offer.tier.code: offer_conditions.built(t, offer) for offer in found.offers}
    values = {"about": found, "stories": stories, "prices": prices, "built": built, "asks": asks, "brought": brought}
    values["shared"] = await directory_opening.shared(context, slug, t)
    return await open_page(request, "public/network.html", nav="networks", **values)


@get(in_each_language("/privacy"))
async def privacy(request: Request) -> Response[str]:
    return await open_page(request, "public/privacy.html")


@get(in_each_language("/accessibility"))
async def accessibility(request: Request) -> Response[str]:
    return await open_page(request, "public/accessibility.html")


def _not_found(request: Request, _: NotFound) -> Response[str]:
    return error_page(request, 404)


handlers = [
    Router(
        path="/",
        route_handlers=[choose_language, home, list_networks, show_network, privacy, accessibility],
        exception_handlers={NotFound: _not_found},
        include_in_schema=False,
        opt={"public": True},
    )
]
